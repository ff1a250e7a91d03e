from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.tables import first_rows, read_table


def written(tmp_path: Path, content: str | bytes, name: str = "labels.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "image,labels\na.jpg,cat\nb.jpg,\n"),
        ("a.csv", "image;labels\r\na.jpg;cat\r\n\r\nb.jpg;\r\n"),
        ("a.csv", "image\tlabels\na.jpg\tcat\nb.jpg\n"),
        ("a.csv", "# by Anna, in May, 'checked\nimage;labels\na.jpg;cat\nb.jpg;\n"),
        ("a.tsv", "#\t2\n\n#image\nimage\tlabels\na.jpg\tcat\nb.jpg\n"),
        ("a.tsv", "image\tlabels\na.jpg\tcat\nb.jpg\t\n"),
        ("a.csv", "image|labels\na.jpg|cat\nb.jpg|\n"),
        ("a.csv", "sep=;\r\nimage;labels\r\na.jpg;cat\r\nb.jpg;\r\n"),
        ("a.csv", '"sep=\t"\nimage\tlabels\na.jpg\tcat\nb.jpg\t\n'),
        ("a.csv", 'image, labels\n"a.jpg", "cat"\n b.jpg , \n'),
        ("a.jsonl", '{"image": "a.jpg", "labels": "cat"}\n\n{"image": "b.jpg"}\n'),
        ("a.jsonl", '{"image": "a.jpg", "labels": "cat"}\n{"labels": null, "image": "b.jpg"}\n'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_one_table_in_many_ways(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    path = written(tmp_path, content.encode(encoding), name)
    table = read_table(path)
    assert table.columns == ("image", "labels")
    assert [row.cells for row in table.rows] == [("a.jpg", "cat"), ("b.jpg", "")]
    assert first_rows(path) == [("image", "labels"), ("a.jpg", "cat")]


def test_an_older_encoding_is_found_out(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "image,labels\nété.jpg,straße\n".encode("cp1252")))
    assert table.rows[0].cells == ("été.jpg", "straße")
    assert table.encoding == "cp1252"
    assert read_table(written(tmp_path, "image,labels\nété.jpg,straße\n")).encoding == "utf-8"


def test_lists_of_json_stay_lists(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, '{"image": "a.jpg", "labels": ["cat", "red car"], "cat": true}\n', "a.jsonl"))
    assert table.rows[0].cells == ("a.jpg", '["cat", "red car"]', "true")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.csv", "", "no line"),
        ("a.csv", "image,labels\na.jpg,cat,dog\n", "line 2: more cells than columns"),
        ("a.csv", 'image,labels\na.jpg,"cat\n', "line 2: not valid CSV"),
        ("a.csv", '# by Anna\nimage,labels\na.jpg,"cat\n', "line 3: not valid CSV"),
        ("a.csv", "My animals\nimage,labels\n", "line 2: .*If 'My animals' is a title .* remove the title"),
        ("a.csv", "image,image\na,b\n", "column 'image' occurs 2 times"),
        ("a.csv", "image,labels\na\0.jpg,cat\n", "line 2: contains a zero byte"),
        ("a.jsonl", '{"image": "a.jpg"}\n{"image": \n', "line 2: not valid JSON"),
        ("a.jsonl", "[1]\n", "line 1: not a JSON object"),
    ],
)
def test_a_broken_table_is_explained(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        read_table(written(tmp_path, content, name))


def test_a_missing_table_and_a_binary_file(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="no such file"):
        read_table(tmp_path / "labels.csv")
    binary = written(tmp_path, bytes(range(256)) * 2)
    with pytest.raises(PatchlearnError, match="not text"):
        read_table(binary)
    assert first_rows(binary) == []


def test_a_table_without_a_header_has_given_names(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "a.jpg,cat\n"), without_header=("image", "labels"))
    assert table.column("image") == ["a.jpg"]
    assert table.place(table.rows[0]).endswith("labels.csv, line 1")


@pytest.mark.parametrize("first", ["#1.jpg,cat", '"#1.jpg",cat', "#1 b.jpg;cat"])
def test_a_name_that_begins_with_a_hash_is_no_comment(tmp_path: Path, first: str) -> None:
    table = read_table(written(tmp_path, f"{first}\n"), without_header=["image", "labels"])
    assert [row.cells[1] for row in table.rows] == ["cat"]
