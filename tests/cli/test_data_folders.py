"""Folders of data as people have them: `check` understands each, or says in a sentence what to do."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import data_folders as folders
import pytest
from conftest import make_folder
from data_folders import Write
from whole_run import RECIPE

from patchlearn.cli.main import main

UNDERSTOOD, FAULTY, REFUSED = 0, 1, 2


@dataclass(frozen=True)
class Said:
    """What `check` says: of understood data the classes, the images of each split, notes, faults and hints."""

    code: int
    error: str
    classes: list[str]
    images: dict[str, int]
    sentences: str


Check = Callable[..., Said]


@pytest.fixture
def check(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Check:
    """Write a folder `photos` and check it; what lies in it must not change."""

    def run(write: Write, *options: str, name: str = "photos") -> Said:
        root = tmp_path / name
        if not root.exists():
            root.mkdir()
            write(root)
        before = state(root)
        where = ["--out", str(tmp_path / f"run of {name}"), "--runtime.device=cpu"]
        code = main(["check", str(root), "--json", *where, *options])
        assert state(root) == before
        said = capfd.readouterr()
        if code == REFUSED:
            return Said(code, " ".join(said.err.split()).removeprefix("error: "), [], {}, "")
        found = json.loads(said.out)
        texts = [*found["notes"], *(each["text"] for each in (*found["faults"], *found["hints"]))]
        images = {split: each["images"] for split, each in found["splits"].items()}
        return Said(code, said.err, [each["name"] for each in found["classes"]], images, "\n".join(texts))

    return run


def state(root: Path) -> dict[Path, int]:
    return {path: path.lstat().st_mtime_ns for path in root.rglob("*")}


@pytest.mark.parametrize(
    ("write", "classes", "images", "words"),
    [
        (folders.without_split, "cat dog", {"train": 4}, "images and the table labels.csv (format folder)"),
        (folders.of_a_spreadsheet, "cat dog", {"train": 4}, ""),
        (folders.in_windows_encoding, "Brötchen Tasse", {"train": 3}, "labels.csv: read as Windows-1252"),
        (folders.as_tsv, ["cat", "red car"], {"train": 3}, "1 file is in no line of tags.tsv, and not used: street"),
        (folders.as_jsonl, "cat dog", {"train": 4}, "the table metadata.jsonl"),
        (folders.without_header, "cat dog", {"train": 3}, ""),
        (folders.of_zeros_and_ones, "cat dog", {"train": 4}, "the table train.csv"),
        (folders.a_line_for_each_label, "cat dog", {"train": 3}, ""),
        (folders.names_written_otherwise, "cat dog", {"train": 3}, ""),
        (folders.accents_of_a_mac, "tea café", {"train": 2}, ""),
        (folders.absolute_paths, "cat dog", {"train": 4}, ""),
        (folders.names_of_two_words_listed, ["scissors", "adhesive tape"], {"train": 3}, ""),
        (folders.printed_lists, "cat dog", {"train": 3}, ""),
        (folders.names_that_differ_by_case, "Cat cat dog", {"train": 4}, "written in several ways"),
        (folders.words_for_nothing, "cat dog none", {"train": 3}, "nothing is there (none). Leave the cell of such"),
        (folders.splits_in_capitals, "cat dog", {"train": 2, "val": 2}, ""),
        (folders.class_folders, "cat dog", {"train": 3}, "in no folder of a class, and not used: readme.jpg"),
        (folders.of_an_inspection, "dent scratch", {"train": 6}, "2 images in 'good', taken as without any class"),
        (folders.as_mvtec_has_it, "dent scratch", {"train": 1, "test": 3}, "not used; masks lie in masks/: dent/000"),
        (folders.folders_of_splits, "cat dog", {"train": 2, "val": 2, "test": 2}, "images in 2 sub-folders"),
        (folders.vocs_colours, "aeroplane bicycle", {"train": 4}, ""),
        (folders.own_colours, "cat dog", {"train": 4}, ""),
        (folders.numbers_as_labels, [str(number) for number in range(1, 13)], {"train": 12}, ""),
        (folders.masks_of_other_kinds, "cat dog", {"train": 4}, "1 file is no PNG, and not used; save masks as PNG"),
        (folders.other_kinds_of_images, "cat dog", {"train": 4}, "are read: film.gif, phone.HEIC"),
        (folders.transparent_images, "cat dog", {"train": 3}, ""),
        (folders.coco_with_gaps, ["cat", "traffic light"], {"train": 4}, "the COCO file annotations.json"),
        (folders.yolo, "cat dog", {"train": 2, "val": 2}, "1 without objects, of them 1 without a label file"),
    ],
)
def test_a_folder_is_understood(
    check: Check, write: Write, classes: str | list[str], images: dict[str, int], words: str
) -> None:
    said = check(write)
    assert said.code == UNDERSTOOD, said
    assert said.classes == (classes.split() if isinstance(classes, str) else classes)
    assert said.images == images
    assert list(said.images) == list(images)
    assert words in said.sentences


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (folders.copies_in_two_splits, "1 image of train is also in val (sea.jpg = copy.jpg). Remove them from one"),
        (folders.a_truncated_image, "sea.jpg: damaged image"),
        (folders.unknown_colours, "garden.png: the colour #fa0102 (250 1 2) at x 0, y 5 is of no class. Write"),
        (
            folders.black_and_white_masks,
            "255 means undecided. Write the value of the class in place of 255: 1 for 'cat'",
        ),
        (folders.masks_in_another_order, "Put the classes into this order in classes.txt: dog, cat."),
        (folders.masks_from_zero, "The masks count the classes from 0: the value 0 goes with 'cat', which is class 1."),
        (folders.vocs_colours_of_other_numbers, "classes.csv with the columns name,value: 8 for 'cat', 12 for 'dog'."),
    ],
)
def test_a_fault_names_its_cause_and_the_remedy(check: Check, write: Write, words: str) -> None:
    said = check(write)
    assert said.code == FAULTY, said
    assert words in said.sentences


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (folders.names_of_two_words, "'adhesive tape' may be one class or 2, for 'adhesive' stands alone in no line."),
        (folders.joined_by_a_slash, "the label 'cat/dog' contains '/'. Separate labels by semicolons."),
        (folders.images_alone, "no labels were found. Put a table beside the images, labels.csv with the columns"),
        (folders.missing_images, "labels.csv, line 3: {root}/sea.jpg does not exist. Correct the name."),
        (folders.every_image_missing, "garden.jpg does not exist, nor does any other of the 4 images. Put the images"),
        (folders.addresses, "labels.csv, line 2: 'https://example.org/garden.jpg' is an address. Download the image"),
        (folders.too_many_classes, "labels.csv: 255 classes, but an 8-bit mask holds 1 to 254. Merge classes"),
        (folders.a_spreadsheet, "no labels were found: labels.xlsx is not read. Save it as 'CSV UTF-8'."),
        (
            folders.of_a_competition,
            "several tables name images (sample_submission.csv, train.csv). Choose one: --data.",
        ),
        (folders.nothing, "is empty. Check the path of the data set."),
    ],
)
def test_a_sentence_says_what_to_do(check: Check, tmp_path: Path, write: Write, words: str) -> None:
    said = check(write)
    assert said.code == REFUSED, said
    root = str(tmp_path / "photos")
    assert said.error.startswith(root)
    assert words.format(root=root) in said.error
    assert said.error.endswith(".")


@pytest.mark.parametrize(
    ("write", "file", "text"),
    [
        (folders.names_of_two_words, "classes.txt", "adhesive tape\nscissors\n"),
        (folders.joined_by_a_slash, "classes.txt", "cat/dog\ncat\n"),
        (folders.masks_in_another_order, "classes.txt", "dog\ncat\n"),
        (folders.vocs_colours_of_other_numbers, "classes.csv", "name,value\ncat,8\ndog,12\n"),
        (folders.unknown_colours, "classes.csv", "name,colour\ncat,#fa0102\ndog,#0304f0\n"),
    ],
)
def test_the_remedy_works(check: Check, tmp_path: Path, write: Write, file: str, text: str) -> None:
    assert check(write).code > UNDERSTOOD
    (tmp_path / "photos" / file).write_text(text)
    said = check(write)
    assert (said.code, len(said.classes)) == (UNDERSTOOD, 2)


def test_the_option_of_the_remedy_works(check: Check) -> None:
    assert check(folders.names_of_two_words, "--data.separator", "space").classes == ["adhesive", "scissors", "tape"]
    found = check(folders.of_a_competition, "--data.labels", "train.csv", name="competition")
    assert (found.classes, found.images) == (["frog", "healthy", "scab"], {"train": 4})


def test_the_name_of_a_folder_may_have_brackets(check: Check) -> None:
    for number, write in enumerate((folders.own_colours, folders.class_folders, folders.coco_with_gaps, folders.yolo)):
        said = check(write, name=f"trip [{number}-2024]")
        assert (said.code, len(said.classes)) == (UNDERSTOOD, 2)


def test_a_file_is_no_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("photos", "labels.csv"):
        (tmp_path / name).write_text("image,labels\n")
        assert main(["check", str(tmp_path / name), "--out", str(tmp_path / "run"), "--runtime.device=cpu"]) == REFUSED
        said = " ".join(capfd.readouterr().err.split())
        assert f"{name}: is a file, and no recipe (*.yaml). Name the folder of the images: {tmp_path}." in said


def test_what_a_run_writes_is_no_data(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_folder(tmp_path / "photos", lambda index: f"{index}.png")
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    run = tmp_path / "run"
    options = ["--runtime.device=cpu", "--affinity.kind=none", "--variants", "{plain: null}"]
    for verb in ("train", "cams", "pseudo"):
        where = [str(tmp_path / "photos"), "--recipe", str(tmp_path / "tiny.yaml"), "--out", str(run)]
        assert main([verb, *where, *options]) == 0
    assert main(["check", str(run), "--runtime.device=cpu"]) == UNDERSTOOD  # a run folder stands for its data
    capfd.readouterr()
    for number, data in enumerate((run / "plain", run / "plain" / "pseudo", run / "plain" / "pseudo" / "train")):
        assert main(["check", str(data), "--out", str(tmp_path / str(number)), "--runtime.device=cpu"]) == REFUSED
        said = " ".join(capfd.readouterr().err.split())
        assert f"{data}: belongs to a run, and holds no labels of images. Name the folder of the images" in said
