"""The section `expected` of the recipes, from the cells: what a run of the recipe is to reach."""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from statistics import mean
from typing import Any

import yaml

from patchlearn.runs.expected import RULES
from patchlearn.runs.settings import ExpectedFigure
from results.cells import Cell, read_cell, settings_of
from results.plan import DATA, EXPECTED, TRAIN, VAL, Series
from results.tables import Read, find, spread

SECTION = re.compile(r"^expected:[^\n]*\n(?:[ \t]+[^\n]*\n)*", re.MULTILINE)
HEAD = "expected:  # written by `make results-tables`\n"


def render_recipe(text: str, name: str, read: Read = read_cell) -> str:
    """The text of a recipe with its section `expected` made anew; recipes that the plan does not name stay.

    Args:
        text: of the YAML file.
        name: of the recipe.
        read: finds a cell by its name.
    """
    if name not in EXPECTED:
        return text
    section = HEAD + "".join(f"  {line}\n" for line in _lines(expected_of(name, read)))
    return SECTION.sub(lambda _: section, text)


def expected_of(name: str, read: Read = read_cell) -> dict[str, Any]:
    """What the section of a recipe says: the data, and the figures that were measured."""
    series = EXPECTED[name]
    figures = {artefact: _figure(name, series, artefact, read) for artefact in RULES}
    found = {artefact: figure for artefact, figure in figures.items() if figure}
    keys = {cell.data_key or "" for artefact in found for cell in find(series, artefact, read).cells.values()}
    about = {"name": series.data, "about": DATA[series.data].about, "key": keys.pop() if len(keys) == 1 else ""}
    variant = {} if series.variant == "plain" else {"variant": series.variant}
    return {"data": _said(about), **variant, **found}


def _figure(name: str, series: Series, artefact: str, read: Read) -> dict[str, Any] | None:
    found = find(series, artefact, read)
    cells = list(found.cells.values())
    if not cells or not _is_of_recipe(cells, name, series, artefact):
        return None
    splits = (DATA[series.data].val, VAL) if artefact == "segmenter" else (TRAIN,)
    entries = [entry for cell in cells for entry in cell.entries if entry["rule"] == RULES[artefact]]
    split = next((each for each in splits if each in {entry["split"] for entry in entries}), None)
    values = [100 * entry["miou"] for entry in entries if entry["split"] == split]
    if split is None:
        return None
    around, times = spread(values), [cell.minutes for cell in cells if cell.minutes is not None]
    figure = ExpectedFigure(
        miou=round(mean(values), 1),
        spread=None if around is None else round(around, 1),
        seeds=tuple(found.cells),
        split=split,
        labels="predicted" if artefact == "segmenter" else "given",
        minutes=round(mean(times), 1) if times else None,
        machine=_only([cell.machine for cell in cells]),
        commit=_only([cell.commit for cell in cells]),
        older=found.is_older,
        settings=_only([cell.settings for cell in cells]),
    )
    return _said({**asdict(figure), "seeds": list(figure.seeds)}, asdict(ExpectedFigure()))


def _is_of_recipe(cells: Sequence[Cell], name: str, series: Series, artefact: str) -> bool:
    """Whether a series of another recipe has this recipe's settings; older cells do not say so, and are believed."""
    own = replace(series, recipe=name)
    noted = {cell.settings for cell in cells} - {None}
    return name == series.recipe or not noted or noted == {settings_of(own, artefact)}


def _only(values: Sequence[str | None]) -> str:
    """The values that differ, joined."""
    return "; ".join(dict.fromkeys(value for value in values if value))


def _said(values: dict[str, Any], default: dict[str, Any] | None = None) -> dict[str, Any]:
    """Without what is the default."""
    return {name: value for name, value in values.items() if value != (default or {}).get(name, "")}


def _lines(values: dict[str, Any]) -> list[str]:
    """YAML, a line for each key."""
    flow = {"default_flow_style": True, "sort_keys": False, "allow_unicode": True, "width": float("inf")}
    return [yaml.safe_dump({name: value}, **flow).strip()[1:-1] for name, value in values.items()]
