"""A tiny recipe, and a run of it as a user starts it.

Many tests begin with the same finished run. It is made once in a test process, and copied.
"""

import atexit
import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from patchlearn.cli.main import main

RECIPE = """
title: tiny
classifier:
  backbone: mobilenetv3_small_050
  weights: null
  augment: {crop: 32, long_side: [32, 48]}
  optimisation: {epochs: 2, batch_size: 4, learning_rate: 0.001, save_seconds: 0}
cams: {views: {scales: [1.0]}}
self_training: {rounds: 0}  # an untrained network may have no confident cell
affinity:
  augment: {crop: 32, long_side: [32, 48]}
  optimisation: {epochs: 1, batch_size: 4, save_seconds: 0}
walk: {steps: 16}
segmenter:
  backbone: mobilenetv3_small_050
  weights: null
  noise: {rounds: 1}
  augment: {crop: 32, long_side: [32, 48]}
  optimisation: {epochs: 2, batch_size: 4, save_seconds: 0}
variants:
  plain: {}
  progressive: {classifier: {fusion: progressive, splits: [[1, [2, 2]], [2, [2, 2]]]}}
"""

SHORT = ("--affinity.kind=none", "--with_segmenter=false", "--variants={plain: null}")


def files(run: Path, pattern: str) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.glob(pattern))}


def command(recipe: Path, data: Path, run: Path) -> list[str]:
    where = ["--data.root", str(data), "--out", str(run), "--runtime.device=cpu"]
    return [sys.executable, "-m", "patchlearn", "run", str(recipe), *where]


def run_it(recipe: Path, data: Path, run: Path, *more: str) -> int:
    return main(["run", str(recipe), "--data.root", str(data), "--out", str(run), "--runtime.device=cpu", *more])


def finished_run(recipe: Path, data: Path, run: Path, *more: str, alone: bool = False) -> Path:
    """The folder that `run_it` leaves with the same words; `alone` in a process of its own, with one thread."""
    kept = _kept(data)
    shutil.copytree(_made(recipe.read_text(), kept, more, alone), run, dirs_exist_ok=True)
    written = run / "recipe.yaml"
    written.write_text(written.read_text().replace(str(kept), str(data)))
    return run


@cache
def _store() -> Path:
    folder = Path(mkdtemp(prefix="patchlearn-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _kept(data: Path) -> Path:
    """A copy of a data folder that outlives the test, the same for equal content."""
    paths = sorted(path for path in data.rglob("*") if path.is_file())
    content = b"".join(str(path.relative_to(data)).encode() + path.read_bytes() for path in paths)
    kept = _store() / hashlib.sha256(content).hexdigest()[:16] / "data"
    if not kept.exists():
        shutil.copytree(data, kept)
    return kept


@cache
def _made(text: str, data: Path, more: tuple[str, ...], alone: bool) -> Path:
    folder = Path(mkdtemp(dir=_store()))
    recipe, run = folder / "tiny.yaml", folder / "run"
    recipe.write_text(text)
    if alone:
        one = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([*command(recipe, data, run), *more], env=one, check=True, capture_output=True)
    else:
        assert run_it(recipe, data, run, *more) == 0
    return run


def tiny_run(data: Path, folder: Path, *more: str) -> Path:
    """A run of one variant, `plain`, from images to pseudo masks; returns its folder."""
    assert run_it(_tiny_recipe(folder), data, folder, *SHORT, *more) == 0
    return folder


def finished_tiny_run(data: Path, folder: Path, *more: str) -> Path:
    """The same, made once. It is not for tests that replace a part of the package."""
    return finished_run(_tiny_recipe(folder), data, folder, *SHORT, *more)


def _tiny_recipe(folder: Path) -> Path:
    recipe = folder.parent / "tiny.yaml"
    recipe.write_text(RECIPE)
    return recipe
