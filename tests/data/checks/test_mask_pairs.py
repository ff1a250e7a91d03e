"""Masks beside tags."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tagged_masks import Tagged, tagged_dataset

from patchlearn.core.types import Dataset
from patchlearn.data.checks.mask_pairs import (
    ClassAgreement,
    Pair,
    agreement,
    distinct_pairs,
    pairs_of,
    tagged_images,
    tagged_samples,
)
from patchlearn.data.checks.readings import read_all

CLASSES = ("cat", "dog", "cow")


def pairs(root: Path, *images: Tagged, **changes: Any) -> tuple[Dataset, list[Pair]]:
    dataset = tagged_dataset(root, CLASSES, images, **changes)
    return dataset, pairs_of(dataset, read_all(dataset))


def sets(found: Sequence[Pair]) -> list[tuple[set[int], set[int]]]:
    return [(set(pair.surplus), set(pair.lacking)) for pair in found]


def test_surplus_and_lacking_classes(tmp_path: Path) -> None:
    _, found = pairs(
        tmp_path,
        Tagged(tags=["cat", "dog"], values=(0, 1, 2, 255)),
        Tagged(tags=["cat"], values=(0, 1, 3)),
        Tagged(tags=["cat", "cow"], values=(0, 2)),
        Tagged(values=(0,)),
        Tagged(tags=["dog"]),
    )
    assert sets(found) == [(set(), set()), ({2}, set()), ({1}, {0, 2}), (set(), set())]
    assert [pair.differs for pair in found] == [False, True, True, False]


def test_unknown_classes_may_be_in_the_mask(tmp_path: Path) -> None:
    _, found = pairs(tmp_path, Tagged(tags=["cat"], unknown=["dog"], values=(1, 2)))
    assert not found[0].differs


def test_values_that_mean_nothing_differ_and_left_out_classes_do_not(tmp_path: Path) -> None:
    image = Tagged(tags=["cat"], values=(0, 1, 9))
    assert sets(pairs(tmp_path / "closed", image)[1]) == [({-1}, set())]
    assert sets(pairs(tmp_path / "open", image, masks_are_closed=False)[1]) == [(set(), set())]


def test_values_of_the_files_become_classes(tmp_path: Path) -> None:
    _, (pair,) = pairs(tmp_path, Tagged(tags=["cow"], values=(0, 15)), mask_values=(8, 12, 15), masks_are_closed=False)
    assert (pair.values, pair.found) == ({0, 15}, {2})


def test_images_that_nobody_tagged_are_left_out(tmp_path: Path) -> None:
    dataset, found = pairs(
        tmp_path,
        Tagged(unknown=CLASSES, values=(1,)),
        Tagged(tags=["cat"], values=(1,)),
        Tagged(split="test", values=(2,)),
    )
    assert [pair.sample.id for pair in found] == ["img001"]
    assert [split for split, _ in tagged_samples(dataset)] == ["train"]


def test_agreement_of_each_class(tmp_path: Path) -> None:
    dataset, found = pairs(
        tmp_path, Tagged(tags=["cat", "dog"], values=(0, 1)), Tagged(tags=["cat"], values=(1, 2)), Tagged(values=(0,))
    )
    cat, dog, cow = agreement(3, found)
    assert (cat, cat.share) == (ClassAgreement(both=2, tag_alone=0, mask_alone=0), 1)
    assert (dog, dog.share) == (ClassAgreement(both=0, tag_alone=1, mask_alone=1), 0)
    assert (cow, cow.share) == (ClassAgreement(both=0, tag_alone=0, mask_alone=0), None)
    dataset.splits["trainval"] = dataset.splits["train"]
    twice = pairs_of(dataset, read_all(dataset))
    assert (len(twice), len(distinct_pairs(twice)), agreement(3, twice)[0]) == (6, 3, cat)


def test_images_that_nobody_tagged_are_left_out_and_none_comes_twice(tmp_path: Path) -> None:
    images = [
        Tagged(tags=["cat"], name="a"),
        Tagged(name="b"),
        Tagged(unknown=["cat", "dog"], name="c"),
        Tagged(unknown=["dog"], name="d"),
        Tagged(tags=["cat"], split="val", name="a"),
        Tagged(split="test", name="e"),  # no image of this split has a tag
    ]
    assert [each.image.stem for each in tagged_images(tagged_dataset(tmp_path, ["cat", "dog"], images))] == [*"abd"]
