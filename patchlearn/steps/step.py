"""What a step is: a value that is given the steps it needs and the values that its result depends on.

A step is a frozen data class. Its fields are settings, parts of the data, numbers, and other steps. The key, the
folder, the verb, completeness, resuming and reuse follow from them. A new step declares its fields and its work.
"""

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.manifest import EVERY_FILE, REPLACED, Outputs, changed_inputs, commit, fingerprint
from patchlearn.core.settings import OUTSIDE_KEY, is_in_key, key_values

if TYPE_CHECKING:
    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime

SHOWN = 3  # changed values that a line names
Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Step(ABC):
    """One step of one variant.

    A subclass is a frozen data class whose further fields enter the key, unless their metadata is `OUTSIDE_KEY`:

    - settings: their values;
    - other steps, and whatever else has a `key`: their keys;
    - None, numbers, strings and collections of these: as they are.

    Args:
        home: the folder of the variant in the run folder; where the files lie is no part of the key.

    Attributes:
        name: the folder below `home`.
        verb: which verb of the command line takes the step.
        help: the verb's line in `--help`.
        version: of the files that the same values give; part of the key.
        is_training: whether the files take hours, and are kept aside when the key no longer fits.
        promised: patterns of the files without which the step is not complete.
        is_linked: whether equal steps of several variants share their files: large ones that nobody edits.
    """

    home: Path = field(metadata=OUTSIDE_KEY)

    name: ClassVar[str]
    verb: ClassVar[str]
    help: ClassVar[str] = ""
    version: ClassVar[int] = 1
    is_training: ClassVar[bool] = False
    promised: ClassVar[Sequence[str]] = EVERY_FILE
    is_linked: ClassVar[bool] = False

    @abstractmethod
    def work(self, runtime: "Runtime") -> None:
        """Write the step's files into its folder. Files that are there already were written with the same key."""

    def check(self, runtime: "Runtime") -> None:
        """Raise `PatchlearnError` for what the work would fail on only after the hours of the steps before it."""

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """About what all of the work needs on this machine, from a few images; nothing where it needs next to nothing.

        The networks that are timed are untrained, so that no earlier step has to be complete.
        """
        from patchlearn.core.pace import Estimate

        return Estimate()

    def refresh(self, runtime: "Runtime") -> None:
        """Bring the files of a complete step up to date with values that are outside of its key."""

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.home / self.name

    @property
    def root(self) -> Path:
        """The run folder."""
        return self.home.parent

    @property
    def title(self) -> str:
        """For messages and progress bars: the folder below the run folder."""
        return self.folder.relative_to(self.root).as_posix()

    @property
    def outputs(self) -> Outputs:
        """The folder with its manifest."""
        return Outputs(self.folder, self.promised)

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Everything the result depends on, by name, as JSON."""
        wanted = [entry for entry in fields(self) if is_in_key(self, entry)]
        return {"version": self.version, **{entry.name: _input(getattr(self, entry.name)) for entry in wanted}}

    @cached_property
    def key(self) -> str:
        """Changes with everything that the result depends on."""
        return fingerprint(self.name, self.inputs)

    @property
    def needs(self) -> tuple["Step", ...]:
        """The steps whose files this one reads."""
        values = [getattr(self, entry.name) for entry in fields(self)]
        flat = chain.from_iterable(value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(value for value in flat if isinstance(value, Step))

    @property
    def is_complete(self) -> bool:
        """Whether the step has finished with these values and its files are there. Looked up once when it is true."""
        known: dict[str, bool] = self.__dict__
        if not known.get("_found_complete"):
            known["_found_complete"] = self.outputs.is_complete(self.key)
        return known["_found_complete"]

    @property
    def is_outdated(self) -> bool:
        """Whether the folder holds files that were made with other values."""
        return self.outputs.is_of_another(self.key)

    def require(self) -> None:
        """Raise `PatchlearnError`, naming the verb that helps, unless the step is complete."""
        if not self.is_complete:
            raise PatchlearnError(
                f"{self.folder}: {self._why()}. Run first: patchlearn {self.verb} with the same recipe."
            )

    def take(self, runtime: "Runtime") -> None:
        """Do the work, unless it is done.

        Raises:
            PatchlearnError: a step that this one needs is not complete, or the work fails.
        """
        if _of_main_process(self.is_complete, runtime):
            _say(runtime, f"{self.title}: complete")
            if runtime.accelerator.is_main_process:
                self.outputs.renew_times()
        else:
            for step in self.needs:
                step.require()
            self._make(runtime)
        self.refresh(runtime)

    def _make(self, runtime: "Runtime") -> None:
        if self.folder.exists():
            _say(runtime, f"{self.title}: {self._why()}; {'made anew' if self.is_outdated else 'continued'}")
        started, accelerator = time.monotonic(), runtime.accelerator
        twin = _of_main_process(self._twin(), runtime)
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            self._claim()
        if twin is not None:
            _say(runtime, f"{self.title}: as in {twin.relative_to(self.root)}")
        if twin is not None and accelerator.is_main_process:
            self.outputs.copy_from(twin, linked=self.is_linked)
        accelerator.wait_for_everyone()
        if twin is None:
            self.work(runtime)
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            facts = {"seconds": round(time.monotonic() - started, 1), "commit": commit(), **_circumstances(runtime)}
            self.outputs.finish(self.key, {**facts, **self._manifest_facts()})
            self._drop_older()
        accelerator.wait_for_everyone()
        self.__dict__["_found_complete"] = True

    def _manifest_facts(self) -> dict[str, Any]:
        return {"step": self.title, "inputs": self.inputs}

    def _claim(self) -> None:
        """Begin in the folder. What many hours of training made with other values is set aside."""
        old = self.outputs.manifest
        aside = self.root / REPLACED / f"{self.name}-{old['key']}" if old and self.is_training else None
        if old and not old["complete"] and any(folder != aside for folder in self._set_aside()):
            aside = None  # what was interrupted does not take the place of what was finished
        self.outputs.begin(self.key, self._manifest_facts(), aside)

    def _drop_older(self) -> None:
        """Of the folders that this step has set aside, keep the newest."""
        for older in sorted(self._set_aside(), key=lambda folder: folder.stat().st_mtime)[:-1]:
            shutil.rmtree(older)

    def _set_aside(self) -> list[Path]:
        folders = (self.root / REPLACED).glob(f"{self.name}-*")
        return [folder for folder in folders if _manifest_or_nothing(folder).get("step") == self.title]

    def _why(self) -> str:
        """Why the step is not complete, in a few words."""
        facts = self.outputs.manifest
        if not facts:
            return "not there yet"
        if facts["key"] != self.key:
            changed = changed_inputs(facts.get("inputs", {}), self.inputs) or ["settings"]
            more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
            return f"made with other values ({', '.join(changed[:SHOWN])}{more})"
        if not facts["complete"]:
            return "not finished"
        damaged = self.outputs.damaged()
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        return f"missing or changed: {damaged[0]}{more}"

    def _twin(self) -> Path | None:
        """A folder in which exactly this step is finished: another variant's, or one that was set aside."""
        below = self.folder.relative_to(self.home).as_posix()
        aside = self.root / REPLACED
        candidates = [*sorted(self.root.glob(f"*/{below}")), *sorted(aside.glob(f"*-{self.key}"))]
        for twin in candidates:
            is_ours = twin != self.folder and _manifest_or_nothing(twin).get("key") == self.key
            if is_ours and Outputs(twin, self.promised).is_complete(self.key):
                return twin
        return None


def _input(value: Any) -> Any:
    """A value of a step's field, as it enters the key."""
    if isinstance(value, Mapping):
        return {str(name): _input(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_input(each) for each in value]
    key = getattr(value, "key", None)
    return key if isinstance(key, str) else key_values(value)


def _manifest_or_nothing(folder: Path) -> dict[str, Any]:
    """The manifest of another folder; a damaged one there must not stop this step."""
    try:
        return Outputs(folder).manifest
    except PatchlearnError:
        return {}


def _of_main_process(value: Value, runtime: "Runtime") -> Value:
    """The main process's value, in every process: another one may look at a file while it is written."""
    if runtime.accelerator.num_processes == 1:
        return value
    from accelerate.utils import broadcast_object_list

    answer = [value]
    broadcast_object_list(answer, from_process=0)
    return answer[0]


def _circumstances(runtime: "Runtime") -> dict[str, Any]:
    """What may change results in the last digits, and is no part of the key."""
    accelerator = runtime.accelerator
    return {
        "precision": accelerator.mixed_precision,
        "processes": accelerator.num_processes,
        "device": accelerator.device.type,
    }


def _say(runtime: "Runtime", words: str) -> None:
    runtime.console.print(words, style="dim", markup=False, soft_wrap=True)
