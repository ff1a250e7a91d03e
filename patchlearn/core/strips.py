"""Windows of an image: whole rows, so few at a time that what is computed of them stays small."""

from collections.abc import Iterator

from patchlearn.core.types import Window

STRIP_BYTES = 250_000_000


def strips(size: tuple[int, int], pixel_bytes: int) -> Iterator[Window]:
    """Rows and columns of strips that cover an image of (H, W), from the top; each takes at most `STRIP_BYTES`.

    Args:
        size: (H, W) of the image.
        pixel_bytes: what one pixel takes. A strip has at least one row.

    >>> list(strips((5, 1000), STRIP_BYTES // 3000))
    [(slice(0, 3, None), slice(0, 1000, None)), (slice(3, 5, None), slice(0, 1000, None))]
    """
    height, width = size
    rows = max(1, STRIP_BYTES // (width * pixel_bytes))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height)), slice(0, width)
