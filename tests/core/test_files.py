from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import append_row, atomic, read_json, read_rows, write_json, write_rows


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
