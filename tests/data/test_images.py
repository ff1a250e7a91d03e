"""Image files of every kind."""

import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from tiff_files import write_tiff

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.images import frames, read_image

COLOURS = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[10, 20, 30], [250, 240, 230], [128, 128, 128]]], np.uint8
)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "L", "LA", "1", "P"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
    Image.fromarray(COLOURS).convert(mode).save(path)
    image = read_image(path)
    assert image.shape == (2, 3, 3)
    assert image.dtype == np.uint8
    if mode in ("RGB", "RGBA", "CMYK"):
        assert np.abs(image.astype(int) - COLOURS).max() <= 1


def test_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 32768, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [0, 127, 255]


def test_a_dark_frame_of_sixteen_bits_stays_as_dark_as_it_is(tmp_path: Path) -> None:
    for brightest in (255, 256, 4095):
        Image.fromarray(np.array([[0, brightest]], np.uint16)).save(tmp_path / "a.png")
        assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [0, brightest // 257]


@pytest.mark.parametrize(
    ("white", "dtype"), [(1, "f4"), (255, "f4"), (65535, "f4"), (255, "i4"), (65535, "i4"), (1e6, "f4")]
)
def test_floats_and_long_integers_end_at_the_next_usual_white(white: float, dtype: str, tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, white * 0.8, white]], dtype)).save(tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 204, 255]


@pytest.mark.parametrize("error", [TypeError, KeyError, struct.error])
def test_every_error_of_a_reader_is_one_sentence(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TIFF with one bit of a tag turned made Pillow call a fraction no integer."""
    Image.fromarray(COLOURS).save(tmp_path / "a.tif")

    def fail(image: Image.Image) -> None:
        raise error("odd tag")

    monkeypatch.setattr("PIL.TiffImagePlugin.TiffImageFile.load", fail)
    with pytest.raises(PatchlearnError, match=r"a\.tif: damaged image"):
        read_image(tmp_path / "a.tif")


def test_exif_rotation_is_undone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: rotate by 90° clockwise to view
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.rot90(COLOURS, -1))


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation_is_that_of_pillow(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as file:
        assert np.array_equal(read_image(tmp_path / "a.png"), np.asarray(ImageOps.exif_transpose(file)))


def test_an_odd_tag_beside_the_orientation_spoils_no_picture(tmp_path: Path) -> None:
    """The maker's name, one bit off, is a number that is no number: Pillow cannot write it back."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    content = exif.tobytes().replace(b"\x01\x0f", b"\x01\x00")
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=content)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.rot90(COLOURS, -1))


def test_unicode_names_and_single_pixels_work(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "naïve 猫.png")
    assert read_image(tmp_path / "naïve 猫.png").tolist() == [[[1, 2, 3]]]


