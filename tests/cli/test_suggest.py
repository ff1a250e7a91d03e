"""The verb `suggest`."""

import csv
from pathlib import Path

import pytest
from whole_run import finished_tiny_run, tiny_run

from patchlearn.cli.main import main

LEARNING = ["--self_training.rounds=1", "--self_training.stages=lower"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fill(path: Path, label: str, count: int) -> None:
    """Write a label into the first rows, as a person does."""
    table = rows(path)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table[0].keys())
        writer.writeheader()
        writer.writerows({**row, "label": label} if place < count else row for place, row in enumerate(table))


def test_from_suggestions_to_clicks_that_teach(
    folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = finished_tiny_run(folder_data, tmp_path / "run", *LEARNING)
    out = tmp_path / "points.csv"
    assert main(["suggest", str(run), "-n", "5", "--out", str(out)]) == 0
    pictures = tmp_path / "points_pictures"
    assert f"{out}: 5 pixels to label; pictures: {pictures}" in capfd.readouterr().err
    found = rows(out)
    assert list(found[0]) == ["image", "x", "y", "label", "guess", "why", "kind"]
    assert {(row["label"], row["kind"]) for row in found} == {("", "suggested")}
    assert {path.name for path in pictures.iterdir()} == {f"{n}_{row['image']}.png" for n, row in enumerate(found, 1)}
    fill(out, "background", 3)
    tiny_run(folder_data, run, *LEARNING, "--points", str(out))
    assert "points.csv: 2 rows without a label, passed over; 3 clicks read" in capfd.readouterr().err


def test_pixels_of_an_audit_say_neither_guess_nor_label(folder_data: Path, tmp_path: Path) -> None:
    run = finished_tiny_run(folder_data, tmp_path / "run")
    tables = {}
    for name, more in (("a", []), ("b", ["--draw=0"]), ("c", ["--draw=1"])):
        out = tmp_path / f"{name}.csv"
        words = ["suggest", str(run), "--audit", "-n", "40", "--out", str(out), "--pictures", str(tmp_path / name)]
        assert main([*words, *more]) == 0
        tables[name] = rows(out)
        assert len(list((tmp_path / name).iterdir())) == 40
    assert list(tables["a"][0]) == ["image", "x", "y", "label", "kind", "stratum", "weight", "pixels"]
    assert {(row["label"], row["kind"]) for row in tables["a"]} == {("", "audit")}
    assert tables["a"] == tables["b"] != tables["c"]
    assert sum(float(row["weight"]) for row in tables["a"]) == pytest.approx(8 * 40 * 48)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-n", "0", "--out", "new.csv"], "--number: 0 is out of range. Choose 1 or more."),
        (["-n", "5", "--out", "new.txt"], "new.txt: a table of clicks ends in .csv or .tsv. Name it new.csv"),
        (["-n", "5", "--out", "old.csv"], "old.csv: is there already, and may hold labels. Name another --out."),
        (["-n", "5", "--out", "new.csv", "--pictures", "."], "holds files already. Name another folder"),
        (["-n", "5", "--out", "new.csv", "--draw", "1"], "--draw: numbers the draws of --audit"),
        (["-n", "5", "--out", "new.csv", "--audit", "--draw=-1"], "--draw: -1 is out of range"),
        (["-n", "5", "--out", "new.csv"], "data: no run folder. Name the folder that patchlearn run has written"),
        (["-n", "5", "--out", "new.csv", "--seed", "1"], "a setting of recipes, which suggest does not read"),
    ],
)
def test_wrong_words_are_named(
    words: list[str],
    complaint: str,
    folder_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder_data.parent)
    Path("old.csv").write_text("image,x,y,label\n")
    assert main(["suggest", "data", *words]) == 2
    assert complaint in " ".join(capfd.readouterr().err.split())
    assert sorted(path.name for path in Path().iterdir()) == ["data", "old.csv"]
