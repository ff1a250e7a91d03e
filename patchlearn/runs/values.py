"""Values of settings as people write them: lists without brackets, and words for a value of the wrong type."""

import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from types import NoneType
from typing import Any, cast, get_args, get_origin, get_type_hints

from patchlearn.core.files import parse_yaml
from patchlearn.runs.settings import Recipe

WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", NoneType: "null"}
KEY, VALUE = re.compile(r'Parser key "([\w.]+)"'), re.compile(r"(?:Got|Given) value: *(.*)$")  # of jsonargparse
BRACKETS = ("[", "(")


@lru_cache
def type_of(name: str, schema: type = Recipe) -> Any:
    """The type of a setting, such as "classifier.optimisation.epochs"; of a section its data class.

    >>> type_of("classifier.optimisation.epochs")
    <class 'int'>
    """
    first, _, rest = name.partition(".")
    kind = get_type_hints(schema)[first]
    return type_of(rest, kind) if rest else kind


def with_lists(settings: Mapping[str, Any], schema: type = Recipe) -> dict[str, Any]:
    """The settings of a recipe, in which one value may stand for a list of one.

    Args:
        settings: name → value, at any depth; every name is known.
        schema: the data class that they are for.

    >>> with_lists({"runtime": {"track": "wandb"}, "cams": {"views": {"scales": 1.0}}})
    {'runtime': {'track': ['wandb']}, 'cams': {'views': {'scales': [1.0]}}}
    """
    kinds, found = get_type_hints(schema), dict(settings)
    for name, value in settings.items():
        if is_dataclass(kinds[name]):
            found[name] = with_lists(value, cast(type, kinds[name]))
        elif _is_list(kinds[name]) and isinstance(value, str | int | float):
            found[name] = parse_yaml(_bracketed(str(value)))
    return found


def with_brackets(override: str) -> str:
    """An override from the command line, with the brackets of a list.

    >>> with_brackets("--cams.views.scales=0.5,1.0"), with_brackets("--seed=1")
    ('--cams.views.scales=[0.5,1.0]', '--seed=1')
    """
    name, equals, value = override.removeprefix("--").partition("=")
    if not value or value == "null" or not _is_list(type_of(name)):
        return override
    return f"--{name}{equals}{_bracketed(value)}"


def what_is_wrong(reason: str) -> str:
    """The parser's reason for refusing a value, as a sentence with what to do.

    >>> what_is_wrong('Parser key "seed": Expected a <class \\'int\\'>. Got value: many')
    "seed: 'many' is not a whole number. Correct the value; `patchlearn settings seed` explains it."
    """
    key, value = KEY.search(reason), VALUE.search(reason)
    if not key:
        return reason
    shown = f"{value[1]!r} is not" if value else "wanted is"
    is_setting = not key[1].startswith("expected.")  # which is measured, and not listed with the settings
    explained = f"`patchlearn settings {key[1]}`" if is_setting else "docs/recipes.md"
    return f"{key[1]}: {shown} {_words(type_of(key[1]))}. Correct the value; {explained} explains it."


def _bracketed(value: str) -> str:
    return value if value.strip().startswith(BRACKETS) else f"[{value}]"


def _is_list(kind: Any) -> bool:
    """Whether a setting is a list, or a list or null; a list or text may be either."""
    kinds = get_args(kind) if get_origin(kind) is not tuple else (kind,)
    return str not in kinds and any(get_origin(each) is tuple for each in kinds)


def _words(kind: Any) -> str:
    """
    >>> _words(tuple[int, int]), _words(tuple[tuple[int, tuple[int, int]], ...] | None)
    ('a list such as [1, 1]', 'a list such as [[1, [1, 1]]] or null')
    """
    if get_origin(kind) is tuple:
        return f"a list such as {_example(kind)}"
    return WORDS.get(kind) or " or ".join(_words(each) for each in get_args(kind)) or "of the right type"


def _example(kind: Any) -> str:
    inner = [each for each in get_args(kind) if each is not ...]
    if get_origin(kind) is not tuple:
        return {int: "1", float: "0.5"}.get(kind, "a")
    if ... not in get_args(kind):
        return f"[{', '.join(_example(each) for each in inner)}]"
    return f"[{_example(inner[0])}]"
