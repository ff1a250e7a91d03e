"""points.csv."""

import re
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.clicks.points_table import ClickRow, label_value, read_marks, rows_of, write_points
from patchlearn.data.clicks.read import read_clicks
from patchlearn.data.clicks.values import Box, Clicks, ImageClicks, Point
from patchlearn.data.named_samples import NamedSamples

PAGE = (Path(__file__).parents[3] / "docs" / "clicks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def read(dataset: Dataset, text: str | bytes, name: str = "points.csv") -> list[tuple[str, Point | Box]]:
    path = dataset.root.parent / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [(mark.sample.id, mark.what) for mark in read_marks(path, dataset, NamedSamples(dataset))[0]]


GARDEN = [("garden", Point(12, 20, 1)), ("garden", Point(40, 5, 0)), ("holiday__sea", Point(3, 7, 0))]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("points.csv", BLOCKS[0]),
        (
            "points.csv",
            "file;X;Y;class\ngarden;12.0;20;cat\n" + "garden;40;5;Background\nsea;3;7;background",
        ),
        ("points.csv", BLOCKS[0].replace("\n", "\r\n").encode("utf-16")),
        ("points.tsv", BLOCKS[0].replace(",", "\t")),
        (
            "points.jsonl",
            '{"image": "garden", "x": 12.9, "y": 20, "label": "cat"}\n'
            '{"image": "garden", "x": 40, "y": 5, "label": "background"}\n'
            '{"image": "holiday__sea", "x": 3, "y": 7, "label": "background"}\n',
        ),
    ],
)
def test_one_table_in_many_ways(photos: Dataset, name: str, text: str | bytes) -> None:
    assert read(photos, text, name) == GARDEN


def test_a_row_with_two_corners_is_a_box(photos: Dataset) -> None:
    assert read(photos, BLOCKS[1]) == [("garden", Box(8, 10, 30, 29, 0)), *GARDEN[:2]]
    assert read(photos, "image,x,y,label,x2,y2\ngarden,47,39,cat,47,39\n") == [("garden", Box(47, 39, 47, 39, 0))]


def test_the_messages_of_the_page_are_those_of_the_code(photos: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos.root.parent)
    rows = "image,x,y,label\ngarden,1,1,cat\ngarden,1,1,cta\ngarden,48,0,cat\ngarden,0,0,dog\n"
    Path("points.csv").write_text(rows)
    with pytest.raises(PatchlearnError) as error:
        read_marks(Path("points.csv"), photos, NamedSamples(photos))
    assert str(error.value) == BLOCKS[2].rstrip("\n")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "gardn.jpg,1,1,cat,,",
            r"has no image 'gardn\.jpg'\. Write the id or the path of an image, such as garden",
        ),
        (",1,1,cat,,", r"names no image"),
        ("garden,1,1,backgroud,,", r"unknown label 'backgroud'; did you mean 'background'\?"),
        ("garden,one,1,cat,,", r"x is 'one', and no number\. Write a pixel from 0 to 47\.$"),
        ("garden,,1,cat,,", r"x is '', and no number"),
        ("garden,1,nan,cat,,", r"y is 'nan', and no number\. Write a pixel from 0 to 39\.$"),
        ("garden,inf,1,cat,,", r"x is 'inf', and no number"),
        ("garden,-1,1,cat,,", r"x -1 lies outside"),
        ("garden,-0.5,1,cat,,", r"x -0\.5 lies outside"),
        ("garden,1,40,cat,,", r"y 40 lies outside of the image 'garden', which has 48×40 pixels"),
        ("garden,1,1,cat,5,", r"has x2, but no y2\. Write both for a box"),
        ("garden,1,1,cat,,5", r"has y2, but no x2"),
        ("garden,5,1,cat,4,5", r"x2 4 is less than x 5\. Write the upper left pixel"),
        ("garden,1,5,cat,4,4", r"y2 4 is less than y 5"),
        ("garden,1,1,cat,48,5", r"x2 48 lies outside"),
        ("garden,1,1,cat,47,40", r"y2 40 lies outside"),
        ("garden,1,1,background,5,5", r"a box of the background"),
        ("garden,1,1,dog,5,5", r"'dog' is marked in the image 'garden', whose tags are cat"),
        ("holiday/sea.png,1,1,cat,,", r"'cat' is marked in the image 'holiday__sea', which has no tags"),
    ],
)
def test_a_wrong_row_is_an_error_with_its_place(photos: Dataset, row: str, message: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"points\.csv, line 2: .*{message}"):
        read(photos, f"image,x,y,label,x2,y2\n{row}\n")


