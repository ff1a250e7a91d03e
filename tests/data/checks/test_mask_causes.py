"""Mistakes in writing masks are recognised, and each is told with its remedy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tagged_masks import Tagged, tagged_dataset

from patchlearn.data.checks.mask_causes import Cause, likely_cause
from patchlearn.data.checks.mask_pairs import pairs_of
from patchlearn.data.checks.readings import read_all

CLASSES = ("bird", "cat", "dog")
TAGS = (["bird"], ["cat"], ["dog"], ["bird", "dog"], ["cat", "dog"], [])


def cause(
    root: Path, values: Sequence[Sequence[int]], classes: Sequence[str] = CLASSES, **changes: Any
) -> Cause | None:
    """Of masks with these values, beside `TAGS`."""
    images = [Tagged(tags=tags, values=each) for tags, each in zip(TAGS, values)]
    return cause_of(root, images, classes, **changes)


def cause_of(root: Path, images: Sequence[Tagged], classes: Sequence[str] = CLASSES, **changes: Any) -> Cause | None:
    dataset = tagged_dataset(root, classes, images, **changes)
    return likely_cause(dataset, pairs_of(dataset, read_all(dataset)))


def test_black_and_white_masks_of_one_class(tmp_path: Path) -> None:
    images = [Tagged(tags=["crack"], values=(0, 255)), Tagged(tags=["crack"], values=(255,)), Tagged(values=(0,))]
    found = cause_of(tmp_path, images, ["crack"])
    assert found == Cause("The masks hold 0 and 255 alone, and 255 means undecided. Write 1 in place of 255.")


def test_black_and_white_masks_of_several_classes(tmp_path: Path) -> None:
    found = cause(tmp_path, [(0, 255)] * 6)
    assert found is not None
    assert found.text.endswith("Write the value of the class in place of 255: 1 for 'bird', 2 for 'cat', 3 for 'dog'.")


def test_empty_masks(tmp_path: Path) -> None:
    assert cause_of(tmp_path, [Tagged(tags=["a"], values=(0,))], ["a"]) == Cause(
        "The masks hold 0, the background, alone. Write 1 where an object is."
    )


@pytest.mark.parametrize("value", [1, 77])
def test_foreground_of_any_class(tmp_path: Path, value: int) -> None:
    found = cause(tmp_path, [(0, value), (0, value, 255), (value,), (0, value), (value,), (0,)])
    assert found is not None
    assert f"The masks hold 0 and {value} alone: they say where something is, and not of which class." in found.text
    assert f"in place of {value}: 1 for 'bird'" in found.text


def test_two_classes_counted_from_zero_are_no_foreground(tmp_path: Path) -> None:
    tags = (["a"], ["b"], ["a", "b"])
    images = [Tagged(tags=names, values=each) for names, each in zip(tags, [(0,), (1,), (0, 1)])]
    found = cause_of(tmp_path, images, ["a", "b"])
    assert found is not None
    assert "The masks count the classes from 0" in found.text
    found = cause_of(tmp_path / "both", [Tagged(tags=["a", "b"], values=(0, 1))] * 3, ["a", "b"])
    assert found is not None
    assert "they say where something is" in found.text


@pytest.mark.parametrize("undecided", [(), (255,)])
def test_classes_counted_from_zero(tmp_path: Path, undecided: tuple[int, ...]) -> None:
    values = [(0,), (1,), (2,), (0, 2), (1, 2), (255,)]
    found = cause(tmp_path, [(*each, *undecided) for each in values])
    assert found is not None
    assert found.meaning == {0: 0, 1: 1, 2: 2}
    assert "the value 0 goes with 'bird', which is class 1. Add 1 to the values 0 to 2" in found.text


def test_another_order_of_the_classes(tmp_path: Path) -> None:
    """The masks count dog, bird, cat."""
    found = cause(tmp_path, [(0, 2), (0, 3, 255), (0, 1), (0, 1, 2), (0, 1, 3), (0,)])
    assert found is not None
    assert found.meaning == {1: 2, 2: 0, 3: 1}
    assert found.text == (
        "The mask value 1 goes with the tag 'dog', which has the value 3. "
        "Put the classes into this order in classes.txt: dog, bird, cat."
    )


def test_a_class_without_masks_takes_the_place_that_is_left(tmp_path: Path) -> None:
    images = [Tagged(tags=["cat"], values=(0, 1)), Tagged(tags=["bird"], values=(0, 3))]
    found = cause_of(tmp_path, images)
    assert found is not None
    assert found.text.endswith("classes.txt: cat, dog, bird.")


def test_numbers_sorted_as_words(tmp_path: Path) -> None:
    """classes.txt says 1, 10, 11, 12, 2, …; the masks hold the numbers themselves."""
    names = sorted(str(number) for number in range(1, 13))
    images = [Tagged(tags=[str(number)], values=(0, number)) for number in range(1, 13)]
    found = cause_of(tmp_path, images, names)
    assert found is not None
    assert found.text.endswith("classes.txt: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12.")


def test_values_beyond_the_classes(tmp_path: Path) -> None:
    found = cause(tmp_path, [(0, 40), (0, 80), (0, 120), (0, 40, 120), (80, 120), (0,)])
    assert found is not None
    assert found.text == (
        "The mask value 40 goes with the tag 'bird', which has the value 1. "
        "Replace the values in the masks: 40 by 1 ('bird'), 80 by 2 ('cat'), 120 by 3 ('dog'). "
        "Or write classes.csv with the columns name,value: 40 for 'bird', 80 for 'cat', 120 for 'dog'."
    )


def test_values_of_one_class(tmp_path: Path) -> None:
    found = cause_of(tmp_path, [Tagged(tags=["a"], values=(0, 128)), Tagged(values=(0,))], ["a"])
    assert found is not None
    assert found.text.endswith("128 by 1 ('a'). Or write classes.csv with the columns name,value: 128 for 'a'.")


def test_values_that_the_format_fixes_are_changed_in_the_masks(tmp_path: Path) -> None:
    """VOC's layout, with masks that count the kept classes."""
    changes = {"mask_values": (3, 8, 12), "masks_are_closed": False}
    found = cause(tmp_path, [(0, 1), (0, 2), (0, 3), (0, 1, 3), (2, 3), (0,)], **changes)
    assert found is not None
    assert "Replace the values in the masks: 1 by 3 ('bird'), 2 by 8 ('cat'), 3 by 12 ('dog')." in found.text


