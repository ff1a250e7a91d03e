"""Masks of a run, measured without true masks."""

import csv
from pathlib import Path

import pytest
from rich.console import Console
from whole_run import finished_tiny_run

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json
from patchlearn.core.masks_io import write_mask
from patchlearn.data.clicks.suggested_table import write_audit
from patchlearn.data.images import read_mask
from patchlearn.runs.audit import audit, draw
from patchlearn.runs.run import Run, open_run
from patchlearn.runs.target import find_target


@pytest.fixture
def run(folder_data: Path, tmp_path: Path) -> Path:
    return finished_tiny_run(folder_data, tmp_path / "run")


def opened(run: Path, console: Console, *more: str):  # type: ignore[no-untyped-def]
    return open_run(find_target(run, None, more), (), console)


def table_of(run: Run, path: Path, count: int) -> Path:
    """A table that somebody who knows the true masks has filled in."""
    names = ("background", *run.dataset.classes)
    rows = []
    for each in draw(run, run.variants[0], count):
        truth = read_mask(run.dataset, each.sample)[each.y, each.x]
        rows.append({**each.row, "label": names[truth]})
    write_audit(path, rows)
    return path


def test_every_pixel_labelled_gives_the_scores_of_the_evaluation(run: Path, tmp_path: Path, console: Console) -> None:
    with opened(run, console) as known:
        table = table_of(known, tmp_path / "audit.csv", 8 * 40 * 48)
        found = audit(known, known.variants[0], table)
    (entry,) = (each for each in read_json(run / "evaluation.json") if each["artefact"] == "pseudo")
    assert found.miou.value == pytest.approx(entry["miou"])
    assert [share and share.value for share in found.iou] == pytest.approx(list(entry["iou"].values()))


def test_a_sample_judges_masks_that_were_made_later(run: Path, tmp_path: Path, console: Console) -> None:
    with opened(run, console) as known:
        table = table_of(known, tmp_path / "audit.csv", 300)
        before = audit(known, known.variants[0], table)
        for sample in known.dataset.split("train"):
            write_mask(run / "plain" / "pseudo" / "train" / f"{sample.id}.png", read_mask(known.dataset, sample))
    with opened(run, console) as known:
        steps = [step for step in known.steps(known.variants[0]) if step.name == "pseudo"]
        steps[0].outputs.finish(steps[0].key, {})
        after = audit(known, known.variants[0], table)
    assert before.miou.value < 0.9
    assert after.miou.value == 1
    assert after.judged == 300


def test_another_number_draws_other_pixels(run: Path, console: Console) -> None:
    with opened(run, console) as known:
        first = draw(known, known.variants[0], 50)
        assert first == draw(known, known.variants[0], 50)
        assert first != draw(known, known.variants[0], 50, number=1)
        assert {each.sample.id for each in first} <= {sample.id for sample in known.dataset.split("train")}


def test_a_table_of_other_images_is_refused(run: Path, tmp_path: Path, console: Console) -> None:
    with opened(run, console) as known:
        table = table_of(known, tmp_path / "audit.csv", 60)
        with table.open(newline="") as file:
            rows = list(csv.DictReader(file))
        kept = [row for row in rows if row["stratum"] != "1"]
        write_audit(tmp_path / "less.csv", kept)
        with pytest.raises(PatchlearnError, match=r"less\.csv: was drawn from [\d,]+ pixels, but the images of"):
            audit(known, known.variants[0], tmp_path / "less.csv")


def test_without_masks_there_is_nothing_to_measure(run: Path, console: Console) -> None:
    for setting, message in (("--pseudo.splits=[]", "no masks to measure"), ("--pseudo.local=1", "made with other")):
        with opened(run, console, setting) as known, pytest.raises(PatchlearnError, match=message):
            draw(known, known.variants[0], 50)
