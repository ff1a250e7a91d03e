"""Masks of COCO annotations: outlines and run lengths are painted, and the PNGs of panoptic files are recoloured."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import IGNORE, Integers, UInt8
from patchlearn.data.formats.canvas import canvas_of
from patchlearn.data.formats.coco.content import CocoContent, CocoImage
from patchlearn.data.formats.drawn_masks import Drawing
from patchlearn.data.formats.run_lengths import paint, run_lengths
from patchlearn.data.pixels.image_opening import opened

UNLABELLED = 0  # the segment of the pixels that no segment of a panoptic PNG has


def coco_drawings(path: Path, content: CocoContent, paths: Mapping[str, Path]) -> dict[Path, Drawing]:
    """How the masks of a file's images come about, by image.

    - Without any outline in the whole file, there is none.
    - An image with an annotation that is a box alone has none. One without annotations is all background.
    - The PNGs of a panoptic file are in the folder of its name, beside it: `panoptic_val2017/`.

    Args:
        path: the JSON.
        content: of the JSON.
        paths: the file of each image, by its name in the JSON.
    """
    if content.is_panoptic:
        folder = path.with_suffix("")
        return {
            paths[image.file_name]: _recoloured(path, image, paths[image.file_name], folder / image.segments_file)
            for image in content.images
            if image.segments_file is not None and (folder / image.segments_file).is_file()
        }
    if not any(shape.segmentation is not None for image in content.images for shape in image.shapes):
        return {}
    return {
        paths[image.file_name]: _painted(path, image, paths[image.file_name])
        for image in content.images
        if all(shape.segmentation is not None for shape in image.shapes)
    }


def _painted(path: Path, image: CocoImage, file: Path) -> Drawing:
    return Drawing(sources=(path, file), draw=partial(paint_instances, image, file))


def _recoloured(path: Path, image: CocoImage, file: Path, segments: Path) -> Drawing:
    return Drawing(sources=(path, file, segments), draw=partial(recolour_segments, image, file, segments))


def paint_instances(image: CocoImage, file: Path, values: Mapping[str, int]) -> UInt8:
    """H×W: small objects over large ones; crowds are ignored (255).

    Args:
        image: with its annotations.
        file: the image, whose header is read.
        values: name of each class → value.

    Raises:
        PatchlearnError: an outline is broken, the image has another size, or pycocotools is missing (for polygons).
    """
    canvas = canvas_of(file, image.size, image.place)
    regions = [
        (run_lengths(shape.segmentation, canvas.size, shape.place), IGNORE if shape.is_crowd else values[shape.name])
        for shape in image.shapes
    ]
    mask = np.zeros(canvas.size, np.uint8, order="F")
    for runs, value in sorted(regions, key=lambda region: -_area(region[0])):
        paint(mask, runs, value)
    return canvas.upright(np.ascontiguousarray(mask))


def _area(runs: Integers) -> int:
    return int(runs[1::2].sum())


def recolour_segments(image: CocoImage, file: Path, segments: Path, values: Mapping[str, int]) -> UInt8:
    """H×W of a panoptic PNG, in which a segment has the colour R + 256 G + 65,536 B = id.

    Pixels of no segment, and of crowds, are ignored (255).

    Args:
        image: with its segments.
        file: the image, whose header is read.
        segments: the PNG.
        values: name of each class → value.

    Raises:
        PatchlearnError: the PNG is damaged, has no colours or another size than the image, or a colour is no segment.
    """
    ids = _segment_ids(segments)
    canvas = canvas_of(file, (ids.shape[0], ids.shape[1]), str(segments))
    table = {shape.segment: IGNORE if shape.is_crowd else values[shape.name] for shape in image.shapes}
    table[UNLABELLED] = IGNORE
    found, places = np.unique(ids, return_inverse=True)
    for id in found:
        if int(id) not in table:
            raise PatchlearnError(
                f"{segments}: the segment {id} is not in 'segments_info' of {image.place}. Copy both files again."
            )
    chosen = np.array([table[int(id)] for id in found], np.uint8)
    return canvas.upright(chosen[places.reshape(ids.shape)])


def _segment_ids(path: Path) -> Integers:
    with opened(path) as file:
        if file.mode not in ("RGB", "RGBA"):
            raise PatchlearnError(f"{path}: the mode is {file.mode}, but a panoptic PNG has colours. Copy it again.")
        colours = np.asarray(file.convert("RGB"), np.int64)
    return colours @ np.array([1, 256, 65_536])
