"""`patchlearn check --concepts`."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from sam_models import write_sam3

from patchlearn.cli.concepts import print_concepts
from patchlearn.cli.main import main
from patchlearn.evaluate.concepts import WordScore
from patchlearn.runs.concepts import ConceptScores

CPU = "--runtime.device=cpu"


def printed(found: ConceptScores) -> str:
    console = Console(file=StringIO(), record=True, width=80)
    print_concepts(console, found)
    return console.export_text()


def rows(text: str) -> list[list[str]]:
    """The cells of every line of the table that has any."""
    lines = [line for line in text.splitlines() if line[:1] in ("│", "┃")]
    return [[cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]] for line in lines]


CRACK = WordScore(name="hair_crack", word="hair crack", tagged=1250, judged=3000, precision=0.8765)
EVERY = WordScore(name="[b]", word="b", tagged=3000, judged=3000, precision=None)


def test_a_line_for_each_class_then_the_mean() -> None:
    text = printed(ConceptScores(images=3000, tagged=3000, unread=0, classes=(CRACK, EVERY), mean=0.8765))
    assert rows(text) == [
        ["class", "word", "tagged", "guessing", "precision"],
        ["hair_crack", "hair crack", "1,250", "0.42", "0.88"],
        ["[b]", "b", "3,000", "1.00", "–"],
    ]
    assert "SAM 3 was asked for each class on 3,000 tagged images\n" in text
    assert "mean average precision of the words: 0.88. Average precision is 1 where" in text


def test_the_sample_and_what_cannot_be_read_are_said() -> None:
    text = printed(ConceptScores(images=199, tagged=3421, unread=1, classes=(EVERY,), mean=None))
    assert "on a sample of 199 of 3,421 tagged images, drawn evenly over the classes; 1 image cannot be" in text
    assert "mean average precision of the words: –." in text


@pytest.fixture
def sam3(tmp_path: Path) -> Path:
    return write_sam3(tmp_path / "sam3")


def test_check_asks_a_model_in_a_folder(
    folder_data: Path, sam3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["check", "data", "--concepts", "--sam", str(sam3), CPU]
    assert main([*asked, "--json", "--sample", "6", "--word", "red=a red square"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["images"], found["faults"]) == (12, [])
    concepts = found["concepts"]
    assert (concepts["images"], concepts["tagged"]) == (6, 12)
    assert [(each["name"], each["word"], each["tagged"]) for each in concepts["classes"]] == [
        ("red", "a red square", 3),
        ("blue", "blue", 3),
    ]
    assert all(0 < each["precision"] <= 1 for each in concepts["classes"])
    assert main(asked) == 0
    text = capfd.readouterr().out
    assert "12 tagged images" in text
    assert text.index("no fault") < text.index("SAM 3 was asked")
    assert main(["check", "data", CPU, "--json"]) == 0
    assert "concepts" not in json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sam", "owner/sam3"], "--sam: is for --concepts. Add it, or leave --sam out."),
        (["--word", "red=red"], "--word: is for --concepts."),
        (["--sample", "3"], "--sample: is for --concepts."),
        (["--concepts", "--sample", "0"], "sample: 0 is out of range. Choose 1 or more."),
        (["--concepts", "--word", "rad=red"], "no class 'rad'; did you mean 'red'?"),
        (["--concepts", "--sam", "nowhere"], "nowhere: no such folder. Name one, or a repository on the hub"),
    ],
)
def test_a_wrong_option_is_an_error_before_the_data_are_read(
    options: list[str],
    message: str,
    folder_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("patchlearn.models.promptable.find_spec", lambda name: object())
    assert main(["check", "data", *options, CPU]) == 2
    said = capfd.readouterr()
    assert message in said.err
    assert not said.out


def test_without_the_library_the_command_of_pip_is_named(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("patchlearn.models.promptable.find_spec", lambda name: None)
    assert main(["check", "data", "--concepts", CPU]) == 2
    assert "SAM: transformers is not installed. Run: pip install 'patchlearn[sam]'" in capfd.readouterr().err
