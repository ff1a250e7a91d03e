"""The data as steps read it: one value a split, whose key is the content of the files that a step reads."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from patchlearn.core.manifest import fingerprint
from patchlearn.data.settings import ClickSettings

if TYPE_CHECKING:
    from patchlearn.core.types import Dataset, Sample, UInt8
    from patchlearn.data.clicks.values import Clicks

Digest = Callable[[Path], str]


@dataclass(frozen=True, eq=False)
class DataSplit:
    """The images of one split with their labels.

    Args:
        dataset: the whole data set, of which only this split is part of the key.
        name: of the split; no part of the key.
        digest: path → digest of the file's content.
    """

    dataset: "Dataset"
    name: str
    digest: Digest

    @property
    def samples(self) -> tuple["Sample", ...]:
        """The images, in the order of the data set."""
        return self.dataset.split(self.name)

    @property
    def classes(self) -> tuple[str, ...]:
        """The K names."""
        return self.dataset.classes

    @property
    def has_truth(self) -> bool:
        """Whether any image has a true mask."""
        return any(sample.mask for sample in self.samples)

    def clicked(self, settings: ClickSettings) -> "Clicks | None":
        """The clicks in the images of the split; None where the settings name no file of clicks."""
        from patchlearn.data.clicks.read import read_clicks

        points, scribbles = (Path(name) if name else None for name in (settings.points, settings.scribbles))
        if not points and not scribbles:
            return None
        clicks = read_clicks(points, self.dataset, scribbles)
        ours = clicks.among({sample.id for sample in self.samples})
        return replace(ours, weight=settings.weight)

    @cached_property
    def key(self) -> str:
        """Changes with the classes, and with the order, the labels and the content of the images."""
        return fingerprint("images", self.classes, [self._listed(sample) for sample in self.samples])

    def _listed(self, sample: "Sample") -> tuple[object, ...]:
        # Unknown classes only where there are some: the keys of runs without any stay what they were.
        unknown = (sample.unknown,) if sample.unknown else ()
        return (sample.id, sample.labels, self.digest(sample.image), *unknown)


@dataclass(frozen=True, eq=False)
class TrueMasks:
    """The true masks of a split: for evaluation, and as the labels of the fully supervised reference."""

    data: DataSplit

    SUFFIX = "-masks"  # of the folders of what learned from them

    @property
    def samples(self) -> tuple["Sample", ...]:
        """The images that have one."""
        return tuple(sample for sample in self.data.samples if sample.mask)

    @cached_property
    def key(self) -> str:
        """Changes with the content of the masks and of the images that have one."""
        digest, dataset = self.data.digest, self.data.dataset
        listing = [
            (sample.id, digest(sample.image), digest(sample.mask), sample.parts and digest(sample.parts))
            for sample in self.samples
            if sample.mask
        ]
        values = dataset.mask_values, dataset.masks_are_closed
        colours = [sorted(dataset.mask_colours.items())] if dataset.mask_colours else []
        return fingerprint("masks", dataset.classes, values, listing, *colours)

    def read(self, sample: "Sample") -> "UInt8":
        """H×W: the true mask of a sample."""
        from patchlearn.data.images import read_mask

        return read_mask(self.data.dataset, sample)


class DataSplits:
    """Every split of a data set by name, each made once, so that its content is digested once.

    Args:
        dataset: opened.
        digest: path → digest of the file's content.
    """

    def __init__(self, dataset: "Dataset", digest: Digest):
        self.dataset = dataset
        self.digest = digest
        self._splits = {name: DataSplit(dataset, name, digest) for name in dataset.splits}

    def __getitem__(self, name: str) -> DataSplit:
        """One split.

        Raises:
            PatchlearnError: the data set has no split of this name; the message lists those it has.
        """
        if name not in self._splits:
            self.dataset.split(name)
        return self._splits[name]

    def find(self, name: str) -> DataSplit | None:
        """One split, or None where the data set has none of this name."""
        return self._splits.get(name)

    def all(self) -> tuple[DataSplit, ...]:
        """Every split, in the order of the data set."""
        return tuple(self._splits.values())
