"""How long a finished run takes to open: every step's key is computed, every file that a manifest lists is looked at.

    python benchmarks/open_run.py [--images 100000]

Makes a data set of hard links to one tiny image, and a run folder whose steps are all finished (small files stand for
maps and masks), then opens it twice: once cold, when every image is digested, and once as any later process does.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from rich.console import Console

from patchlearn.core.manifest import Outputs
from patchlearn.runs.run import Run, open_run
from patchlearn.runs.target import find_target
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.step import Step

RECIPE = "{classifier: {backbone: resnet10t, weights: null}, self_training: {rounds: 0}, with_segmenter: false}\n"
LONG_AGO = (10**9, 10**9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    count = parser.parse_args().images
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_data(root / "data", count)
        (root / "recipe.yaml").write_text(RECIPE)
        with opened(root) as (run, seconds):
            print(f"{count} images, first time: {seconds:.1f} s")
            for step in run.steps(run.variants[0]):
                finish(step)
        with opened(root) as (run, seconds):
            started = time.perf_counter()
            assert all(step.is_complete for step in run.steps(run.variants[0]))
            looked_at = time.perf_counter() - started
            print(f"{count} images, finished run: opened in {seconds:.1f} s, found complete in {looked_at:.1f} s more")


def make_data(root: Path, count: int) -> None:
    """Links to a few copies of one image: a file system allows only so many links to each."""
    (root / "images").mkdir(parents=True)
    rows = ["image,split,labels"]
    for index in range(count):
        path, source = root / "images" / f"{index:06}.png", root / "images" / f"{index - index % 10_000:06}.png"
        if path == source:
            Image.new("RGB", (8, 8), (index // 10_000, 0, 0)).save(path)
            os.utime(path, LONG_AGO)
        else:
            os.link(source, path)
        rows.append(f"{path.name},{'val' if index % 10 == 0 else 'train'},{'a' if index % 2 else 'b'}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")


@contextmanager
def opened(root: Path) -> Iterator[tuple[Run, float]]:
    started, words = time.perf_counter(), [f"--data.root={root / 'data'}", "--runtime.device=cpu"]
    with open_run(find_target(root / "recipe.yaml", root / "run", words), (), Console(quiet=True)) as run:
        for step in run.steps(run.variants[0]):
            assert step.key
        yield run, time.perf_counter() - started


def finish(step: Step) -> None:
    """Leave what the step promises: a file for each image, or a model."""
    outputs = Outputs(step.folder, step.promised)
    outputs.begin(step.key, {"inputs": step.inputs})
    names = [f"{sample.id}.npz" for sample in step.data.samples] if isinstance(step, WriteCams) else []
    if isinstance(step, WritePseudoMasks):
        names = [f"{place}{sample.id}.png" for sample in step.samples for place in ("", "sure/")]
        (step.folder / "sure").mkdir()
    for name in names or ["model.safetensors"]:
        (step.folder / name).write_bytes(b"x")
    outputs.finish(step.key, {"inputs": step.inputs})


if __name__ == "__main__":
    main()
