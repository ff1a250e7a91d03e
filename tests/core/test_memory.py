from pathlib import Path

import pytest

from patchlearn.core import memory
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.memory import GB, free_bytes, images_at_a_time, used_bytes


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of eight cores with 10 GB free, in a process that holds 1 GB."""
    monkeypatch.setattr(memory, "free_bytes", lambda: 10 * GB)
    monkeypatch.setattr(memory, "used_bytes", lambda: GB)
    monkeypatch.setattr("os.cpu_count", lambda: 8)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("each", "threads", "limit", "expected"),
    [(GB // 10, None, None, 8), (GB, 3, None, 3), (3 * GB, None, None, 2), (9 * GB, None, None, 1), (GB, None, 4, 3),
     (GB, 2, 4, 2), (3 * GB, 8, 4, 1), (1, 5, 4, 5)],
)  # fmt: skip
def test_as_many_threads_as_the_memory_holds(
    each: int, threads: int | None, limit: float | None, expected: int
) -> None:
    assert images_at_a_time([(1, "b.jpg"), (each, "a.jpg")], threads, limit) == expected


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("each", "limit", "words"), [(4 * GB, 4, "the limit is 4 GB"), (11 * GB, None, "10.0 GB are")])
def test_what_does_not_fit_alone_is_an_error(each: int, limit: float | None, words: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"a\.jpg needs about .* GB beside the 1\.0 GB .* {words}.*--memory"):
        images_at_a_time([(1, "b.jpg"), (each, "a.jpg")], 1, limit)


def test_no_thread_is_no_number_of_threads() -> None:
    with pytest.raises(PatchlearnError, match="threads: 0 is out of range"):
        images_at_a_time([], 0)


def test_this_process_holds_some_memory_and_some_is_free() -> None:
    assert used_bytes() > 10**6
    assert free_bytes() > 0


@pytest.mark.parametrize("version", [1, 2])
def test_the_narrowest_group_of_a_container_counts(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "memory" if version == 1 else tmp_path
    names = memory.FIRST if version == 1 else memory.SECOND
    for folder, limit, use in ((root, "max", 0), (root / "a", "9000", 2000), (root / "a" / "b", "5000", 1000)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / names[0]).write_text(f"{limit}\n")
        (folder / names[1]).write_text(f"{use}\n")
        (folder / "memory.stat").write_text(f"anon 3\n{names[2]} 400\n")
    (tmp_path / "cgroup").write_text("3:cpu:/\n4:memory:/a/b\n" if version == 1 else "0::/a/b\n")
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "cgroup")
    assert free_bytes() == 4400
    (root / "a" / "b" / names[1]).write_text("6000")
    assert free_bytes() == 0


def test_without_an_image_there_are_as_many_threads_as_were_asked_for() -> None:
    assert images_at_a_time([], 3) == 3
