"""The content of a mask: type, size, values and palette."""

import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from submissions import NAMES, SECOND, SIZE, good_files, mask_of, pack, png

from patchlearn.core.masks_io import PALETTE, encode_mask
from patchlearn.export.voc_server.check import check_submission
from patchlearn.export.voc_server.masks import header_problem, mask_problems, png_size


def test_a_palette_that_a_program_chose_itself_is_found(tmp_path: Path) -> None:
    image = Image.fromarray(mask_of(NAMES[1], 1))
    image.putpalette(np.concatenate([PALETTE[:1], PALETTE[15:16], PALETTE[:254]]).tobytes())
    file = BytesIO()
    image.save(file, "PNG")
    files = {**good_files(), SECOND: file.getvalue()}
    (problem,) = check_submission(pack(tmp_path / "a.tgz", files), NAMES)
    assert "its palette is not VOC's colour map" in problem


def test_a_palette_without_the_colour_of_a_value_is_found(tmp_path: Path) -> None:
    content = png(np.full(SIZE, 20), colours=18)
    (problem,) = check_submission(pack(tmp_path / "a.tgz", {**good_files(), SECOND: content}), NAMES)
    assert "its palette is not VOC's colour map" in problem


def test_a_text_that_grows_without_end_is_not_read(tmp_path: Path) -> None:
    content = encode_mask(mask_of(NAMES[1]))
    end = content.index(b"IDAT") - 4
    text = b"zTXt" + b"a\0\0" + zlib.compress(bytes(2**26))
    chunk = (len(text) - 4).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")
    files = {**good_files(), SECOND: content[:end] + chunk + content[end:]}
    (problem,) = check_submission(pack(tmp_path / "a.tgz", files), NAMES)
    assert f"{SECOND}: damaged image" in problem


def test_a_mask_of_gigantic_size_is_never_decoded(tmp_path: Path) -> None:
    content = bytearray(encode_mask(mask_of(NAMES[1])))
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    (problem,) = check_submission(pack(tmp_path / "a.tgz", {**good_files(), SECOND: bytes(content)}), NAMES)
    assert "100000×100000 pixels, more than any image of VOC has" in problem


@pytest.mark.parametrize("value", [0, 1, 20])
def test_a_good_mask_has_no_problems(value: int) -> None:
    content = encode_mask(np.full((5, 7), value, np.uint8))
    assert list(mask_problems(content)) == []
    assert header_problem(content) == ""
    assert png_size(content) == (5, 7)


def test_several_problems_of_one_mask_are_all_named() -> None:
    values = np.array([[0, 21, 255]], np.uint8)
    first, second = mask_problems(png(values))
    assert first.startswith("1 pixels are undecided (255)")
    assert second.startswith("holds the value 21")
