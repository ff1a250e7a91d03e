"""Lists of images of one split, and the file of a run that keeps them."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample
from patchlearn.runs.image_lists import ImageList, keep_image_list, kept_image_lists, read_image_list


def samples(names: str) -> tuple[Sample, ...]:
    return tuple(Sample(id=name, image=Path(f"photos/{name}.jpg"), labels=()) for name in names)


DATASET = Dataset(
    root=Path("photos"),
    classes=("cat",),
    splits={"all": samples("abcdef"), "train": samples("abc"), "val": samples("def")},
    mask_values=(1,),
    masks_are_closed=True,
)


def written(folder: Path, text: str, name: str = "few.v2.txt") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_ids_and_file_names_are_found_in_the_order_of_their_split(tmp_path: Path) -> None:
    found = read_image_list(written(tmp_path, "e.jpg\nd\n\ne\n"), None, DATASET, ["val"])
    assert found == ImageList(name="few.v2", split="val", images=("d", "e"))
    assert [sample.id for sample in found.among(DATASET.splits["all"])] == ["d", "e"]
    assert read_image_list(written(tmp_path, "a\n"), "one", DATASET).name == "one"


def test_of_several_splits_with_all_images_the_preferred_one_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "a\nb\n")
    assert read_image_list(path, None, DATASET).split == "all"
    assert read_image_list(path, None, DATASET, ["train", "val"]).split == "train"


def test_images_of_several_splits_are_refused(tmp_path: Path) -> None:
    parts = {name: DATASET.splits[name] for name in ("train", "val")}
    apart = Dataset(root=DATASET.root, classes=("cat",), splits=parts, mask_values=(1,), masks_are_closed=True)
    with pytest.raises(
        PatchlearnError, match=r"few\.v2\.txt: images of several splits \(c in train; d in val\)\. List"
    ):
        read_image_list(written(tmp_path, "d\nc\n"), None, apart)


@pytest.mark.parametrize(
    ("name", "said"),
    [("val", "'val': a split of the data set has this name"), ("../up", "no name for a list"), ("a b", "no name for")],
)
def test_a_name_is_of_no_split_and_names_a_folder(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=said):
        read_image_list(written(tmp_path, "a\n"), name, DATASET)


def test_the_name_of_the_file_is_checked_as_well(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"'a b': no name for a list of images, .* --name NAME"):
        read_image_list(written(tmp_path, "a\n", "a b.txt"), None, DATASET)


def test_an_image_that_no_split_has_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"few\.v2\.txt, line 2: the data set photos has no image 'z'"):
        read_image_list(written(tmp_path, "a\nz\n"), None, DATASET)


def test_a_run_keeps_one_list_of_each_name(tmp_path: Path) -> None:
    assert kept_image_lists(tmp_path) == []
    first, other = (ImageList(name=name, split="val", images=("d",)) for name in ("few", "more"))
    again = ImageList(name="few", split="train", images=("a", "b"))
    for each in (first, other, again):
        keep_image_list(tmp_path, each)
    assert kept_image_lists(tmp_path) == [again, other]
    (tmp_path / "image-lists.json").write_text('[{"name": "few"}]')
    with pytest.raises(PatchlearnError, match=r"image-lists\.json: no lists of images"):
        kept_image_lists(tmp_path)
