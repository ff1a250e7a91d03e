"""Options that several tools take."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from patchlearn.cli.options import add_bands, add_classes, add_threads, chosen_bands, classes_of_masks
from patchlearn.core.errors import PatchlearnError


def parser() -> ArgumentParser:
    made = ArgumentParser()
    made.add_argument("masks", type=Path)
    add_classes(made)
    add_threads(made)
    return made


def test_threads_are_a_number_or_left_to_the_machine() -> None:
    assert parser().parse_args(["masks"]).threads is None
    assert parser().parse_args(["masks", "--threads", "3"]).threads == 3


def test_the_list_beside_the_masks_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("cat\ntraffic light\n", encoding="utf-8")
    (tmp_path / "names.txt").write_text("hen\n", encoding="utf-8")
    assert classes_of_masks(parser().parse_args([str(tmp_path)])) == ("cat", "traffic light")
    words = [str(tmp_path), "--classes", str(tmp_path / "names.txt")]
    assert classes_of_masks(parser().parse_args(words)) == ("hen",)


@pytest.mark.parametrize("words", [(), ("--classes", "nowhere/names.txt")])
def test_a_missing_list_is_named(words: tuple[str, ...], tmp_path: Path) -> None:
    name = "names" if words else "classes"
    with pytest.raises(PatchlearnError, match=rf"{name}\.txt: no such file\. Name the classes .* with --classes"):
        classes_of_masks(parser().parse_args([str(tmp_path), *words]))


def test_three_bands_are_chosen_by_their_numbers() -> None:
    made = ArgumentParser()
    add_bands(made)
    assert chosen_bands(made.parse_args([])) is None
    assert chosen_bands(made.parse_args(["--bands", "4,3,2"])) == (4, 3, 2)
    assert chosen_bands(made.parse_args(["--bands", "[10, 1, 1]"])) == (10, 1, 1)


@pytest.mark.parametrize("words", ["4,3", "4,3,2,1", "4,3,0", "4,3,b", "", "-1,2,3"])
def test_what_is_not_three_bands_is_an_error(words: str) -> None:
    with pytest.raises(PatchlearnError, match=r"--bands .*: not three bands\. Write the numbers of"):
        chosen_bands(Namespace(bands=words))
