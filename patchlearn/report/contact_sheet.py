"""Pictures for a notebook: images beside their maps and masks, as one image."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import read_scores
from patchlearn.core.types import Dataset, Sample, UInt8
from patchlearn.data.images import read_image, read_indices, read_mask
from patchlearn.report.figures import class_colour, heat_overlay, mask_overlay, thumbnail

GAP = 6  # pixels between pictures
LINE = 18  # pixels of a line of text
TRAIN = "train"


def contact_sheet(run: Path, dataset: Dataset, variant: str, images: int) -> Image.Image:
    """A row for each of evenly spread training images: the image, its map, its mask, its true mask.

    Args:
        run: the run folder.
        dataset: of the run.
        variant: whose maps and masks are shown.
        images: how many rows.

    Raises:
        PatchlearnError: there are no maps and masks.
    """
    maps, masks = run / variant / "cams" / TRAIN, run / variant / "pseudo" / TRAIN
    samples = dataset.splits.get(TRAIN, ())
    there = [each for each in samples if (maps / f"{each.id}.npz").is_file() and (masks / f"{each.id}.png").is_file()]
    if not there:
        raise PatchlearnError(f"{run / variant}: no maps and masks of {TRAIN!r}. Run first: patchlearn run {run}.")
    count = max(1, min(images, len(there)))
    chosen = [there[index * len(there) // count] for index in range(count)]
    return _stacked([_row(dataset, sample, maps, masks) for sample in chosen])


def side_by_side(image: UInt8, mask: UInt8, classes: Sequence[str]) -> Image.Image:
    """The image, its mask over it, and the names of the classes in the mask in their colours."""
    small = thumbnail(image)
    pair = _joined([small, mask_overlay(small, mask)])
    found = [index for index in range(len(classes)) if (mask == index + 1).any()]
    sheet = Image.new("RGB", (pair.width, pair.height + LINE * max(1, len(found))), "white")
    sheet.paste(pair, (0, 0))
    draw = ImageDraw.Draw(sheet)
    for line, index in enumerate(found):
        top = pair.height + line * LINE
        draw.rectangle((2, top + 4, 12, top + 14), fill=class_colour(index))
        draw.text((18, top + 3), classes[index], fill="black")
    return sheet


def class_key(classes: Sequence[str]) -> str:
    """HTML: each class in the colour in which masks show it."""
    return " ".join(
        f'<span style="color:{class_colour(index)}">■</span> {escape(name)}' for index, name in enumerate(classes)
    )


def _row(dataset: Dataset, sample: Sample, maps: Path, masks: Path) -> Image.Image:
    small = thumbnail(read_image(sample.image))
    pictures = [
        small,
        heat_overlay(small, read_scores(maps / f"{sample.id}.npz").scores),
        mask_overlay(small, read_indices(masks / f"{sample.id}.png")),
    ]
    if sample.mask:
        pictures.append(mask_overlay(small, read_mask(dataset, sample)))
    return _joined(pictures)


def _joined(pictures: Sequence[UInt8]) -> Image.Image:
    """Side by side, on white."""
    height = max(len(each) for each in pictures)
    width = sum(each.shape[1] for each in pictures) + GAP * (len(pictures) - 1)
    sheet = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for each in pictures:
        sheet[: len(each), left : left + each.shape[1]] = each
        left += each.shape[1] + GAP
    return Image.fromarray(sheet)


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height + GAP for row in rows) - GAP), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + GAP
    return sheet
