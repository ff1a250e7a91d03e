"""Evaluation and report of a run that was taken step by step; whole runs are in test_run.py."""

from pathlib import Path

import pytest
from rich.console import Console
from whole_run import RECIPE

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json
from patchlearn.runs.run import estimate, open_run, prepare, take_all
from patchlearn.runs.target import find_target
from patchlearn.runs.views import evaluate, report, take_views


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return path


def fail(_: object) -> None:
    raise PatchlearnError("trust fails")


def test_views_hold_what_is_there_and_a_fault_of_trust_does_not_cost_the_report(
    recipe: Path, folder_data: Path, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--runtime.device=cpu", "--variants={plain: null}", f"--data.root={folder_data}"]
    with open_run(find_target(recipe, tmp_path / "run", words), (), console) as run:
        prepare(run)
        needs = estimate(run)
        assert needs.seconds > 0
        assert needs.bytes > 1e6
        take_all(run)
        assert estimate(run).seconds == 0
        assert {entry["artefact"] for entry in evaluate(run)} == {"seed", "pseudo", "segmenter"}
        monkeypatch.setattr("patchlearn.runs.views.trust_lines_of", fail)
        with pytest.raises(PatchlearnError, match="trust fails"):
            take_views(run)
        assert (tmp_path / "run" / "report.html").exists()
        assert report(run) == tmp_path / "run" / "report.html"
        products = run.products()
    assert len(read_json(tmp_path / "run" / "evaluation.json")) == 4
    assert products == [
        f"masks: {tmp_path}/run/plain/pseudo/train",
        f"new images: patchlearn predict {tmp_path}/run NEW_IMAGES --out MASKS",
    ]
