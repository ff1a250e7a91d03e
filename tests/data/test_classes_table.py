"""classes.csv and classes.txt: names, colours and values of classes."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import ClassSize, Dataset
from patchlearn.data.classes_table import ClassesTable, read_classes, read_classes_file, with_sizes


def read(root: Path, text: str) -> ClassesTable:
    (root / "classes.csv").write_text(text, encoding="utf-8")
    found = read_classes(root)
    assert found is not None
    return found


def test_without_a_file_there_is_no_table(tmp_path: Path) -> None:
    assert read_classes(tmp_path) is None


def test_the_table_comes_before_the_list(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("dog\ntraffic light\n")
    found = read_classes(tmp_path)
    assert found == ClassesTable(path=tmp_path / "classes.txt", names=("dog", "traffic light"))
    assert read(tmp_path, "name\ncat\n") == ClassesTable(path=tmp_path / "classes.csv", names=("cat",))


def test_one_file_is_read_by_its_ending(tmp_path: Path) -> None:
    (tmp_path / "animals.CSV").write_text("name,value\ncat,8\n")
    (tmp_path / "names").write_text("name,value\ncat\n")
    assert read_classes_file(tmp_path / "animals.CSV").values == (8,)
    assert read_classes_file(tmp_path / "names").names == ("name,value", "cat")
    with pytest.raises(PatchlearnError, match=r"other\.csv: no such file\. Name a classes\.txt"):
        read_classes_file(tmp_path / "other.csv")


def test_names_may_hold_spaces_commas_and_accents(tmp_path: Path) -> None:
    assert read(tmp_path, 'name\n"oak, old"\ntraffic light\nE\u0301clair\n').names == (
        "oak, old", "traffic light", "\u00c9clair",
    )  # fmt: skip


@pytest.mark.parametrize(
    "written", ["#ff0080", "FF0080", "255 0 128", '"255,0,128"', '"255, 0, 128"', '"(255, 0, 128)"', '"[255;0;128]"']
)
@pytest.mark.parametrize("column", ["colour", "Color", "RGB"])
def test_every_way_to_write_a_colour(column: str, written: str, tmp_path: Path) -> None:
    found = read(tmp_path, f"name,{column}\ncat,{written}\ndog,#00f\n")
    assert found.colours == {(255, 0, 128): 1, (0, 0, 255): 2}
    assert found.values is None


@pytest.mark.parametrize("header", ["name,r,g,b", "Name,Red,Green,Blue", "name;r;g;b", "name\tr\tg\tb"])
def test_a_column_for_each_channel(header: str, tmp_path: Path) -> None:
    separator = next(each for each in ",;\t" if each in header)
    rows = [separator.join(cells) for cells in (("cat", "255", "0", "128"), ("dog", "0", "0", "255"))]
    assert read(tmp_path, "\n".join([header, *rows])).colours == {(255, 0, 128): 1, (0, 0, 255): 2}


def test_background_and_ignored_give_their_colours_and_are_no_classes(tmp_path: Path) -> None:
    rows = ["Background,0,#ffffff", "cat,7,#ff0000", "edge,255,#000000", "blur,255,#010101", "dog,3,#0000ff"]
    found = read(tmp_path, "\n".join(["name,value,colour", *rows]))
    assert found.names == ("cat", "dog")
    assert found.values == (7, 3)
    assert found.colours == {
        (255, 255, 255): 0, (255, 0, 0): 7, (0, 0, 0): 255, (1, 1, 1): 255, (0, 0, 255): 3,
    }  # fmt: skip


def test_background_needs_no_value_and_no_colour(tmp_path: Path) -> None:
    assert read(tmp_path, "name,value\nbackground,\ncat,7\n").values == (7,)
    assert read(tmp_path, "name,colour\nbackground,\ncat,#ff0000\n").colours == {(255, 0, 0): 1}


def test_empty_columns_are_no_columns(tmp_path: Path) -> None:
    found = read(tmp_path, "name,value,colour\ncat,,\ndog,,\n")
    assert (found.values, found.colours) == (None, None)


def test_sizes_are_those_of_the_classes_in_their_order(tmp_path: Path) -> None:
    found = read(tmp_path, "name,size_min,size_max,unit,count\nbackground,,,,\ndog\ncat,40,2e3,Pixels,one\n")
    assert found.names == ("dog", "cat")
    assert found.sizes == (None, ClassSize(least=40, most=2000, unit="pixels", count="one"))
    assert read(tmp_path, "name,size_min,count\ncat,,many\ndog,,\n").sizes == ()


@pytest.mark.parametrize("text", ["name;size_max\ncat;0.5\n", "name\tsize_max\ncat\t0.5\n", "name|size_max\ncat|0.5\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separator_and_encoding_are_found_out(text: str, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "classes.csv").write_bytes(text.replace("cat", "b\u00e9b\u00e9").encode(encoding))
    found = read_classes(tmp_path)
    assert found is not None
    assert (found.names, found.sizes) == (("b\u00e9b\u00e9",), (ClassSize(most=0.5),))


def test_sizes_come_to_the_classes_of_a_data_set_by_their_names(tmp_path: Path) -> None:
    data = Dataset(
        root=tmp_path, classes=("ant", "dog", "cat"), splits={}, mask_values=(1, 2, 3), masks_are_closed=True
    )
    assert with_sizes(data) is data
    read(tmp_path, "name,colour\ncat,#ff0000\n")
    assert with_sizes(data) is data
    read(tmp_path, "name,size_max\ncat,0.5\ndog,\n")
    assert with_sizes(data).sizes == (None, None, ClassSize(most=0.5))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no line. Write a table with the columns name,colour"),
        ("cat,#ff0000\n", "no column 'name'. The first line must be name, or name,colour"),
        ("name,collour\ncat,#ff0000\n", "unknown column 'collour'; did you mean 'colour'"),
        ("name,color,colour\ncat,#ff0000,\n", "2 columns mean 'colour'. Keep one"),
        ("name,colour\ncat,255,0,0\n", 'line 2: more cells than columns. Put a name or a colour with commas'),
        ("name,colour\n,#ff0000\n", "line 2: no name"),
        ("name,colour\ncat,red\n", "line 2: 'red' is no colour. Write it as #ff0000 or 255 0 0"),
        ("name,colour\ncat,255 0 256\n", "line 2: '255 0 256' is no colour"),
        ("name,colour\ncat,#ff00\n", "line 2: '#ff00' is no colour"),
        ("name,r,g,b\ncat,1,,3\n", "line 2: '1  3' is no colour"),
        ("name,colour\ncat,#ff0000\n\ndog,\n", "line 4: 'dog' has no colour. Give every class a colour, or none"),
        ("name,value\ncat,\ndog,3\n", "line 2: 'cat' has no value. Give every class a value, or none"),
        ("name,value\ncat,0\n", "line 2: the value '0' is not of a class. Write a whole number from 1 to 254"),
        ("name,value\ncat,256\n", "line 2: the value '256' is not of a class"),
        ("name,value\ncat,1.5\n", "line 2: the value '1.5' is not of a class"),
        ("name,value\nbackground,3\ncat,1\n", "line 2: background has the value '3', but it is 0 in every mask"),
        ("name\ncat\ndog\ncat\n", "line 4: the name 'cat' is also in .*line 2. Keep one"),
        ("name,value\ncat,3\ndog,3\n", "line 3: the value 3 is also in .*line 2"),
        ("name,colour\ncat,#ff0000\ndog,255 0 0\n", "line 3: the colour '255 0 0' is also in .*line 2"),
        ("name,size_mx\ncat,1\n", "unknown column 'size_mx'; did you mean 'size_max'"),
        ("name,size_max\ndog,\ncat,1.5\n", "line 3: the size_max '1.5' is not a share of the image"),
        ("name,size_max\nbackground,0.5\ncat,0.5\n", "line 2: 'background' is no class and has no size_max"),
        ("name,value,count\ncat,1,\nedge,255,one\n", "line 3: 'edge' is no class and has no count"),
        ("name\nbackground\n", "0 classes, but an 8-bit mask holds 1 to 254"),
    ],
)  # fmt: skip
def test_every_error_names_the_line_and_the_remedy(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=rf"classes\.csv.*{sentence}"):
        read(tmp_path, text)
