"""Readings: what the maps of an image are read from, view by view.

- the classifier's own activations: an ordinary class activation map;
- the evidence of a head over single cells (`patchlearn.models.cell_head`);
- the sum of both, each divided by its maximum;
- the probabilities of an LDA classifier, which has learned from one of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.cell_head import CellHead
from patchlearn.models.lda import LinearDiscriminant
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.views import ViewFeatures


@dataclass(frozen=True)
class Reading:
    """Which maps are read.

    Args:
        use: "classifier", "cells" or "sum".
        head: over single cells; the last two need it.

    Raises:
        PatchlearnError: a head is needed, and there is none.
    """

    use: str = "classifier"
    head: CellHead | None = None

    def __post_init__(self) -> None:
        if self.use != "classifier" and self.head is None:
            raise PatchlearnError(f"reading: {self.use!r} needs a head over single cells. Train one.")

    def to(self, device: torch.device) -> "Reading":
        """The same on another device; the head itself is moved."""
        return Reading(self.use, self.head.to(device) if self.head else None)

    @property
    def lower(self) -> int:
        """How many stages before the last are read."""
        return self.head.cells.lower if self.head and self.use != "classifier" else 0


class MapReader(NamedTuple):
    """One kind of map of a view.

    Args:
        activate: a view → B×P×h×w, nothing negative.
        stride: pixels of the view per cell.
    """

    activate: Callable[[ViewFeatures], Tensor]
    stride: int


def stages_read(reading: Reading, lda: LinearDiscriminant | None, *, both: bool = False) -> int:
    """How many stages before the last the maps of an image need.

    Args:
        reading: which maps, where there is no LDA classifier.
        lda: its probabilities; of a class that it has not learned, the maps of the reading.
        both: whether the maps of the reading are read beside them.
    """
    if lda is None:
        return reading.lower
    return max(lda.lower, reading.lower) if both or lda.lacking else lda.lower


def map_readers(
    network: PatchNetwork,
    read: str,
    classes: Sequence[int],
    reading: Reading,
    lda: LinearDiscriminant | None = None,
    unknown: Sequence[int] = (),
) -> list[MapReader]:
    """The maps that are added.

    Args:
        network: the classifier's.
        read: how its features were read ("whole", "unsplit" or "merged").
        classes: P class indices.
        reading: which maps, if there is no LDA classifier.
        lda: its probabilities alone are read.
        unknown: those of `classes` that nobody judged.
    """
    stride = network.stages.strides[-1]
    if lda is not None:
        return [MapReader(partial(_probabilities, lda, classes, unknown), lda.stride or stride)]
    readers = []
    if reading.use != "cells":
        readers.append(MapReader(partial(_activations, network, read, classes), stride))
    if reading.use != "classifier":
        assert reading.head is not None
        readers.append(MapReader(partial(_evidence, reading.head, classes), reading.head.cells.stride))
    return readers


def _activations(network: PatchNetwork, read: str, classes: Sequence[int], view: ViewFeatures) -> Tensor:
    return network.activations(view.features, read)[:, list(classes)].float().relu()


def _evidence(head: CellHead, classes: Sequence[int], view: ViewFeatures) -> Tensor:
    evidence: Tensor = head(view)
    return evidence[:, list(classes)].relu()


def _probabilities(
    lda: LinearDiscriminant, classes: Sequence[int], unknown: Sequence[int], view: ViewFeatures
) -> Tensor:
    """Judged classes share their probability with the background alone, as if no class were unknown."""
    cells = lda.cells_of(view)
    maps: Tensor = lda(cells, classes)
    judged = [place for place, index in enumerate(classes) if index not in unknown]
    if unknown and judged:
        maps[:, judged] = lda(cells, [classes[place] for place in judged])
    return maps
