"""A recipe: every setting of a run as one frozen value; YAML in and out, overrides, variants."""

import re
from argparse import ArgumentError
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, cast, get_type_hints

import yaml
from jsonargparse import ArgumentParser

from patchlearn.training.affinity import OFF, AffinitySettings, check_affinity
from patchlearn.data.transforms import check_augment
from patchlearn.maps.cam import CamSettings, check_cams
from patchlearn.training.classifier import ClassifierSettings
from patchlearn.data.scenes.scenes import SceneSettings
from patchlearn.core.errors import PatchlearnError, did_you_mean, require_one_of
from patchlearn.maps.pseudo_mask import PseudoSettings, check_pseudo, check_walks
from patchlearn.maps.self_training import RelearnSettings, check_relearn
from patchlearn.core.runtime import RuntimeSettings
from patchlearn.training.segmenter import SegmenterSettings, check_segmenter
from patchlearn.training.optimisation import check_optimisation

VARIED = ("classifier", "cams", "relearn", "affinity", "pseudo", "segmenter")
SUPERVISIONS = ("tags", "masks")
RESERVED = ("check", "data", "evaluation.json", "recipe.yaml", "report.html")


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which images.

    Args:
        format: "voc", "folder" or "scenes".
        root: the data set's folder; for scenes, null draws them into the run's own folder.
        scenes: what to draw, for the format "scenes".
    """

    format: str = "folder"
    root: str | None = None
    scenes: SceneSettings = field(default_factory=SceneSettings)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything a run depends on.

    Args:
        title: a line that says what this run is.
        seed: all randomness derives from it.
        data: which images.
        runtime: device, precision, workers.
        classifier: step 1.
        cams: step 2.
        relearn: whether step 2 learns better maps from its own.
        affinity: step 3.
        pseudo: step 4.
        segmenter: step 5.
        with_segmenter: whether `run` takes step 5; `segment` takes it in any case.
        supervision: what the segmenter learns from: "tags" (by way of pseudo masks), or "masks": the true ones, for the
            fully supervised reference with the same settings, which stands beside the other and needs no other step.
        variants: name → settings of any step, from classifier to segmenter, that differ; run side by side.
    """

    title: str = "patchlearn"
    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    cams: CamSettings = field(default_factory=CamSettings)
    relearn: RelearnSettings = field(default_factory=RelearnSettings)
    affinity: AffinitySettings = field(default_factory=AffinitySettings)
    pseudo: PseudoSettings = field(default_factory=PseudoSettings)
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    with_segmenter: bool = True
    supervision: str = "tags"
    variants: dict[str, dict[str, Any] | None] = field(default_factory=lambda: {"default": {}})


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The settings of one variant, complete."""

    name: str
    classifier: ClassifierSettings
    cams: CamSettings
    relearn: RelearnSettings
    affinity: AffinitySettings
    pseudo: PseudoSettings
    segmenter: SegmenterSettings


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply command-line overrides such as `--classifier.backbone=resnet50`.

    Raises:
        PatchlearnError: the file is missing or no YAML, a key is misspelt, or a value has the wrong type; the message
            names the file, the key and what would be right.
    """
    settings = _read_yaml(path)
    _check_keys(settings, Recipe, str(path))
    for override in overrides:
        _check_keys(_nested(override), Recipe, override)
    recipe = _parse(settings, overrides, str(path))
    require_one_of("supervision", recipe.supervision, SUPERVISIONS)
    variants_of(recipe, str(path))
    return recipe


def variants_of(recipe: Recipe, source: str = "recipe") -> list[Variant]:
    """Every variant with its overrides applied, in the recipe's order.

    Raises:
        PatchlearnError: a variant's name cannot be a folder, or it overrides something it may not.
    """
    if not recipe.variants:
        raise PatchlearnError(f"{source}: variants is empty. Name at least one, for example 'default: {{}}'.")
    return [_variant(recipe, name, overrides or {}, source) for name, overrides in recipe.variants.items()]


