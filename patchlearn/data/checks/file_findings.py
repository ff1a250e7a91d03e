"""Faults and hints about single files, gathered by kind."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from patchlearn.core.types import Dataset
from patchlearn.data.checks.duplicates import name_below
from patchlearn.data.checks.finding import Finding
from patchlearn.data.checks.readings import IMAGE, MASK, SIZE, VALUES, Problem, Reading
from patchlearn.data.names import SHOWN, counted, shortened

WORDS = {  # kind of problem → what is said of many files, in the singular and in the plural
    IMAGE: ("image cannot be read", "images cannot be read"),
    MASK: ("mask cannot be read", "masks cannot be read"),
    SIZE: ("mask has another size than its image", "masks have another size than their images"),
    VALUES: ("mask holds values that are no class", "masks hold values that are no class"),
}


def file_faults(dataset: Dataset, readings: Iterable[Reading]) -> Iterator[Finding]:
    """A fault for each kind of problem: up to three are told in full, of more the first and the names of others."""
    problems = [problem for reading in readings for problem in reading.problems]
    for kind in WORDS:
        found = list({problem.path: problem for problem in problems if problem.kind == kind}.values())
        if len(found) > SHOWN:
            yield Finding(kind, _gathered(dataset.root, kind, found))
        else:
            yield from (Finding(kind, problem.text) for problem in found)


def _gathered(root: Path, kind: str, problems: Sequence[Problem]) -> str:
    names = shortened([name_below(root, problem.path) for problem in problems])
    return f"{counted(len(problems), *WORDS[kind])} ({names}). {problems[0].text}"


def file_hints(dataset: Dataset, readings: Iterable[Reading]) -> Iterator[Finding]:
    """Images of several frames."""
    several = [reading for reading in readings if reading.frames > 1]
    if several:
        names = shortened([f"{name_below(dataset.root, one.sample.image)}: {one.frames}" for one in several])
        yield Finding(
            "several frames",
            f"{counted(len(several), 'image holds', 'images hold')} several frames ({names}), of which the first is "
            "read. Save the others as files of their own if they matter.",
        )
