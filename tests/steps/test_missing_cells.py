"""What is said of a class without a confident cell: the advice must be one that can help."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from patchlearn.core.files import read_json
from patchlearn.core.types import Sample
from patchlearn.steps.missing_cells import note_missing

SAMPLES = [Sample(id=str(at), image=Path(), labels=labels) for at, labels in enumerate([(0,), (0, 1), (1,), (0, 2)])]
UNTAGGED = Sample(id="none", image=Path(), labels=())


@pytest.mark.parametrize(
    ("value", "samples", "mapped", "words"),
    [
        (1, SAMPLES, True, "no confident cell of a (3 images: 0, 1, 3). Its maps stay those of the first round. Check"),
        (1, SAMPLES, True, "a lower self_training.confident.high."),
        (1, SAMPLES, False, "Its maps are 0 everywhere"),
        (1, SAMPLES[:2], False, "Add images without it."),
        (0, SAMPLES, False, "Every image has a tag. Images without any class"),
        (0, [*SAMPLES, UNTAGGED], False, "A higher self_training.confident.low helps."),
    ],
)
def test_the_advice_fits_the_cause(tmp_path: Path, value: int, samples: list[Sample], mapped: bool, words: str) -> None:
    said = io.StringIO()
    console = Console(file=said, width=1000)
    note_missing(tmp_path, [value], samples, "abc", lambda *_: mapped, console, "round 1", ends=False)
    assert words in said.getvalue()
    assert mapped or "confident.high" not in said.getvalue()


def test_the_file_is_that_of_the_last_round(tmp_path: Path) -> None:
    def note(missing: list[int], *, ends: bool = False) -> None:
        note_missing(tmp_path, missing, SAMPLES, "abc", lambda *_: True, Console(quiet=True), "round 1", ends=ends)

    note([2])
    assert read_json(tmp_path / "own-maps.json")["images"] == {"b": ["1", "2"]}
    note([])
    assert not list(tmp_path.iterdir())
    note([1, 2, 3], ends=True)
    assert read_json(tmp_path / "stopped.json")["without_confident_cells"] == ["a", "b", "c"]
