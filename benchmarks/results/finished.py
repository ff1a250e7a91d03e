"""What a finished run says about a figure: its entries, its time, its machine and its data."""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from patchlearn.core.digests import Digests
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json
from patchlearn.core.run_folder import DIGESTS, EVALUATION, RECIPE
from patchlearn.runs.expected import data_key
from patchlearn.runs.recipe import load_recipe
from patchlearn.runs.run import open_data_of
from patchlearn.steps.data_splits import DataSplits
from results.cells import Cell, digest_of, settings_of
from results.code_digest import ROOT
from results.plan import TRAIN, Planned

CHANGED = "+"
# Artefact → folders of the steps that it has beyond those before it.
FOLDERS = {
    "seed": ("features", "classifier", "reading", "relearn", "cams"),
    "pseudo": ("affinity", "pseudo"),
    "trust": ("trust",),
    "segmenter": ("segmenter", "segmented"),
    "full": ("segmenter-masks", "segmented-masks"),
}
_BEFORE = {"seed": (), "pseudo": ("seed",), "trust": ("seed", "pseudo"), "segmenter": ("seed", "pseudo"), "full": ()}
Manifests = dict[str, dict[str, Any]]


def finished(planned: Planned, run: Path, splits: Sequence[str], commit: str) -> Cell:
    """The cell of a figure.

    Args:
        planned: which one.
        run: the folder of its run, in which everything is finished.
        splits: on which it was judged; others are left out.
        commit: of the code.

    Raises:
        PatchlearnError: the run has no such figure.
    """
    home, facts, data = run / planned.series.variant, manifests(run), _data(run)
    has_affinity = (home / "affinity" / "model.safetensors").exists()
    return Cell(
        name=planned.name,
        commit=commit,
        digest=digest_of(planned),
        settings=settings_of(planned.series, planned.artefact),
        data_key=data_key(data),
        made=now()[:10],
        machine=machine(facts.values()),
        minutes=minutes(home, planned.artefact, facts),
        images=len(data[TRAIN].samples),
        has_affinity=has_affinity if planned.artefact == "pseudo" else None,
        entries=entries_of(run, planned, splits),
    )


def entries_of(run: Path, planned: Planned, splits: Sequence[str]) -> list[dict[str, Any]]:
    """The entries of evaluation.json about an artefact on some splits; of trust its estimate.

    Raises:
        PatchlearnError: there is none.
    """
    series, artefact = planned.series, planned.artefact
    if artefact == "trust":
        facts = read_json(run / series.variant / "trust" / "trust.json")
        return [{"split": facts["split"], "rule": "estimate", "miou": facts["estimated_miou"]}]
    wanted = ("segmenter", "masks") if artefact == "full" else (artefact, "tags")
    own = [entry for entry in read_json(run / EVALUATION) if entry["variant"] == series.variant]
    made = [entry for entry in own if (entry["artefact"], entry["supervision"]) == wanted]
    found = [entry for entry in made if entry["split"] in splits]
    if not found:
        raise PatchlearnError(f"{run}: no figure of {planned.name} on {' or '.join(splits)}. See {run}.log.")
    return found


def manifests(run: Path) -> Manifests:
    """Key of a step → its manifest. Of steps that were copied from another variant, the one that did the work."""
    found: Manifests = {}
    for path in sorted(run.glob("*/**/step.json")):
        facts = read_json(path)
        if facts.get("seconds", 0) >= found.get(facts["key"], {}).get("seconds", 0):
            found[facts["key"]] = facts
    return found


def minutes(home: Path, artefact: str, facts: Manifests) -> float:
    """Time of the steps of one variant up to an artefact; of a step that was interrupted, since its last start."""
    folders = [folder for name in (*_BEFORE[artefact], artefact) for folder in FOLDERS[name]]
    paths = [path for folder in folders for path in (home / folder).glob("**/step.json")]
    return round(sum(facts[read_json(path)["key"]].get("seconds", 0) for path in paths) / 60, 1)


def machine(facts: Iterable[Mapping[str, Any]]) -> str:
    """The processor and how many threads it was given; the GPU, if a step has used one."""
    if any(each.get("device") == "cuda" for each in facts):
        import torch

        return str(torch.cuda.get_device_name())
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores, threads = os.cpu_count() or 1, os.environ.get("OMP_NUM_THREADS")
    used = f", {threads} used" if threads and threads != str(cores) else ""
    return f"{cores} cores{used}, {next(iter(names), platform.processor())}"


def code_commit() -> str:
    """The commit of the code, with a `+` where modules of the package have changed since."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "patchlearn/*.py")
    return _git("rev-parse", "--short=7", "HEAD") + (CHANGED if changed else "")


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        raise PatchlearnError(f"{ROOT}: is no checkout, and a figure names its commit. Clone the repository.") from None
    return done.stdout.strip()


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _data(run: Path) -> DataSplits:
    return DataSplits(open_data_of(load_recipe(run / RECIPE).recipe, run), Digests(run / DIGESTS))
