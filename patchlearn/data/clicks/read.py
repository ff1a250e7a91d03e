"""Read all clicks of a data set, and refuse those that contradict each other."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from patchlearn.core.errors import PatchlearnError, listed
from patchlearn.core.types import IGNORE, Dataset
from patchlearn.data.clicks.points_table import ADVICE, BACKGROUND_LABEL, WANTED, Mark, cells_of_rows, read_marks
from patchlearn.data.clicks.scribbles import find_scribbles, read_scribble
from patchlearn.data.clicks.values import Box, Clicks, ImageClicks, Point
from patchlearn.data.formats.canvas import canvas_of
from patchlearn.data.named_samples import NamedSamples
from patchlearn.data.tables import read_table

AT_ONCE = "Keep one of the two."


def read_clicks(path: Path | None, dataset: Dataset, scribbles: Path | None = None) -> Clicks:
    """Read points, boxes and scribbles, and check them against the data set.

    Args:
        path: the table of points and boxes, `image,x,y,label` and for boxes `x2,y2`; None for none. Rows without a
            label, or with the label "?", are passed over and counted.
        dataset: whose images are meant, those of all splits.
        scribbles: the folder of scribbles; None for none.

    Raises:
        PatchlearnError: a file is missing; an image or a class is unknown; a class is marked in an image whose tags
            lack it, though somebody has judged it; a pixel lies outside of its image; or two labels contradict each
            other. The message lists the first ten rows or files.
    """
    samples = NamedSamples(dataset)
    marks, empty = read_marks(path, dataset, samples) if path else ([], 0)
    drawn = find_scribbles(scribbles, dataset, samples) if scribbles else {}
    names = (BACKGROUND_LABEL, *dataset.classes)
    by_image: dict[str, list[Mark]] = {}
    for mark in marks:
        by_image.setdefault(mark.sample.id, []).append(mark)
    problems = [text for found in by_image.values() for text in _contradictions(found, names)]
    problems += [text for id, file in drawn.items() for text in _against_scribble(file, by_image.get(id, []), names)]
    if problems:
        raise PatchlearnError(listed(problems))
    ids = dict.fromkeys([*by_image, *drawn])
    return Clicks(images={id: _of_image(by_image.get(id, []), drawn.get(id)) for id in ids}, empty=empty)


def has_boxes(path: Path) -> bool:
    """Whether a row of the table is a box; images are not read. False without a file.

    Raises:
        PatchlearnError: it is no table, or a column is missing.
    """
    if not path.is_file():
        return False
    rows = cells_of_rows(read_table(path, wanted=WANTED, advice=ADVICE))
    return any(cells["x2"] or cells["y2"] for _, cells in rows)


def _of_image(marks: Sequence[Mark], scribble: Path | None) -> ImageClicks:
    """Rows that say the same count once."""
    return ImageClicks(points=tuple(dict.fromkeys(_points(marks))), boxes=_boxes(marks), scribble=scribble)


def _points(marks: Iterable[Mark]) -> list[Point]:
    return [mark.what for mark in marks if isinstance(mark.what, Point)]


def _boxes(marks: Iterable[Mark]) -> tuple[Box, ...]:
    return tuple(dict.fromkeys(mark.what for mark in marks if isinstance(mark.what, Box)))


def _contradictions(marks: Sequence[Mark], names: Sequence[str]) -> Iterator[str]:
    """Points of one image that contradict earlier ones, or the boxes."""
    boxes, seen = _boxes(marks), dict[tuple[int, int], tuple[Mark, Point]]()
    for mark in marks:
        point = mark.what
        if isinstance(point, Box):
            continue
        first, earlier = seen.setdefault((point.x, point.y), (mark, point))
        if earlier.value != point.value:
            yield (
                f"{mark.place}: the pixel {point.x},{point.y} of {mark.sample.id!r} is {names[point.value]}, but "
                f"{first.place} says {names[earlier.value]}. {AT_ONCE}"
            )
        elif _is_outside(point.x, point.y, point.value, boxes):
            yield f"{mark.place}: {_outside(point.x, point.y, mark.sample.id, names[point.value])}"


def _is_outside(x: int, y: int, value: int, boxes: Sequence[Box]) -> bool:
    """Whether there are boxes of the class, and none holds the pixel; the background has no boxes."""
    own = [box for box in boxes if box.index == value - 1]
    return bool(own) and not any(box.holds(x, y) for box in own)


def _outside(x: int, y: int, id: str, name: str) -> str:
    return (
        f"the pixel {x},{y} of {id!r} is {name}, but lies outside of all boxes of {name}. Add a box, or correct the "
        "label."
    )


def _against_scribble(path: Path, marks: Sequence[Mark], names: Sequence[str]) -> Iterator[str]:
    if not marks:
        return
    sample = marks[0].sample
    values = read_scribble(path, canvas_of(sample.image).size)
    for mark in marks:
        point = mark.what
        if isinstance(point, Point) and values[point.y, point.x] not in (IGNORE, point.value):
            yield (
                f"{mark.place}: the pixel {point.x},{point.y} of {sample.id!r} is {names[point.value]}, but {path} "
                f"says {names[values[point.y, point.x]]}. {AT_ONCE}"
            )
    boxes = _boxes(marks)
    for value in {box.index + 1 for box in boxes}:
        free = values == value
        for box in boxes:
            if box.index + 1 == value:
                free[box.y : box.y2 + 1, box.x : box.x2 + 1] = False
        if free.any():
            y, x = (int(each) for each in np.argwhere(free)[0])
            yield f"{path}: {_outside(x, y, sample.id, names[value])}"
