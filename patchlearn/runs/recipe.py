"""Recipes as YAML: read with overrides from the command line, every variant complete, written back."""

import re
from argparse import ArgumentError
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_type_hints

import yaml
from jsonargparse import ArgumentParser

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.files import parse_yaml
from patchlearn.core.run_folder import BY_HAND, EVALUATION, IMAGE_LISTS, RECIPE, REPORT
from patchlearn.runs.described import leaves
from patchlearn.runs.settings import VARIED, ExpectedSettings, Recipe, Variant
from patchlearn.runs.values import what_is_wrong, with_brackets, with_lists

RESERVED = ("check", "data", EVALUATION, IMAGE_LISTS, RECIPE, BY_HAND, REPORT)
EXPECTED = "expected"  # the section of a recipe that holds what was measured
# Key of a recipe of before 0.1 → what it is called now.
RENAMED = {
    "relearn": "self_training",
    "pseudo.background": "background",
    "pseudo.walk": "walk",
    "cams.scales": "cams.views.scales",
    "cams.flip": "cams.views.flip",
    "cams.long_side": "cams.views.long_side",
}
NO_VALUE = (yaml.YAMLError, RecursionError)
Settings = TypeVar("Settings")


@dataclass(frozen=True, kw_only=True)
class LoadedRecipe:
    """A recipe with the complete settings of every variant, in the recipe's order."""

    recipe: Recipe
    variants: tuple[Variant, ...]


