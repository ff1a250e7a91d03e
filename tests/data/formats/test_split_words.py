"""Splits in names."""

import pytest

from patchlearn.data.formats.split_words import split_of, split_word, starts_with_split


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("instances_train2017", "train"),
        ("Train", "train"),
        ("training_set", "train"),
        ("instances_val2017", "val"),
        ("minival2014", "val"),
        ("valid", "val"),
        ("validation", "val"),
        ("test-dev2017", "test"),
        ("train_val", "train"),
        ("trainer", None),
        ("interval", None),
        ("latest", None),
        ("trainval2017", None),
        ("", None),
    ],
)
def test_words_are_whole(name: str, split: str | None) -> None:
    word = split_word(name)
    assert (word and split_of(word.group())) == split


def test_a_folder_begins_with_its_split() -> None:
    assert [starts_with_split(name) for name in ("train2017", "Valid", "my_train", "cats")] == [
        "train",
        "val",
        None,
        None,
    ]
