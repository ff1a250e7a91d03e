"""Clicks as values: points, boxes and scribbles of each image."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from patchlearn.data.names import counted


@dataclass(frozen=True)
class Point:
    """One labelled pixel.

    Args:
        x: column of the upright image, from 0.
        y: row, from 0.
        value: as in a mask: 0 background, i + 1 class i.
    """

    x: int
    y: int
    value: int


@dataclass(frozen=True)
class Box:
    """A box around one object, which touches all four sides of it.

    Args:
        x: first column in the box, from 0.
        y: first row in the box.
        x2: last column in the box.
        y2: last row in the box.
        index: of the class, from 0.
    """

    x: int
    y: int
    x2: int
    y2: int
    index: int

    def holds(self, x: int, y: int) -> bool:
        """Whether a pixel lies in the box.

        >>> Box(2, 0, 4, 0, index=0).holds(4, 0), Box(2, 0, 4, 0, index=0).holds(5, 0)
        (True, False)
        """
        return self.x <= x <= self.x2 and self.y <= y <= self.y2


@dataclass(frozen=True, kw_only=True)
class ImageClicks:
    """What is labelled in one image.

    Args:
        points: pixels, each at most once.
        boxes: of any classes. Outside of all boxes of a class, the image does not show this class.
        scribble: a PNG as large as the upright image: 0 background, i + 1 class i, 255 nothing is drawn.
    """

    points: tuple[Point, ...] = ()
    boxes: tuple[Box, ...] = ()
    scribble: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Clicks:
    """What is labelled in the images of a data set.

    Args:
        images: id of the image → its clicks; only images that have some.
        weight: of a labelled pixel, see `patchlearn.data.settings.ClickSettings`.
        empty: rows of the table whose label is not filled in; nothing is known of their pixels.
    """

    images: Mapping[str, ImageClicks] = field(default_factory=dict)
    weight: float = 1.0
    empty: int = 0

    def of(self, id: str) -> ImageClicks:
        """The clicks of one image, which may be none."""
        return self.images.get(id, ImageClicks())

    def among(self, ids: Collection[str]) -> "Clicks":
        """The clicks of some images, such as those of one split."""
        return replace(self, images={id: clicks for id, clicks in self.images.items() if id in ids})

    @property
    def points(self) -> int:
        """How many pixels are clicked."""
        return sum(len(clicks.points) for clicks in self.images.values())

    @property
    def boxes(self) -> int:
        """How many boxes are drawn."""
        return sum(len(clicks.boxes) for clicks in self.images.values())

    @property
    def scribbled(self) -> int:
        """How many images have a scribble."""
        return sum(clicks.scribble is not None for clicks in self.images.values())

    @property
    def supervision(self) -> str:
        """What a network learns from, in a few words.

        >>> clicks = ImageClicks(points=(Point(4, 2, value=1), Point(0, 0, value=0)), boxes=(Box(2, 1, 9, 5, index=0),))
        >>> Clicks(images={"garden": clicks}).supervision
        'tags + 2 clicks + 1 box'
        """
        counts = (
            (self.points, "click", "clicks"),
            (self.boxes, "box", "boxes"),
            (self.scribbled, "scribbled image", "scribbled images"),
        )
        return " + ".join(["tags", *(counted(*each) for each in counts if each[0])])
