"""Evaluation and report of a run that was taken step by step; whole runs are in test_run.py."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from whole_run import RECIPE, finished_tiny_run

from patchlearn.cli.main import main
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


def judged(run: Path, *words: str) -> int:
    return main(["evaluate", str(run), "--runtime.device=cpu", *words])


def entries_of(run: Path) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for entry in read_json(run / "evaluation.json"):
        found.setdefault(entry["split"], []).append(entry)
    return found


def test_listed_images_are_judged_beside_the_splits(
    folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, few = finished_tiny_run(folder_data, tmp_path / "run"), tmp_path / "few.txt"
    before = entries_of(run)
    few.write_text("img03\nimg01.png\n")
    capfd.readouterr()
    assert judged(run, "--images", str(few), "--json") == 0
    printed = json.loads(capfd.readouterr().out)
    found = entries_of(run)
    assert (list(found), found["train"], found["few"]) == (["train", "few"], before["train"], printed)
    kinds = [("seed", "oracle"), ("seed", "label_free"), ("pseudo", "label_free")]
    assert [(entry["artefact"], entry["rule"]) for entry in printed] == kinds
    assert {(entry["images"], entry["part_of"]) for entry in printed} == {(2, "train")}
    assert all("red" not in entry["iou"] for entry in printed if entry["rule"] == "oracle")

    assert judged(run) == 0
    assert entries_of(run) == found
    assert "few" not in capfd.readouterr().out
    assert judged(run, "--images", str(few)) == 0
    assert "2 images of few (part of train)" in capfd.readouterr().out

    few.write_text("img03\n")
    assert judged(run, "--images", str(few)) == 0
    assert entries_of(run)["few"][0]["images"] == 1
    assert judged(run, "--images", str(few), "--name", "other") == 0
    assert list(entries_of(run)) == ["train", "few", "other"]

    capfd.readouterr()
    assert main(["pseudo", str(run), "--runtime.device=cpu", "--background.rule=power"]) == 0
    assert judged(run) == 0
    said = " ".join(capfd.readouterr().err.split())
    assert "plain/evaluation-of/few: made with other settings than the recipe's, and left out. Run patchlearn" in said
    assert list(entries_of(run)) == ["train"]
    assert judged(run, "--images", str(few)) == 0
    assert list(entries_of(run)) == ["train", "few"]


def test_lists_that_cannot_be_judged_are_errors(
    folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, few = finished_tiny_run(folder_data, tmp_path / "run"), tmp_path / "few.txt"
    for lines, words, said in (
        ("img03\nimg08\n", (), "few.txt: images of several splits (img03 in train; img08 in val)"),
        ("img03\n", ("--name", "val"), "'val': a split of the data set has this name"),
        ("img99\n", (), "few.txt, line 1: the data set"),
        ("img08\n", (), "variant plain: no maps or masks of split 'val'"),
    ):
        few.write_text(lines)
        assert judged(run, "--images", str(few), *words) == 2
        assert said in " ".join(capfd.readouterr().err.split())
    assert judged(run, "--name", "few") == 2
    assert "--name: names the images of a list, and goes with --images FILE" in capfd.readouterr().err
    (folder_data / "masks" / "img03.png").unlink()
    few.write_text("img03\n")
    assert judged(run, "--images", str(few)) == 2
    assert "few.txt: no image of it has a true mask" in capfd.readouterr().err
    assert set(entries_of(run)) == {"train"}
    assert not (run / "image-lists.json").exists()
