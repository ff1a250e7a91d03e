"""Evaluation and report of a run that was taken step by step; whole runs are in test_run.py."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from whole_run import RECIPE

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json
from patchlearn.core.pace import Estimate
from patchlearn.runs.run import estimate, open_run, prepare, take_all
from patchlearn.runs.target import find_target
from patchlearn.runs.views import evaluate, report, take_views
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.step import Step


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


def without_end(step: Step) -> Step:
    """The same step, as a call that was interrupted leaves it."""
    path = step.folder / "step.json"
    path.write_text(json.dumps({**read_json(path), "complete": False}))
    return replace(step)


def test_a_run_that_is_continued_is_estimated_by_what_is_left(
    recipe: Path, folder_data: Path, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image takes a second here, a round of training a hundred."""
    words = [
        "--runtime.device=cpu",
        "--variants={plain: null}",
        f"--data.root={folder_data}",
        "--segmenter.noise.rounds=2",
    ]
    words += ["--self_training.rounds=2", "--background.growth=2", "--affinity.rounds=2"]
    monkeypatch.setattr("patchlearn.core.pace.seconds_each", lambda work, items, _: (work(items[0]), 1.0)[1])
    monkeypatch.setattr("patchlearn.training.pace.seconds_of_training", lambda *_: 100.0)
    with open_run(find_target(recipe, tmp_path / "run", words), (), console) as run:
        prepare(run)
        steps = {step.name: step for step in run.steps(run.variants[0])}
        fresh = {name: step.estimate(run.runtime).seconds for name, step in steps.items()}
        take_all(run)
        left = {name: without_end(step).estimate(run.runtime).seconds for name, step in steps.items()}
        home = tmp_path / "run" / "plain"
        rounds = len(list(home.glob("relearn/round-*.safetensors")))
        for name in ("features/train/img00.safetensors", "features/train/img03.safetensors", "cams/train/img00.npz",
                     "pseudo/train/sure/img00.png", "pseudo/train/img01.png", "segmented/val/img08.png",
                     "affinity/round-1/labels/img01.png",
                     "affinity/model.safetensors", "affinity/state.safetensors", "affinity/labels/img00.png",
                     "segmenter/model.safetensors", "segmenter/round-1/model.safetensors",
                     "segmenter/round-1/state.safetensors"):  # fmt: skip
            (home / name).unlink()
        then = {name: without_end(step).estimate(run.runtime).seconds for name, step in steps.items()}
        other = replace(steps["cams"], settings=replace(steps["cams"].settings, confidence=0.4))
        assert other.estimate(run.runtime).seconds == 8
    assert fresh == {
        "classifier": 100, "features": 8, "relearn": 16, "cams": 8, "affinity": 216, "pseudo": 8, "segmenter": 200,
        "segmented": 4,
    }  # fmt: skip
    assert left == {**dict.fromkeys(fresh, 0), "relearn": 8 * (2 - rounds)}
    assert then == {
        "classifier": 0, "features": 2, "relearn": 8 * (2 - rounds), "cams": 1, "affinity": 101, "pseudo": 2,
        "segmenter": 100, "segmented": 1,
    }  # fmt: skip


def test_what_will_be_copied_needs_no_time(
    recipe: Path, folder_data: Path, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--runtime.device=cpu", "--with_segmenter=false", f"--data.root={folder_data}", "--affinity.kind=none"]
    with open_run(find_target(recipe, tmp_path / "run", [*words, "--variants={plain: null}"]), (), console) as run:
        take_all(run)
    twins = "--variants={plain: null, twin: null, other: {cams: {confidence: 0.4}}}"
    with open_run(find_target(recipe, tmp_path / "run", [*words, twins]), (), console) as run:
        timed: list[str] = []
        monkeypatch.setattr(Step, "estimate", lambda step, _: (timed.append(step.title), Estimate())[1])
        for kind in (TrainClassifier, WriteCams, WritePseudoMasks):
            monkeypatch.setattr(kind, "estimate", Step.estimate)
        estimate(run)
    assert timed == ["other/cams/train", "other/pseudo/train"]
