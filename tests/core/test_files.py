import os
from pathlib import Path

import pytest
import yaml

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import (
    append_row,
    atomic,
    parse_yaml,
    read_json,
    read_rows,
    require_regular,
    write_json,
    write_rows,
)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic(target) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_rows_come_back(tmp_path: Path) -> None:
    append_row(tmp_path / "log.csv", {"step": 1, "loss": 0.5})
    append_row(tmp_path / "log.csv", {"step": 2, "loss": 0.25})
    assert read_rows(tmp_path / "log.csv") == [{"step": "1", "loss": "0.5"}, {"step": "2", "loss": "0.25"}]
    assert read_rows(tmp_path / "none.csv") == []


def test_a_log_is_replaced_whole_and_removed_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    append_row(path, {"step": 1})
    write_rows(path, [{"step": 7}, {"step": 8}])
    assert [row["step"] for row in read_rows(path)] == ["7", "8"]
    write_rows(path, [])
    assert not path.exists()


@pytest.mark.parametrize("compact", [False, True])
def test_json_comes_back(compact: bool, tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"ä": [1, None]}, compact=compact)
    assert read_json(tmp_path / "a.json") == {"ä": [1, None]}
    assert ("\n  " in (tmp_path / "a.json").read_text(encoding="utf-8")) != compact


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "no such file"), (b"{", "not valid JSON"), (b"\xff", "not valid")]
)
def test_json_that_cannot_be_read_is_one_sentence(content: bytes | None, complaint: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(PatchlearnError, match=complaint):
        read_json(tmp_path / "a.json")


def test_a_name_of_255_bytes_is_written_and_a_longer_one_is_named(tmp_path: Path) -> None:
    longest = tmp_path / f"{'ä' * 125}.json"  # 255 bytes
    write_json(longest, {})
    assert [path.name for path in tmp_path.iterdir()] == [longest.name]
    with pytest.raises(PatchlearnError, match=r"the name has 256 bytes, and a file's name at most 255"):
        write_json(tmp_path / f"{'ä' * 125}1.json", {})


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space left") as caught, atomic(tmp_path / "a.json"):
        full.write_text("x")
    assert caught.value.filename == str(tmp_path / "a.json")
    with pytest.raises(OSError, match="No space left") as caught:
        append_row(full, {"step": 1})
    assert caught.value.filename == str(full)


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(PatchlearnError, match=r"a\.npz: a pipe, a socket or a device"):
        require_regular(tmp_path / "a.npz")
    require_regular(tmp_path)
    require_regular(tmp_path / "none")


def test_what_is_nested_too_deeply_is_an_error_of_its_format(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    (tmp_path / "a.json").write_text(deep)
    with pytest.raises(PatchlearnError, match=r"not valid JSON \(nested too deeply"):
        read_json(tmp_path / "a.json")
    with pytest.raises(yaml.YAMLError, match="nested too deeply"):
        parse_yaml(deep[99_000:101_000])
    assert parse_yaml("a: no", plain=True) == {"a": "no"}
