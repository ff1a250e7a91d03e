"""Uploads become images, or a sentence."""

import gzip
from io import BytesIO
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.web.limits import Limits
from patchlearn.web.uploads import read_upload, shown

LIMITS = Limits(megapixels=0.01)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)  # type: ignore[arg-type]
    return file.getvalue()


def left_over() -> list[Path]:
    return list(Path(gettempdir()).glob("patchlearn-*"))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "WEBP"])
def test_an_upload_is_read_as_a_file_is(format: str) -> None:
    picture = Image.effect_noise((9, 7), 60).convert("RGB")
    options = {"lossless": True} if format == "WEBP" else {}
    before = left_over()
    assert np.array_equal(read_upload(encoded(picture, format, **options), "a", LIMITS), np.asarray(picture))
    assert left_over() == before  # nothing stays on the disk


def test_a_photograph_on_its_side_is_turned() -> None:
    exif = Image.Exif()
    exif[274] = 6
    content = encoded(Image.new("RGB", (20, 10)), "JPEG", exif=exif)
    assert read_upload(content, "a.jpg", LIMITS).shape == (20, 10, 3)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "a.png: not an image"),
        (b"just some words", "a.png: not an image"),
        (gzip.compress(bytes(10**6)), "a.png: not an image"),
        (encoded(Image.new("RGB", (50, 50)), "PNG")[:60], "a.png: damaged image"),
        (encoded(Image.new("1", (4000, 4000)), "PNG"), "a.png: has 4000×4000 pixels, and the page takes 0.01 million"),
    ],
)
def test_what_is_no_image_or_too_large_is_a_sentence(content: bytes, sentence: str) -> None:
    """The last one is a bomb: 16 million pixels in 2 kB, refused before they are unpacked."""
    with pytest.raises(PatchlearnError) as caught:
        read_upload(content, "folder/a.png", LIMITS)
    assert str(caught.value).startswith(sentence)
    assert gettempdir() not in str(caught.value)


def test_a_name_is_shown_and_is_no_path() -> None:
    assert shown("C:\\photos\\a.jpg") == "a.jpg"
    assert shown("a\x00\x1b[31m.png") == "a[31m.png"
    assert len(shown("a" * 500)) == 80
