from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.settings import DataSettings
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


@pytest.mark.parametrize("name", builtin_recipes())
def test_every_recipe_can_be_written_for_other_images(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text := written_for(Path("photos"), name))
    mine, theirs = load_recipe(path), load_recipe(recipe_file(name))
    assert mine.recipe.data == DataSettings(root="photos")
    assert mine.variants == theirs.variants
    assert (mine.recipe.seed, mine.recipe.title) == (theirs.recipe.seed, theirs.recipe.title)
    assert text.count("#") >= recipe_file(name).read_text().count("#") - 1  # a comment beside COCO's file of labels


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("seed: 3\n", "seed: 3\n"),
        ("# mine\nseed: 3\ndata: {format: voc, root: x}\n# end\n", "# mine\nseed: 3\n# end\n"),
        ("data: {format: voc,\nroot: x\n}\nseed: 3", "seed: 3\n"),
        ("data:\n  # of the data\n\n  scenes: {size: 80}\n\nseed: 3\n", "\nseed: 3\n"),
        ("data: {labels: a.csv}\nseed: 3\n", "seed: 3\n"),
    ],
)
def test_a_recipe_of_ones_own_is_written_for_other_images(text: str, rest: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(text)
    written = written_for(tmp_path, str(tmp_path / "own.yaml"))
    section = f"data:\n  format: auto\n  root: {tmp_path}\n"
    assert section in written
    assert written.replace(section, "") == rest


def test_what_is_said_of_the_images_stays(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").touch()
    (tmp_path / "own.yaml").write_text("data: {labels: tags.csv, separator: pipe, bands: [3, 2, 1]}\n")
    (tmp_path / "new.yaml").write_text(written_for(tmp_path, str(tmp_path / "own.yaml")))
    expected = DataSettings(root=str(tmp_path), labels="tags.csv", separator="pipe", bands=(3, 2, 1))
    assert load_recipe(tmp_path / "new.yaml").recipe.data == expected


def test_a_wrong_recipe_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("sed: 1\n")
    with pytest.raises(PatchlearnError, match=r"own\.yaml: unknown key 'sed'; did you mean 'seed'"):
        written_for(tmp_path, str(tmp_path / "own.yaml"))
