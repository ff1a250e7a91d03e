"""How far masks can be trusted: lines for the terminal, and a section of the report with pictures."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from patchlearn.core.files import read_json
from patchlearn.core.types import Dataset
from patchlearn.report.gallery import picture_rows

TRUST, FACTS = "trust", "trust.json"
LINES = 6  # in the terminal
PICTURES = 4  # of a class with findings


def trust_lines(facts: Mapping[str, Any]) -> list[str]:
    """The estimate and the findings, at most six lines; where there are more findings, the last one says so.

    Args:
        facts: what trust.json holds.

    >>> facts = {"variant": "plain", "estimated_miou": 0.3, "interval": [0.1, 0.5], "flagged": True}
    >>> trust_lines({**facts, "classes": {"cat": [{"kind": "nothing", "text": "cat: nothing was found."}]}})
    ['masks of plain: about 30 mIoU (10 to 50), estimated without true masks. Look at them before you use them.',
     '  cat: nothing was found.']
    """
    low, high = (percent_of(value) for value in facts["interval"])
    warning = " Look at them before you use them." if facts["flagged"] else ""
    first = (
        f"masks of {facts['variant']}: about {percent_of(facts['estimated_miou'])} mIoU ({low} to {high}), estimated "
        f"without true masks.{warning}"
    )
    found = [f"  {each['text']}" for each in _in_turn(list(facts["classes"].values()))]
    if len(found) >= LINES:
        more = len(found) - (LINES - 2)
        found = [*found[: LINES - 2], f"  {more} more findings: patchlearn trust RUN, and report.html"]
    return [first, *found]


def trust_rows(run: Path, dataset: Dataset, variants: Sequence[str]) -> Iterator[dict[str, Any]]:
    """For each variant that was judged: its estimate, and its findings with pictures of their classes."""
    for name in variants:
        path = run / name / TRUST / FACTS
        if path.exists():
            facts = read_json(path)
            yield {
                "variant": name,
                "line": trust_lines({**facts, "classes": {}})[0],
                "classes": list(_class_rows(run, dataset, facts)),
            }


def _class_rows(run: Path, dataset: Dataset, facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for index, name in enumerate(dataset.classes):
        found = facts["classes"].get(name)
        if found:
            samples = [sample for sample in dataset.split(facts["split"]) if index in sample.labels]
            pictures = list(picture_rows(run, facts["variant"], facts["split"], samples, PICTURES))
            yield {"name": name, "texts": [each["text"] for each in found], "pictures": pictures}


def _in_turn(of_classes: Sequence[Sequence[Any]]) -> list[Any]:
    """The first of every class, then the second of every class, and so on."""
    longest = max(map(len, of_classes), default=0)
    return [each[turn] for turn in range(longest) for each in of_classes if turn < len(each)]


def percent_of(share: float) -> str:
    """0.424 → "42"."""
    return f"{100 * share:.0f}"
