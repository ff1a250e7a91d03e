"""Which pixels of a run's training images a person should label next, from its maps and features."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import hypot
from typing import TYPE_CHECKING, Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Sample
from patchlearn.maps.settings import CamSettings
from patchlearn.runs.run import Run
from patchlearn.runs.settings import Variant
from patchlearn.steps.cams import WriteCams

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from patchlearn.core.types import Float32, Integers
    from patchlearn.data.clicks.values import Clicks
    from patchlearn.maps.chosen_pixels import Candidates
    from patchlearn.maps.doubtful import Doubtful
    from patchlearn.models.views import ViewFeatures

OF_AN_IMAGE = 2  # clicks, unless there are too few images
CANDIDATES = 40_000  # of all images together, about: 40,000 vectors of 1,000 numbers take 160 MB
MOST_OF_A_LABEL = 16  # candidates in one image
SAMPLED = 4000  # cells of all images, which stand for all cells
KNOWN = 20  # labelled pixels of an image, at most, that new ones should differ from
APART = 0.1  # of the image's diagonal: two clicks of one image are no nearer


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A pixel that a person should label.

    Args:
        sample: the image.
        x: column of the upright image, from 0.
        y: row, from 0.
        guess: the label that the maps give it.
        why: in a few words.
    """

    sample: Sample
    x: int
    y: int
    guess: str
    why: str


@dataclass(frozen=True)
class _Looked:
    """What is found in one image: its doubtful pixels with their features, some cells, and its labelled pixels."""

    pixels: "Doubtful"
    features: "Float32"
    cells: "Float32"
    known: "Float32"
    apart: float


