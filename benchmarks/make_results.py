"""Measure what README, recipes and docs/results.md state, and write it there.

    make results QUICK=1              drawn data, few images: minutes
    make results                      everything whose data is in DATA (default: ../shared/data)
    make results ONLY=steel/standard  what has this, or one of a,b, in its name: DATA/RECIPE-VARIANT-SEED-ARTEFACT
    make results FINAL=1              then read the images that are read once; each reading is logged
    make results-tables               measure nothing; write the tables and the recipes from the cells

What is finished is left alone. Each finished figure is a file in benchmarks/results/cells/; commit it. With `--list`,
the script says what there is, what is older, and what is missing.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from results.cells import is_current, read_cell
from results.code_digest import ROOT
from results.expectations import render_recipe
from results.measure import Place, is_there, measure, report
from results.plan import DATA, PAGES, SERIES, Planned, Series
from results.tables import render_page

import patchlearn
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import write_text
from patchlearn.runs.builtin import builtin_recipes

Run = tuple[Series, int]


def main() -> int:
    """Returns 0, or 1 if a run failed."""
    options = _options()
    if not Path(patchlearn.__file__).resolve().is_relative_to(ROOT):
        sys.exit(f"{patchlearn.__file__}: is not the code of {ROOT}. Install it (pip install -e .), or set PYTHONPATH.")
    place = Place(data=options.data.resolve(), runs=options.runs.resolve())
    runs = _chosen(options.only, options.quick)
    if options.list:
        print("\n".join(f"{_state(cell):12} {cell.name}" for each in runs for cell in _cells(each, options.only)))
        return 0
    failures = 0 if options.tables else sum(not _make(run, place, options) for run in runs)
    for path in _written():
        print(f"written: {path.relative_to(ROOT)}")
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="the folder of real data")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "results", help="where run folders go")
    parser.add_argument(
        "--only", type=_words, default=("",), help="cells that have one of these words in their name: a,b"
    )
    parser.add_argument("--quick", action="store_true", help="only what takes minutes")
    parser.add_argument("--final", action="store_true", help="read the images that are read once, too")
    parser.add_argument("--tables", action="store_true", help="measure nothing")
    parser.add_argument("--list", action="store_true", help="say what is there")
    return parser.parse_args()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _chosen(only: Sequence[str], quick: bool) -> list[Run]:
    """The runs with a cell of such a name, the first seed of every series first."""
    runs = [(series, seed) for series in SERIES for seed in series.seeds if DATA[series.data].is_quick or not quick]
    chosen = [run for run in runs if _cells(run, only)]
    if not chosen:
        sys.exit(f"--only {' '.join(only)}: no such cell. {Path(__file__).name} --list has their names.")
    return sorted(chosen, key=lambda run: run[1])


def _cells(run: Run, only: Sequence[str]) -> list[Planned]:
    series, seed = run
    return [cell for cell in series.cells() if cell.seed == seed and any(word in cell.name for word in only)]


def _state(planned: Planned) -> str:
    cell = read_cell(planned.name)
    return "missing" if cell is None else "there" if is_current(cell, planned) else f"older {cell.commit}"


def _make(run: Run, place: Place, options: argparse.Namespace) -> bool:
    """Whether a run and its cells are there now; what fails does not stop the others."""
    series, seed = run
    if not is_there(series.data, place):
        print(f"skipped: {series.data} is not in {place.data}")
        return True
    try:
        for path in measure(series, seed, place, options.only):
            print(f"measured: {path.relative_to(ROOT)}", flush=True)
        for cell in _cells(run, options.only) if options.final else ():
            if path := report(cell, place):
                print(f"read once: {path.relative_to(ROOT)}", flush=True)
    except PatchlearnError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return False
    return True


def _written() -> list[Path]:
    """Write the pages and recipes whose figures have changed."""
    pages = {ROOT / name: render_page((ROOT / name).read_text(encoding="utf-8")) for name in PAGES}
    recipes = {path: render_recipe(path.read_text(encoding="utf-8"), name) for name, path in builtin_recipes().items()}
    changed = [path for path, text in (pages | recipes).items() if path.read_text(encoding="utf-8") != text]
    for path in changed:
        write_text(path, (pages | recipes)[path])
    return changed


if __name__ == "__main__":
    sys.exit(main())
