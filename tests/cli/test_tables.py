"""The tables of the verb `check`."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tagged_masks import Tagged, tagged_dataset

from patchlearn.cli.tables import print_examination
from patchlearn.data.checks.findings import examine

Rows = list[list[str]]


def printed(root: Path, classes: list[str], images: list[Tagged], **changes: object) -> str:
    console = Console(file=StringIO(), record=True, width=80)
    print_examination(console, examine(tagged_dataset(root, classes, images, **changes)))
    return console.export_text()


def rows(text: str) -> Rows:
    """The cells of every line of the tables that has any."""
    lines = [line for line in text.splitlines() if line[:1] in "│┃"]
    return [[cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]] for line in lines]


CAT, DOG = Tagged(tags=["cat"], values=(0, 1)), Tagged(tags=["dog"], values=(0, 2))
BOTH = Tagged(tags=["cat", "dog"], values=(0, 1), split="val", size=(40, 20))


def test_every_split_is_a_column(tmp_path: Path) -> None:
    assert rows(printed(tmp_path, ["cat", "dog"], [CAT, DOG, Tagged(), BOTH])) == [
        ["", "train", "val", "all"],
        ["images", "3", "1", "4"],
        ["without any class", "1", "0", "1"],
        ["masks", "2", "1", "3"],
        ["smallest (width × height)", "8×8", "40×20", "8×8"],
        ["median", "8×8", "40×20", "8×8"],
        ["largest", "8×8", "40×20", "40×20"],
        ["class", "train", "val", "all", "masks agree"],
        ["cat", "1", "1", "2", "100%"],
        ["dog", "1", "1", "2", "50%"],
    ]


def test_one_split_without_masks(tmp_path: Path) -> None:
    images = [Tagged(tags=["cat"]), Tagged(unknown=["cat"]), Tagged()]
    assert rows(printed(tmp_path, ["cat"], images)) == [
        ["", "train"],
        ["images", "3"],
        ["without any class", "1"],
        ["not tagged", "1"],
        ["smallest (width × height)", "8×8"],
        ["median", "8×8"],
        ["largest", "8×8"],
        ["class", "train"],
        ["cat", "1"],
    ]


def test_names_and_notes_are_shown_as_they_are(tmp_path: Path) -> None:
    text = printed(tmp_path, ["[bold]cat"], [Tagged(tags=["[bold]cat"], split="[red]a")], notes=("[b]A note[/b]",))
    assert text.splitlines()[0] == "[b]A note[/b]"
    assert ["", "[red]a"] in rows(text)
    assert ["[bold]cat", "1"] in rows(text)


def test_faults_come_before_hints_and_both_are_counted(tmp_path: Path) -> None:
    lines = printed(tmp_path, ["cat", "dog"], [CAT, Tagged(tags=["cat"], values=(0, 255))]).splitlines()
    told = [line.split(" ")[0] for line in lines if line.startswith(("fault:", "hint:"))]
    assert told == ["fault:", "hint:", "hint:", "hint:"]
    assert lines[-1] == "1 fault, 3 hints"
    assert any(line.startswith("fault: 1 of 2 masks of train does not agree") for line in lines)


def test_many_classes_are_the_rarest_and_the_most_frequent(tmp_path: Path) -> None:
    names = [f"c{number:02}" for number in range(30)]
    images = [Tagged(tags=names[number:]) for number in range(29, -1, -1)]
    text = printed(tmp_path, names, images)
    table = rows(text)
    start = next(place for place, cells in enumerate(table) if cells[0] == "class")
    assert [cells[0] for cells in table[start + 1 :]] == [*names[:10], *names[20:]]
    assert "the 10 rarest and the 10 most frequent classes; --json shows 10 more" in text


@pytest.mark.parametrize("length", [5, 200])
def test_tables_fit_80_columns(tmp_path: Path, length: int) -> None:
    name = "w" * length
    splits = ["train", "val", "test", *(f"{name}{number}" for number in range(5))]
    images = [Tagged(tags=[name], values=(0, 1), split=split, size=(12345, 1)) for split in splits]
    text = printed(tmp_path, [name, "dog"], images)
    assert max(len(line) for line in text.splitlines() if line[:1] in "┏┃┡│├└") <= 80
    assert rows(text)[0][:4] == ["", "train", "val", "test"]
    assert "12345×1" in text
    assert "4 more splits; --json shows all" in text


def test_colours_are_left_out_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = examine(tagged_dataset(tmp_path, ["cat"], [Tagged(tags=["cat"], values=(0, 255))]))
    written = []
    for no_colour in ("", "1"):
        monkeypatch.setenv("NO_COLOR", no_colour)
        stream = StringIO()
        print_examination(Console(file=stream, force_terminal=True, width=80), found)
        written.append(stream.getvalue())
    assert "\x1b[1;31mfault:" in written[0]
    assert "\x1b[1;31m" not in written[1]
    assert "fault:" in written[1]
