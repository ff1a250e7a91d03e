"""Problems of files by kind."""

from pathlib import Path

from tagged_masks import Tagged, tagged_dataset

from patchlearn.core.types import Dataset
from patchlearn.data.checks.file_findings import file_faults, file_hints
from patchlearn.data.checks.readings import IMAGE, VALUES, Problem, Reading


def readings(root: Path, kind: str, number: int) -> tuple[Dataset, list[Reading]]:
    dataset = tagged_dataset(root, ["cat"], [Tagged() for _ in range(number)])
    samples = dataset.split("train")
    problems = [Problem(kind=kind, path=each.image, text=f"{each.id}: bad. Mend it.") for each in samples]
    return dataset, [Reading(sample=each, problems=(problem,)) for each, problem in zip(samples, problems)]


def test_three_problems_are_told_in_full(tmp_path: Path) -> None:
    faults = list(file_faults(*readings(tmp_path, IMAGE, 3)))
    assert [(fault.kind, fault.text) for fault in faults] == [
        (IMAGE, f"img00{number}: bad. Mend it.") for number in range(3)
    ]


def test_more_problems_are_counted(tmp_path: Path) -> None:
    (fault,) = file_faults(*readings(tmp_path, VALUES, 5))
    assert fault.text == (
        "5 masks hold values that are no class (images/img000.png, images/img001.png, images/img002.png and 2 more). "
        "img000: bad. Mend it."
    )


def test_a_file_that_two_samples_share_is_told_once(tmp_path: Path) -> None:
    dataset, (reading,) = readings(tmp_path, IMAGE, 1)
    assert len(list(file_faults(dataset, [reading, reading]))) == 1


def test_several_frames_are_a_hint(tmp_path: Path) -> None:
    dataset = tagged_dataset(tmp_path, ["cat"], [Tagged(), Tagged()])
    first, second = dataset.split("train")
    hints = list(file_hints(dataset, [Reading(sample=first, frames=1), Reading(sample=second, frames=5)]))
    assert hints[0].text.startswith("1 image holds several frames (images/img001.png: 5), of which the first is read.")
    assert not list(file_hints(dataset, [Reading(sample=first)]))
