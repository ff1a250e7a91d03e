"""Make the runs of the plan with the verbs of the command line, and write a cell for each finished figure.

    RUNS/DATA/RECIPE-SEED/       a run folder; `.results-code.json` says which code has made its files
    RUNS/DATA/RECIPE-SEED.log    what the verbs said

The steps of a run are kept while settings and data stay (`patchlearn.steps.step`), whatever the code. Here, what other
code has made is deleted first. Everything that is finished is left alone, so that the work can be divided over days.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import append_row, read_json, write_json
from results.cells import CELLS, REPORT, digest_of, forget_settings, is_current, read_cell, write_cell
from results.code_digest import ROOT, code_digest
from results.finished import CHANGED, FOLDERS, code_commit, finished, now
from results.plan import BOTH_SPLITS, DATA, TRAIN, Planned, Series

CODE = ".results-code.json"  # hidden: a folder with other files is refused as a run folder
READINGS = Path(__file__).parent / "val-report.csv"  # each reading of the images that are read once
_MASKS = ("--supervision=masks",)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where things lie.

    Args:
        data: the folder that holds the folders of real data.
        runs: where run folders go.
        cells: where the cells go.
        readings: the log of what is read once.
    """

    data: Path
    runs: Path
    cells: Path = CELLS
    readings: Path = READINGS


def measure(series: Series, seed: int, place: Place, only: Sequence[str] = ("",)) -> Iterator[Path]:
    """Make one run, and its cells that are not there yet, or older.

    Args:
        series: of which the run is.
        seed: of the run.
        place: where things lie.
        only: a cell is made if its name has one of these words.

    Raises:
        PatchlearnError: a verb failed, or the code changed meanwhile.
    """
    chosen = [cell for cell in series.cells() if cell.seed == seed and any(word in cell.name for word in only)]
    wanted = [cell for cell in chosen if not _is_done(cell, place)]
    if not wanted:
        return
    run, data = run_folder(series, seed, place), DATA[series.data]
    before, commit = [digest_of(cell) for cell in wanted], code_commit()
    drop_older(run, {name: code_digest(name, data.reader) for name in FOLDERS})
    _take(series, seed, {cell.artefact for cell in wanted}, place)
    forget_settings()
    if before != [digest_of(cell) for cell in wanted]:
        raise PatchlearnError(f"{run}: code or settings changed while the run was made. Give the command again.")
    for cell in wanted:
        yield write_cell(finished(cell, run, (TRAIN, data.val), commit), place.cells)


def report(planned: Planned, place: Place) -> Path | None:
    """Read the images that are read once, for one figure; the reading is logged before it is done.

    Returns:
        The file of the cell; None where there is nothing to read, or it has been read with this code.

    Raises:
        PatchlearnError: the code is not committed, the figure on the images that settings are chosen on is not there
            or is older, or its run is not on this machine.
    """
    series, data, name = planned.series, DATA[planned.series.data], f"{planned.name}-{REPORT}"
    known, commit = read_cell(name, place.cells), code_commit()
    if data.report is None or not has_val(planned) or (known and is_current(known, planned)):
        return None
    run = run_folder(series, planned.seed, place)
    if commit.endswith(CHANGED) or not (_is_done(planned, place) and _has_made(planned, run)):
        raise PatchlearnError(
            f"{planned.name}: {run} is not a finished run of committed code. Commit the code, and run `make results` "
            "on this machine first. The choices are final then."
        )
    append_row(place.readings, {"time": now(), "cell": name, "commit": commit, "digest": digest_of(planned)})
    words = (*_words(series, planned.seed, place), *_listed(series, place, data.report, REPORT))
    _patchlearn(run, "evaluate", *words, *(_MASKS if planned.artefact == "full" else ()))
    return write_cell(replace(finished(planned, run, (REPORT,), commit), name=name), place.cells)


def has_val(planned: Planned) -> bool:
    """Whether the artefact is there for *val*."""
    is_of_maps = planned.artefact in ("seed", "pseudo") and planned.series.settings == BOTH_SPLITS
    return is_of_maps or planned.artefact in ("segmenter", "full")


def is_there(data: str, place: Place) -> bool:
    """Whether the data exist on this machine."""
    return DATA[data].is_drawn or (place.data / data).is_dir()


def run_folder(series: Series, seed: int, place: Place) -> Path:
    """Series of one recipe share a run folder, so that equal steps are made once."""
    return place.runs / series.data / f"{series.recipe}-{seed}"


def drop_older(run: Path, codes: dict[str, str]) -> None:
    """Delete what other code has made in a run folder, and note today's.

    Args:
        run: the run folder.
        codes: artefact → digest of its code.
    """
    known = read_json(run / CODE) if (run / CODE).exists() else {}
    stale = [name for name in FOLDERS if known.get(name) != codes[name]]
    if "seed" in stale and run.exists():
        shutil.rmtree(run)  # everything depends on it
    if not stale:
        return
    names = [*(folder for name in stale for folder in FOLDERS[name]), "evaluation*"]
    for path in (*run.glob(".replaced"), *(path for name in names for path in run.glob(f"*/{name}"))):
        shutil.rmtree(path)
    write_json(run / CODE, codes)


def _is_done(planned: Planned, place: Place) -> bool:
    cell = read_cell(planned.name, place.cells)
    return cell is not None and is_current(cell, planned)


def _has_made(planned: Planned, run: Path) -> bool:
    """Whether today's code has made the artefact in a run folder; the cell may come from another machine."""
    known = read_json(run / CODE) if (run / CODE).exists() else {}
    return known.get(planned.artefact) == code_digest(planned.artefact, DATA[planned.series.data].reader)


def _take(series: Series, seed: int, artefacts: set[str], place: Place) -> None:
    """Every verb that the artefacts need. What they say of *val* as a whole stays in the log."""
    run, data = run_folder(series, seed, place), DATA[series.data]
    words = _words(series, seed, place)
    if artefacts - {"full"}:
        _patchlearn(run, "run", *words, "--with_segmenter=false")
    if "segmenter" in artefacts:
        _patchlearn(run, "segment", *words)
    if "full" in artefacts:
        _patchlearn(run, "segment", *words, *_MASKS)
    ways = ([()] if artefacts - {"full"} else []) + ([_MASKS] if "full" in artefacts else [])
    for more in ways:
        _patchlearn(run, "evaluate", *words, *more)
        if data.choose and any(has_val(cell) for cell in series.cells()):
            _patchlearn(run, "evaluate", *words, *more, *_listed(series, place, data.choose, data.val))


def _listed(series: Series, place: Place, file: str, name: str) -> tuple[str, ...]:
    return ("--images", str(place.data / series.data / file), "--name", name)


def _words(series: Series, seed: int, place: Place) -> tuple[str, ...]:
    """What every verb of a run is given."""
    data, run = DATA[series.data], run_folder(series, seed, place)
    target = (series.recipe,) if data.is_drawn else (str(place.data / series.data), "--recipe", series.recipe)
    own = ("--out", str(run), "--variant", series.variant)
    return (*target, *own, *data.settings, *series.settings, f"--seed={seed}")


def _patchlearn(run: Path, *words: str) -> None:
    """One verb of this checkout, in a process of its own; what it says goes into the log beside the run folder."""
    log = run.with_name(f"{run.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        command = [sys.executable, "-m", "patchlearn", *words]  # of the working directory before any that is installed
        done = subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    if done.returncode:
        raise PatchlearnError(f"patchlearn {' '.join(words)}: failed. See the end of {log}.")
