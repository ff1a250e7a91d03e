"""The figures of a training, told to trackers while it runs: TensorBoard, Weights & Biases, MLflow (Accelerate).

A training that was killed repeats the steps since its last saved state. `tracked.json`, beside the CSV logs, holds what
each tracker was told last and which of its runs belongs to the training, so that nothing is told twice.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.core.run_folder import RECIPE, RUN_MARKER
from patchlearn.core.runtime import Runtime

TRACKED = "tracked.json"
NO_RUN = "patchlearn"  # the project of a training outside of a run folder
Tell = Callable[[str, int, Mapping[str, float]], None]  # kind of figures, step, figure by name


@contextmanager
def trackers(runtime: Runtime, folder: Path) -> Iterator[Tell]:
    """Start the runtime's trackers for one training; yields what tells them figures.

    The project is the name of the run folder, the tracker's run that of the training's folder in it. TensorBoard's
    events lie in the training's folder. Only the first process tells anything.

    Args:
        runtime: names the trackers.
        folder: of the training.

    Raises:
        PatchlearnError: a tracker cannot be started, or fails.
    """
    with ExitStack() as stack:
        started: list[_Tracker] = []
        for name in runtime.track if runtime.accelerator.is_main_process else ():
            started.append(_Tracker(name, folder))
            stack.callback(started[-1].finish)

        def tell(kind: str, step: int, figures: Mapping[str, float]) -> None:
            for tracker in started:
                tracker.tell(kind, step, figures)

        yield tell


class _Tracker:
    """One tracker of one training, and what it was told before."""

    def __init__(self, name: str, folder: Path):
        self.name, self.path = name, folder / TRACKED
        self.told: dict[str, Any] = self._all().get(name, {})  # kind of figures → the last step; "run" → its run
        arguments = _arguments(name, folder, self.told.get("run"))
        with _failures(name):
            self.tracker: GeneralTracker = LOGGER_TYPE_TO_CLASS[name](**arguments)
            self.tracker.start()
        self._note(run=arguments.get("id") or _run_of(self.tracker))

    def tell(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """Log the figures, unless the step is one that a training repeats."""
        if step > self.told.get(kind, -1):
            self._note(**{kind: step})  # before: a kill in between must not have it told twice
            with _failures(self.name):
                self.tracker.log(dict(figures), step=step)

    def finish(self) -> None:
        """Close the tracker's run."""
        with _failures(self.name):
            self.tracker.finish()

    def _all(self) -> dict[str, dict[str, Any]]:
        known: dict[str, dict[str, Any]] = read_json(self.path) if self.path.exists() else {}
        return known

    def _note(self, **facts: Any) -> None:
        self.told |= facts
        write_json(self.path, {**self._all(), self.name: self.told})


def _arguments(name: str, folder: Path, run: str | None) -> dict[str, Any]:
    """What the tracker of Accelerate is made with."""
    project, title = _names(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if name == "tensorboard":  # whose events lie in `logging_dir/run_name`
        return {"run_name": folder.name, "logging_dir": folder.parent}
    if name == "wandb":
        run = run or uuid4().hex[:8]
        return {"run_name": project, "name": title, "id": run, "resume": "allow", "dir": str(folder)}
    return {"experiment_name": project, "run_name": title, "run_id": run}


def _names(folder: Path) -> tuple[str, str]:
    """(name of the run folder, the training's folder below it)."""
    whole = folder.resolve()
    for root in whole.parents:
        if (root / RUN_MARKER).is_file() or (root / RECIPE).is_file():
            return root.name, whole.relative_to(root).as_posix()
    return NO_RUN, whole.name


def _run_of(tracker: GeneralTracker) -> str | None:
    """The identity that MLflow gave its run; the others have none, or were given it."""
    run: str | None = getattr(getattr(tracker.tracker, "info", None), "run_id", None)
    return run


@contextmanager
def _failures(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each library has errors of its own kinds, and none of them has to be installed
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PatchlearnError(
            f"runtime.track: {name} has failed ({reason}). Set it up, or take it out of runtime.track; the same "
            "command goes on from the last saved step."
        ) from error
