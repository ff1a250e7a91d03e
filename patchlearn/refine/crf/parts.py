"""Parts of an image, each seen with a margin that is not kept, for what would need too much memory as a whole."""

from dataclasses import dataclass
from math import ceil

from patchlearn.core.types import Window
from patchlearn.refine.settings import CrfKernels

MARGIN = 2.0  # standard deviations of the wider kernel: docs/log/memory.md
SMALLEST = 64  # pixels; a part whose longer side is not above it is not halved

Interval = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """A rectangle of an image.

    Args:
        size: (H, W) of the image.
        rows: the first row, and the first one below the part.
        columns: the first column, and the first one beyond the part.
        margin: pixels around the part that are seen with it, where the image has them.

    >>> part = Part((300, 400), (0, 300), (200, 400), 50)
    >>> part.kept, part.seen
    ((slice(0, 300, None), slice(200, 400, None)), (slice(0, 300, None), slice(150, 400, None)))
    """

    size: tuple[int, int]
    rows: Interval
    columns: Interval
    margin: int

    @property
    def kept(self) -> Window:
        """Its pixels in the image."""
        return slice(*self.rows), slice(*self.columns)

    @property
    def seen(self) -> Window:
        """Its pixels and those of the margin, in the image."""
        return _widened(self.rows, self.margin, self.size[0]), _widened(self.columns, self.margin, self.size[1])

    @property
    def inside(self) -> Window:
        """Its pixels among those that are seen."""
        rows, columns = self.seen
        return _moved(self.rows, rows.start), _moved(self.columns, columns.start)

    @property
    def seen_size(self) -> tuple[int, int]:
        """(h, w) of what is seen."""
        rows, columns = self.seen
        return rows.stop - rows.start, columns.stop - columns.start

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole image."""
        return self.rows == (0, self.size[0]) and self.columns == (0, self.size[1])

    @property
    def can_be_halved(self) -> bool:
        """Whether halves would not be mostly margin."""
        return max(self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]) > SMALLEST

    def halves(self) -> tuple["Part", "Part"]:
        """Two parts that cover it; the longer side is cut."""
        (top, bottom), (left, right) = self.rows, self.columns
        if bottom - top >= right - left:
            middle = (top + bottom) // 2
            pairs = [((top, middle), self.columns), ((middle, bottom), self.columns)]
        else:
            middle = (left + right) // 2
            pairs = [(self.rows, (left, middle)), (self.rows, (middle, right))]
        first, second = (Part(self.size, *pair, self.margin) for pair in pairs)
        return first, second


def whole_image(size: tuple[int, int], kernels: CrfKernels) -> Part:
    """The image as one part; those that it is halved into have a margin as wide as the kernels reach.

    >>> from patchlearn.refine.settings import PRESETS
    >>> whole_image((300, 400), PRESETS["irn"]).margin
    100
    """
    margin = ceil(MARGIN * max(kernels.bilateral_sxy, kernels.gaussian_sxy))
    return Part(size, (0, size[0]), (0, size[1]), margin)


def _widened(interval: Interval, margin: int, length: int) -> slice:
    return slice(max(0, interval[0] - margin), min(length, interval[1] + margin))


def _moved(interval: Interval, start: int) -> slice:
    return slice(interval[0] - start, interval[1] - start)
