"""The verb `prepare`."""

import json
from pathlib import Path

import pytest

from patchlearn.cli import prepare
from patchlearn.cli.main import main
from patchlearn.data.prepare import voc12
from patchlearn.data.prepare.parts import Part


def parts(*are_there: bool) -> list[Part]:
    names = "ab"[: len(are_there)]
    return [
        Part(
            name=f"part {name}", is_there=there, found="x.zip", wanted="3 images", source="http://owner", is_needed=need
        )
        for name, there, need in zip(names, are_there, (True, False), strict=False)
    ]


@pytest.mark.parametrize(("are_there", "code"), [((False, False), 1), ((True, False), 0), ((True, True), 0)])
def test_the_exit_code_says_whether_all_that_is_needed_is_there(
    are_there: tuple[bool, ...], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voc12, "look", lambda root: parts(*are_there))
    assert main(["prepare", "voc12", str(tmp_path)]) == code


def test_what_is_missing_is_said_with_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(voc12, "look", lambda root: parts(True, False))
    main(["prepare", "voc12", str(tmp_path)])
    said = capfd.readouterr().err.splitlines()
    assert said[:2] == ["there: part a", "  found x.zip"]
    assert said[2:6] == ["missing, not needed: part b", "  found x.zip", "  wanted: 3 images", "  from http://owner"]
    assert said[6].startswith(f"next: patchlearn prepare voc12 {tmp_path} --out ")


def test_json_has_every_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "coco14", str(tmp_path), "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["data"], facts["complete"], facts["next"]) == ("coco14", False, None)
    assert [part["is_there"] for part in facts["parts"]] == [False] * 4


def test_a_complete_voc_is_written_to_out_and_the_next_command_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    written: list[tuple[Path, Path]] = []
    monkeypatch.setattr(voc12, "convert", lambda root, out: written.append((root, out)))
    command = ["prepare", "voc12", str(tmp_path), "--out", "o ut"]
    monkeypatch.setattr(voc12, "look", lambda root: parts(False))
    assert (main(command), written) == (1, [])
    monkeypatch.setattr(voc12, "look", lambda root: parts(True))
    assert (main(command), written) == (0, [(tmp_path, Path("o ut"))])
    assert "next: patchlearn run 'o ut' --recipe voc12-ppl" in capfd.readouterr().err


def test_a_complete_coco_names_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prepare.coco14, "look", lambda root: parts(True))
    assert main(["prepare", "coco14", str(tmp_path)]) == 0
    assert f"next: patchlearn run {tmp_path} --recipe standard" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["voc2012", "."], "data set: 'voc2012' is not an option; did you mean 'voc12'?"),
        (["voc12", "nowhere"], "nowhere: no such folder. Name the one with the files of voc12."),
        (["coco14", ".", "--out", "x"], "--out: coco14 needs no conversion"),
    ],
)
def test_wrong_words_are_errors(words: list[str], complaint: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", *words]) == 2
    assert complaint in capfd.readouterr().err