def test_the_array_may_be_written_to(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    read_image(tmp_path / "a.png")[0, 0] = 7


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "no such file"), (b"", "not an image"), (b"GIF89a", "not an image|damaged image")]
)
def test_unreadable_files_are_named(content: bytes | None, complaint: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        read_image(tmp_path / "a.jpg")
    assert str(tmp_path / "a.jpg") in str(caught.value)


def test_a_truncated_jpeg_is_named(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PatchlearnError, match=r"a\.jpg: damaged image"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize(("dtype", "white"), [("<u2", 65535), (">u2", 65535), ("<f4", 1), (">f4", 255), ("<i4", 255)])
@pytest.mark.parametrize("compression", [1, 8])
def test_arrays_saved_as_grey_tiffs_are_read(dtype: str, white: int, compression: int, tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", (np.array([[[0], [0.8], [1]]]) * white).astype(dtype), compression=compression)
    assert read_image(tmp_path / "a.tif").tolist() == [[[0] * 3, [204] * 3, [255] * 3]]


@pytest.mark.parametrize(("bands", "dtype"), [(1, "<f8"), (4, "u1"), (5, "u1"), (3, "<f4"), (10, "<u2")])
def test_the_first_three_bands_are_read(bands: int, dtype: str, tmp_path: Path) -> None:
    values = np.arange(6 * bands).reshape(2, 3, bands) * (257 if dtype == "<u2" else 1)
    write_tiff(tmp_path / "a.tif", values.astype(dtype), photometric=2 if dtype == "u1" else 1)
    brightest = {"u1": 255, "<u2": 65535}.get(dtype, 255)
    expected = np.broadcast_to(values[..., :3] * 255 // brightest, (2, 3, 3))
    assert np.array_equal(read_image(tmp_path / "a.tif"), expected)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (1, 1), (10, 200, 30, 0)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize("name", ["a.tif", "a.gif", "a.webp", "a.png"])
def test_frames_are_counted_and_the_first_is_read(name: str, tmp_path: Path) -> None:
    pages = [Image.new("RGB", (4, 3), (40 * number, 0, 0)) for number in range(1, 4)]
    pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    assert frames(tmp_path / name) == 3
    assert np.abs(read_image(tmp_path / name).astype(int) - [40, 0, 0]).max() <= 4
    pages[0].save(tmp_path / name)
    assert frames(tmp_path / name) == 1


def test_the_extra_pictures_of_a_phone_and_smaller_copies_are_no_frames(tmp_path: Path) -> None:
    photo = Image.fromarray(COLOURS)
    photo.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[photo])
    with Image.open(tmp_path / "a.jpg") as file:
        assert file.n_frames == 2
    write_tiff(tmp_path / "a.tif", COLOURS, photometric=2, pages=(0, 1, 1))
    assert frames(tmp_path / "a.jpg") == frames(tmp_path / "a.tif") == 1


def test_frames_of_what_is_no_image_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"words")
    for name in ("a.png", "missing.png"):
        with pytest.raises(PatchlearnError, match=rf"{name}: (not an image|no such file)"):
            frames(tmp_path / name)


def test_many_threads_read_images_above_pillows_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2)
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read_image, [tmp_path / "a.png"] * 200))
    assert all(np.array_equal(image, COLOURS) for image in found)
    assert Image.MAX_IMAGE_PIXELS == 2


FIVE = np.arange(4 * 6 * 5).reshape(4, 6, 5)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(("dtype", "tile"), [("u1", None), ("<u2", 16), (">u2", None)])
def test_bands_are_chosen_by_their_numbers(dtype: str, tile: int | None, apart: bool, tmp_path: Path) -> None:
    scale = 1 if dtype == "u1" else 257
    write_tiff(tmp_path / "a.tif", (FIVE * scale).astype(dtype), apart=apart, tile=tile)
    assert (read_image(tmp_path / "a.tif", (5, 2, 1)) == FIVE[..., [4, 1, 0]]).all()
    assert (read_image(tmp_path / "a.tif", (4, 4, 4)) == FIVE[..., [3, 3, 3]]).all()
    with pytest.raises(PatchlearnError, match=r"a\.tif: has 5 bands, and no band 6\. Choose other bands, or leave it"):
        read_image(tmp_path / "a.tif", (1, 2, 6))


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_the_fourth_band_of_a_tiff_that_pillow_reads_is_no_opacity(compression: str | None, tmp_path: Path) -> None:
    four = FIVE[..., :4].astype(np.uint8)
    Image.fromarray(four, "RGBA").save(tmp_path / "a.tif", compression=compression)
    assert (read_image(tmp_path / "a.tif", (4, 3, 2)) == four[..., [3, 2, 1]]).all()


@pytest.mark.parametrize(("mode", "bands"), [("RGBA", 4), ("CMYK", 4), ("L", 1), ("LA", 2), ("1", 1), ("P", 3)])
def test_bands_of_every_mode(mode: str, bands: int, tmp_path: Path) -> None:
    image = Image.fromarray(COLOURS).convert(mode)
    image.save(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"))
    (path,) = tmp_path.iterdir()
    values = np.asarray(image.convert("RGB") if mode == "P" else image).reshape(2, 3, -1)
    values = values * np.uint8(255) if mode == "1" else values
    assert (read_image(path, (bands, 1, 1)) == values[..., [bands - 1, 0, 0]]).all()
    with pytest.raises(PatchlearnError, match=f"no band {bands + 1}"):
        read_image(path, (1, bands + 1, 1))


def test_bands_of_a_photo_on_its_side_are_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=exif)
    assert (read_image(tmp_path / "a.png", (3, 2, 1)) == read_image(tmp_path / "a.png")[..., ::-1]).all()
