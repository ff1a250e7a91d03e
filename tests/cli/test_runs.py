"""The verbs of a run, given a folder of images."""

import json
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from whole_run import RECIPE

from patchlearn.cli.main import main
from patchlearn.cli.runs import _say_what_it_is
from patchlearn.core.files import read_json
from patchlearn.core.types import Dataset, Sample
from patchlearn.runs.settings import Recipe

SHORT = ["--runtime.device=cpu", "--with_segmenter=false", "--affinity.kind=none", "--variants", "{plain: null}"]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return path


def test_one_command_goes_from_a_folder_of_images_to_masks(
    folder_data: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(folder_data.rglob("*"))
    assert main(["run", "data", "--recipe", str(recipe), *SHORT]) == 0
    said = capfd.readouterr().err
    assert "data: images and the table labels.csv (format folder)" in said
    assert "images: 8 train, 4 val; classes: 2 (red, blue)" in said
    assert "report: runs/data/report.html" in said
    assert "masks: runs/data/plain/pseudo/train" in said
    assert said.splitlines()[-1] == "expected mIoU: not measured here with this recipe"
    assert read_json(Path("runs/data/run.json")) == {"data": str(folder_data)}
    assert sorted(folder_data.rglob("*")) == before
    assert main(["run", "runs/data", "--runtime.device=cpu"]) == 0
    assert "plain/classifier: complete" in capfd.readouterr().err


def test_check_says_what_it_finds_as_json_too(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "data", "--json", "--runtime.device=cpu"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["images"], found["faults"]) == (12, [])
    (folder_data / "images" / "img00.png").write_bytes(b"broken")
    assert main(["check", "data", "--json", "--runtime.device=cpu"]) == 1
    assert "img00.png" in json.loads(capfd.readouterr().out)["faults"][0]["text"]
    assert main(["check", "data", "--runtime.device=cpu"]) == 1
    assert "fault:" in capfd.readouterr().out


def test_a_folder_that_is_refused_leaves_its_name_to_others(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty" / "data").mkdir(parents=True)
    assert main(["check", "empty/data", "--runtime.device=cpu"]) == 2
    assert main(["check", "data", "--runtime.device=cpu"]) == 0
    assert main(["check", "empty/data", "--runtime.device=cpu"]) == 2
    assert Path("runs/data/run.json").exists()


def test_a_wrong_format_names_the_right_ones(
    folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(folder_data), "--out", str(tmp_path / "run"), "--format", "cocoo"]) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "'cocoo' is not an option; did you mean 'coco'?" in said
    assert not (tmp_path / "run").exists()


def test_what_the_tags_lack_is_said_before_the_run() -> None:
    said = StringIO()
    train, val = (tuple(Sample(id=name, image=Path(), labels=(label,)) for name in "ab") for label in (0, 1))
    classes, splits = ("dent", "rust"), {"train": train, "val": val}
    dataset = Dataset(root=Path(), classes=classes, splits=splits, mask_values=(1, 2), masks_are_closed=True)
    runtime = SimpleNamespace(accelerator=SimpleNamespace(is_main_process=True), console=Console(file=said, width=999))
    run: Any = SimpleNamespace(dataset=dataset, recipe=Recipe(), folder=Path(), runtime=runtime)
    _say_what_it_is(run)
    assert "1 class has no image in train (rust). Such a class cannot be learnt." in said.getvalue()
    assert "1 class has no image in val (dent). Such a class is not judged there." in said.getvalue()
    assert "1 tag is in every training image (dent)" in said.getvalue()
