"""Masks that contradict the tags are a fault where many do, and a hint where few do."""

from collections.abc import Iterable
from pathlib import Path

from tagged_masks import Tagged, tagged_dataset

from patchlearn.data.checks.mask_agreement import MaskAgreement, compare_masks
from patchlearn.data.checks.readings import read_all

CLASSES = ("cat", "dog")
RIGHT = [Tagged(tags=["cat"], values=(0, 1)), Tagged(tags=["dog"], values=(0, 2))]
SURPLUS, LACKING = Tagged(tags=["cat"], values=(1, 2)), Tagged(tags=["cat"], values=(0, 255))


def compared(root: Path, images: Iterable[Tagged]) -> MaskAgreement:
    dataset = tagged_dataset(root, CLASSES, images)
    return compare_masks(dataset, read_all(dataset))


def test_masks_that_agree_give_nothing(tmp_path: Path) -> None:
    found = compared(tmp_path, [*RIGHT, Tagged(values=(0,)), Tagged(tags=["cat"])])
    assert (found.compared, found.differing, found.surplus, found.lacking) == (3, 0, 0, 0)
    assert (found.fault, found.hint, found.meaning) == (None, None, {})


def test_a_tenth_of_the_masks_is_a_hint(tmp_path: Path) -> None:
    found = compared(tmp_path, [*RIGHT * 9, SURPLUS, LACKING])
    assert (found.compared, found.differing, found.surplus, found.lacking) == (20, 2, 1, 1)
    assert found.fault is None
    assert found.hint is not None
    assert found.hint.text == (
        "2 of 20 masks of train do not agree with the tags (img018, img019): 1 holds a class that no tag names and 1 "
        "lacks a class that a tag names. Complete the tags: a missing tag teaches that the class is not there."
    )


def test_tags_of_what_is_not_there_have_another_remedy(tmp_path: Path) -> None:
    hint = compared(tmp_path, [*RIGHT * 9, LACKING]).hint
    assert hint is not None
    assert (
        "1 of 19 masks of train does not agree with the tags (img018): 1 lacks a class that a tag names. Remove tags"
        in (hint.text)
    )


def test_more_than_a_tenth_is_a_fault(tmp_path: Path) -> None:
    found = compared(tmp_path, [*RIGHT * 9, SURPLUS, LACKING, SURPLUS])
    assert found.hint is None
    assert found.fault is not None
    assert found.fault.kind == "masks and tags"
    assert found.fault.text == (
        "3 of 21 masks of train do not agree with the tags (img018, img019, img020): 2 hold a class that no tag names "
        "and 1 lacks a class that a tag names. Compare these masks with the tags, and correct what is wrong."
    )


def test_the_fault_tells_the_cause(tmp_path: Path) -> None:
    swapped = [Tagged(tags=["cat"], values=(0, 2)), Tagged(tags=["dog"], values=(0, 1))]
    found = compared(tmp_path, swapped * 2)
    assert found.meaning == {1: "dog", 2: "cat"}
    assert found.fault is not None
    assert found.fault.text == (
        "4 of 4 masks of train do not agree with the tags (img000, img001, img002 and 1 more): 4 hold a class that no "
        "tag names and 4 lack a class that a tag names. The mask value 1 goes with the tag 'dog', which has the value "
        "2. Put the classes into this order in classes.txt: dog, cat."
    )


def test_a_small_split_with_wrong_masks_is_not_lost_among_many_right_ones(tmp_path: Path) -> None:
    wrong = [Tagged(tags=each.tags, values=(0, 255), split="val") for each in RIGHT]
    found = compared(tmp_path, [*RIGHT * 20, LACKING, *wrong])
    assert found.fault is not None
    assert found.fault.text.startswith("2 of 2 masks of val do not agree")
    assert "255 means undecided" in found.fault.text
    assert found.hint is not None
    assert found.hint.text.startswith("1 of 41 masks of train does not agree")
