"""Step 4: pseudo masks.

RUN/VARIANT/pseudo/SPLIT/ID.png        0 background, i + 1 class i, 255 undecided, or a class that nobody judged
RUN/VARIANT/pseudo/SPLIT/sure/ID.png   the same where the labels are reliable, 255 elsewhere
RUN/VARIANT/pseudo/SPLIT/classes.txt   the name of class i on line i
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import NEW_IN_KEY
from patchlearn.data.settings import AUTO, ClickSettings
from patchlearn.maps.settings import PseudoSettings, WalkSettings
from patchlearn.refine.settings import BackgroundRule
from patchlearn.steps.affinity import Along, TrainAffinity, walker_of
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.data_splits import DataSplit
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sample, Sizes
    from patchlearn.data.clicks.values import Clicks
    from patchlearn.models.sam2 import Sam2

SURE = "sure"


@dataclass(frozen=True, eq=False)
class WritePseudoMasks(Step):
    """Turn the score maps of one split into masks: walk, background, dense CRF, SAM."""

    name: ClassVar[str] = "pseudo"
    verb: ClassVar[str] = "pseudo"
    help: ClassVar[str] = "Step 4: pseudo masks."
    version: ClassVar[int] = 5
    SUFFIX: ClassVar[str] = ""  # of the folders of what learned from them

    settings: PseudoSettings
    rule: BackgroundRule
    walk: WalkSettings
    cams: WriteCams
    affinity: TrainAffinity | None
    sizes: "Sizes" = field(default=(), metadata=NEW_IN_KEY)
    boxes: ClickSettings = field(default=ClickSettings(), metadata=NEW_IN_KEY)

    @property
    def folder(self) -> Path:
        """One for each split."""
        return self.home / self.name / self.cams.data.name

    @property
    def data(self) -> DataSplit:
        """The split of the maps."""
        return self.cams.data

    @property
    def samples(self) -> tuple["Sample", ...]:
        """The images that have a mask: all of the split."""
        return self.data.samples

    def check(self, runtime: "Runtime") -> None:
        """Two walks must differ, stored features must be there, boxes must fit the data, and SAM must be installed."""
        from patchlearn.maps.pseudo_mask import require_two_walks
        from patchlearn.models.promptable import require_model

        if self.walk.stored and self.affinity:
            self.affinity.require_stored()
        if self.settings.sam.model:
            require_model(self.settings.sam.model)
        if self.affinity and self.affinity.settings.kind == AUTO and self.settings.sure == "agreed":
            raise PatchlearnError(
                "pseudo.sure: agreed compares two walks, and affinity.kind: auto may find that there is none. Set "
                "affinity.kind to features, or pseudo.sure to confident."
            )
        require_two_walks(self.settings, self.walk, self.affinity.settings.rounds if self.affinity else 0)
        self.data.clicked(self.boxes)

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """The masks of a few images are timed."""
        from patchlearn.core.masks_io import encode_mask
        from patchlearn.core.pace import Estimate, a_few, seconds_each
        from patchlearn.maps.pseudo_mask import pseudo_labels

        walks, sam = self.affinity is not None and not self.affinity.is_left_out, self._sam(runtime)
        affinity = self.affinity.untrained(runtime) if self.affinity and walks else None
        sizes: list[int] = []

        def refine(sample: "Sample") -> None:
            image, maps = self.cams.example(sample)
            along = walker_of(self.walk, self.cams, affinity, sample, image)
            masks = pseudo_labels(image, maps, self.settings, self.rule, self.walk, along, along, sam=sam)
            sizes.append(sum(len(encode_mask(mask)) for mask in masks))

        each = seconds_each(refine, a_few(self.samples), runtime.threads) / runtime.accelerator.num_processes
        left = self.missing(_missing_of(sample, self.folder) for sample in self.samples)
        return left * Estimate(each, sum(sizes) / len(sizes))

    def work(self, runtime: "Runtime") -> None:
        """Write every mask that is not there yet."""
        from patchlearn.core.masks_io import write_class_names

        write_class_names(self.folder, self.data.classes)
        along, second = self._walkers(runtime)
        write_pseudo_masks(
            self.samples,
            self.cams.folder,
            self.settings,
            self.rule,
            self.walk,
            self.folder,
            runtime,
            along=along,
            along_second=second,
            sizes=self.sizes,
            clicks=self.data.clicked(self.boxes),
            sam=self._sam(runtime),
            title=f"masks {self.home.name} {self.data.name}",
        )

    def _walkers(self, runtime: "Runtime") -> tuple[Along | None, Along | None]:
        """Those of the last round and, if two walks are compared, those of the round before."""
        if self.affinity is None:
            return None, None
        device, along = runtime.accelerator.device, partial(walker_of, self.walk, self.cams)
        earlier = self.affinity.load_earlier(device) if self.settings.sure != "confident" else None
        return partial(along, self.affinity.load(device)), partial(along, earlier) if earlier else None

    def _sam(self, runtime: "Runtime") -> "Sam2 | None":
        """Loaded once, for the estimate and the work."""
        from patchlearn.models.sam2 import load_sam2

        known, model = self.__dict__, self.settings.sam.model
        if model and "_loaded_sam" not in known:
            known["_loaded_sam"] = load_sam2(model, runtime.accelerator.device)
        return known.get("_loaded_sam")


def write_pseudo_masks(
    samples: Sequence["Sample"],
    scores: Path,
    settings: PseudoSettings,
    rule: BackgroundRule,
    walk: WalkSettings,
    folder: Path,
    runtime: "Runtime",
    *,
    along: Along | None = None,
    along_second: Along | None = None,
    sizes: "Sizes" = (),
    clicks: "Clicks | None" = None,
    sam: "Sam2 | None" = None,
    title: str = "masks",
) -> None:
    """Write `folder/ID.png` and `folder/sure/ID.png` for every sample from `scores/ID.npz`, unless they are there.

    Args:
        samples: the images.
        scores, folder: where the score maps are, and where the masks go.
        settings, rule, walk: which refinements, the background threshold, and how far the scores walk.
        runtime: processes, each of which does its part, and threads.
        along, along_second: a sample and its image → along what its scores walk, of both walks; None for no walk, and
            for the same.
        sizes: how large each class usually is; () where nothing is known.
        clicks, sam: whose boxes bound the classes, or None; SAM 2, needed if the settings name a model.
        title: shown beside the progress bar.

    Raises:
        PatchlearnError: score maps or images are missing.
    """
    from patchlearn.core.masks_io import read_scores, write_mask
    from patchlearn.core.parallel import write_missing
    from patchlearn.data.images import read_image
    from patchlearn.maps.memory import pseudo_mask_need
    from patchlearn.maps.pseudo_mask import pseudo_labels

    def write(sample: "Sample", _: Path) -> None:
        image, maps = read_image(sample.image), read_scores(scores / f"{sample.id}.npz")
        first, second = (each(sample, image) if each else None for each in (along, along_second))
        boxes = clicks.of(sample.id).boxes if clicks else ()
        mask, sure = pseudo_labels(image, maps, settings, rule, walk, first, second, sizes, boxes, sam)
        write_mask(folder / SURE / f"{sample.id}.png", sure)
        write_mask(folder / f"{sample.id}.png", mask)

    whole, files = bool(rule.growth or clicks), [(each, _missing_of(each, folder)) for each in samples]
    of_each = settings, walk if along else None
    needs = [pseudo_mask_need(each, *of_each, whole=whole) for each, path in files if not path.exists()]
    write_missing(files, write, title=title, runtime=runtime, needs=needs)


def _missing_of(sample: "Sample", folder: Path) -> Path:
    """Of the two files of a sample, which are written together, one that is missing; the mask if none is."""
    sure = folder / SURE / f"{sample.id}.png"
    return folder / f"{sample.id}.png" if sure.exists() else sure
