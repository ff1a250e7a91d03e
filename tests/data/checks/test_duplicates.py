"""Equal files."""

import shutil
from pathlib import Path

from tagged_masks import Tagged, tagged_dataset

from patchlearn.core.types import Dataset
from patchlearn.data.checks.duplicates import Group, duplicates, leaks, name_below, repeats


def with_copies(
    root: Path, splits: dict[str, str], copies: dict[str, str], tags: dict[str, str] | None = None
) -> Dataset:
    """Images by name and split, of which some are made copies of others."""
    tags = tags or {}
    images = [Tagged(name=name, split=split, tags=[tags.get(name, "cat")]) for name, split in splits.items()]
    dataset = tagged_dataset(root, ["cat", "dog"], images)
    for copy, source in copies.items():
        shutil.copyfile(root / "images" / f"{source}.png", root / "images" / f"{copy}.png")
    return dataset


def groups_of(dataset: Dataset) -> list[Group]:
    return duplicates(dataset, [sample.image for samples in dataset.splits.values() for sample in samples], threads=2)


def test_equal_content_is_found_whatever_the_name(tmp_path: Path) -> None:
    dataset = with_copies(tmp_path, dict.fromkeys("abcde", "train"), {"c": "a", "e": "a"})
    assert [[place.sample.id for place in group] for group in groups_of(dataset)] == [["a", "c", "e"]]


def test_files_of_one_size_and_another_content_are_no_duplicates(tmp_path: Path) -> None:
    dataset = with_copies(tmp_path, dict.fromkeys("ab", "train"), {})
    first, second = (sample.image for sample in dataset.split("train"))
    first.write_bytes(b"12345")
    second.write_bytes(b"12346")
    assert groups_of(dataset) == []


def test_files_of_other_sizes_are_not_read(tmp_path: Path) -> None:
    dataset = with_copies(tmp_path, dict.fromkeys("ab", "train"), {})
    for sample, content in zip(dataset.split("train"), (b"1", b"22")):
        sample.image.write_bytes(content)
    assert groups_of(dataset) == []


def test_a_repeat_within_a_split_is_a_hint(tmp_path: Path) -> None:
    dataset = with_copies(tmp_path, dict.fromkeys("abc", "train"), {"b": "a"})
    (hint,) = repeats(dataset, groups_of(dataset))
    assert hint.text == ("1 image of train is there more than once (images/a.png = images/b.png). Keep one of each.")
    assert list(leaks(dataset, groups_of(dataset))) == []


def test_a_repeat_with_other_tags_is_told(tmp_path: Path) -> None:
    dataset = with_copies(tmp_path, dict.fromkeys("abcd", "train"), {"b": "a", "d": "c"}, {"b": "dog"})
    (hint,) = repeats(dataset, groups_of(dataset))
    assert "2 images of train are there more than once" in hint.text
    assert "), 1 of them with different tags. Keep" in hint.text


def test_an_image_of_train_in_val_is_a_leak(tmp_path: Path) -> None:
    dataset = with_copies(tmp_path, {"a": "train", "b": "train", "c": "val", "d": "test"}, {"c": "b"})
    (fault,) = leaks(dataset, groups_of(dataset))
    assert fault.kind == "leak"
    assert fault.text.startswith("1 image of train is also in val (images/b.png = images/c.png). Remove")
    assert list(repeats(dataset, groups_of(dataset))) == []


def test_the_same_file_in_both_splits_is_a_leak_and_in_trainval_is_none(tmp_path: Path) -> None:
    dataset = with_copies(tmp_path, {"a": "train", "b": "val"}, {})
    train, val = dataset.splits["train"], dataset.splits["val"]
    dataset.splits["trainval"] = train + val
    assert list(leaks(dataset, groups_of(dataset))) == []
    dataset.splits["val"] = val + train
    assert len(list(leaks(dataset, groups_of(dataset)))) == 1


def test_names_begin_at_the_folder_of_the_data() -> None:
    assert name_below(Path("photos"), Path("photos/a/b.png")) == "a/b.png"
    assert name_below(Path("photos"), Path("elsewhere/b.png")) == str(Path("elsewhere/b.png"))
