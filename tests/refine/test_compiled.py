import os
import subprocess
import sys
from pathlib import Path

import pytest

from patchlearn.refine import compiled
from patchlearn.refine.crf.lattice import blur

WALK = """
import numpy as np
from patchlearn.refine import random_walk
maps = np.ones((1, 2, 2), np.float32)
print(random_walk(maps, maps[0] / 2))
"""


def test_every_state_of_the_sources_has_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    before = compiled.sources_digest(tmp_path)
    (tmp_path / "b.py").write_text("y = 2")
    with_another = compiled.sources_digest(tmp_path)
    (tmp_path / "b.py").write_text("y = 3")
    assert len({before, with_another, compiled.sources_digest(tmp_path)}) == 3


def test_files_in_subfolders_and_their_paths_count(tmp_path: Path) -> None:
    (tmp_path / "crf").mkdir()
    (tmp_path / "a.py").write_text("x = 1")
    alone = compiled.sources_digest(tmp_path)
    (tmp_path / "crf" / "b.py").write_text("y = 2")
    below = compiled.sources_digest(tmp_path)
    (tmp_path / "crf" / "b.py").write_text("y = 3")
    changed = compiled.sources_digest(tmp_path)
    (tmp_path / "crf" / "b.py").rename(tmp_path / "b.py")
    moved = compiled.sources_digest(tmp_path)
    assert len({alone, below, changed, moved}) == 4


def test_the_folder_itself_does_not_count(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("x = 1")
    assert compiled.sources_digest(tmp_path / "here") == compiled.sources_digest(tmp_path / "there")


def test_the_sources_are_all_files_of_refinement() -> None:
    names = {path.relative_to(compiled.SOURCES).as_posix() for path in compiled.SOURCES.rglob("*.py")}
    assert {"walk.py", "par.py", "crf/lattice.py", "crf/vectors.py"} <= names


def test_kernels_are_cached_in_the_folder_of_their_sources() -> None:
    assert compiled.sources_digest(compiled.SOURCES) in blur._cache.cache_path
    assert Path(blur._cache.cache_path).is_relative_to(compiled.FOLDER)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="NUMBA_CACHE_DIR"):
        assert compiled.cache_folder(str(tmp_path / "file")) is None


def test_kernels_run_without_a_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "file")}
    done = subprocess.run([sys.executable, "-c", WALK], env=environment, capture_output=True, text=True, check=True)
    assert "0.5" in done.stdout
    assert "cannot be cached" in done.stderr
