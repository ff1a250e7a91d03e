"""The page is whole, safe and says what the files say."""

import re
from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import Dataset
from patchlearn.report.page import write_report

VARIANTS = ("plain", "progressive")


def page(run: Path, data: Dataset, variants: tuple[str, ...] = VARIANTS) -> str:
    return write_report(run, data, variants, split="train", title="A <title>", learned=12).read_text(encoding="utf-8")


def test_the_page_holds_everything_and_needs_nothing(run: Path, data: Dataset) -> None:
    html = page(run, data)
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert "<script" not in html
    for word in (*VARIANTS, "red", "blue", "50.0", "45.0", "40.0", "images of train", "commit abc", "A &lt;title&gt;"):
        assert word in html
    assert "learned from the tags of 12 images" in html
    assert html.count("<svg") == 5
    assert html.count("data:image/jpeg") == 8 * (2 + 2 * len(VARIANTS))
    assert "&lt;b&gt;" in html


def test_what_is_not_there_is_left_out(run: Path, data: Dataset) -> None:
    (run / "evaluation.json").unlink()
    for variant in VARIANTS:
        (run / variant / "evaluation" / "curves.json").unlink()
        (run / variant / "classifier" / "log.csv").unlink()
    html = page(run, data, ("plain",))
    assert "seed mIoU" not in html
    assert "held-out, mAP" in html
    assert "progressive" not in html.split("recipe.yaml")[0].split("<h2>Maps and pseudo masks")[1]


def test_an_empty_run_is_explained(tmp_path: Path, data: Dataset) -> None:
    with pytest.raises(PatchlearnError, match="Run first: patchlearn run"):
        page(tmp_path, data)


def test_folders_without_anything_in_them_are_explained(tmp_path: Path, data: Dataset) -> None:
    for variant in VARIANTS:
        (tmp_path / "run" / variant).mkdir(parents=True)
    with pytest.raises(PatchlearnError, match="Run first: patchlearn run"):
        page(tmp_path / "run", data)


def test_only_the_variants_asked_for_are_shown(run: Path, data: Dataset) -> None:
    assert "progressive" not in page(run, data, ("plain",))


def test_every_mask_of_new_images_stands_under_its_own_variant(run: Path, data: Dataset) -> None:
    """plain was stopped after one image, which has no true mask; progressive has all of them."""
    samples = data.split("val")
    mask = np.zeros((40, 48), np.uint8)
    write_mask(run / "plain" / "segmented" / "val" / f"{samples[-1].id}.png", mask)
    for sample in samples:
        write_mask(run / "progressive" / "segmented" / "val" / f"{sample.id}.png", mask)
    table = page(run, data).split("New images, without tags")[1].split("</table>")[0]
    header, *rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    columns = header.count("<th>")
    assert all(row.count("<td>") == columns for row in rows)
    assert sum('alt="plain"' in row for row in rows) == 1
    assert sum('alt="progressive"' in row for row in rows) == len(rows)
