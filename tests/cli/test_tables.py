"""The table of the verb `check`."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from patchlearn.cli.tables import print_summary
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.open import open_dataset


def rows(dataset: Dataset) -> list[list[str]]:
    """The words of every line of the table that has any."""
    console = Console(file=StringIO(), record=True, width=100)
    print_summary(console, dataset)
    lines = console.export_text().splitlines()
    cells = ["".join(letter if letter not in "│┃" else " " for letter in line).split() for line in lines]
    return [words for words in cells if words and words[0][0] not in "┏┡├└"]


def test_every_split_is_a_column(folder_data: Path) -> None:
    assert rows(open_dataset("folder", folder_data)) == [
        ["train", "val"],
        ["images", "8", "4"],
        ["masks", "8", "4"],
        ["unlabelled", "0", "0"],
        ["red", "4", "2"],
        ["blue", "4", "2"],
    ]


def test_names_are_shown_as_they_are() -> None:
    samples = tuple(
        Sample(id=str(index), image=Path(str(index)), labels=labels) for index, labels in enumerate([(), (0,)])
    )
    dataset = Dataset(
        root=Path(), classes=("[bold]cat",), splits={"[red]a": samples}, mask_values=(1,), masks_are_closed=True
    )
    table = rows(dataset)
    assert table[0] == ["[red]a"]
    assert table[-2:] == [["unlabelled", "1"], ["[bold]cat", "1"]]
