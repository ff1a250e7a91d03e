"""`patchlearn settings`: what a recipe can set, with default and meaning, and what a run has set."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.runs.described import described_settings, leaves
from patchlearn.runs.settings import Recipe

DESCRIPTION = (
    "The sections of a recipe; with the name of a section, its settings with default and meaning; with --changed, what "
    "a recipe or a run sets to other values than the defaults."
)
Rows = dict[str, dict[str, Any]]


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    verb.add_argument("section", nargs="?", help="such as classifier or classifier.optimisation; all: every setting")
    verb.add_argument("--changed", type=Path, metavar="RUN", help="a run folder or recipe: its settings that differ")
    verb.add_argument("--yaml", action="store_true", help="print the settings as they stand in a recipe")
    verb.add_argument("--json", action="store_true", help="print them as JSON")


def work(options: Namespace, console: Console) -> list[str]:
    """Print them."""
    if options.section is None and options.changed is None:
        _print_sections()
        return []
    rows = _changed(options.changed) if options.changed else _of_section(options.section)
    if options.json:
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    elif options.yaml:
        sys.stdout.write(yaml.safe_dump(_nested(rows), sort_keys=False, allow_unicode=True))
    else:
        _print_rows(rows)
    return []


def _print_sections() -> None:
    table = Table("section", "what it sets")
    for name, described in described_settings().items():
        if "." not in name:
            table.add_row(name, escape(described.meaning))
    Console().print(table)
    Console().print("patchlearn settings SECTION shows the settings of one section, patchlearn settings all every one.")


def _of_section(section: str) -> Rows:
    described = described_settings()
    wanted = {name: each for name, each in described.items() if not each.is_section}
    if section != "all":
        wanted = {name: each for name, each in wanted.items() if name == section or name.startswith(f"{section}.")}
    if not wanted:
        sections = ", ".join(name for name, each in described.items() if each.is_section)
        raise PatchlearnError(
            f"{section}: no such section{did_you_mean(section, described)} Choose one of: all, {sections}."
        )
    return {name: {"default": _plain(each.default), "meaning": each.meaning} for name, each in wanted.items()}


def _changed(place: Path) -> Rows:
    """The settings of a recipe, apart from its variants, that differ from the defaults."""
    from patchlearn.runs.recipe import load_recipe
    from patchlearn.runs.target import find_target

    default, rows = dict(leaves(Recipe())), _of_section("all")
    recipe = load_recipe(find_target(place, None, ()).recipe).recipe
    return {name: {"here": _plain(value), **rows[name]} for name, value in leaves(recipe) if value != default[name]}


def _nested(rows: Rows) -> dict[str, Any]:
    """As they stand in a recipe."""
    nested: dict[str, Any] = {}
    for name, row in rows.items():
        *sections, last = name.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = row.get("here", row["default"])
    return nested


def _plain(value: Any) -> Any:
    """Tuples as lists, which YAML and JSON can say."""
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _print_rows(rows: Rows) -> None:
    columns = [name for name in ("here", "default") if any(name in row for row in rows.values())]
    longest = max(map(len, rows), default=0)  # a name that is cut off is of no use
    table = Table(Column("setting", no_wrap=True, min_width=longest), *columns, "meaning")
    for name, row in rows.items():
        values = [json.dumps(row[column], ensure_ascii=False).strip('"') for column in columns]
        table.add_row(*(escape(word) for word in (name, *values, row["meaning"])))
    Console().print(table)
