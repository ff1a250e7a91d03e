"""Two processes take the same course as one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from patchlearn.core.files import read_rows

RECIPE = """
classifier:
  backbone: mobilenetv3_small_050
  weights: null
  augment: {crop: 32, long_side: [32, 48]}
  optimisation: {epochs: 10, batch_size: 4, learning_rate: 0.001}
segmenter:
  backbone: mobilenetv3_small_050
  head: deeplabv2  # the one without batch norm, which each process would learn by itself
  weights: null
  augment: {crop: 32, long_side: [32, 48]}
  optimisation: {epochs: 10, batch_size: 4, learning_rate: 0.001}
variants: {progressive: {classifier: {fusion: progressive, splits: [[1, [2, 2]], [2, [2, 2]]]}}}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "options", "step"),
    [("train", (), "classifier"), ("segment", ("--supervision=masks",), "segmenter-masks")],
)
def test_the_loss_curve_is_that_of_one_process(
    verb: str, options: tuple[str, ...], step: str, folder_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    words = ["patchlearn", verb, str(tmp_path / "tiny.yaml"), "--data.root", str(folder_data), *options]
    words += ["--runtime.device=cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launchers = {"one": ["-m"], "two": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]}
    curves = {}
    for name, launcher in launchers.items():
        run = [sys.executable, *launcher, *words, "--out", str(tmp_path / name)]
        done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        rows = read_rows(tmp_path / name / "progressive" / step / "log.csv")
        curves[name] = [float(row["loss"]) for row in rows]
    assert len(curves["one"]) == 2
    assert curves["two"] == pytest.approx(curves["one"], rel=1e-3)
