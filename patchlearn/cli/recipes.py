"""`patchlearn recipes` and `patchlearn init`: the built-in recipes, and one of them for data of one's own."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import parse_yaml, write_text
from patchlearn.runs.builtin import STANDARD, builtin_recipes, written_for
from patchlearn.runs.expected import cost_of, score_of
from patchlearn.runs.recipe import read_expected

LIST = "List the built-in recipes: for which data, how long they take, and what they reach."
INIT = (
    "Write NAME.yaml for a folder of images: the recipe `standard`, or another one, with data.root in it, and with the "
    "comments of the recipe. `patchlearn run NAME.yaml` starts it."
)


def add_list(verb: ArgumentParser) -> None:
    """What `recipes` takes."""
    verb.add_argument("--json", action="store_true", help="print the list as JSON")


def print_list(options: Namespace, console: Console) -> list[str]:
    """A row for each recipe."""
    rows = {name: _facts(path) for name, path in builtin_recipes().items()}
    if options.json:
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return []
    table = Table(Column("recipe", no_wrap=True), "what it is", box=SIMPLE_HEAD)
    for name, row in rows.items():
        network = f"{row['network']}{', ' + row['data'] if row['data'] else ''}"
        table.add_row(name, escape(f"{row['title']}\n{network}\ncost: {row['cost']}\nscore (mIoU): {row['score']}\n"))
    Console().print(table)
    return []


def _facts(path: Path) -> dict[str, str]:
    """What the list says about a recipe of ours; checking all its settings would take half a second for each."""
    recipe = parse_yaml(path.read_text(encoding="utf-8"))
    expected = read_expected(recipe.get("expected", {}), path.name)
    return {
        "title": recipe["title"],
        "network": recipe["classifier"]["backbone"],
        "data": expected.data.about,
        "cost": cost_of(expected),
        "score": score_of(expected),
    }


def add_init(verb: ArgumentParser) -> None:
    """What `init` takes."""
    verb.add_argument("photos", type=Path, metavar="PHOTOS", help="a folder of images with labels")
    verb.add_argument(
        "--recipe", default=STANDARD, help="the name or file of the recipe to begin with (default: standard)"
    )
    verb.add_argument("--out", type=Path, help="the recipe (default: NAME.yaml, NAME being that of the folder)")


def init(options: Namespace, console: Console) -> list[str]:
    """Write the recipe, unless there is one."""
    photos: Path = options.photos
    if not photos.is_dir():
        raise PatchlearnError(f"{photos}: no such folder. Name the folder of the images.")
    path = options.out or Path(f"{photos.resolve().name}.yaml")
    if path.exists():
        raise PatchlearnError(f"{path}: is there already. Move it, or name another file with --out.")
    write_text(path, written_for(photos, options.recipe))
    console.print(f"{path}: change it, then start it: patchlearn run {path}", soft_wrap=True, markup=False)
    return []
