"""The verb `audit`."""

import csv
import json
from pathlib import Path

import pytest
from whole_run import finished_tiny_run

from patchlearn.cli.audit import lines_of
from patchlearn.cli.main import main
from patchlearn.core.files import read_json
from patchlearn.data.images import read_indices
from patchlearn.evaluate.audit import AuditScores, Estimated

NAMES = ("background", "red", "blue")


@pytest.fixture
def run(folder_data: Path, tmp_path: Path) -> Path:
    return finished_tiny_run(folder_data, tmp_path / "run")


def filled(run: Path, data: Path, count: int) -> Path:
    """A table of an audit, labelled from the true masks; one pixel is left to `?`."""
    out = run.parent / "audit.csv"
    assert main(["suggest", str(run), "--audit", "-n", str(count), "--out", str(out)]) == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        mask = read_indices(data / "masks" / f"{row['image']}.png")
        row["label"] = NAMES[mask[int(row["y"]), int(row["x"])]]
    rows[0]["label"] = "?"
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return out


def test_the_interval_holds_the_score_that_the_true_masks_give(
    run: Path, folder_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = filled(run, folder_data, 400)
    capfd.readouterr()
    assert main(["audit", str(run), str(table), "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)
    (entry,) = (each for each in read_json(run / "evaluation.json") if each["artefact"] == "pseudo")
    assert facts["miou"]["low"] < entry["miou"] < facts["miou"]["high"]
    assert list(facts["iou"]) == list(NAMES)
    for name, share in facts["iou"].items():
        assert share["low"] <= entry["iou"][name] <= share["high"]
    assert (facts["judged"], facts["unsure"]) == (399, 1)
    assert main(["audit", str(run), str(table), "--variant", "plain"]) == 0
    shown = capfd.readouterr().out.splitlines()
    assert shown[0].startswith(f"mIoU: {100 * facts['miou']['value']:.1f} % (95 %: ")
    assert shown[-1] == "estimated from 399 labelled pixels; of 1 more nobody could tell"


def test_pixels_that_were_chosen_for_doubt_are_refused(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "points.csv"
    assert main(["suggest", str(run), "-n", "4", "--out", str(out)]) == 0
    assert main(["audit", str(run), str(out)]) == 2
    assert "was not drawn at random (kind is not 'audit')" in " ".join(capfd.readouterr().err.split())


def test_what_is_not_known_is_said() -> None:
    sure, unsure = Estimated(0.5, 0.25, 0.75), Estimated(1.0, 0.9, 1.0)
    scores = AuditScores(miou=sure, iou=(sure, None), accuracy=unsure, judged=9, unsure=0)
    assert list(lines_of(scores, ("background", "cat"))) == [
        "mIoU: 50.0 % (95 %: 25.0 to 75.0 %)",
        "pixel accuracy: 100.0 % (95 %: 90.0 to 100.0 %)",
        "IoU of background: 50.0 % (95 %: 25.0 to 75.0 %)",
        "IoU of cat: not known; no pixel shows it, nor do the masks there",
        "estimated from 9 labelled pixels",
    ]
