"""Tables for the terminal, of at most 80 columns."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from patchlearn.data.names import counted

if TYPE_CHECKING:
    from patchlearn.data.checks.check import SplitSummary
    from patchlearn.data.checks.finding import Finding
    from patchlearn.data.checks.findings import Examination, Sizes

COLUMNS = 4  # splits that a table shows
MANY, ENDS = 20, 10  # of more classes, the ten rarest and the ten most frequent are shown
TOTAL = "all"
COUNTS = {  # row → what it counts; rows of zeros are left out, but for the first
    "images": "images",
    "without any class": "negatives",
    "not tagged": "untagged",
    "tagged in part": "partial",
    "masks": "masks",
}


def print_examination(console: Console, examination: "Examination") -> None:
    """Notes, the counts of every split and class, the faults, and the hints."""
    for note in examination.notes:
        _say(console, note)
    console.print(_split_table(examination))
    console.print(_class_table(examination))
    for line in _left_out(examination):
        _say(console, line)
    for finding in examination.faults:
        _tell(console, "fault:", "bold red", finding)
    for finding in examination.hints:
        _tell(console, "hint:", "bold yellow", finding)
    faults, hints = len(examination.faults), len(examination.hints)
    _say(console, f"{counted(faults, 'fault') if faults else 'no fault'}, {counted(hints, 'hint')}")


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _tell(console: Console, word: str, style: str, finding: "Finding") -> None:
    console.print(word, style=style, end=" ")
    _say(console, finding.text)


def _shown_splits(examination: "Examination") -> list[str]:
    """The splits that recipes read come first."""
    names = sorted(examination.splits, key=lambda name: {"train": 0, "val": 1}.get(name, 2))
    return names[:COLUMNS]


def _columns(examination: "Examination") -> list[tuple[str, "SplitSummary"]]:
    """(heading, counts) of each column; all images together where there are several splits."""
    columns = [(name, examination.splits[name]) for name in _shown_splits(examination)]
    return [*columns, (TOTAL, examination.total)] if len(examination.splits) > 1 else columns


def _number(heading: str) -> Column:
    return Column(escape(heading), justify="right", max_width=12, overflow="ellipsis", no_wrap=True)


def _split_table(examination: "Examination") -> Table:
    columns = _columns(examination)
    table = Table("", *(_number(heading) for heading, _ in columns))
    for row, name in COUNTS.items():
        counts = [getattr(summary, name) for _, summary in columns]
        if any(counts) or row == "images":
            table.add_row(row, *(f"{count:,}" for count in counts))
    sizes = [examination.sizes.get(name) for name in _shown_splits(examination)]
    for row, read in _size_rows():
        shown = [*sizes, examination.total_sizes][: len(columns)]
        table.add_row(row, *("" if each is None else "{}×{}".format(*read(each)) for each in shown))
    return table


def _size_rows() -> Iterable[tuple[str, Callable[["Sizes"], tuple[int, int]]]]:
    return (
        ("smallest (width × height)", lambda sizes: sizes.smallest),
        ("median", lambda sizes: sizes.median),
        ("largest", lambda sizes: sizes.largest),
    )


def _class_table(examination: "Examination") -> Table:
    """The images of each class, and in how many of those with tags and masks the two agree."""
    columns, is_compared = _columns(examination), examination.masks.compared > 0
    table = Table(
        Column("class", max_width=26, overflow="ellipsis", no_wrap=True),
        *(_number(heading) for heading, _ in columns),
        *([_number("masks agree")] if is_compared else []),
    )
    order = _shown_classes(examination)
    for place, index in enumerate(order):
        counts = [f"{summary.labels[index]:,}" for _, summary in columns]
        share = examination.masks.classes[index].share
        agreement = ["" if share is None else f"{share:.0%}"] if is_compared else []
        is_gap = len(order) < len(examination.classes) and place == ENDS - 1
        table.add_row(escape(examination.classes[index]), *counts, *agreement, end_section=is_gap)
    return table


def _shown_classes(examination: "Examination") -> Sequence[int]:
    """Indices of the classes in their order; of many, the rarest and then the most frequent."""
    indices = range(len(examination.classes))
    if len(indices) <= MANY:
        return indices
    training = examination.splits.get("train", examination.total).labels
    ordered = sorted(indices, key=lambda index: (training[index], index))
    return [*ordered[:ENDS], *ordered[-ENDS:]]


def _left_out(examination: "Examination") -> list[str]:
    """What the tables do not show."""
    splits = len(examination.splits) - COLUMNS
    classes = len(examination.classes) - 2 * ENDS
    lines = []
    if splits > 0:
        lines.append(f"{counted(splits, 'more split')}; --json shows all")
    if len(examination.classes) > MANY:
        lines.append(f"the {ENDS} rarest and the {ENDS} most frequent classes; --json shows {classes:,} more")
    return lines
