from pathlib import Path

import pytest

from patchlearn.runs.builtin import builtin_recipes, recipe_file, written_for
from patchlearn.runs.recipe import load_recipe


@pytest.mark.parametrize("name", builtin_recipes())
def test_every_recipe_can_be_loaded_by_its_name(name: str) -> None:
    assert load_recipe(recipe_file(name)).recipe.title


def test_a_written_recipe_is_the_standard_one_with_the_folder_in_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(written_for(Path("Tom's photos: 2024 #1")))
    mine, standard = load_recipe(path), load_recipe(recipe_file("standard"))
    assert (mine.recipe.data.root, mine.recipe.data.format) == ("Tom's photos: 2024 #1", "auto")
    assert mine.variants == standard.variants


def test_ten_settings_of_the_written_recipe_have_a_comment() -> None:
    text = written_for(Path("photos"))
    assert [number for number in range(1, 12) if f" {number}. " in text] == list(range(1, 11))
