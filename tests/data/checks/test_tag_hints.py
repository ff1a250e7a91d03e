"""Hints from names and tags."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from patchlearn.core.types import Dataset, Sample
from patchlearn.data.checks.tag_hints import tag_hints


def dataset(classes: Sequence[str], splits: dict[str, Iterable[str]], unknown: Sequence[int] = ()) -> Dataset:
    """The tags of each image as letters, the first letters of the classes: "ab", "" for none."""
    letters = [name[0] for name in classes]
    return Dataset(
        root=Path(),
        classes=tuple(classes),
        splits={
            split: tuple(_sample(split, letters, tags, unknown) for tags in images) for split, images in splits.items()
        },
        mask_values=tuple(range(1, len(classes) + 1)),
        masks_are_closed=True,
    )


def _sample(split: str, letters: Sequence[str], tags: str, unknown: Sequence[int]) -> Sample:
    labels = tuple(letters.index(letter) for letter in tags)
    return Sample(id="x", image=Path("x"), labels=labels, unknown=tuple(set(unknown) - set(labels)))


def hints(classes: Sequence[str], train: Iterable[str], **others: Iterable[str]) -> dict[str, str]:
    """Kind → text."""
    return {hint.kind: hint.text for hint in tag_hints(dataset(classes, {"train": train, **others}))}


GOOD = ["a"] * 10 + ["b"] * 10 + [""]


def test_good_tags_need_no_hint() -> None:
    assert hints(["ant", "bee"], GOOD, val=["a", "b"], test=["", ""], trainval=GOOD) == {}


def test_classes_with_few_images() -> None:
    found = hints(["ant", "bee", "cow", "dog", "eel"], [*GOOD, "c", "c", *["d"] * 9, "e"])
    assert found["rare classes"].startswith(
        "3 classes have fewer than 10 training images (eel: 1, cow: 2, dog: 9). Add images"
    )


def test_tags_that_always_come_together() -> None:
    found = hints(["ant", "bee", "cow"], [*["ab"] * 10, *["c"] * 10, ""])
    assert found == {
        "inseparable classes": "Tags always come together (ant and bee: 10 images), and cannot be told apart. Merge "
        "them, or add images with one of them alone."
    }
    assert "inseparable classes" not in hints(["ant", "bee"], [*["ab"] * 10, "a"])
    assert "inseparable classes" not in hints(["ant", "bee"], ["ab", ""])


def test_a_tag_in_every_image() -> None:
    found = hints(["ant", "bee"], [*["ab"] * 10, "a"])
    assert found["nothing to compare with"].startswith("1 tag is in every training image (ant): no image")
    assert "no negatives" not in found


def test_an_image_of_an_unknown_class_is_nothing_to_compare_with() -> None:
    found = tag_hints(dataset(["ant", "bee"], {"train": [*["a"] * 10, *["b"] * 10]}, unknown=[0]))
    texts = [hint.text for hint in found if hint.kind == "nothing to compare with"]
    assert [text.split(" training")[0] for text in texts] == ["1 tag is in every"]


def test_no_image_without_a_tag() -> None:
    assert list(hints(["ant", "bee"], GOOD[:-1])) == ["no negatives"]


@pytest.mark.parametrize("names", [("Cat", "cat"), ("red car", "red_car"), ("red-car", "RedCar")])
def test_names_that_differ_in_writing_alone(names: tuple[str, str]) -> None:
    found = hints([*names, "zebra"], ["z"])
    assert f"({names[0]!r} = {names[1]!r}). Write one way" in found["similar names"]


def test_classes_without_images() -> None:
    found = [hint.text for hint in tag_hints(dataset(["ant", "bee", "cow"], {"train": GOOD, "val": ["a"]}))]
    assert found == [
        "1 class has no image in train (cow). Such a class cannot be learnt. Add images, or take out the class.",
        "2 classes have no image in val (bee, cow). Such a class is not judged there. Move some of the images of the "
        "class there.",
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cat|dog", "looks like several tags in one (cat|dog). If they are, set data.separator to pipe."),
        ("cat,dog", "set data.separator to comma"),
        ("cat;dog", "set data.separator to semicolon"),
        ("cat/dog", "write ; between the tags"),
        ("cat+dog", "write ; between the tags"),
        ("['cat']", "1 class has brackets or quotes in the name (['cat'])"),
        ('"cat', "brackets or quotes"),
        ("{cat", "brackets or quotes"),
    ],
)
def test_cells_that_were_not_separated(name: str, words: str) -> None:
    assert words in hints([name, "zebra"], ["z"])["separators"]


@pytest.mark.parametrize("name", ["cat_dog", "cat-dog", "cat dog", "dog's", "+", "C++", "crane (bird)", "1/"])
def test_names_are_no_lists(name: str) -> None:
    assert "separators" not in hints([name, "zebra"], ["z"])


@pytest.mark.parametrize("name", ["none", "None", "nan", "-"])
def test_words_for_nothing_are_no_classes(name: str) -> None:
    assert hints([name, "zebra"], ["z"])["no class"] == (
        f"1 class has a name that means nothing is there ({name}). Leave the cell of such images empty."
    )


def test_a_split_that_no_recipe_reads() -> None:
    assert hints(["ant", "bee"], GOOD, extra=["a"])["splits"].startswith("1 split is not read by recipes (extra): they")


def test_no_split_to_learn_from() -> None:
    found = tag_hints(dataset(["ant"], {"a": ["a"], "b": ["a"]}))
    assert [hint.text for hint in found] == [
        "No split has the name train, from which recipes learn; the data have a and b. Rename one, or set "
        "classifier.train_split."
    ]


def test_a_split_to_learn_from_without_tags() -> None:
    found = hints(["ant"], ["", ""], val=["a", ""])
    assert found == {"splits": "No image of train has a tag: nothing can be learnt. Add the tags."}


def test_whole_numbers_with_decimals() -> None:
    found = hints(["1.0", "2.00", "3.5"], ["1", "2", "3"])
    assert found["decimals"].startswith("2 classes are whole numbers written with decimals (1.0, 2.00)")
    assert "Write 1, or the name of the class" in found["decimals"]
    assert "('1' = '1.0')" in hints(["1", "1.0"], ["1"])["similar names"]
