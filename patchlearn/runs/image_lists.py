"""Lists of images that a run was judged on beside its splits: RUN/image-lists.json, name → split and ids."""

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.core.run_folder import IMAGE_LISTS
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.named_samples import listed_samples

ADVICE = "Use letters, digits, hyphens and dots: --name NAME."


@dataclass(frozen=True, kw_only=True)
class ImageList:
    """Some images of one split.

    Args:
        name: what the entries about them call their split.
        split: of the data set, which has them all.
        images: their ids, in the order of the split.
    """

    name: str
    split: str
    images: tuple[str, ...]

    def among(self, samples: Collection[Sample]) -> tuple[Sample, ...]:
        """Those of the samples that are listed."""
        wanted = set(self.images)
        return tuple(sample for sample in samples if sample.id in wanted)


def read_image_list(path: Path, name: str | None, dataset: Dataset, preferred: Collection[str] = ()) -> ImageList:
    """Read a file that lists images of one split, one a line.

    Args:
        path: the file.
        name: of the list; None for the file's own name without its ending.
        dataset: has the images.
        preferred: splits that are taken before others where several have all images.

    Raises:
        PatchlearnError: the name is that of a split or cannot name a folder, a line is no image of the data set, or no
            split has all images.
    """
    name = path.stem if name is None else name
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise PatchlearnError(f"{name!r}: no name for a list of images, which names a folder. {ADVICE}")
    if name in dataset.splits:
        raise PatchlearnError(f"{name!r}: a split of the data set has this name. Choose another one: --name NAME.")
    wanted = {sample.id for sample in listed_samples(path, dataset)}
    split = _split_of(wanted, path, dataset, preferred)
    images = tuple(sample.id for sample in dataset.split(split) if sample.id in wanted)
    return ImageList(name=name, split=split, images=images)


def _split_of(wanted: set[str], path: Path, dataset: Dataset, preferred: Collection[str]) -> str:
    ids = {name: {sample.id for sample in samples} for name, samples in dataset.splits.items()}
    having = [name for name in ids if wanted <= ids[name]]
    if not having:
        shown = "; ".join(f"{min(wanted & ids[name])} in {name}" for name in ids if wanted & ids[name])
        raise PatchlearnError(f"{path}: images of several splits ({shown}). List the images of one split only.")
    return next((name for name in having if name in preferred), having[0])


def keep_image_list(run: Path, listed: ImageList) -> None:
    """Enter a list into the run folder; an older one of the same name is replaced."""
    kept = {each.name: each for each in kept_image_lists(run)} | {listed.name: listed}
    write_json(run / IMAGE_LISTS, [asdict(each) for each in kept.values()])


def kept_image_lists(run: Path) -> list[ImageList]:
    """The lists that the run folder holds.

    Raises:
        PatchlearnError: the file is damaged.
    """
    path = run / IMAGE_LISTS
    try:
        found = read_json(path) if path.exists() else []
        return [ImageList(name=each["name"], split=each["split"], images=tuple(each["images"])) for each in found]
    except (KeyError, TypeError):
        raise PatchlearnError(f"{path}: no lists of images. Delete it, and run evaluate --images again.") from None
