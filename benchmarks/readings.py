"""What localises: every reading on every data set, as a table.

    python benchmarks/readings.py OUT --data NAME=FOLDER ... [--surfaces 0 0.5 1] [--readings auto cells ...]

Runs the recipe `defects` once for each data set, below OUT, with one variant for each reading, and prints mIoU of the
maps (oracle and label-free) and of the pseudo masks on *train*, true masks being read for judging alone. Finished runs
are left alone, so the table can be made over several days. `--surfaces` draws surfaces with these values of the dial
`surroundings`. The variants share the features; each has its own maps and masks.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from patchlearn.report.results import percent, results_table
from patchlearn.runs.builtin import recipe_file

LOWER = {"stages": "lower", "centred": True}
READINGS: dict[str, dict[str, Any]] = {
    "ordinary": {"reading": {"use": "classifier"}, "self_training": {"stages": "last", "centred": False}},
    "lower": {"reading": {"use": "classifier"}, "self_training": LOWER},
    "cells": {"reading": {"use": "cells"}, "self_training": LOWER},
    "sum": {"reading": {"use": "sum"}, "self_training": LOWER},
    "auto": {"reading": {"use": "auto"}, "self_training": LOWER},
}


def main() -> None:
    """Make the runs, and print the table."""
    options = _options()
    names = options.readings or list(READINGS)
    sets = [text.partition("=")[::2] for text in options.data]
    sets += [(f"surfaces {dial:g}", f"--data.scenes.surroundings={dial}") for dial in options.surfaces]
    print("| data | reading | seed, oracle | seed, label-free | pseudo masks |\n|---|---|---|---|---|", flush=True)
    for name, source in sets:
        run = options.out / name.replace(" ", "-")
        _make(run, source, names, options.overrides)
        for result in results_table(run):
            figures = (result.seed_oracle, result.seed_label_free, result.pseudo)
            print(f"| {name} | {result.variant} | {' | '.join(percent(value) for value in figures)} |", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", nargs="*", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--surfaces", nargs="*", type=float, default=[])
    parser.add_argument("--readings", nargs="*", choices=list(READINGS))
    options, options.overrides = parser.parse_known_args()
    return options


def _make(run: Path, source: str, names: list[str], overrides: list[str]) -> None:
    """Write the recipe with a variant for each reading, and run it: a folder of images, or drawn surfaces."""
    is_drawn = source.startswith("--")
    recipe = yaml.safe_load(recipe_file("surfaces" if is_drawn else "defects").read_text(encoding="utf-8"))
    recipe["variants"] = {name: READINGS[name] for name in names}
    run.parent.mkdir(parents=True, exist_ok=True)
    path = run.parent / f"{run.name}.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    data = [source] if is_drawn else [f"--data.root={source}"]
    command = [sys.executable, "-m", "patchlearn", "run", str(path), "--out", str(run), *data, *overrides]
    subprocess.run(command, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
