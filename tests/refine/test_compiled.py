import os
import subprocess
import sys
from pathlib import Path

import pytest

from patchlearn.refine import kernels
from patchlearn.refine.crf.lattice import blur

WALK = """
import numpy as np
from patchlearn.refine import random_walk
maps = np.ones((1, 2, 2), np.float32)
print(random_walk(maps, maps[0] / 2))
"""


def test_every_state_of_the_sources_has_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    before = kernels.sources_digest(tmp_path)
    (tmp_path / "b.py").write_text("y = 2")
    with_another = kernels.sources_digest(tmp_path)
    (tmp_path / "b.py").write_text("y = 3")
    assert len({before, with_another, kernels.sources_digest(tmp_path)}) == 3


def test_kernels_are_cached_in_the_folder_of_their_sources() -> None:
    assert kernels.sources_digest(kernels.SOURCES) in blur._cache.cache_path
    assert Path(blur._cache.cache_path).is_relative_to(kernels.FOLDER)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="NUMBA_CACHE_DIR"):
        assert kernels.cache_folder(str(tmp_path / "file")) is None


def test_kernels_run_without_a_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "file")}
    done = subprocess.run([sys.executable, "-c", WALK], env=environment, capture_output=True, text=True, check=True)
    assert "0.5" in done.stdout
    assert "cannot be kept" in done.stderr
