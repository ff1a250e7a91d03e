"""Every mode as RGB: transparency, numbers of many bits, colour spaces."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.data.pixels.colour_modes import rgb, to_8_bits
from patchlearn.data.pixels.image_opening import opened

HIDDEN, SEEN = (10, 200, 30), (90, 60, 120)
WHITE = [255, 255, 255]


def read(path: Path) -> UInt8:
    with opened(path) as file:
        return rgb(file, path)


def half_hidden(colour: tuple[int, int, int] = HIDDEN) -> Image.Image:
    """Three pixels: hidden, half transparent, opaque."""
    return Image.fromarray(np.array([[[*colour, 0], [*SEEN, 128], [*SEEN, 255]]], np.uint8))


def half_hidden_palette() -> Image.Image:
    """The same with a palette; Pillow before 12 loses the transparency when it converts to this mode."""
    image = Image.new("PA", (3, 1))
    image.putpalette([*HIDDEN, *SEEN])
    for x, entry in enumerate([(0, 0), (1, 128), (1, 255)]):
        image.putpixel((x, 0), entry)
    return image


@pytest.mark.parametrize(
    ("mode", "name"),
    [("RGBA", "a.png"), ("RGBA", "a.tif"), ("RGBA", "a.webp"), ("RGBA", "a.tga"), ("LA", "a.png"), ("LA", "a.tif"),
     ("PA", "a.tif"), ("P", "a.png")],
)  # fmt: skip
def test_what_is_hidden_is_white_and_what_is_half_hidden_lies_on_white(mode: str, name: str, tmp_path: Path) -> None:
    options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    (half_hidden_palette() if mode == "PA" else half_hidden().convert(mode)).save(tmp_path / name, **options)
    pixels = read(tmp_path / name)[0].astype(int)
    seen = np.array(Image.new("RGB", (1, 1), SEEN).convert("L" if mode == "LA" else "RGB").convert("RGB"))[0, 0]
    assert pixels[0].tolist() == WHITE
    assert np.abs(pixels[1] - (seen * (128 / 255) + 127)).max() <= 1
    assert np.array_equal(pixels[2], seen)


def test_images_that_look_alike_are_read_alike(tmp_path: Path) -> None:
    for name, colour in (("a.png", HIDDEN), ("b.png", (0, 0, 0))):
        half_hidden(colour).save(tmp_path / name)
    assert np.array_equal(read(tmp_path / "a.png"), read(tmp_path / "b.png"))


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_the_transparent_entry_of_a_palette_is_white(name: str, tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([*HIDDEN, *SEEN, 7, 8, 9])
    image.save(tmp_path / name, transparency=0)
    assert read(tmp_path / name).tolist() == [[WHITE, list(SEEN), [7, 8, 9]]]


@pytest.mark.parametrize(
    ("pixels", "key", "white"),
    [
        (np.array([[0, 7, 255]], np.uint8), 7, [0, 1, 0]),
        (np.array([[[1, 2, 3], [1, 2, 4]]], np.uint8), (1, 2, 3), [1, 0]),
        (np.array([[7, 256, 263]], np.uint16), 263, [0, 0, 1]),
        (np.array([[False, True]]), 0, [1, 1]),  # the other pixel is white as it is
    ],
)
def test_the_transparent_colour_of_a_png_is_white(
    pixels: NDArray[np.uint8], key: int | tuple[int, ...], white: list[int], tmp_path: Path
) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.png")
    plain = read(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=key)
    keyed = read(tmp_path / "a.png")
    plain[0, np.array(white, bool)] = 255
    assert np.array_equal(keyed, plain)


@pytest.mark.parametrize(
    ("depth", "kind", "row", "key", "expected"),
    [
        (4, 0, bytes([0x39]), (3,), [255, 153]),  # two grey values of 4 bits
        (2, 0, bytes([0b01100000]), (1,), [255, 170]),
        (16, 2, bytes([1, 2, 3, 4, 5, 6, 9, 9, 9, 9, 9, 9]), (0x0102, 0x0304, 0x0506), [255, 9]),
    ],
)
def test_the_transparent_colour_is_compared_at_the_depth_of_the_file(
    depth: int, kind: int, row: bytes, key: tuple[int, ...], expected: list[int], tmp_path: Path
) -> None:
    header = b"".join(number.to_bytes(4, "big") for number in (2, 1)) + bytes([depth, kind, 0, 0, 0])
    chunks = {
        b"IHDR": header,
        b"tRNS": b"".join(each.to_bytes(2, "big") for each in key),
        b"IDAT": zlib.compress(b"\0" + row),
        b"IEND": b"",
    }
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks.items():
        content += len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(content)
    assert read(tmp_path / "a.png")[0, :, 0].tolist() == expected


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "LA", "RGBA", "CMYK", "LAB", "YCbCr"])
def test_an_opaque_image_is_as_pillow_converts_it(mode: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    name = {"CMYK": "a.tif", "LAB": "a.tif", "YCbCr": "a.jp2"}.get(mode, "a.png")
    Image.fromarray(pixels).convert(mode).save(tmp_path / name)
    with Image.open(tmp_path / name) as file:
        assert np.array_equal(read(tmp_path / name), np.asarray(file.convert("RGB")))


@pytest.mark.parametrize(("mode", "bands"), [("HSV", 3), ("YCbCr", 3), ("RGBX", 4), ("RGBa", 4), ("La", 2)])
def test_modes_that_no_file_has_are_converted(mode: str, bands: int, tmp_path: Path) -> None:
    image = Image.frombytes(mode, (1, 1), bytes([100, 90, 80, 255][-bands:]))
    assert rgb(image, tmp_path).shape == (1, 1, 3)


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_sixteen_bits_of_either_byte_order_become_eight(dtype: str, tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 32768, 65535]], dtype)).save(tmp_path / "a.tif")
    assert read(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 127, 255]


def test_values_below_zero_are_black(tmp_path: Path) -> None:
    assert to_8_bits(np.array([[-5.0, 0.5, 1.0]], np.float32), tmp_path).tolist() == [[0, 127, 255]]
    assert to_8_bits(np.array([[-5, 51, 255]], np.int32), tmp_path).tolist() == [[0, 51, 255]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_named_with_its_place(value: float, tmp_path: Path) -> None:
    pixels = np.zeros((3, 4), np.float32)
    pixels[1, 2] = value
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with pytest.raises(PatchlearnError, match=rf"a\.tif: the value at x 2, y 1 is {value}, which is no brightness"):
        read(tmp_path / "a.tif")


def test_blocks_of_rows_are_scaled_by_the_same_white(tmp_path: Path) -> None:
    values = np.linspace(0, 60000, 600 * 3).reshape(600, 3).astype(np.uint16)
    whole = np.clip(values.astype(np.float64) * (255 / 65535), 0, 255).astype(np.uint8)
    assert np.array_equal(to_8_bits(values, tmp_path), whole)
