"""Tables for the terminal."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from patchlearn.data.check import summarise

if TYPE_CHECKING:
    from patchlearn.core.types import Dataset


def print_summary(console: Console, dataset: "Dataset") -> None:
    """Images, masks and labels of every split, a column each."""
    facts = {split: summarise(dataset, split) for split in dataset.splits}
    table = Table("", *(Column(escape(split), justify="right") for split in facts))
    for name in ("images", "masks", "unlabelled"):
        table.add_row(name, *(str(getattr(each, name)) for each in facts.values()), end_section=name == "unlabelled")
    for index, name in enumerate(dataset.classes):
        table.add_row(escape(name), *(str(each.labels[index]) for each in facts.values()))
    console.print(table)
