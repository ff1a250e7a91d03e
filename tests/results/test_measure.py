"""What the runner does around the verbs: what it gives them, what it deletes, what it writes. No network is trained."""

from dataclasses import replace
from pathlib import Path

import pytest
from results import measure
from results.cells import Cell, read_cell, write_cell
from results.finished import entries_of, machine, manifests, minutes
from results.measure import FOLDERS, Place, drop_older, has_val, is_there, report, run_folder
from results.plan import QUICK, SCENES, STANDARD, Planned

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, read_rows, write_json

CODES = dict.fromkeys(FOLDERS, "today")
PHOTOGRAPHS = STANDARD["voc-animals"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(
        data=tmp_path / "data", runs=tmp_path / "runs", cells=tmp_path / "cells", readings=tmp_path / "readings.csv"
    )


@pytest.fixture
def verbs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The verbs that are given; each gives what it was to make."""
    given: list[tuple[str, ...]] = []
    monkeypatch.setattr(measure, "_patchlearn", lambda run, *words: given.append(words))
    monkeypatch.setattr(
        measure,
        "finished",
        lambda planned, run, splits, commit: Cell(
            name=planned.name, commit=commit, digest="today", entries=[{"split": split} for split in splits]
        ),
    )
    monkeypatch.setattr(measure, "code_commit", lambda: "abc1234")
    monkeypatch.setattr(measure, "code_digest", lambda artefact, reader: "today")
    for name in ("results.measure.digest_of", "results.cells.digest_of"):
        monkeypatch.setattr(name, lambda planned: "today")
    return given


def test_a_run_is_made_with_the_verbs_of_the_command_line_once(place: Place, verbs: list[tuple[str, ...]]) -> None:
    written = list(measure.measure(PHOTOGRAPHS, 1, place))
    assert [path.stem for path in written] == [
        f"standard-plain-1-{artefact}" for artefact in ("seed", "pseudo", "trust", "segmenter", "full")
    ]
    assert [words[0] for words in verbs] == ["run", "segment", "segment", *["evaluate"] * 4]
    assert all({str(place.data / "voc-animals"), "--recipe", "--seed=1"} <= set(words) for words in verbs)
    assert [words[-2:] for words in verbs if "--images" in words] == [("--name", "val-choose")] * 2
    assert [entry["split"] for entry in read_json(written[0])["entries"]] == ["train", "val-choose"]
    verbs.clear()
    assert list(measure.measure(PHOTOGRAPHS, 1, place)) == []
    written[3].unlink()
    assert list(measure.measure(PHOTOGRAPHS, 1, place)) == [written[3]]
    assert len(verbs) == 4
    assert [path.stem for path in measure.measure(PHOTOGRAPHS, 2, place, ("-trust", "-2-seed"))] == [
        "standard-plain-2-seed",
        "standard-plain-2-trust",
    ]


def test_drawn_data_are_named_by_their_settings(place: Place, verbs: list[tuple[str, ...]]) -> None:
    list(measure.measure(QUICK["few-cells"], 0, place))
    assert [words[:2] for words in verbs] == [("run", "standard"), ("evaluate", "standard")]
    assert {"--data.format=scenes", "--data.scenes.kind=cells"} <= set(verbs[0])
    assert is_there("few-cells", place)
    assert not is_there("steel", place)


def test_code_that_changes_meanwhile_gives_no_figure(
    place: Place, verbs: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = iter(["today"] * 3 + ["other"] * 3)
    monkeypatch.setattr(measure, "digest_of", lambda planned: next(digests))
    with pytest.raises(PatchlearnError, match="code or settings changed while the run was made"):
        list(measure.measure(QUICK["few-cells"], 0, place))
    assert not place.cells.exists()


def made(run: Path) -> set[str]:
    return {path.relative_to(run).as_posix() for path in run.glob("*/*") if path.is_dir()}


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ((), {"plain/cams", "plain/pseudo", "plain/segmenter", "plain/segmenter-masks", "plain/evaluation-of"}),
        (("segmenter",), {"plain/cams", "plain/pseudo", "plain/segmenter-masks"}),
        (("pseudo", "segmenter"), {"plain/cams", "plain/segmenter-masks"}),
        (("seed", "pseudo", "segmenter"), set()),
    ],
)
def test_what_other_code_has_made_is_deleted(tmp_path: Path, changed: tuple[str, ...], left: set[str]) -> None:
    run = tmp_path / "run"
    drop_older(run, {**CODES, **dict.fromkeys(changed, "before")})
    for name in ("cams", "pseudo", "segmenter", "segmenter-masks", "evaluation-of"):
        (run / "plain" / name).mkdir(parents=True)
    (run / "evaluation.json").touch()
    drop_older(run, CODES)
    assert made(run) == left
    assert read_json(run / ".results-code.json") == CODES


def test_a_folder_of_unknown_code_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "run" / "plain" / "cams").mkdir(parents=True)
    drop_older(tmp_path / "run", CODES)
    assert made(tmp_path / "run") == set()


def test_what_is_read_once_is_logged_before_and_only_after_the_choices(
    place: Place, verbs: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = Planned(series=PHOTOGRAPHS, seed=0, artefact="full")
    run = run_folder(PHOTOGRAPHS, 0, place)
    for is_done, codes, commit in (
        (False, CODES, "abc1234"),
        (True, {**CODES, "full": "before"}, "abc1234"),
        (True, {}, "abc1234"),
        (True, CODES, "abc1234+"),
    ):
        if is_done:
            write_cell(Cell(name=planned.name, commit="abc1234", digest="today"), place.cells)
        write_json(run / ".results-code.json", codes)
        monkeypatch.setattr(measure, "code_commit", lambda commit=commit: commit)
        with pytest.raises(PatchlearnError, match="is not a finished run of committed code"):
            report(planned, place)
    assert not place.readings.exists()
    monkeypatch.setattr(measure, "code_commit", lambda: "abc1234")
    path = report(planned, place)
    assert path == place.cells / f"{planned.name}-val-report.json"
    (words,) = verbs
    assert words[-3:] == ("--name", "val-report", "--supervision=masks")
    assert [row["cell"] for row in read_rows(place.readings)] == [f"{planned.name}-val-report"]
    assert report(planned, place) is None
    assert len(read_rows(place.readings)) == 1


def test_what_has_no_val_is_not_read() -> None:
    assert not has_val(Planned(series=PHOTOGRAPHS, seed=0, artefact="trust"))
    assert not has_val(Planned(series=SCENES["plain"], seed=0, artefact="pseudo"))
    assert has_val(Planned(series=PHOTOGRAPHS, seed=0, artefact="pseudo"))


def test_figures_and_times_are_those_of_the_run_and_copied_steps_count(tmp_path: Path) -> None:
    run, planned = tmp_path / "run", Planned(series=SCENES["plain-self-trained"], seed=0, artefact="pseudo")
    facts = {"artefact": "pseudo", "variant": "plain-self-trained", "supervision": "tags", "rule": "label_free"}
    others = ({"variant": "plain"}, {"artefact": "seed"}, {"split": "val"}, {"supervision": "masks"})
    right = {**facts, "split": "train", "miou": 0.5}
    write_json(run / "evaluation.json", [right, *({**right, **other} for other in others)])
    assert entries_of(run, planned, ("train",)) == [right]
    with pytest.raises(PatchlearnError, match="no figure of animals/scenes-plain-self-trained-0-pseudo on test"):
        entries_of(run, planned, ("test",))
    for folder, key, seconds in (
        ("plain/classifier", "k", 120.0), ("plain-self-trained/classifier", "k", 0.1),
        ("plain-self-trained/cams/train", "c", 60.0), ("plain-self-trained/segmenter", "s", 600.0),
    ):  # fmt: skip
        write_json(run / folder / "step.json", {"key": key, "seconds": seconds, "device": "cpu"})
    assert minutes(run / "plain-self-trained", "pseudo", manifests(run)) == 3.0
    assert minutes(run / "plain-self-trained", "segmenter", manifests(run)) == 13.0
    assert "cores" in machine(manifests(run).values())
    write_json(run / "plain-self-trained/trust/trust.json", {"split": "train", "estimated_miou": 0.4})
    assert entries_of(run, replace(planned, artefact="trust"), ()) == [
        {"split": "train", "rule": "estimate", "miou": 0.4}
    ]


def test_the_folders_of_the_steps_are_those_of_the_package(tmp_path: Path) -> None:
    from whole_run import RECIPE

    from patchlearn.core.digests import Digests
    from patchlearn.core.types import Dataset
    from patchlearn.runs.pipeline import steps_of
    from patchlearn.runs.recipe import load_recipe
    from patchlearn.steps.data_splits import DataSplits

    (tmp_path / "tiny.yaml").write_text(RECIPE)
    variant = load_recipe(tmp_path / "tiny.yaml", ["--self_training.rounds=1", "--reading.use=auto"]).variants[0]
    blank = Dataset(root=tmp_path, classes=(), splits={"train": (), "val": ()}, mask_values=(), masks_are_closed=False)
    data = DataSplits(blank, Digests(None))
    steps = [step for name in ("tags", "masks") for step in steps_of(variant, data, tmp_path / "plain", 0, name)]
    known = {folder for folders in FOLDERS.values() for folder in folders} - {"trust"}
    assert {step.folder.relative_to(tmp_path / "plain").parts[0] for step in steps} == known


def test_a_cell_is_written_and_read(tmp_path: Path) -> None:
    cell = Cell(name="steel/a-b-0-seed", commit="abc1234", entries=[{"split": "train", "rule": "oracle", "miou": 0.5}])
    assert write_cell(cell, tmp_path) == tmp_path / "steel/a-b-0-seed.json"
    assert read_cell(cell.name, tmp_path) == cell
    assert read_cell("steel/other", tmp_path) is None
    assert (cell.miou(("val", "train"), "oracle"), cell.miou(("val",), "oracle")) == (50.0, None)
    assert run_folder(PHOTOGRAPHS, 2, Place(data=tmp_path, runs=tmp_path)) == tmp_path / "voc-animals" / "standard-2"
