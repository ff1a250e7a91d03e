import os
from pathlib import Path

import pytest

from patchlearn.core import digests as module
from patchlearn.core.digests import Digests
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.manifest import file_digest

LONG_AGO = (10**9, 10**9)  # seconds: no clock is so coarse


def old_file(path: Path, text: str) -> Path:
    path.write_text(text)
    os.utime(path, LONG_AGO)
    return path


def test_a_file_is_read_once_by_all_processes_as_long_as_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, cache = old_file(tmp_path / "a.png", "one"), tmp_path / "digests.json"
    first = Digests(cache)
    digest = first(image)
    assert digest == file_digest(image)
    first.save()
    monkeypatch.setattr(module, "file_digest", lambda path: pytest.fail(f"{path} is read again"))
    assert Digests(cache)(image) == digest


def test_content_counts_also_where_the_size_stays(tmp_path: Path) -> None:
    image, digests = old_file(tmp_path / "a.png", "one"), Digests(None)
    before = digests(image)
    image.write_text("two")
    assert digests(image) == file_digest(image) != before


def test_a_file_that_changes_twice_within_a_tick_of_the_clock_is_noticed(tmp_path: Path) -> None:
    image, digests = tmp_path / "a.png", Digests(None)
    image.write_text("one")
    now = image.stat()
    before = digests(image)
    image.write_text("two")
    os.utime(image, ns=(now.st_atime_ns, now.st_mtime_ns))
    assert digests(image) != before


@pytest.mark.parametrize("content", ["", "[]", "{", '{"/a.png": 5}', '{"/a.png": [1, 2]}'])
def test_a_damaged_cache_is_no_loss(content: str, tmp_path: Path) -> None:
    (tmp_path / "digests.json").write_text(content)
    image = old_file(tmp_path / "a.png", "one")
    assert Digests(tmp_path / "digests.json")(image) == file_digest(image)


def test_a_file_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"a\.png: no such file"):
        Digests(None)(tmp_path / "a.png")
