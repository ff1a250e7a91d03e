"""Scores of held-out images whose tags are known, and the operating point of every class that they lead to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.progress import progress
from patchlearn.core.types import Sample
from patchlearn.data.images import read_image
from patchlearn.data.labels import normal_form
from patchlearn.evaluate.operating_point import OperatingPoint, operating_point
from patchlearn.inference.segmenter import Segmenter
from patchlearn.inference.thresholds import Float64, image_scores

Int8 = NDArray[np.int8]
WITH, WITHOUT, UNKNOWN = 1, 0, -1


@dataclass(frozen=True, kw_only=True)
class ScoredImages:
    """Scores and tags of N images for the K classes of a model.

    Args:
        scores: N×K, in [0, 1].
        tags: N×K: 1 where the image has the class, 0 where it has not, -1 where nobody judged it.
        failures: what is wrong with the images that could not be read, a sentence each.
    """

    scores: Float64
    tags: Int8
    failures: tuple[str, ...] = ()


def unlearned(
    samples: Iterable[Sample], learned: Iterable[Sample], digest: Callable[[Path], str]
) -> tuple[Sample, ...]:
    """The samples that are none of the learned images: another file, with another content.

    Args:
        samples: candidates.
        learned: what the model was trained on.
        digest: path → digest of the file's content; called only for files of equal size.
    """
    paths: set[Path] = set()
    by_size: dict[int, list[Path]] = {}
    for sample in learned:
        paths.add(sample.image.resolve())
        by_size.setdefault(sample.image.stat().st_size, []).append(sample.image)

    def is_learned(image: Path) -> bool:
        twins = by_size.get(image.stat().st_size, [])
        return image.resolve() in paths or bool(twins and digest(image) in {digest(twin) for twin in twins})

    return tuple(sample for sample in samples if not is_learned(sample.image))


def score_images(
    segmenter: Segmenter, samples: Sequence[Sample], classes: Sequence[str], console: Console
) -> ScoredImages:
    """Score images as `patchlearn predict --table` does; their tags count for the classes of the same names.

    Args:
        segmenter: on any device.
        samples: the images.
        classes: of the data set; a class of the model that is none of them is unknown for every image.
        console: where progress is shown.

    Raises:
        PatchlearnError: the data set has none of the model's classes.
    """
    places = _places(classes, segmenter.classes)
    scores, tags, failures = [], [], []
    with progress(console, "score", len(samples)) as advance:
        for sample in samples:
            try:
                scores.append(image_scores(segmenter.probabilities(read_image(sample.image))))
                tags.append([_tag(sample, place) for place in places])
            except PatchlearnError as error:
                failures.append(str(error))
            advance(sample.image.name)
    shape = -1, len(segmenter.classes)
    return ScoredImages(
        scores=np.array(scores, np.float64).reshape(shape),
        tags=np.array(tags, np.int8).reshape(shape),
        failures=tuple(failures),
    )


def operating_points(
    images: ScoredImages, *, false_alarms: float | None = None, misses: float | None = None
) -> list[OperatingPoint]:
    """The operating point of each of the K classes. Args and errors are those of `operating_point`."""
    return [
        operating_point(scores[tags == WITH], scores[tags == WITHOUT], false_alarms=false_alarms, misses=misses)
        for scores, tags in zip(images.scores.T, images.tags.T)
    ]


def _places(of_data: Sequence[str], of_model: Sequence[str]) -> list[int | None]:
    """The index in the data set of each class of the model."""
    known = {normal_form(name): index for index, name in enumerate(of_data)}
    places = [known.get(normal_form(name)) for name in of_model]
    if all(place is None for place in places):
        raise PatchlearnError(
            f"the data set has the classes {', '.join(of_data)}, and the model {', '.join(of_model)}: none in common. "
            "Name data with the model's classes."
        )
    return places


def _tag(sample: Sample, place: int | None) -> int:
    if place is None or place in sample.unknown:
        return UNKNOWN
    return WITH if place in sample.labels else WITHOUT