def test_rows_without_a_label_are_passed_over_and_counted(photos: Dataset) -> None:
    rows = "image,x,y,label\ngarden,1,1,\ngarden,2,2,cat\ngarden,3,3,?\nnowhere,x,y,\n"
    assert read(photos, rows) == [("garden", Point(2, 2, 1))]
    assert read_clicks(photos.root.parent / "points.csv", photos).empty == 3


def test_a_table_without_any_label_is_an_error(photos: Dataset) -> None:
    with pytest.raises(PatchlearnError, match=r"points\.csv: no row has a label yet\. Write one into the column label"):
        read(photos, "image,x,y,label\ngarden,1,1,\ngarden,3,3,?\n")


def test_a_label_must_be_named(photos: Dataset) -> None:
    with pytest.raises(PatchlearnError, match=r"names no label\. Write one of these, or remove the line: background"):
        label_value("", photos.classes, "points.csv, line 2")


def test_pixels_of_an_audit_are_refused(photos: Dataset) -> None:
    rows = "image,x,y,label,kind\ngarden,1,1,cat,suggested\ngarden,2,2,cat,audit\n"
    with pytest.raises(PatchlearnError, match=r"were drawn for an audit\. They measure masks, so nothing may learn"):
        read(photos, rows)


def test_ten_wrong_rows_are_listed(photos: Dataset) -> None:
    with pytest.raises(PatchlearnError) as error:
        read(photos, "image,x,y,label\n" + "garden,99,1,cat\n" * 12)
    lines = str(error.value).splitlines()
    assert (len(lines), lines[-1]) == (11, "… and 2 more")


@pytest.mark.parametrize("missing", ["image", "x", "y", "label"])
def test_a_missing_column_is_named(photos: Dataset, missing: str) -> None:
    header = ",".join(name for name in ("image", "x", "y", "label") if name != missing)
    with pytest.raises(PatchlearnError, match=rf"no column '{missing}'\. The first line must be image,x,y,label\."):
        read(photos, f"{header}\ngarden,1,1\n")


def test_a_missing_table_says_which_columns_it_should_have(photos: Dataset) -> None:
    with pytest.raises(
        PatchlearnError, match=r"no such file\. Write a table with the columns image,x,y,label, and for"
    ):
        read_marks(photos.root / "points.csv", photos, NamedSamples(photos))


def test_a_class_that_nobody_judged_may_be_clicked(photos: Dataset) -> None:
    assert read(photos, "image,x,y,label\nstreet,1,1,dog\n") == [("street", Point(1, 1, 2))]


def test_pixels_are_those_of_the_upright_image(photos: Dataset) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter turn
    Image.new("RGB", (48, 40)).save(photos.root / "garden.jpg", exif=exif)
    assert read(photos, "image,x,y,label\ngarden,39,47,cat\n") == [("garden", Point(39, 47, 1))]
    with pytest.raises(PatchlearnError, match="x 40 lies outside of the image 'garden', which has 40×48 pixels"):
        read(photos, "image,x,y,label\ngarden,40,0,cat\n")


@pytest.mark.parametrize("name", ["points.csv", "points.tsv"])
def test_what_is_written_is_read_again(photos: Dataset, name: str) -> None:
    clicks = Clicks(
        images={
            "garden": ImageClicks(points=(Point(4, 2, 1), Point(0, 0, 0)), boxes=(Box(4, 2, 9, 5, 0),)),
            "street": ImageClicks(points=(Point(3, 3, 2),)),
        }
    )
    path = photos.root / name
    write_points(path, rows_of(clicks, photos.classes))
    assert read_clicks(path, photos) == clicks


def test_a_table_without_boxes_has_no_columns_for_them(tmp_path: Path) -> None:
    write_points(tmp_path / "points.csv", [ClickRow(image='a,"b"', x=1, y=2, label="red car")])
    assert (tmp_path / "points.csv").read_text() == 'image,x,y,label\n"a,""b""",1,2,red car\n'
    with pytest.raises(
        PatchlearnError, match=r"points\.txt: a table of clicks ends in \.csv or \.tsv\. Name it points\.csv"
    ):
        write_points(tmp_path / "points.txt", [])