def suggest(run: Run, variant: Variant, count: int) -> list[Suggestion]:
    """Doubtful pixels that are typical of many and differ from each other, in the order in which they are chosen.

    Args:
        run: opened.
        variant: whose maps are read.
        count: how many; there are fewer where the images have no more.

    Raises:
        PatchlearnError: the maps are not there, were made with other settings, or hold no class.
    """
    from patchlearn.core.parallel import results_of
    from patchlearn.maps.chosen_pixels import choose, of_length_one, typicality

    cams = maps_of_training(run, variant)
    samples = cams.data.samples
    look = partial(_Looker(run, variant, cams).look, most=_most(len(samples)))
    looked = list(results_of(samples, look, "doubtful pixels", run.runtime.threads, run.runtime.console))
    scale, cells = _sampled(looked)
    candidates = _candidates(looked, scale)
    known = of_length_one(_joined([each.known for each in looked]), scale)
    each = max(OF_AN_IMAGE, -(-2 * count // len(samples)))
    chosen = choose(candidates, typicality(candidates.features, cells), count, each, known)
    return [_suggestion(looked, samples, candidates, place, cams.data.classes) for place in chosen]


def maps_of_training(run: Run, variant: Variant) -> WriteCams:
    """The finished maps of the split that self-training learns from.

    Raises:
        PatchlearnError: there are none, or they were made with other settings.
    """
    split = variant.self_training.train_split
    found = [each for each in run.steps(variant) if isinstance(each, WriteCams) and each.data.name == split]
    if not found:
        raise PatchlearnError(
            f"variant {variant.name}: cams.splits lacks {split!r}, whose images clicks are for. Add it, and run again."
        )
    found[0].require()
    return found[0]


class _Looker:
    """Reads the maps and the features of one image after another.

    Args:
        run: opened.
        variant: of the run.
        cams: its finished maps.
    """

    def __init__(self, run: Run, variant: Variant, cams: WriteCams):
        from patchlearn.core.runtime import to_device

        self.cams, self.rule, self.accelerator = cams, variant.background, run.runtime.accelerator
        self.sizes = run.dataset.sizes
        self.classifier = cams.classifier.load()
        to_device(self.classifier.network, self.accelerator.device)
        self.lda = cams.lda.load() if cams.lda else None
        self.clicks: Clicks | None = cams.lda.clicked() if cams.lda else None
        scales = cams.settings.views.scales
        self.scale = min(range(len(scales)), key=lambda place: abs(scales[place] - 1))

    def look(self, sample: Sample, most: int) -> _Looked:
        """What is found in one image, of which at most so many pixels of each label."""
        import numpy as np

        from patchlearn.core.masks_io import read_scores
        from patchlearn.core.types import in_shares
        from patchlearn.maps.chosen_pixels import evenly
        from patchlearn.maps.doubtful import doubtful_pixels
        from patchlearn.refine import within_sizes

        maps = read_scores(self.cams.folder / f"{sample.id}.npz")
        taken, apart = self._taken(sample, maps.size), APART * hypot(*maps.size)
        maps, rule = within_sizes(maps, self.rule, in_shares(self.sizes, maps.size))
        pixels = doubtful_pixels(maps, rule, most, taken, apart)
        at, cells = self._features(sample, maps.size)
        every = cells.reshape(len(cells), -1).T
        known = taken[evenly(len(taken), KNOWN)]
        some = every[evenly(len(every), -(-SAMPLED // len(self.cams.data.samples)))]
        return _Looked(pixels, at(pixels.y, pixels.x), np.ascontiguousarray(some), at(known[:, 0], known[:, 1]), apart)

    def _taken(self, sample: Sample, size: tuple[int, int]) -> "Integers":
        """N×2: rows and columns of the pixels that are labelled."""
        import numpy as np

        from patchlearn.core.types import IGNORE
        from patchlearn.data.clicks.pixels import labelled_pixels

        if self.clicks is None or sample.id not in self.clicks.images:
            return np.zeros((0, 2), np.int64)
        return np.argwhere(labelled_pixels(self.clicks.of(sample.id), size) != IGNORE)

    def _features(
        self, sample: Sample, size: tuple[int, int]
    ) -> "tuple[Callable[[Integers, Integers], Float32], Float32]":
        """(rows and columns of N pixels → N×C, all C×h×w)."""
        from patchlearn.maps.clicks import cell_of_pixel

        view = self._view(sample)
        cells: Tensor = self.lda.cells_of(view) if self.lda else view.features
        stride = (self.lda.stride if self.lda else None) or self.classifier.network.stages.strides[-1]
        array = cells[0].float().cpu().numpy()

        def at(rows: "Integers", columns: "Integers") -> "Float32":
            row = cell_of_pixel(rows, view.size[0], size[0], stride).clip(max=array.shape[1] - 1)
            column = cell_of_pixel(columns, view.size[1], size[1], stride).clip(max=array.shape[2] - 1)
            return array[:, row, column].T

        return at, array

    def _view(self, sample: Sample) -> "ViewFeatures":
        """The features at the scale that is nearest to 1, stored or computed."""
        import torch

        from patchlearn.data.images import read_image
        from patchlearn.maps.features import features_of_views

        stored = self.cams.features.stored(sample) if self.cams.features else None
        if stored is not None:
            return stored[self.scale]
        views, lower = self.cams.settings.views, self.lda.lower if self.lda else 0
        one = replace(views, flip=False, scales=(views.scales[self.scale],))
        settings = CamSettings(views=one, read=self.cams.settings.read)
        with torch.no_grad(), self.accelerator.autocast():
            found = features_of_views(self.classifier.network, read_image(sample.image), settings, lower=lower)
            return next(iter(found)).to(torch.device("cpu"))


def _most(images: int) -> int:
    """Candidates of each label in one image: most images have one class, and the background."""
    return max(1, min(MOST_OF_A_LABEL, CANDIDATES // (2 * images)))


def _sampled(looked: Sequence[_Looked]) -> "tuple[Float32, Float32]":
    """(C: the scale of each channel, S×C: cells of all images, of length 1)."""
    from patchlearn.maps.chosen_pixels import of_length_one

    cells = _joined([each.cells for each in looked])
    scale = cells.std(0)
    return scale, of_length_one(cells, scale)


def _candidates(looked: Sequence[_Looked], scale: "Float32") -> "Candidates":
    """The doubtful pixels of all images."""
    import numpy as np

    from patchlearn.maps.chosen_pixels import Candidates, of_length_one

    counts = [len(each.features) for each in looked]
    if not sum(counts):
        raise PatchlearnError("suggest: no map of the training images holds a class, so that nothing is in doubt.")
    return Candidates(
        image=np.repeat(np.arange(len(looked)), counts),
        y=_joined([each.pixels.y for each in looked]),
        x=_joined([each.pixels.x for each in looked]),
        label=_joined([each.pixels.guess for each in looked]),
        margin=_joined([each.pixels.margin for each in looked]),
        features=of_length_one(_joined([each.features for each in looked]), scale),
        apart=np.repeat(np.array([each.apart for each in looked], np.float32), counts),
    )


def _suggestion(
    looked: Sequence[_Looked], samples: Sequence[Sample], candidates: "Candidates", place: int, classes: Sequence[str]
) -> Suggestion:
    image = int(candidates.image[place])
    pixels = looked[image].pixels
    own = place - int((candidates.image < image).sum())
    guess, other = (_name(int(values[own]), classes) for values in (pixels.guess, pixels.other))
    first, second = pixels.scores[own]
    return Suggestion(
        sample=samples[image],
        x=int(candidates.x[place]),
        y=int(candidates.y[place]),
        guess=guess,
        why=f"{guess} {first:.2f}, {other} {second:.2f}",
    )


def _name(value: int, classes: Sequence[str]) -> str:
    from patchlearn.core.types import IGNORE
    from patchlearn.data.clicks.points_table import BACKGROUND_LABEL

    return "a class that nobody judged" if value == IGNORE else (BACKGROUND_LABEL, *classes)[value]


def _joined(arrays: "Sequence[NDArray[Any]]") -> "NDArray[Any]":
    import numpy as np

    return np.concatenate(list(arrays))
