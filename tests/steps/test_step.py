"""A toy step: one file of its own (this one), and one line of the pipeline."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from conftest import make_runtime
from rich.console import Console

from patchlearn.cli.main import main
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.runtime import Runtime
from patchlearn.runs import pipeline
from patchlearn.runs import run as run_module
from patchlearn.runs.settings import Variant
from patchlearn.runs.target import find_target
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.data_splits import DataSplits
from patchlearn.steps.step import Step


@dataclass(frozen=True)
class Number(Step):
    """Writes a number."""

    name: ClassVar[str] = "number"
    verb: ClassVar[str] = "count"
    is_training: ClassVar[bool] = True

    value: Any

    def work(self, runtime: Runtime) -> None:
        (self.folder / "number.txt").write_text(str(self.value))


@dataclass(frozen=True)
class Double(Step):
    """Writes twice the number, in two files of which each may be there."""

    name: ClassVar[str] = "double"
    verb: ClassVar[str] = "double"

    number: Number

    def work(self, runtime: Runtime) -> None:
        for name in ("a", "b"):
            if not (self.folder / name).exists():
                (self.folder / name).write_text(2 * (self.number.folder / "number.txt").read_text())


@pytest.fixture
def runtime(console: Console) -> Runtime:
    return make_runtime(console)


def test_a_step_is_taken_once_and_needs_those_before_it(tmp_path: Path, runtime: Runtime) -> None:
    home = tmp_path / "v"
    number = Number(home, 7)
    double = Double(home, number)
    with pytest.raises(PatchlearnError, match=r"v/number: not there yet\. Run first: patchlearn count"):
        double.take(runtime)
    number.take(runtime)
    double.take(runtime)
    assert (home / "double" / "a").read_text() == "77"
    time = (home / "double" / "step.json").stat().st_mtime_ns
    Double(home, Number(home, 7)).take(runtime)
    assert (home / "double" / "step.json").stat().st_mtime_ns == time


def test_the_key_of_a_step_holds_the_keys_of_those_it_needs_and_not_where_it_lies(tmp_path: Path) -> None:
    keys = [
        Double(tmp_path / home, Number(tmp_path / home, value)).key for home, value in (("a", 1), ("b", 1), ("a", 2))
    ]
    assert keys[0] == keys[1] != keys[2]


def test_what_was_trained_is_kept_aside_for_one_generation(tmp_path: Path, runtime: Runtime) -> None:
    for value in (1, 2, 3):
        Number(tmp_path / "v", value).take(runtime)
    (aside,) = (tmp_path / ".replaced").iterdir()
    assert aside.name == f"number-{Number(tmp_path / 'v', 2).key}"
    assert (aside / "number.txt").read_text() == "2"


def test_what_was_kept_aside_comes_back_without_work(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (1, 2):
        Number(tmp_path / "v", value).take(runtime)
    monkeypatch.setattr(Number, "work", lambda *_: pytest.fail("is done again"))
    Number(tmp_path / "v", 1).take(runtime)
    assert (tmp_path / "v/number/number.txt").read_text() == "1"
    assert [path.name for path in (tmp_path / ".replaced").iterdir()] == [f"number-{Number(tmp_path / 'v', 2).key}"]


def test_an_interrupted_training_does_not_take_the_place_of_a_finished_one(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Number.work
    Number(tmp_path / "v", 1).take(runtime)
    monkeypatch.setattr(Number, "work", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        Number(tmp_path / "v", 2).take(runtime)
    monkeypatch.setattr(Number, "work", work)
    Number(tmp_path / "v", 3).take(runtime)
    (aside,) = (tmp_path / ".replaced").iterdir()
    assert (aside / "number.txt").read_text() == "1"


def test_a_damaged_manifest_elsewhere_stops_no_step(tmp_path: Path, runtime: Runtime) -> None:
    Number(tmp_path / "v", 1).take(runtime)
    (tmp_path / "v/number/step.json").write_text("{")
    with pytest.raises(PatchlearnError, match=r"step\.json: not the manifest of a step\. Move the folder away"):
        Number(tmp_path / "v", 1).take(runtime)
    Number(tmp_path / "w", 1).take(runtime)
    assert (tmp_path / "w/number/number.txt").exists()


def test_files_of_a_file_manager_are_no_outputs(tmp_path: Path, runtime: Runtime) -> None:
    number = Number(tmp_path / "v", 1)
    number.take(runtime)
    Double(tmp_path / "v", number).take(runtime)
    (tmp_path / "v/double/.DS_Store").write_text("x")
    assert Double(tmp_path / "v", number).is_complete
    assert ".DS_Store" not in Double(tmp_path / "v", number).outputs.manifest["files"]


def test_twins_share_their_work(tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    Number(tmp_path / "v", 1).take(runtime)
    monkeypatch.setattr(Number, "work", lambda *_: pytest.fail("is done again"))
    Number(tmp_path / "w", 1).take(runtime)
    first, second = tmp_path / "v/number/number.txt", tmp_path / "w/number/number.txt"
    assert second.read_text() == "1"
    assert not second.samefile(first)
    monkeypatch.setattr(Number, "is_linked", True)
    Number(tmp_path / "x", 1).take(runtime)
    assert (tmp_path / "x/number/number.txt").samefile(first)


def test_a_line_says_what_is_redone_and_why(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    aloud = make_runtime(Console(stderr=True, width=200))
    for value in ({"epochs": 4}, {"epochs": 6}, {"epochs": 6}):
        Number(tmp_path / "v", value).take(aloud)
    assert capfd.readouterr().err.splitlines() == [
        "v/number: made with other values (epochs 4 → 6); made anew",
        "v/number: complete",
    ]


def test_a_damaged_file_is_made_again_and_the_others_stay(tmp_path: Path, runtime: Runtime) -> None:
    number = Number(tmp_path / "v", 1)
    number.take(runtime)
    Double(tmp_path / "v", number).take(runtime)
    (tmp_path / "v/double/a").write_text("xx")  # as many bytes
    time = (tmp_path / "v/double/b").stat().st_mtime_ns
    Double(tmp_path / "v", number).take(runtime)
    assert (tmp_path / "v/double/a").read_text() == "11"
    assert (tmp_path / "v/double/b").stat().st_mtime_ns == time


def test_a_killed_step_goes_on_where_it_was(tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    number = Number(tmp_path / "v", 1)
    number.take(runtime)
    work = Double.work

    def killed(step: Double, runtime: Runtime) -> None:
        (step.folder / "a").write_text("before")
        raise KeyboardInterrupt

    monkeypatch.setattr(Double, "work", killed)
    with pytest.raises(KeyboardInterrupt):
        Double(tmp_path / "v", number).take(runtime)
    monkeypatch.setattr(Double, "work", work)
    double = Double(tmp_path / "v", number)
    assert not double.is_complete
    double.take(runtime)
    assert [(tmp_path / "v/double" / name).read_text() for name in "ab"] == ["before", "11"]


def test_a_new_step_is_one_file_and_one_line(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    original = pipeline.steps_of

    def with_toy(*arguments: Any, **options: Any) -> Iterator[Step]:
        for step in original(*arguments, **options):
            yield step
            if isinstance(step, TrainClassifier):
                yield Number(step.home, step.settings.optimisation.epochs)  # the one line

    for module in (pipeline, run_module):
        monkeypatch.setattr(module, "steps_of", with_toy)
    recipe, out = tmp_path / "toy.yaml", tmp_path / "run"
    recipe.write_text(
        "{classifier: {backbone: mobilenetv3_small_050, weights: null, augment: {crop: 32, long_side: [32, 48]},"
        " optimisation: {epochs: 1, batch_size: 4}}, self_training: {rounds: 0}, affinity: {kind: none},"
        " with_segmenter: false, cams: {views: {scales: [1.0]}}}"
    )
    assert list(pipeline.verbs())[:3] == ["train", "count", "cams"]
    words = [str(recipe), "--data.root", str(folder_data), "--out", str(out), "--runtime.device=cpu"]
    assert main(["count", *words]) == 0
    assert (out / "default/number/number.txt").read_text() == "1"
    assert not (out / "default/classifier").exists()
    capfd.readouterr()
    assert main(["run", *words]) == 0
    said = capfd.readouterr().err
    assert said.index("default/number: complete") < said.index("report:")
    assert "<td>default/number</td><td>complete</td>" in (out / "report.html").read_text(encoding="utf-8")


def test_two_steps_in_one_folder_are_refused(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_twice(variant: Variant, data: DataSplits, home: Path, *_: Any) -> Iterator[Step]:
        yield from (Number(home, 1), Number(home, 2))

    monkeypatch.setattr(run_module, "steps_of", with_twice)
    recipe = tmp_path / "twice.yaml"
    recipe.write_text(f"data: {{root: {folder_data}}}\n")
    message = r"default/number: 2 steps write into this folder \(Number\)\. Give each its own"
    with (
        pytest.raises(PatchlearnError, match=message),
        run_module.open_run(find_target(recipe, tmp_path / "run", []), [], Console(quiet=True)),
    ):
        pass
