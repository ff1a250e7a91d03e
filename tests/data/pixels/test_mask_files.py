"""Masks: indices of any number of bits, and colours."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiff_files import write_tiff

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import voc_palette, write_mask
from patchlearn.core.types import Dataset, Sample, UInt8
from patchlearn.data.pixels.mask_files import is_binary, read_indices, read_mask, read_mask_values

Colours = dict[tuple[int, int, int], int]
VALUES = np.array([[0, 4, 2], [255, 2, 4]], np.uint8)
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def dataset(
    root: Path, *, closed: bool = True, name: str = "a.png", colours: Colours | None = None
) -> tuple[Dataset, Sample]:
    sample = Sample(id="a", image=root / "a.jpg", labels=(), mask=root / name)
    data = Dataset(
        root=root, classes=("x", "y"), splits={}, mask_values=(4, 2), masks_are_closed=closed, mask_colours=colours
    )
    return data, sample


def write_colours(path: Path, rows: list[list[tuple[int, ...]]]) -> None:
    Image.fromarray(np.array(rows, np.uint8)).save(path)


def test_mask_values_become_class_indices(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", np.array([[0, 4, 2, 255, 9]], np.uint8))
    assert read_mask(*dataset(tmp_path, closed=False)).tolist() == [[0, 1, 2, 255, 255]]


def test_a_value_that_is_no_class_is_an_error_in_a_closed_data_set(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", np.array([[0, 4, 2, 255, 9]], np.uint8))
    with pytest.raises(PatchlearnError, match="holds the value 9, but the data set has 2 classes"):
        read_mask(*dataset(tmp_path))


def test_a_sample_without_a_mask_is_named(tmp_path: Path) -> None:
    data, sample = dataset(tmp_path)
    with pytest.raises(PatchlearnError, match="image 'a' has no mask"):
        read_mask(data, Sample(id=sample.id, image=sample.image, labels=()))


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4", "<f4"])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_indices_in_more_bits_than_they_need_are_read(name: str, dtype: str, tmp_path: Path) -> None:
    if name == "a.png" and dtype[1:] != "u2":
        pytest.skip("a PNG holds 8 or 16 bits")
    Image.fromarray(VALUES.astype(dtype)).save(tmp_path / name)
    assert np.array_equal(read_indices(tmp_path / name), VALUES)
    assert read_mask(*dataset(tmp_path, name=name)).tolist() == [[0, 1, 2], [255, 2, 1]]


def test_indices_of_64_bits_are_read(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", VALUES[..., None].astype("<i8"))
    assert np.array_equal(read_indices(tmp_path / "a.tif"), VALUES)


@pytest.mark.parametrize(("value", "dtype"), [(256, "<u2"), (-1, "<i4"), (0.5, "<f4"), (np.nan, "<f4")])
def test_numbers_that_are_no_indices_are_named_with_their_place(value: float, dtype: str, tmp_path: Path) -> None:
    pixels = np.zeros((3, 4), dtype)
    pixels[1, 2] = value
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with pytest.raises(
        PatchlearnError, match=rf"a\.tif: the value at x 2, y 1 is {value}, but class indices are whole"
    ):
        read_indices(tmp_path / "a.tif")


def test_one_bit_is_an_index(tmp_path: Path) -> None:
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "a.png")
    assert read_indices(tmp_path / "a.png").tolist() == [[0, 1]]


@pytest.mark.parametrize(("mode", "name"), [("LA", "a.png"), ("PA", "a.tif")])
def test_an_index_that_is_hidden_is_background(mode: str, name: str, tmp_path: Path) -> None:
    indices, alpha = (
        Image.fromarray(np.array([[4, 4, 2]], np.uint8)),
        Image.fromarray(np.array([[0, 9, 255]], np.uint8)),
    )
    if mode == "PA":
        indices.putpalette(voc_palette().tobytes())
    Image.merge(mode, [indices, alpha]).save(tmp_path / name)
    assert read_indices(tmp_path / name).tolist() == [[0, 4, 2]]


def test_a_palette_is_an_index_mask_whatever_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 4, 2]], np.uint8))
    image.putpalette([*WHITE, 1, 1, 1, *RED, 2, 2, 2, *BLUE])
    image.save(tmp_path / "a.png", transparency=2)
    assert read_mask(*dataset(tmp_path, colours={RED: 4})).tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_colours_of_voc_are_read_without_a_table(name: str, mode: str, tmp_path: Path) -> None:
    Image.fromarray(voc_palette()[VALUES]).convert(mode).save(tmp_path / name)
    assert read_mask(*dataset(tmp_path, name=name)).tolist() == [[0, 1, 2], [255, 2, 1]]
    assert np.array_equal(read_mask_values(*dataset(tmp_path, name=name)), VALUES)


def test_a_colour_of_voc_that_is_no_class_is_named_by_its_value(tmp_path: Path) -> None:
    write_colours(tmp_path / "a.png", [[tuple(voc_palette()[9])]])
    with pytest.raises(PatchlearnError, match="holds the value 9, but the data set has 2 classes"):
        read_mask(*dataset(tmp_path))


def test_colours_of_a_table_are_read_beside_black_and_the_void_of_voc(tmp_path: Path) -> None:
    write_colours(tmp_path / "a.png", [[(0, 0, 0), RED, BLUE, (224, 224, 192)]])
    assert read_mask(*dataset(tmp_path, colours={RED: 4, BLUE: 2})).tolist() == [[0, 1, 2, 255]]


def test_a_table_may_give_background_and_ignored_their_colours(tmp_path: Path) -> None:
    colours = {RED: 4, (0, 0, 0): 2, WHITE: 0, BLUE: 255}
    write_colours(tmp_path / "a.png", [[WHITE, RED, (0, 0, 0), BLUE]])
    assert read_mask(*dataset(tmp_path, colours=colours)).tolist() == [[0, 1, 2, 255]]
    write_colours(tmp_path / "a.png", [[(224, 224, 192)]])
    with pytest.raises(PatchlearnError, match=r"\(224 224 192\) at x 0, y 0 is of no class"):
        read_mask(*dataset(tmp_path, colours=colours))


def test_what_is_wholly_transparent_is_background(tmp_path: Path) -> None:
    write_colours(tmp_path / "a.png", [[(*RED, 0), (1, 2, 3, 0), (*RED, 1)]])
    assert read_mask(*dataset(tmp_path, colours={RED: 4})).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("colours", "remedy"),
    [(None, r"Write \S+classes\.csv with the columns name,colour"), ({RED: 4}, r"or add the colour to classes\.csv")],
)
def test_an_unknown_colour_is_named_with_its_place_and_the_remedy(
    colours: Colours | None, remedy: str, tmp_path: Path
) -> None:
    pixels = np.zeros((3, 4, 3), np.uint8)
    pixels[1, 2], pixels[2, 0] = (255, 1, 0), (9, 9, 9)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(
        PatchlearnError, match=rf"a\.png: the colour #ff0100 \(255 1 0\) at x 2, y 1 is of no class\. .*{remedy}"
    ):
        read_mask(*dataset(tmp_path, colours=colours))


def test_a_mask_saved_as_jpeg_says_so(tmp_path: Path) -> None:
    Image.fromarray(voc_palette()[np.indices((8, 8)).sum(axis=0) % 5]).save(tmp_path / "a.jpg")
    with pytest.raises(PatchlearnError, match=r"A JPEG changes the colours of a mask\. Save the mask as PNG"):
        read_mask(*dataset(tmp_path, name="a.jpg"))


def test_colours_are_no_indices_without_a_data_set(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(
        PatchlearnError, match=r"^\S+a\.png: the mask has the mode RGB\. Save it as a palette or 8-bit grey PNG"
    ):
        read_indices(tmp_path / "a.png")


def test_other_colour_spaces_and_several_bands_are_no_masks(tmp_path: Path) -> None:
    Image.new("CMYK", (2, 2)).save(tmp_path / "a.tif")
    with pytest.raises(PatchlearnError, match="the mask has the mode CMYK"):
        read_mask(*dataset(tmp_path, name="a.tif"))
    write_tiff(tmp_path / "a.tif", np.zeros((2, 2, 8), np.uint8))
    with pytest.raises(PatchlearnError, match="the mask has several bands"):
        read_mask(*dataset(tmp_path, name="a.tif"))


def test_a_mask_is_turned_as_its_image_is(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(VALUES).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_indices(tmp_path / "a.png"), np.rot90(VALUES, -1))


@pytest.mark.parametrize(
    ("values", "binary"), [([0, 255], True), ([255], True), ([0], False), ([0, 1, 255], False), ([0, 1], False)]
)
def test_a_mask_of_0_and_255_alone_is_binary(values: list[int], binary: bool) -> None:
    mask: UInt8 = np.array([values], np.uint8)
    assert is_binary(mask) is binary
