"""The tables of the plan as Markdown, from the cells; a page shows one between `<!-- results: NAME -->` markers.

A cell whose digest is no longer that of the code and the settings is shown as "older". Cells of today and older ones
never make a mean together.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev

from patchlearn.core.errors import require_one_of
from results.cells import Cell, is_current, read_cell
from results.plan import DATA, TABLES, TRAIN, VAL, Column, Series, Table

MARKED = re.compile(r"<!-- results: ([\w-]+) -->.*?<!-- /results -->", re.DOTALL)
NOTHING = "not measured"
# Student's t for 2, 3, … 9 degrees of freedom, two-sided 95 %; for more it is taken as 9's, which is a little too wide.
STUDENT = (4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
Read = Callable[[str], Cell | None]


@dataclass(frozen=True)
class Found:
    """The cells of one artefact of a series, by seed, and whether they are older than the code."""

    cells: dict[int, Cell]
    is_older: bool


def render_page(text: str, read: Read = read_cell) -> str:
    """A page with its tables made anew.

    Raises:
        PatchlearnError: a marker names no table.
    """

    def section(found: re.Match[str]) -> str:
        require_one_of("results", found[1], TABLES)
        return f"<!-- results: {found[1]} -->\n\n{render(TABLES[found[1]], read)}\n\n<!-- /results -->"

    return MARKED.sub(section, text)


def render(table: Table, read: Read = read_cell) -> str:
    """One table."""
    head = ["data", *table.lead, *(column.title for column in table.columns), *table.facts]
    lines = [head, ["---"] * len(head), *(_row(name, series, table, read) for name, series in table.rows.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def find(series: Series, artefact: str, read: Read = read_cell) -> Found:
    """The cells of today's code if there is one; else older ones that agree in their code."""
    planned = [cell for cell in series.cells() if cell.artefact == artefact]
    there = {each.seed: (each, cell) for each in planned if (cell := read(each.name))}
    current = {seed: cell for seed, (each, cell) in there.items() if is_current(cell, each)}
    older = _agreeing({seed: cell for seed, (_, cell) in there.items()})
    return Found(current or older, is_older=bool(older) and not current)


def _agreeing(cells: dict[int, Cell]) -> dict[int, Cell]:
    """The largest number of cells of one code."""
    of_code: dict[str, dict[int, Cell]] = {}
    for seed, cell in cells.items():
        of_code.setdefault(cell.digest or cell.commit, {})[seed] = cell
    return max(of_code.values(), key=len, default={})


def spread(values: Sequence[float]) -> float | None:
    """Half the width of the interval that holds one further value in 19 of 20 cases, if they are normally distributed.

    It is t · s · √(1 + 1/n) (Hahn and Meeker, *Statistical Intervals*, 1991, chapter 4); None for fewer than three.

    >>> round(spread([1.0, 2.0, 3.0]), 2), spread([1.0, 2.0])
    (4.97, None)
    """
    count = len(values)
    if count < 3:
        return None
    return STUDENT[min(count - 1, len(STUDENT) + 1) - 2] * stdev(values) * sqrt(1 + 1 / count)


def _row(name: str, series: Series, table: Table, read: Read) -> list[str]:
    found = {column.artefact: find(series, column.artefact, read) for column in table.columns}
    cells = [cell for each in found.values() for cell in each.cells.values()]
    seeds = sorted({seed for each in found.values() for seed in each.cells})
    figures = [_figure(series, column, found[column.artefact]) for column in table.columns]
    lead, facts = ([_fact(fact, cells, seeds) for fact in names] for names in (table.lead, table.facts))
    return [name, *lead, *figures, *facts]


def _figure(series: Series, column: Column, found: Found) -> str:
    cells = list(found.cells.values())
    if column.style == "affinity":
        said = {cell.has_affinity for cell in cells} - {None}
        return NOTHING if not said else "differs" if len(said) > 1 else "yes" if said == {True} else "no"
    splits = (DATA[series.data].val, VAL) if column.is_val else (TRAIN,)
    judged = [(cell, value) for cell in cells if (value := cell.miou(splits, column.rule)) is not None]
    if not judged:
        return NOTHING
    values = [value for _, value in judged]
    digits, around = (1, spread(values)) if column.style == "per cent" else (0, None)
    text = f"{mean(values):.{digits}f}" + (f" ± {around:.1f}" if around is not None else "")
    notes = [_split(judged[0][0], splits)] if len(set(splits)) > 1 else []
    notes += ["older"] if found.is_older else []
    return f"{text} ({', '.join(notes)})" if notes else text


def _split(cell: Cell, splits: Sequence[str]) -> str:
    """Which of the splits the figure is of."""
    judged = {entry["split"] for entry in cell.entries}
    return next(split for split in splits if split in judged)


def _fact(name: str, cells: Sequence[Cell], seeds: Sequence[int]) -> str:
    if name == "seeds":
        return ", ".join(map(str, seeds)) or NOTHING
    if name == "minutes":
        times = [cell.minutes for cell in cells if cell.minutes is not None]
        return f"{max(times):.1f}" if times else NOTHING
    said = dict.fromkeys(getattr(cell, name) for cell in cells)
    return "; ".join(f"{value:,}" if isinstance(value, int) else value for value in said if value) or NOTHING