def load_recipe(path: Path | str, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """Read a recipe and apply command-line overrides such as `--classifier.backbone=resnet50`.

    Raises:
        PatchlearnError: the file is missing or no YAML, a key is misspelt, or a value has the wrong type or is out of
            range; the message names the file, the key and the right values.
    """
    settings = _read_yaml(Path(path))
    require_known_keys(settings, Recipe, str(path))
    for override in overrides:
        require_known_keys(_nested(override), Recipe, override)
        if override.startswith(f"--{EXPECTED}"):
            raise PatchlearnError(f"{override}: what was measured is no setting. Leave it out.")
        if "=" not in override:
            raise PatchlearnError(f"{override}: has no value. Write {override}=VALUE.")
    expected = read_expected(settings.pop(EXPECTED, {}), str(path))
    values = _parsed(settings, overrides, str(path))
    recipe = replace(_built(Recipe, values, str(path)), expected=expected)
    return LoadedRecipe(recipe=recipe, variants=tuple(_variants(recipe, str(path))))


def dump_recipe(recipe: Recipe) -> str:
    """YAML that `load_recipe` reads back as the same recipe."""
    return yaml.safe_dump(_plain(asdict(recipe)), sort_keys=False, allow_unicode=True)


@lru_cache
def recipe_parser() -> ArgumentParser:
    """Every setting as an option, for `--help` and for overrides."""
    parser = ArgumentParser(prog="patchlearn run RECIPE", exit_on_error=False)
    parser.add_class_arguments(Recipe, sub_configs=False, skip={EXPECTED})
    return parser


@lru_cache
def _expected_parser() -> ArgumentParser:
    """What was measured, apart from the settings: each variant would check it again."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(ExpectedSettings, EXPECTED, sub_configs=False)
    return parser


def read_expected(section: Mapping[str, Any], source: str) -> ExpectedSettings:
    """The section `expected` of a recipe.

    Args:
        section: as it stands in the YAML file.
        source: the file, for messages.

    Raises:
        PatchlearnError: a key is misspelt, or a value is wrong.
    """
    if not section:
        return ExpectedSettings()
    require_known_keys(section, ExpectedSettings, source, f"{EXPECTED}.")
    with _naming(source):
        values = _expected_parser().parse_object({EXPECTED: with_lists(section, ExpectedSettings)}).as_dict()
    return _built(ExpectedSettings, values[EXPECTED], source, f"{EXPECTED}.")


def require_known_keys(settings: Mapping[str, Any], schema: type, source: str, prefix: str = "") -> None:
    """Raise `PatchlearnError` unless every key, at any depth, is a field of the data class."""
    known = {entry.name: get_type_hints(schema)[entry.name] for entry in fields(cast(Any, schema))}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if name in RENAMED:
            raise PatchlearnError(f"{source}: '{name}' is now called '{RENAMED[name]}'. Rename it.")
        if key not in known:
            raise PatchlearnError(
                f"{source}: unknown key '{name}'{_meant(str(key), prefix, known)} "
                f"The keys there are: {', '.join(known)}."
            )
        if is_dataclass(known[key]):
            if not isinstance(value, Mapping):
                raise PatchlearnError(f"{source}: '{name}' is a group of settings; write '{key}: {{…}}'.")
            require_known_keys(value, cast(type, known[key]), source, f"{name}.")


def _meant(key: str, prefix: str, known: Iterable[str]) -> str:
    """Settings of this name in the sections below, or a similar key."""
    below = [name for name, _ in leaves(Recipe()) if name.startswith(prefix) and name.rpartition(".")[2] == key]
    return f"; did you mean {' or '.join(map(repr, below))}?" if below else did_you_mean(key, known)


def _variants(recipe: Recipe, source: str) -> Iterator[Variant]:
    whole = {name: value for name, value in asdict(recipe).items() if name in VARIED}
    for name, changes in recipe.variants.items():
        _require_folder_name(name, source)
        place = f"{source}, variant {name}"
        _require_varied(changes or {}, f"{source}: variants.{name}")
        require_known_keys(changes or {}, Recipe, place)
        values = _parsed(_merged(whole, changes or {}), (), place)
        yield Variant(name=name, **{section: vars(_built(Recipe, values, place))[section] for section in VARIED})


def _require_folder_name(name: Any, source: str) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name) or name in RESERVED:
        raise PatchlearnError(
            f"{source}: variant {name!r} names a folder of the run; use letters, digits and hyphens (in quotes, where "
            f"YAML would read a number, or yes and no), and none of {', '.join(RESERVED)}."
        )


def _require_varied(changes: Mapping[str, Any], place: str) -> None:
    foreign = [key for key in changes if key not in VARIED and key not in RENAMED]
    if foreign:
        raise PatchlearnError(
            f"{place}.{foreign[0]} is not a setting that variants may change. They may change {', '.join(VARIED)}."
        )


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such recipe. Name a YAML file, or a run folder.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PatchlearnError(f"{path}: not valid YAML: {' '.join(str(error).split())}. Correct the line.") from None
    if not isinstance(settings, dict):
        raise PatchlearnError(f"{path}: a recipe is a mapping of settings, such as 'seed: 0'.")
    return _without_words(settings)


def _without_words(settings: dict[str, Any]) -> dict[str, Any]:
    """Leave out what `expected` was before 0.1: words, of which run folders have copies, and no figures."""
    expected = settings.get(EXPECTED)
    is_words = isinstance(expected, Mapping) and ("score" in expected or isinstance(expected.get("data"), str))
    return {key: value for key, value in settings.items() if key != EXPECTED} if is_words else settings


def _nested(override: str) -> dict[str, Any]:
    """`--a.b=1` → {"a": {"b": "1"}}."""
    name, _, value = override.removeprefix("--").partition("=")
    nested: Any = value
    for key in reversed(name.split(".")):
        nested = {key: nested}
    return cast(dict[str, Any], nested)


def _parsed(settings: Mapping[str, Any], overrides: Sequence[str], source: str) -> dict[str, Any]:
    """Every setting of a recipe as a value of the right type, defaults included, sections as dictionaries."""
    parser = recipe_parser()
    with _naming(source):
        base = parser.parse_object(with_lists(settings))
    given = [with_brackets(override) for override in overrides]
    try:
        return parser.parse_args(given, namespace=base).as_dict()
    except (ArgumentError, *NO_VALUE):
        _refuse_first_wrong(parser, given)
        raise


def _refuse_first_wrong(parser: ArgumentParser, overrides: Sequence[str]) -> None:
    """Name the override that the parser refuses; one at a time, which takes long, and so only after an error."""
    for override in overrides:
        with _naming(override):
            parser.parse_args([override])


@contextmanager
def _naming(source: str) -> Iterator[None]:
    """What the parser refuses becomes a sentence that names the source."""
    try:
        yield
    except ArgumentError as error:
        raise PatchlearnError(f"{source}: {what_is_wrong(' '.join(str(error).split()))}") from None
    except NO_VALUE:
        raise PatchlearnError(f"{source}: a value is not valid YAML, or is nested too deeply. Correct it.") from None


def _built(schema: type[Settings], values: Mapping[str, Any], source: str, prefix: str = "") -> Settings:
    """The settings of these values. An error of a nested section begins with the path of the section."""
    kinds, made = get_type_hints(schema), dict(values)
    for name in values:
        if values[name] is None and type(None) not in get_args(kinds[name]):
            raise PatchlearnError(
                f"{source}: {prefix}{name}: null is not an option. Leave the key out for the default."
            )
        if is_dataclass(kinds[name]):
            made[name] = _built(cast(type, kinds[name]), values[name], source, f"{prefix}{name}.")
    try:
        return schema(**made)
    except PatchlearnError as error:
        raise PatchlearnError(f"{source}: {prefix}{error}") from None


def _merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with changes laid over them, mapping by mapping."""
    merged = dict(settings)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _plain(value: Any) -> Any:
    """Tuples as lists, which YAML can say."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
