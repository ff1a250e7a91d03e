"""A recipe as a value: its sections, its defaults and what it refuses."""

from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest
from test_public_names import loaded_by

from patchlearn.core.errors import PatchlearnError
from patchlearn.runs.settings import SUPERVISIONS, VARIED, ExpectedFigure, Recipe, Variant


def test_variants_may_change_every_section_but_the_data_and_the_runtime() -> None:
    sections = [entry.name for entry in fields(Recipe) if is_dataclass(getattr(Recipe(), entry.name))]
    assert [name for name in sections if name not in ("expected", "data", "runtime")] == list(VARIED)
    assert (
        *("classifier", "features", "reading", "cams", "self_training", "clicks"),
        *("background", "affinity", "walk", "pseudo", "segmenter"),
    ) == VARIED


def test_a_variant_has_the_defaults_of_a_recipe() -> None:
    recipe, variant = Recipe(), Variant()
    assert {name: vars(recipe)[name] for name in VARIED} == {name: vars(variant)[name] for name in VARIED}
    assert variant.name == "default"


def test_a_recipe_of_nothing_is_one_variant_learned_from_tags() -> None:
    recipe = Recipe()
    assert (recipe.title, recipe.seed, recipe.with_segmenter, recipe.supervision) == ("patchlearn", 0, True, "tags")
    assert recipe.variants == {"default": {}}
    recipe.variants["other"] = {}
    assert Recipe().variants == {"default": {}}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"supervision": "mask"}, "^supervision: 'mask' is not an option; did you mean 'masks'"),
        ({"variants": {}}, "^variants: no variant is named. Name at least one"),
    ],
)
def test_a_wrong_recipe_is_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        Recipe(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"labels": "known"}, "^labels: 'known' is not an option"),
        ({"miou": 734.0}, "^miou: 734.0 is out of range"),
        ({"spread": -1.0}, "^spread: -1.0 is out of range"),
        ({"minutes": -1.0}, "^minutes: -1.0 is out of range"),
    ],
)
def test_a_wrong_expectation_is_refused(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        ExpectedFigure(**values)  # type: ignore[arg-type]


def test_every_supervision_is_allowed() -> None:
    assert [Recipe(supervision=name).supervision for name in SUPERVISIONS] == ["tags", "masks"]


def test_a_recipe_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Recipe().seed = 1  # type: ignore[misc]


def test_settings_load_neither_torch_nor_numpy() -> None:
    assert not loaded_by("import patchlearn.runs.settings") & {"torch", "numpy", "PIL"}
