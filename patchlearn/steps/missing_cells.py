"""What has no confident cell in a round of self-training: said, and written beside the rounds.

A class keeps the maps of the first round. Without any class, or without the background, the rounds end.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from patchlearn.core.types import Sample

STOPPED, OWN_MAPS = "stopped.json", "own-maps.json"
IsMapped = Callable[["Sample", int], bool]


def note_missing(
    folder: Path,
    missing: Sequence[int],
    samples: Sequence["Sample"],
    classes: Sequence[str],
    is_mapped: IsMapped,
    console: "Console",
    title: str,
    *,
    ends: bool,
) -> None:
    """Print a line for the background and each class without a confident cell, and write their names and images.

    Args:
        folder: of the rounds.
        missing: what has no cell, as in a mask.
        samples: the images of the round.
        classes: the K names.
        is_mapped: (sample, class) → whether the map of the class is above 0 anywhere.
        console: for the lines.
        title: of the round.
        ends: whether the rounds end, and all maps stay as they were.
    """
    from patchlearn.core.files import write_json

    (folder / OWN_MAPS).unlink(missing_ok=True)
    if not missing:
        return
    names, images = ["background", *classes], {value: _images_with(value, samples) for value in missing}
    ids = {names[value]: [sample.id for sample in found] for value, found in images.items()}
    facts = {"at": title, "without_confident_cells": list(ids), "images": ids}
    write_json(folder / (STOPPED if ends else OWN_MAPS), facts)
    kept = "All maps stay as they were before this round." if ends else "Its maps stay those of the first round."
    for value, found in images.items():
        words = f"{title}: no confident cell of {names[value]} ({_listed(found)}). {kept} "
        advice = _advice(value, found, samples, is_mapped)
        console.print(words + advice, markup=False, highlight=False, soft_wrap=True)


def _images_with(value: int, samples: Sequence["Sample"]) -> list["Sample"]:
    return [sample for sample in samples if value == 0 or value - 1 in sample.labels]


def _listed(samples: Sequence["Sample"]) -> str:
    from patchlearn.data.names import counted, shortened

    return f"{counted(len(samples), 'image')}: {shortened([sample.id for sample in samples])}"


def _advice(value: int, found: Sequence["Sample"], samples: Sequence["Sample"], is_mapped: IsMapped) -> str:
    if value == 0 and all(sample.labels for sample in samples):
        return "Every image has a tag. Images without any class, with empty tags, show what the background looks like."
    if value == 0:
        return "A higher self_training.confident.low helps."
    if len(found) == len(samples):
        return "Every image has its tag, so no image shows what things look like without it. Add images without it."
    if any(is_mapped(sample, value - 1) for sample in found):
        return "Check the tags of these images. More images of it help, or a lower self_training.confident.high."
    return (
        "Its maps are 0 everywhere: the classifier finds it in none of these images. Check their tags, add images of "
        "it, or train the classifier for more epochs."
    )
