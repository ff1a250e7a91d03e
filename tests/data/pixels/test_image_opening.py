"""Opening: one limit of size, whatever Pillow's are, and a sentence for every error."""

import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.images import read_image
from patchlearn.data.pixels.image_opening import TURNS, NotAnImageError, opened, require_size, sentences, upright


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def read(path: Path) -> tuple[int, int]:
    with opened(path) as file:
        return upright(file).size


@pytest.mark.parametrize("limit", [150, 50])  # Pillow warns above its limit, and refuses above twice its limit
def test_pillows_limit_does_not_count(limit: int, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert read(photo) == (20, 10)
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("limit", [199, 101, 99, 10])
def test_our_limit_is_a_sentence_with_a_remedy(limit: int, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchlearn.data.pixels.image_opening.MAX_PIXELS", limit)
    with pytest.raises(PatchlearnError, match=rf"a\.png: .* exceeds the limit of {limit} pixels\. Resize it, or cut"):
        read(photo)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_our_limit_holds_where_pillow_only_warns(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchlearn.data.pixels.image_opening.MAX_PIXELS", 199)
    with pytest.raises(PatchlearnError, match="20×10 pixels"):
        read(photo)


def test_the_limit_names_the_size(tmp_path: Path) -> None:
    require_size(tmp_path, 20000, 10000)
    with pytest.raises(
        PatchlearnError, match=r"30000×20000 pixels \(width × height\) exceeds the limit of 268,435,456"
    ):
        require_size(tmp_path, 30000, 20000)


def test_the_limits_of_the_program_come_back_when_the_last_reader_is_done(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    inside, done = threading.Event(), threading.Event()

    def slow() -> None:
        with opened(photo):
            inside.set()
            done.wait(10)

    other = threading.Thread(target=slow)
    other.start()
    assert inside.wait(10)
    assert read(photo) == read(photo)  # these readers leave before the slow one
    assert Image.MAX_IMAGE_PIXELS != 50
    done.set()
    other.join()
    assert Image.MAX_IMAGE_PIXELS == 50


def test_the_limits_come_back_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    (tmp_path / "a.png").write_bytes(b"words")
    with pytest.raises(NotAnImageError):
        read(tmp_path / "a.png")
    assert Image.MAX_IMAGE_PIXELS == 50


def test_long_metadata_spoil_no_picture(tmp_path: Path) -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "x" * (PngImagePlugin.MAX_TEXT_CHUNK + 1), zip=True)
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png", pnginfo=words)
    assert read(tmp_path / "a.png") == (20, 10)


def test_a_huge_header_is_refused_before_anything_is_decoded(photo: Path) -> None:
    content = bytearray(photo.read_bytes())
    content[16:24] = (200_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    photo.write_bytes(content)
    with pytest.raises(PatchlearnError, match="exceeds the limit"):
        read(photo)


@pytest.mark.parametrize("error", [MemoryError(), OSError("odd"), IndexError("odd"), EOFError("odd")])
def test_every_error_becomes_a_sentence(error: BaseException, tmp_path: Path) -> None:
    with (
        pytest.raises(PatchlearnError, match=r"a\.png: (too large for the free memory|damaged image \(odd\))"),
        sentences(tmp_path / "a.png"),
    ):
        raise error


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "P", "I;16"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_once(orientation: int, compression: str, mode: str, tmp_path: Path) -> None:
    """Pillow turns a TIFF itself while it loads it; a file that it maps into memory, it turns wrongly."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    image = (
        Image.fromarray(pixels[..., 0].astype(np.uint16)) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    )
    image.save(tmp_path / "a.tif", exif=exif, compression=compression)
    turn = TURNS.get(orientation)
    expected = image.convert("I") if mode == "I;16" else image
    with opened(tmp_path / "a.tif") as file:
        assert np.array_equal(
            np.asarray(upright(file)), np.asarray(expected if turn is None else expected.transpose(turn))
        )


def test_an_environment_variable_raises_and_lowers_the_limit(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATCHLEARN_MAX_PIXELS", "199")
    with pytest.raises(PatchlearnError, match=r"exceeds the limit of 199 pixels.*PATCHLEARN_MAX_PIXELS"):
        read(photo)
    monkeypatch.setenv("PATCHLEARN_MAX_PIXELS", "600000000")
    require_size(photo, 30000, 20000)


def claiming(kind: str, width: int, height: int) -> bytes:
    """A file of some bytes that says it has so many pixels."""
    if kind == "GIF":
        head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
        return head + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00;"
    header, pixels = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), zlib.compress(b"")
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    packed = [
        struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data)) for tag, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_a_file_that_cannot_hold_its_pixels_is_refused_before_they_are_allocated(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(claiming(kind, 13000, 13000))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(PatchlearnError, match=r"a\.png: claims 13000×13000 pixels in \d\d bytes"):
        read(tmp_path / "a.png")


def test_the_emptiest_large_image_is_read(tmp_path: Path) -> None:
    """12,000 × 9,000 pixels of one bit: the fewest bytes that a PNG can have."""
    Image.new("1", (12000, 9000)).save(tmp_path / "a.png")
    with opened(tmp_path / "a.png") as file:
        assert file.size == (12000, 9000)


@pytest.mark.parametrize("kind", ["EPS", "PCX", "ICO", "SGI"])
def test_what_is_no_photograph_is_not_read_whatever_its_name(kind: str, tmp_path: Path) -> None:
    """EPS would start Ghostscript."""
    with (tmp_path / "a.jpg").open("wb") as file:
        Image.new("RGB", (20, 10)).save(file, kind)
    with pytest.raises(NotAnImageError, match=r"a\.jpg: not an image"):
        read(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_the_content_says_the_format_and_not_the_name(kind: str, tmp_path: Path) -> None:
    with (tmp_path / "a.jpg").open("wb") as file:
        Image.new("RGB", (20, 10)).save(file, kind)
    assert read(tmp_path / "a.jpg") == (20, 10)


def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(PatchlearnError, match=r"a\.png: a pipe"):
        read(tmp_path / "a.png")
    with pytest.raises(PatchlearnError, match=r"a\.png: a pipe"):
        read_image(tmp_path / "a.png")
