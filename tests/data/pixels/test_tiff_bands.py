"""TIFF files of kinds that Pillow refuses or misreads."""

import logging
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiff_files
from numpy.typing import NDArray
from PIL import Image
from tiff_files import write_tiff

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.data.pixels.image_opening import NotAnImageError
from patchlearn.data.pixels.tiff_bands import count_pages, read_pixels


def numbers(bands: int, dtype: str) -> NDArray[Any]:
    return np.random.default_rng(bands).integers(0, 100, (9, 13, bands)).astype(dtype)


def bands_of(path: Path) -> NDArray[Any]:
    """The bands as this module reads them; Pillow must not have read the file."""
    found: list[NDArray[Any]] = []

    def keep(bands: NDArray[Any]) -> UInt8:
        found.append(bands)
        return np.zeros((1, 1), np.uint8)

    def fail(file: Image.Image) -> UInt8:
        raise AssertionError(f"Pillow reads the mode {file.mode}")

    read_pixels(path, fail, keep)
    return found[0]


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize(("bands", "dtype"), [(1, "<f8"), (3, "<f4"), (5, ">u2"), (8, ">f4"), (4, "<i4"), (1, ">f8")])
def test_what_pillow_refuses_is_read(
    bands: int, dtype: str, compression: int, tile: int | None, apart: bool, tmp_path: Path
) -> None:
    pixels = numbers(bands, dtype)
    write_tiff(tmp_path / "a.tif", pixels, apart=apart and bands > 1, tile=tile, compression=compression)
    assert np.array_equal(bands_of(tmp_path / "a.tif"), pixels[..., :3])


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4"])
def test_differences_are_added_up(dtype: str, tile: int | None, tmp_path: Path) -> None:
    pixels = numbers(7, dtype)
    write_tiff(tmp_path / "a.tif", pixels, tile=tile, compression=8, differences=True)
    assert np.array_equal(bands_of(tmp_path / "a.tif"), pixels[..., :3])


@pytest.mark.parametrize("dtype", [">f4", ">i2", ">i4"])
def test_compressed_big_endian_numbers_which_pillow_swaps_twice_are_read(dtype: str, tmp_path: Path) -> None:
    pixels = numbers(1, dtype)
    write_tiff(tmp_path / "a.tif", pixels, compression=8)
    assert np.array_equal(bands_of(tmp_path / "a.tif"), pixels)


@pytest.mark.parametrize(("dtype", "photometric"), [("u1", 1), ("<u2", 2), (">u2", 2)])
def test_bands_one_after_the_other_which_pillow_takes_for_grey_are_read(
    dtype: str, photometric: int, tmp_path: Path
) -> None:
    pixels = numbers(3, dtype)
    write_tiff(tmp_path / "a.tif", pixels, apart=True, photometric=photometric)
    assert np.array_equal(bands_of(tmp_path / "a.tif"), pixels)


def test_many_bands_leave_no_line_in_a_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tiff(tmp_path / "a.tif", numbers(8, "u1"))
    with caplog.at_level(logging.INFO):
        bands_of(tmp_path / "a.tif")
    assert caplog.records == []


def test_what_pillow_reads_well_is_left_to_it(tmp_path: Path) -> None:
    for pixels, photometric in ((numbers(3, "u1"), 2), (numbers(1, "<u2"), 1), (numbers(1, "<f4"), 1)):
        write_tiff(tmp_path / "a.tif", pixels, photometric=photometric)
        read = read_pixels(tmp_path / "a.tif", np.asarray, lambda bands: bands * 0 - 1)
        assert np.array_equal(read, pixels if photometric == 2 else pixels[..., 0])


@pytest.mark.parametrize(
    ("bands", "dtype", "options", "sentence"),
    [
        (
            2,
            "<f4",
            {},
            "2 bands of 32-bit floats, which cannot be read. Save the three bands that matter as an 8-bit RGB",
        ),
        (5, "<u2", {"extra": [0, 0, 0, 2]}, "5 bands of 16-bit whole numbers, which cannot be read. Save the three"),
        (5, "<u2", {"compression": 5}, "compressed in a way that cannot be read. Save it without compression"),
        (1, "u1", {"compression": 34887}, "1 band of 8-bit whole numbers, compressed in a way that cannot be read"),
        (1, "<f8", {"photometric": 32803}, "1 band of 64-bit floats, which cannot be read. Save it as 16-bit grey"),
    ],
)
def test_a_refusal_counts_the_bands_and_says_what_to_save(
    bands: int, dtype: str, options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    write_tiff(tmp_path / "a.tif", numbers(bands, dtype), **options)
    with pytest.raises(PatchlearnError, match=f"a.tif: a TIFF of .*{sentence}"):
        bands_of(tmp_path / "a.tif")


def test_a_big_endian_bigtiff_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"MM\0\x2b" + bytes(20))
    with pytest.raises(PatchlearnError, match=r"big-endian BigTIFF, which cannot be read\. Save it as an"):
        bands_of(tmp_path / "a.tif")


@pytest.mark.parametrize(("compression", "segment"), [(1, b"short"), (8, b"no deflate"), (8, zlib.compress(b"short"))])
def test_a_file_without_all_its_pixels_is_damaged(
    compression: int, segment: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_files, "_stored", lambda *_: segment)
    write_tiff(tmp_path / "a.tif", numbers(5, "<f4"), compression=compression)
    with pytest.raises(PatchlearnError, match=r"a\.tif: damaged image"):
        bands_of(tmp_path / "a.tif")


def test_another_file_is_not_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II words")
    with pytest.raises(NotAnImageError):
        bands_of(tmp_path / "a.tif")


def test_pages_are_counted_without_copies_and_masks(tmp_path: Path) -> None:
    for pages, count in (((0,), 1), ((0, 0, 0), 3), ((0, 1, 4, 1), 1), ((1,), 1)):
        write_tiff(tmp_path / "a.tif", numbers(1, "u1"), pages=pages)
        assert count_pages(tmp_path / "a.tif") == count
    (tmp_path / "a.tif").write_bytes(b"words")
    assert count_pages(tmp_path / "a.tif") is None


def test_pages_in_a_circle_end(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", numbers(1, "u1"), pages=(0, 0))
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[-4:] = content[4:8]
    (tmp_path / "a.tif").write_bytes(content)
    assert count_pages(tmp_path / "a.tif") == 2
