"""Samples by the names that people write."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.named_samples import NamedSamples, listed_samples


def dataset_of(ids: dict[str, str]) -> Dataset:
    """Id → path of the image, below photos/images."""
    samples = tuple(Sample(id=id, image=Path("photos/images", path), labels=()) for id, path in ids.items())
    splits = {"train": samples, "again": samples[:1]}
    return Dataset(root=Path("photos"), classes=("a",), splits=splits, mask_values=(1,), masks_are_closed=True)


NAMES = {
    "garden": "garden.jpg", "a__sea": "a/sea.png", "v1.5": "v1.5.png", "00017": "scans/Été.TIF", "v2": "v2.jpg",
    "a__sky": "../1.png",
}  # fmt: skip
SAMPLES = NamedSamples(dataset_of(NAMES))


@pytest.mark.parametrize(
    ("words", "id"),
    [
        ("garden", "garden"),
        ("garden.jpg", "garden"),
        ("GARDEN.JPG", "garden"),
        ("garden.png", "garden"),
        ("images/garden.jpg", "garden"),
        ("./photos/images/garden", "garden"),
        ("photos\\images\\garden.jpg", "garden"),
        (str(Path("photos/images/garden.jpg").absolute()), "garden"),
        ("a__sea", "a__sea"),
        ("a/sea.png", "a__sea"),
        ("a/sea", "a__sea"),
        ("sea.png", "a__sea"),
        ("sea", "a__sea"),
        ("a/sky.tif", "a__sky"),  # of which chosen bands are written elsewhere
        ("images/a/sky.tif", "a__sky"),
        ("v1.5", "v1.5"),
        ("v1.5.png", "v1.5"),
        ("E\u0301te\u0301.tif", "00017"),
        ("scans/été", "00017"),
        ("00017", "00017"),
    ],
)
def test_many_names_mean_one_sample(words: str, id: str) -> None:
    assert SAMPLES.find(words, "line 2").id == id


@pytest.mark.parametrize(
    "words", ["gardens", "b/garden.jpg", "v1", "v1.4", "v2.4", "arden.jpg", "/garden.jpg", ".", "a/"]
)
def test_other_names_are_an_error_that_shows_right_ones(words: str) -> None:
    with pytest.raises(
        PatchlearnError, match=r"^line 2: the data set photos has no image '.*such as garden or garden\.jpg"
    ):
        SAMPLES.find(words, "line 2")


def test_a_name_of_two_images_is_refused_unless_the_extension_or_the_case_decides() -> None:
    twins = NamedSamples(dataset_of({"1": "a/sea.png", "2": "b/sea.png", "3": "b/sky.jpg", "4": "c/sky.png"}))
    with pytest.raises(PatchlearnError, match=r"line 2: 'sea' may be .*a/sea\.png or .*b/sea\.png\. Write"):
        twins.find("sea", "line 2")
    assert twins.find("a/sea", "").id == "1"
    assert twins.find("sky.png", "").id == "4"
    cases = NamedSamples(dataset_of({"Sea": "Sea.png", "sea": "sea.png"}))
    assert [cases.find(words, "").id for words in ("Sea", "sea.png")] == ["Sea", "sea"]
    with pytest.raises(PatchlearnError, match="may be"):
        cases.find("SEA", "")


def test_no_name_is_an_error() -> None:
    with pytest.raises(PatchlearnError, match=r"^line 2: names no image"):
        SAMPLES.find("", "line 2")


def test_a_file_lists_samples_in_its_order_each_once(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("\ufeffv1.5\n\n a/sea.png \r\nv1.5.png\n", encoding="utf-8")
    found = listed_samples(tmp_path / "some.txt", dataset_of(NAMES))
    assert [sample.id for sample in found] == ["v1.5", "a__sea"]


def test_a_list_that_says_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"some\.txt: no such file"):
        listed_samples(tmp_path / "some.txt", dataset_of(NAMES))
    (tmp_path / "some.txt").write_text("\n")
    with pytest.raises(PatchlearnError, match=r"some\.txt: lists no image"):
        listed_samples(tmp_path / "some.txt", dataset_of(NAMES))
    (tmp_path / "some.txt").write_text("garden\nzoo\n")
    with pytest.raises(PatchlearnError, match=r"some\.txt, line 2: .* no image 'zoo'"):
        listed_samples(tmp_path / "some.txt", dataset_of(NAMES))
