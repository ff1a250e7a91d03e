"""The page is whole, safe and says what the files say."""

import re
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from conftest import make_folder
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import append_row, write_json
from patchlearn.core.masks_io import write_mask, write_scores
from patchlearn.core.types import Dataset, ScoreMaps
from patchlearn.data.open import open_dataset
from patchlearn.report.figures import Chart, Line, draw_chart, heat_overlay, mask_overlay
from patchlearn.report.page import write_report
from patchlearn.report.results import caption, percent, print_results, recall_at_precision, results_table

VARIANTS = ("plain", "progressive")
CURVE = {
    "thresholds": [0.0, 0.5, 0.9],
    "miou": [0.2, 0.5, 0.3],
    "precision": [0.2, 0.6, 0.9],
    "recall": [0.9, 0.5, 0.1],
    "recall_weak": [0.8, 0.4, 0.1],
    "recall_strong": [1.0, 0.9, 0.5],
}


def entry(variant: str, artefact: str, rule: str, miou: float) -> dict[str, object]:
    return {
        "artefact": artefact, "variant": variant, "split": "train", "labels": "given", "rule": rule, "miou": miou,
        "iou": {"background": 0.9, "red": miou}, "precision": 0.5, "recall": 0.5, "boundary_f": 0.3,
        "threshold": 0.5, "images": 8, "commit": "abc", "recipe": "def", "supervision": "tags", "absent": ["blue"],
        "foreground_precision": 0.6, "foreground_recall": 0.5, "recall_weak": 0.4, "recall_strong": 0.9,
    }  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return open_dataset("folder", make_folder(tmp_path / "data", lambda index: f"img{index:02}.png"))


