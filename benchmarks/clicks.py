"""What clicks gain: the mIoU of a run's pseudo masks with clicks on random pixels, and on those that `suggest` names.

    OMP_NUM_THREADS=1 python benchmarks/clicks.py RUN --variant NAME --clicks 3 10 --seeds 0 [--weight 1]

RUN is a finished run whose training images have true masks. It is changed: work on a copy. The clicks are simulated
from the true masks.

- random: of each class, and of the background, so many pixels, drawn from all pixels that show it. Whoever clicks must
  find them, so that this is the harder work.
- suggest: as many pixels in all, in the images and places that `suggest` names, with their true labels. Pixels of
  which the truth is 255 are left out. It needs no seed.

Each set of clicks is written as a table, and `patchlearn run RUN --points` makes self-training, maps and masks anew;
features and classifier stay. Seconds are those of these three steps, from their manifests. The masks are judged on the
images that hold the clicks. One table in Markdown is printed.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console

from patchlearn.cli.main import main as patchlearn
from patchlearn.core.files import read_json
from patchlearn.core.types import IGNORE, Dataset, Sample
from patchlearn.data import ClickRow, read_mask, write_points
from patchlearn.data.clicks.points_table import BACKGROUND_LABEL
from patchlearn.runs.run import open_run
from patchlearn.runs.suggestions import suggest
from patchlearn.runs.target import find_target

STEPS = ("relearn", "cams/{split}", "pseudo/{split}")
Arm = tuple[str, int, int | None, list[ClickRow]]


def main() -> None:
    options = parse()
    with open_run(find_target(options.run, None, ["--clicks.points=null"]), [options.variant], Console()) as run:
        variant = next(each for each in run.variants if each.name == options.variant)
        split = variant.self_training.train_split
        samples = [sample for sample in run.dataset.split(split) if sample.mask]
        arms = list(all_arms(options, run, variant, samples))
    rows = [row(options, split, None)] + [row(options, split, arm) for arm in arms]
    print("| clicks | of each class | in all | seed | mIoU | seconds |\n|---|---|---|---|---|---|")
    print("\n".join(rows))
    again(options, "--clicks.points=null")


def all_arms(options: argparse.Namespace, run: object, variant: object, samples: list[Sample]) -> Iterator[Arm]:
    """All clicks are chosen before any is learned from."""
    for each in options.clicks:
        for seed in options.seeds:
            yield "random", each, seed, random_clicks(run.dataset, samples, each, seed)
        wanted = each * (len(run.dataset.classes) + 1)
        yield "suggest", each, None, suggested_clicks(run.dataset, suggest(run, variant, wanted))


def random_clicks(dataset: Dataset, samples: list[Sample], each: int, seed: int) -> list[ClickRow]:
    """Of each class and of the background, pixels drawn from all that show it."""
    masks = [read_mask(dataset, sample) for sample in samples]
    generator, rows = np.random.default_rng(seed), []
    for value, label in enumerate((BACKGROUND_LABEL, *dataset.classes)):
        ends = np.cumsum([(mask == value).sum() for mask in masks])
        for number in sorted(generator.choice(ends[-1], each, replace=False)):
            place = int(np.searchsorted(ends, number, side="right"))
            y, x = np.argwhere(masks[place] == value)[number - (ends[place - 1] if place else 0)]
            rows.append(ClickRow(image=samples[place].id, x=int(x), y=int(y), label=label))
    return rows


def suggested_clicks(dataset: Dataset, suggestions: list) -> list[ClickRow]:
    """The true labels of the suggested pixels."""
    names, rows = (BACKGROUND_LABEL, *dataset.classes), []
    for each in suggestions:
        value = read_mask(dataset, each.sample)[each.y, each.x]
        if value != IGNORE:
            rows.append(ClickRow(image=each.sample.id, x=each.x, y=each.y, label=names[value]))
    return rows


def row(options: argparse.Namespace, split: str, arm: Arm | None) -> str:
    """A line of the table: the run is made again with these clicks, and judged."""
    with tempfile.TemporaryDirectory() as folder:
        points = Path(folder) / "points.csv"
        if arm:
            write_points(points, arm[3])
        again(options, f"--clicks.points={points if arm else 'null'}", f"--clicks.weight={options.weight}")
    entries = read_json(options.run / "evaluation.json")
    found = [e for e in entries if (e["artefact"], e["variant"], e["split"]) == ("pseudo", options.variant, split)]
    home = options.run / options.variant
    seconds = sum(read_json(home / step.format(split=split) / "step.json")["seconds"] for step in STEPS)
    kind, each, seed, clicks = arm or ("none", 0, None, [])
    named = "–" if seed is None else seed
    return f"| {kind} | {each} | {len(clicks)} | {named} | {100 * found[0]['miou']:.1f} | {seconds:.0f} |"


def again(options: argparse.Namespace, *settings: str) -> None:
    """The run with other settings; the segmenter is left out."""
    words = ["run", str(options.run), "--variant", options.variant, "--with_segmenter=false", *settings]
    if patchlearn(words):
        raise SystemExit(f"patchlearn {' '.join(words)} has failed")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--clicks", type=int, nargs="+", default=[3, 10], help="of each class, and of the background")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the random clicks")
    parser.add_argument("--weight", type=float, default=1.0, help="of a click (clicks.weight)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
