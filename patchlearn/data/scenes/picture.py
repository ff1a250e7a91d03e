"""A picture into which sprites are pasted, with the object and the part that every pixel shows."""

from typing import final

import numpy as np

from patchlearn.core.types import Float32, Integers, UInt8
from patchlearn.data.scenes.drawing import Sprite

_MIN_IN_FRAME = 0.93  # share of an object's pixels that must be inside the picture
_MIN_UNCOVERED = 0.8  # share of an object's pixels that later objects must leave visible
_SHADOW = 0.4  # share of the light that a full shadow takes away


@final
class Picture:
    """What is painted so far.

    Args:
        ground: H×W×3 in 0..255, the background; is painted over.
    """

    def __init__(self, ground: Float32) -> None:
        self._colour = ground
        self._object: Integers = np.zeros(ground.shape[:2], np.int64)
        self._labels: list[int] = []
        self._areas: list[int] = []
        self.parts: UInt8 = np.zeros(ground.shape[:2], np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.parts.shape[0], self.parts.shape[1]

    @property
    def is_empty(self) -> bool:
        """Whether no object is painted yet; clutter does not count."""
        return not self._labels

    @property
    def image(self) -> UInt8:
        """H×W×3, sRGB."""
        return np.clip(np.rint(self._colour), 0, 255).astype(np.uint8)

    @property
    def mask(self) -> UInt8:
        """H×W: 0 background, i + 1 for class i."""
        return np.array([0, *(label + 1 for label in self._labels)], dtype=np.uint8)[self._object]

    def has_room(self, sprite: Sprite, corner: tuple[int, int]) -> bool:
        """Whether enough of the sprite, and of every object below it, stays visible.

        Args:
            sprite: the new object.
            corner: (row, column) of its top left corner; may be negative.
        """
        here, there = self._overlap(sprite, corner)
        if sprite.is_object[there].sum() < _MIN_IN_FRAME * sprite.is_object.sum():
            return False
        hidden = np.bincount(self._object[here][sprite.part[there] > 0], minlength=len(self._labels) + 1)[1:]
        visible = np.bincount(self._object.ravel(), minlength=len(self._labels) + 1)[1:] - hidden
        return bool((visible >= _MIN_UNCOVERED * np.array(self._areas, dtype=np.int64)).all())

    def paste(self, sprite: Sprite, corner: tuple[int, int], label: int | None = None) -> None:
        """Paint a sprite over the picture: an object of class `label`, or clutter without a label."""
        here, there = self._overlap(sprite, corner)
        ground = self._colour[here] * (1 - _SHADOW * sprite.shadow[there][..., None])
        self._colour[here] = ground * (1 - sprite.alpha[there][..., None]) + sprite.colour[there]
        if label is not None:
            self._labels.append(label)
            self._areas.append(int(sprite.is_object[there].sum()))
        shown, is_object = sprite.part[there] > 0, sprite.is_object[there]
        self._object[here][shown] = np.where(is_object, len(self._labels), 0)[shown]
        self.parts[here][shown] = np.where(is_object, sprite.part[there], 0)[shown]

    def _overlap(self, sprite: Sprite, corner: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The common area of sprite and picture: as slices of the picture, and as slices of the sprite."""
        spans = [
            (max(0, start), min(side, start + extent), start)
            for start, extent, side in zip(corner, sprite.part.shape, self.size)
        ]
        here = tuple(slice(first, max(first, last)) for first, last, _ in spans)
        there = tuple(slice(first - start, max(first, last) - start) for first, last, start in spans)
        return (here[0], here[1]), (there[0], there[1])
