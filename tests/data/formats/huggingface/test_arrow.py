"""The files of a Hugging Face data set."""

import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.huggingface.arrow import features_of, parquet_files, parts_of, rows_of, split_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-00000-of-00002.parquet", "train"),
        ("data/validation-00000-of-00001-0a1b2c3d4e5f6789.parquet", "validation"),
        ("data/my_split-00000-of-00001.parquet", "my_split"),
        ("data/data-00000-of-00001.parquet", "train"),
        ("test.parquet", "test"),
        ("photos_dev.parquet", "dev"),
        ("default/validation/0000.parquet", "validation"),
        ("default/partial-train/0000.parquet", "train"),
        ("latest.parquet", "train"),
    ],
)
def test_the_name_says_the_split(name: str, split: str) -> None:
    assert split_of(name) == split


def write(path: Path, columns: dict[str, list[Any]] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns or {"image": [b"x"]}), path)


def test_parts_have_the_usual_names_of_splits_and_train_is_first(tmp_path: Path) -> None:
    for name in ("dev-00000-of-00001", "train-00001-of-00002", "train-00000-of-00002", "eval-00000-of-00001"):
        write(tmp_path / "data" / f"{name}.parquet")
    found = [(part.split, part.path.name[:11]) for part in parts_of(tmp_path)]
    assert found == [
        ("train", "train-00000"),
        ("train", "train-00001"),
        ("val", "dev-00000-o"),
        ("test", "eval-00000-"),
    ]


def test_val_beside_validation_stays_a_split_of_its_own(tmp_path: Path) -> None:
    for name in ("val", "validation"):
        write(tmp_path / f"{name}-00000-of-00001.parquet")
    assert [part.split for part in parts_of(tmp_path)] == ["val", "validation"]


def test_files_of_several_data_sets_are_refused(tmp_path: Path) -> None:
    for name in ("small/train", "large/train"):
        write(tmp_path / f"{name}-00000-of-00001.parquet")
    with pytest.raises(PatchlearnError, match=r"in the folders 'large', 'small'. Choose one .*--data.root .*small"):
        parts_of(tmp_path)
    assert [part.split for part in parts_of(tmp_path / "small")] == ["train"]


def test_files_are_looked_for_two_levels_below(tmp_path: Path) -> None:
    for name in ("a.parquet", "x/b.PARQUET", "x/y/c.parquet", "x/y/z/d.parquet", ".cache/e.parquet", ".f.parquet"):
        write(tmp_path / name)
    assert [path.name for path in parquet_files(tmp_path)] == ["a.parquet", "b.PARQUET", "c.parquet"]
    for number in range(20):
        (tmp_path / "many" / f"{number}").mkdir(parents=True)
    assert parquet_files(tmp_path / "many", 5) == []


def test_an_empty_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"no Parquet file, and no dataset_dict.json or state.json"):
        parts_of(tmp_path)


def test_features_come_from_the_types_where_the_file_says_no_more(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    image = pyarrow.array([{"bytes": b"x", "path": "a.png"}])
    tags = pyarrow.array([["a"]], pyarrow.list_(pyarrow.string()))
    kind = pyarrow.array(["a"]).dictionary_encode()
    table = pyarrow.table({"image": image, "tags": tags, "kind": kind, "n": [1]})
    parquet.write_table(table, path)
    text = {"_type": "Value", "dtype": "string"}
    struct = {"bytes": {"_type": "Value", "dtype": "binary"}, "path": text}
    number = {"_type": "Value", "dtype": "int64"}
    assert features_of(path) == {
        "image": struct,
        "tags": {"_type": "List", "feature": text},
        "kind": text,
        "n": number,
    }
    for metadata in (b"{", b"[1]", b'{"info": 3}', b'{"info": {"features": 3}}'):
        parquet.write_table(table.replace_schema_metadata({b"huggingface": metadata}), path)
        assert features_of(path)["n"] == number


def test_rows_are_those_of_the_file_and_only_the_columns_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write(path, {"n": list(range(100)), "m": list(range(100))})
    assert list(rows_of(path, ["n"])) == [{"n": number} for number in range(100)]


@pytest.mark.parametrize(("name", "content"), [("x.parquet", b"version https://git-lfs"), ("x.arrow", b"")])
def test_a_damaged_file_is_explained(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PatchlearnError, match=r"not a readable (parquet|arrow) file .*git lfs pull"):
        features_of(tmp_path / name)


def test_a_missing_library_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "x.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(PatchlearnError, match=r"pyarrow is not installed.*pip install 'patchlearn\[datasets\]'"):
        features_of(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("dataset_dict.json", "{}", "no list 'splits'"),
        ("dataset_dict.json", '{"splits": ["../x"]}', "not a valid name of a split"),
        ("dataset_dict.json", '{"splits": [".."]}', "not a valid name of a split"),
        ("state.json", '{"_data_files": [{"filename": "../x.arrow"}]}', "not a path below this folder"),
        ("state.json", '{"_data_files": [3]}', "a data file has no name"),
    ],
)
def test_a_damaged_list_of_save_to_disk_is_explained(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    (tmp_path / "dataset_info.json").write_text("{}")
    (tmp_path / name).write_text(text)
    with pytest.raises(PatchlearnError, match=complaint):
        parts_of(tmp_path)