@pytest.fixture
def run(tmp_path: Path, data: Dataset) -> Path:
    run = tmp_path / "run"
    for variant in VARIANTS:
        for sample in data.split("train"):
            scores = np.random.default_rng(0).random((len(sample.labels), 10, 12), dtype=np.float32)
            maps = ScoreMaps(scores=scores, classes=sample.labels, size=(40, 48))
            write_scores(run / variant / "cams" / "train" / f"{sample.id}.npz", maps)
            mask = np.zeros((40, 48), np.uint8)
            mask[:9], mask[9:20] = 255, sample.labels[0] + 1
            write_mask(run / variant / "pseudo" / "train" / f"{sample.id}.png", mask)
        for step in (10, 20):
            row = {"step": step, "stage": step // 20, "epoch": 0, "loss": 1 / step, "learning_rate": 0.1}
            append_row(run / variant / "classifier" / "log.csv", row)
            row = {"epoch": 0, "stage": 0, "step": step, "loss": 0.1, "map": step / 40, "seconds": 1}
            append_row(run / variant / "classifier" / "epochs.csv", row)
        write_json(run / variant / "evaluation" / "curves.json", {"seed": {"train": CURVE}})
    figures = (("seed", "oracle", 0.5), ("seed", "label_free", 0.45), ("pseudo", "label_free", 0.4))
    write_json(run / "evaluation.json", [entry(variant, *figure) for variant in VARIANTS for figure in figures])
    (run / "recipe.yaml").write_text("title: <b>&</b>\n")
    return run


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


def test_figures_are_those_of_the_entries(run: Path) -> None:
    plain, progressive = results_table(run)
    assert (plain.variant, progressive.variant) == VARIANTS
    assert (plain.seed_oracle, plain.seed_label_free, plain.pseudo) == (0.5, 0.45, 0.4)
    assert (plain.weak_recall, plain.weak_recall_at_precision, plain.held_out_map) == (0.4, 0.4, 0.5)


def test_recall_at_equal_precision_by_hand() -> None:
    assert recall_at_precision(CURVE, 0.6) == 0.4
    assert recall_at_precision(CURVE, 0.61) == 0.1
    assert recall_at_precision(CURVE, 0.0) == 0.8
    assert recall_at_precision(CURVE, 0.95) is None


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


def test_the_terminal_shows_the_same_figures(run: Path) -> None:
    console = Console(record=True, width=200, quiet=False, file=(run / "log.txt").open("w"))
    print_results(console, run)
    text = console.export_text()
    assert "progressive" in text
    assert "45.0" in text
    console.file.close()


def test_percent() -> None:
    assert (percent(0.4235), percent(None)) == ("42.4", "–")


def test_overlays_have_the_size_of_the_picture() -> None:
    picture = np.zeros((30, 40, 3), np.uint8)
    assert heat_overlay(picture, np.zeros((0, 5, 5), np.float32)).shape == (30, 40, 3)
    painted = mask_overlay(picture, np.array([[0, 1], [255, 2]], np.uint8))
    assert painted.shape == (30, 40, 3)
    assert len({tuple(painted[y, x]) for y, x in ((3, 3), (3, 33), (24, 33))}) == 3


def test_labels_of_a_chart_are_escaped() -> None:
    chart = Chart(name="a", x_label="<x>", y_label='"y"', lines=[Line(points=[(0, 0), (1, 1)], colour="#000000")])
    assert "<x>" not in draw_chart(chart)


def test_folders_without_anything_in_them_are_explained(tmp_path: Path, data: Dataset) -> None:
    for variant in VARIANTS:
        (tmp_path / "run" / variant).mkdir(parents=True)
    with pytest.raises(PatchlearnError, match="Run first: patchlearn run"):
        page(tmp_path / "run", data)


def test_a_variant_without_maps_does_not_empty_the_gallery(run: Path, data: Dataset) -> None:
    shutil.rmtree(run / "progressive" / "cams")
    assert page(run, data).count("data:image/jpeg") == 8 * (2 + 2)


def test_only_the_variants_asked_for_are_shown(run: Path, data: Dataset) -> None:
    assert "progressive" not in page(run, data, ("plain",))


def test_a_variant_that_was_only_trained_has_its_row(run: Path) -> None:
    write_json(run / "evaluation.json", [entry("plain", "seed", "oracle", 0.5)])
    plain, progressive = results_table(run)
    assert (plain.seed_oracle, progressive.seed_oracle, progressive.held_out_map) == (0.5, None, 0.5)


def test_seeds_judged_on_another_split_are_shown(run: Path) -> None:
    write_json(run / "evaluation.json", [{**entry("plain", "seed", "oracle", 0.5), "split": "val"}])
    console = Console(record=True, width=200, file=StringIO())
    print_results(console, run)
    text = console.export_text()
    assert "images of val" in text
    assert "50.0" in text


def test_the_segmenter_has_its_own_column(run: Path) -> None:
    segmenter = {**entry("plain", "segmenter", "argmax", 0.61), "split": "val", "labels": "predicted"}
    reference = {**segmenter, "supervision": "masks", "miou": 0.7625}
    write_json(run / "evaluation.json", [entry("plain", "seed", "oracle", 0.5), reference, segmenter])
    plain, _ = results_table(run)
    assert (plain.seed_oracle, plain.segmenter, plain.reference) == (0.5, 0.61, 0.7625)
    assert plain.share_of_reference == pytest.approx(0.8)


def test_the_segmenters_figure_is_never_without_its_circumstances(run: Path) -> None:
    segmenter = {**entry("plain", "segmenter", "argmax", 0.61), "split": "val", "labels": "predicted"}
    write_json(run / "evaluation.json", [segmenter])
    assert "Segmenter: 8 images of val, no image labels, commit abc." in caption(run)


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


def test_names_are_no_markup(run: Path) -> None:
    entries = [entry("a[/b]", "seed", "oracle", 0.5)]
    write_json(run / "evaluation.json", entries)
    console = Console(record=True, width=120, file=StringIO())
    print_results(console, run)
    assert "a[/b]" in console.export_text()


@pytest.mark.parametrize("other", [{"split": "test"}, {"settings": "others"}])
def test_no_share_of_a_reference_that_was_trained_or_judged_otherwise(run: Path, other: dict[str, str]) -> None:
    segmenter = {**entry("plain", "segmenter", "argmax", 0.61), "split": "val", "settings": "some"}
    reference = {**segmenter, "supervision": "masks", "miou": 0.7625, **other}
    write_json(run / "evaluation.json", [segmenter, reference])
    plain, _ = results_table(run)
    assert (plain.segmenter, plain.reference, plain.share_of_reference) == (0.61, 0.7625, None)


def test_an_unknown_map_is_no_figure(run: Path) -> None:
    row = {"epoch": 1, "stage": 0, "step": 30, "loss": 0.1, "map": float("nan"), "seconds": 1}
    append_row(run / "plain" / "classifier" / "epochs.csv", row)
    assert results_table(run)[0].held_out_map is None
