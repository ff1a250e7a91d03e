"""What every setting of a recipe means: the words of the docstrings, by the setting's name."""

from collections.abc import Iterator
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any

from docstring_parser import parse

from patchlearn.runs.settings import MEASURED, Recipe


@dataclass(frozen=True, kw_only=True)
class Described:
    """One setting, or a section of settings.

    Args:
        meaning: what it says, and in which range.
        default: its value where a recipe leaves it out; of a section None.
        is_section: whether it holds settings.
    """

    meaning: str
    default: Any = None
    is_section: bool = False


def described_settings() -> dict[str, Described]:
    """Every setting and section by its name, such as "classifier.optimisation.epochs", in the order of a recipe."""
    return dict(_described(Recipe()))


def leaves(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(name, value) of every setting in a section, at any depth."""
    for entry in _set_by_users(settings):
        value = getattr(settings, entry.name)
        if is_dataclass(value):
            yield from leaves(value, f"{prefix}{entry.name}.")
        else:
            yield f"{prefix}{entry.name}", value


def _described(settings: Any, prefix: str = "") -> Iterator[tuple[str, Described]]:
    words = {each.arg_name: " ".join((each.description or "").split()) for each in parse(settings.__doc__ or "").params}
    for entry in _set_by_users(settings):
        name, value = f"{prefix}{entry.name}", getattr(settings, entry.name)
        meaning = words.get(entry.name, "")
        yield (
            name,
            Described(meaning=meaning, default=None if is_dataclass(value) else value, is_section=is_dataclass(value)),
        )
        if is_dataclass(value):
            yield from _described(value, f"{name}.")


def _set_by_users(settings: Any) -> list[Field[Any]]:
    return [entry for entry in fields(settings) if entry.metadata.get("set") != MEASURED["set"]]
