"""Masks of COCO annotations, pixel for pixel."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_folder import image
from PIL import ExifTags, Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.coco.content import CocoContent, CocoImage, Shape
from patchlearn.data.formats.coco.masks import coco_drawings, paint_instances, recolour_segments

VALUES = {"cat": 1, "dog": 2, "sky": 3}
LARGE = {"size": [4, 6], "counts": [0, 20, 4]}  # the first five columns
SMALL = [[1, 1, 4, 1, 4, 3, 1, 3]]  # rows 1 to 2, columns 1 to 3


def shape(name: str, segmentation: Any = None, *, crowd: bool = False, segment: int | None = None) -> Shape:
    return Shape(name=name, is_crowd=crowd, segmentation=segmentation, segment=segment, place="x.json, annotation 4")


def described(*shapes: Shape, size: tuple[int, int] | None = (4, 6), segments: str | None = None) -> CocoImage:
    return CocoImage(file_name="a.jpg", size=size, shapes=shapes, segments_file=segments, place="x.json, image 'a.jpg'")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return image(tmp_path / "a.jpg")


@pytest.mark.parametrize("is_turned", [False, True])
def test_smaller_objects_lie_over_larger_ones_in_any_order(file: Path, is_turned: bool) -> None:
    shapes = [shape("cat", LARGE), shape("dog", SMALL), shape("cat", {"size": [4, 6], "counts": [5, 1, 18]})]
    mask = paint_instances(described(*(shapes[::-1] if is_turned else shapes)), file, VALUES)
    assert mask.tolist() == [[1, 1, 1, 1, 1, 0], [1, 1, 2, 2, 1, 0], [1, 2, 2, 2, 1, 0], [1, 1, 1, 1, 1, 0]]


def test_crowds_are_ignored_and_take_part_in_the_order(file: Path) -> None:
    over = paint_instances(described(shape("cat", SMALL, crowd=True), shape("dog", LARGE)), file, VALUES)
    assert over[1].tolist() == [2, 255, 255, 255, 2, 0]
    under = paint_instances(described(shape("dog", SMALL), shape("cat", LARGE, crowd=True)), file, VALUES)
    assert under[1].tolist() == [255, 2, 2, 2, 255, 0]


def test_no_annotation_is_background_and_the_size_may_be_missing(file: Path) -> None:
    assert paint_instances(described(size=None), file, VALUES).tolist() == [[0] * 6] * 4
    assert paint_instances(described(shape("dog", SMALL), size=None), file, VALUES)[1].tolist() == [0, 2, 2, 2, 0, 0]


def test_another_size_of_the_image_is_explained(file: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"image 'a\.jpg': the annotations are for 6×5 pixels"):
        paint_instances(described(size=(5, 6)), file, VALUES)


def test_annotations_of_the_stored_image_are_turned(tmp_path: Path) -> None:
    picture = Image.new("RGB", (6, 4))
    exif = picture.getexif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter to the right makes it upright
    picture.save(tmp_path / "a.jpg", exif=exif)
    corner = {"size": [4, 6], "counts": [0, 1, 23]}  # the upper left pixel becomes the upper right one
    mask = paint_instances(described(shape("cat", corner)), tmp_path / "a.jpg", VALUES)
    assert (mask.shape, mask[0].tolist(), int(mask.sum())) == ((6, 4), [0, 0, 0, 1], 1)


def content(*images: CocoImage, is_panoptic: bool = False) -> CocoContent:
    return CocoContent(images=images, categories=(), is_panoptic=is_panoptic, strays=0)


def test_images_with_a_box_alone_have_no_mask(file: Path) -> None:
    paths = {"a.jpg": file}
    path = file.parent / "x.json"
    assert list(coco_drawings(path, content(described(shape("cat", SMALL))), paths)) == [file]
    assert coco_drawings(path, content(described(shape("cat"))), paths) == {}
    assert coco_drawings(path, content(described()), paths) == {}  # no outline in the whole file
    other = CocoImage(
        file_name="b.jpg", size=None, shapes=(shape("dog"), shape("cat", SMALL)), segments_file=None, place=""
    )
    empty = described()
    drawings = coco_drawings(
        path, content(other, empty, described(shape("cat", SMALL))), {**paths, "b.jpg": file.parent / "b.jpg"}
    )
    assert list(drawings) == [file]
    assert drawings[file].sources == (path, file)


def segments(path: Path, ids: list[list[int]]) -> Path:
    colours = np.array(ids)[..., None] // np.array([1, 256, 65536]) % 256
    Image.fromarray(colours.astype(np.uint8)).save(path)
    return path


def test_colours_of_panoptic_segments_become_classes(file: Path, tmp_path: Path) -> None:
    path = segments(tmp_path / "a.png", [[1, 256, 65536, 16_777_215, 0, 7]] * 4)
    shapes = [shape("cat", segment=1), shape("dog", segment=256), shape("sky", segment=65536)]
    shapes += [shape("cat", segment=16_777_215, crowd=True), shape("cat", segment=7)]
    assert recolour_segments(described(*shapes), file, path, VALUES).tolist() == [[1, 2, 3, 255, 255, 1]] * 4


def test_panoptic_files_that_do_not_fit_are_explained(file: Path, tmp_path: Path) -> None:
    path = segments(tmp_path / "a.png", [[5] * 6] * 4)
    with pytest.raises(
        PatchlearnError, match=r"a\.png: the segment 5 is not in 'segments_info' of x\.json, image 'a\.jpg'"
    ):
        recolour_segments(described(shape("cat", segment=4)), file, path, VALUES)
    segments(path, [[5] * 5] * 4)
    with pytest.raises(PatchlearnError, match=r"a\.png: the annotations are for 5×4 pixels"):
        recolour_segments(described(shape("cat", segment=5)), file, path, VALUES)
    Image.new("L", (6, 4)).save(path)
    with pytest.raises(PatchlearnError, match="the mode is L, but a panoptic PNG has colours"):
        recolour_segments(described(shape("cat", segment=5)), file, path, VALUES)
    path.write_bytes(b"")
    with pytest.raises(PatchlearnError, match=r"a\.png: not an image"):
        recolour_segments(described(shape("cat", segment=5)), file, path, VALUES)


def test_panoptic_images_without_a_png_have_no_mask(file: Path, tmp_path: Path) -> None:
    (tmp_path / "panoptic_val").mkdir()
    there = described(segments="a.png")
    gone = CocoImage(file_name="b.jpg", size=None, shapes=(), segments_file="b.png", place="")
    none = CocoImage(file_name="c.jpg", size=None, shapes=(), segments_file=None, place="")
    segments(tmp_path / "panoptic_val" / "a.png", [[0]])
    paths = {name: tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")}
    path = tmp_path / "panoptic_val.json"
    assert list(coco_drawings(path, content(there, gone, none, is_panoptic=True), paths)) == [file]