def dump_recipe(recipe: Recipe) -> str:
    """YAML that `load_recipe` reads back as the same recipe."""
    return yaml.safe_dump(_plain(asdict(recipe)), sort_keys=False, allow_unicode=True)


def recipe_parser(program: str) -> ArgumentParser:
    """Every setting as an option, for `--help` and for overrides."""
    parser = ArgumentParser(prog=program, exit_on_error=False)
    parser.add_class_arguments(Recipe, sub_configs=False)
    return parser


def _variant(recipe: Recipe, name: str, overrides: Mapping[str, Any], source: str) -> Variant:
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name) or name in RESERVED:
        raise PatchlearnError(
            f"{source}: variant {name!r} names a folder of the run; use letters, digits and hyphens (in quotes, where "
            f"YAML would read a number, or yes and no), and none of {', '.join(RESERVED)}."
        )
    foreign = [key for key in overrides if key not in VARIED]
    if foreign:
        raise PatchlearnError(
            f"{source}: variants.{name}.{foreign[0]} is not a setting that variants may change. "
            f"They may change {', '.join(VARIED)}."
        )
    _check_keys(overrides, Recipe, source, f"variants.{name}.")
    settings = _plain(asdict(recipe))
    merged = {section: _merge(settings[section], overrides.get(section) or {}) for section in VARIED}
    whole = _parse(merged, (), f"{source}, variant {name}")
    try:
        check_optimisation(whole.classifier.optimisation, "classifier")
        check_cams(whole.cams, patches=whole.classifier.fusion != "plain")
        check_relearn(whole.relearn)
        check_affinity(whole.affinity)
        check_pseudo(whole.pseudo)
        check_walks(whole.pseudo, 0 if whole.affinity.kind == OFF else whole.affinity.rounds)
        check_segmenter(whole.segmenter)
        for section in ("classifier", "affinity", "segmenter"):
            check_augment(f"{section}.augment", getattr(whole, section).augment)
    except PatchlearnError as error:
        raise PatchlearnError(f"{source}, variant {name}: {error}") from None
    return Variant(name=name, **{section: getattr(whole, section) for section in VARIED})


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such recipe. Name one of recipes/*.yaml, or your own.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PatchlearnError(f"{path}: not valid YAML: {' '.join(str(error).split())}. Correct the line.") from None
    if not isinstance(settings, dict):
        raise PatchlearnError(f"{path}: a recipe is a mapping of settings, such as 'seed: 0'.")
    return settings


def _nested(override: str) -> dict[str, Any]:
    """`--a.b=1` → {"a": {"b": "1"}}."""
    name, _, value = override.removeprefix("--").partition("=")
    nested: Any = value
    for key in reversed(name.split(".")):
        nested = {key: nested}
    return cast(dict[str, Any], nested)


def _check_keys(settings: Mapping[str, Any], schema: type, source: str, prefix: str = "") -> None:
    """Every key of the mapping, at any depth, is a field of the data class."""
    known = [entry.name for entry in fields(schema)]
    for key, value in settings.items():
        if key not in known:
            raise PatchlearnError(
                f"{source}: unknown key '{prefix}{key}';{did_you_mean(str(key), known)} "
                f"The keys there are: {', '.join(known)}."
            )
        kind = get_type_hints(schema)[key]
        if is_dataclass(kind) and isinstance(kind, type):
            if not isinstance(value, Mapping):
                raise PatchlearnError(f"{source}: '{prefix}{key}' is a group of settings; write '{key}: {{…}}'.")
            _check_keys(value, kind, source, f"{prefix}{key}.")


def _parse(settings: Mapping[str, Any], overrides: Sequence[str], source: str) -> Recipe:
    parser = recipe_parser("patchlearn run")
    try:
        base = parser.parse_object(dict(settings))
        parsed = parser.parse_args(list(overrides), namespace=base)
        return Recipe(**vars(parser.instantiate(parsed)))
    except ArgumentError as error:
        raise PatchlearnError(f"{source}: {' '.join(str(error).split())}") from None


def _merge(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with changes laid over them, mapping by mapping."""
    merged = dict(settings)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _plain(value: Any) -> Any:
    """Tuples as lists, which YAML can say."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
