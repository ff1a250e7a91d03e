"""A tiny recipe, and a run of it as a user starts it."""

import sys
from pathlib import Path

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


def files(run: Path, pattern: str) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.glob(pattern))}


def command(recipe: Path, data: Path, run: Path) -> list[str]:
    where = ["--data.root", str(data), "--out", str(run), "--runtime.device=cpu"]
    return [sys.executable, "-m", "patchlearn", "run", str(recipe), *where]


def run_it(recipe: Path, data: Path, run: Path, *more: str) -> int:
    return main(["run", str(recipe), "--data.root", str(data), "--out", str(run), "--runtime.device=cpu", *more])


def tiny_run(data: Path, folder: Path, *more: str) -> Path:
    """A run of one variant, `plain`, from images to pseudo masks; returns its folder."""
    recipe = folder.parent / "tiny.yaml"
    recipe.write_text(RECIPE)
    short = ["--affinity.kind=none", "--with_segmenter=false", "--variants={plain: null}"]
    assert run_it(recipe, data, folder, *short, *more) == 0
    return folder
