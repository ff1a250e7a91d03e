"""The recipes that come with the package: their names, their files, and a copy of one for data of one's own."""

import re
from pathlib import Path
from typing import Any

import yaml

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.files import parse_yaml
from patchlearn.runs.recipe import load_recipe

STANDARD = "standard"
FOLDER = Path(__file__).parents[1] / "recipes"
DATA = re.compile(r"^data:[^\n]*\n(?:[ \t]+[^\n]*\n|\n(?=[ \t]))*", re.MULTILINE)  # the section of a recipe in YAML


def builtin_recipes() -> dict[str, Path]:
    """Name → file, in alphabetical order."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def recipe_file(words: str) -> Path:
    """The file of a recipe that is named, or given as a file.

    Raises:
        PatchlearnError: there is neither; the message lists the names.
    """
    known = builtin_recipes()
    if words in known:
        return known[words]
    if Path(words).is_file():
        return Path(words)
    raise PatchlearnError(
        f"{words}: no such recipe{did_you_mean(words, known)} Name a YAML file, or one of: {', '.join(known)}."
    )


def written_for(data: Path, recipe: str = STANDARD) -> str:
    """A recipe for a folder of images, in YAML: the text of another one, with its comments, and a section `data` anew.

    The format becomes "auto". What the section says of other files (`labels` that are not in the folder, `scenes`) is
    left out; `separator`, `negatives` and `bands` stay.

    Args:
        data: the folder.
        recipe: the name of a built-in recipe, or a file.

    Raises:
        PatchlearnError: there is no such recipe, or it is wrong.
    """
    file = recipe_file(recipe)
    load_recipe(file)
    text = file.read_text(encoding="utf-8")
    settings: dict[str, Any] = parse_yaml(text)
    settings["data"] = {"format": "auto", "root": str(data), **_kept(settings.get("data", {}), data)}
    section = _yaml({"data": settings["data"]})
    written = DATA.sub(lambda _: section, text) if DATA.search(text) else f"{text.rstrip()}\n{section}"
    return written if _is(written, settings) else _yaml(settings)


def _kept(section: dict[str, Any], data: Path) -> dict[str, Any]:
    """What a section `data` says that may be true of other images too."""
    kept = {name: value for name, value in section.items() if name not in ("format", "root", "scenes")}
    if not (data / (kept.get("labels") or "")).is_file():
        kept.pop("labels", None)
    return kept


def _is(text: str, settings: dict[str, Any]) -> bool:
    """Whether a text says these settings: YAML can be written in ways in which no section is found by its lines."""
    try:
        return bool(parse_yaml(text) == settings)
    except yaml.YAMLError:
        return False


def _yaml(settings: dict[str, Any]) -> str:
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=float("inf"))
