"""Data sets of tiny images: the tags of each, and the values in its mask."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from patchlearn.core.types import Dataset, Sample

SIDE = 8


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """One image.

    Args:
        tags: names of classes.
        values: in its mask, a pixel each; None for no mask.
        split: of the data set.
        unknown: names of classes that nobody judged.
        size: (W, H).
        name: of the file; None for a number.
    """

    tags: Sequence[str] = ()
    values: Sequence[int] | None = None
    split: str = "train"
    unknown: Sequence[str] = ()
    size: tuple[int, int] = (SIDE, SIDE)
    name: str | None = None


def tagged_dataset(root: Path, classes: Sequence[str], images: Iterable[Tagged], **changes: Any) -> Dataset:
    """Write the images, each of another content, and their masks."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    splits: dict[str, list[Sample]] = {}
    for number, each in enumerate(images):
        splits.setdefault(each.split, []).append(_sample(root, list(classes), number, each))
    facts = {"mask_values": tuple(range(1, len(classes) + 1)), "masks_are_closed": True, **changes}
    return Dataset(
        root=root,
        classes=tuple(classes),
        splits={name: tuple(samples) for name, samples in splits.items()},
        **facts,
    )


def _sample(root: Path, classes: list[str], number: int, each: Tagged) -> Sample:
    name = each.name or f"img{number:03}"
    image, mask = root / "images" / f"{name}.png", root / "masks" / f"{name}.png"
    Image.new("RGB", each.size, (number % 256, number // 256, 9)).save(image)
    if each.values is not None:
        values = np.full((each.size[1], each.size[0]), 0 if 0 in each.values else each.values[-1], np.uint8)
        values.flat[: len(each.values)] = each.values
        Image.fromarray(values).save(mask)
    labels, unknown = (tuple(sorted(classes.index(name) for name in names)) for names in (each.tags, each.unknown))
    return Sample(id=name, image=image, labels=labels, unknown=unknown, mask=None if each.values is None else mask)