def test_left_out_classes_do_not_hide_the_order(tmp_path: Path) -> None:
    changes = {"mask_values": (1, 2, 3), "masks_are_closed": False}
    values = [(0, 2, 9), (0, 1), (0, 3, 9), (0, 2, 3), (1, 3, 9), (0, 9)]
    found = cause(tmp_path, values, **changes)
    assert found is not None
    assert "Replace the values in the masks: 1 by 2 ('cat'), 2 by 1 ('bird')." in found.text


def test_few_wrong_images_do_not_hide_the_order(tmp_path: Path) -> None:
    swapped = [Tagged(tags=["cat"], values=(0, 1)), Tagged(tags=["bird"], values=(0, 2))] * 20
    found = cause_of(tmp_path / "few", [*swapped, Tagged(tags=["cat"], values=(0, 2))])
    assert found is not None
    assert found.text.endswith("classes.txt: cat, bird, dog.")
    assert cause_of(tmp_path / "many", [*swapped, *[Tagged(tags=["cat"], values=(0, 2))] * 4]) is None


def test_smooth_values_come_from_jpeg_or_interpolation(tmp_path: Path) -> None:
    images = [Tagged(tags=["cat"], values=tuple(range(first, first + 7))) for first in (3, 10, 17)]
    found = cause_of(tmp_path / "many", [*images, Tagged(tags=["dog"], values=(0, 1))])
    assert found is not None
    assert "The masks hold 22 values beside 0 and 255, as JPEG and interpolation leave them" in found.text
    assert cause_of(tmp_path / "few", [*images[:2], Tagged(tags=["dog"], values=(0, 1))]) is None


def test_wrong_tags_have_no_cause_in_the_masks(tmp_path: Path) -> None:
    assert cause(tmp_path, [(0, 1), (0, 1), (0, 2), (0, 3), (0,), (0, 2)]) is None


def test_unknown_classes_count_neither_way(tmp_path: Path) -> None:
    images = [
        Tagged(tags=["cat"], unknown=["dog"], values=(0, 1, 3)),
        Tagged(tags=["bird"], unknown=["dog"], values=(0, 2, 3)),
        Tagged(tags=["dog"], values=(0, 3)),
    ]
    found = cause_of(tmp_path, images)
    assert found is not None
    assert found.text.endswith("classes.txt: cat, bird, dog.")


def test_the_values_of_colours_are_not_in_the_files(tmp_path: Path) -> None:
    assert cause(tmp_path, [(0, 255)] * 6, mask_colours={(9, 9, 9): 1}) is None


def test_the_background_is_not_taken_for_a_class_of_every_image(tmp_path: Path) -> None:
    images = [Tagged(tags=["dog"], values=(0, 1)), Tagged(tags=["cat", "dog"], values=(0, 1, 2))]
    found = cause_of(tmp_path, images, ["cat", "dog"])
    assert found is not None
    assert found.meaning == {1: 1, 2: 0}


def test_the_background_of_left_out_classes_is_not_counted_from_zero(tmp_path: Path) -> None:
    images = [Tagged(tags=["bird"], values=(0, value)) for value in (4, 5)]
    assert cause_of(tmp_path, images, mask_values=(3, 8, 12), masks_are_closed=False) is None


def test_classes_that_always_come_together_keep_their_values(tmp_path: Path) -> None:
    together = Tagged(tags=["dog", "cat"], values=(0, 8, 12))
    images = [together, Tagged(tags=["cow"], values=(0, 13)), Tagged(tags=["horse"], values=(0, 10))]
    changes = {"mask_values": (12, 8, 10, 13), "masks_are_closed": False}
    found = cause_of(tmp_path, images, ["dog", "cat", "cow", "horse"], **changes)
    assert found is not None
    assert found.text.endswith("Replace the values in the masks: 10 by 13 ('horse'), 13 by 10 ('cow').")
