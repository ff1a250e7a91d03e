"""A linear head over single cells: evidence for each class at every cell, pooled to the score of an image.

An ordinary class activation map explains the mean over an image. Where the surroundings give the class away, that mean
needs no object. A head whose score is the mean of the few strongest cells must find places that tell the class.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.models.cells import Cells
from patchlearn.models.views import ViewFeatures

LEAST_DEVIATION = 1e-4  # of a channel that is the same everywhere


class CellHead(nn.Module):
    """Views → evidence.

    Args:
        cells: which cells are read.
        classes: their number, K.

    Attributes:
        mean: C, subtracted from every cell; 0 where each image's own mean is subtracted.
        std: C, every cell is divided by it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, cells: Cells, classes: int):
        super().__init__()
        self.cells = cells
        self.linear = nn.Linear(cells.width, classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.register_buffer("mean", torch.zeros(cells.width))
        self.register_buffer("std", torch.ones(cells.width))

    def standardise(self, features: Tensor) -> None:
        """Set mean and deviation.

        Args:
            features: N×C cells.
        """
        self.mean.copy_(torch.zeros_like(self.mean) if self.cells.centred else features.mean(0))
        self.std.copy_(features.std(0).clamp(min=LEAST_DEVIATION))

    def read(self, view: ViewFeatures) -> Tensor:
        """B×C×h×w: standardised cells."""
        return (self.cells(view) - self.mean[:, None, None]) / self.std[:, None, None]

    def forward(self, view: ViewFeatures) -> Tensor:
        """B×K×h×w, on the cells' stride; evidence against a class is negative. The bias is left out."""
        return torch.einsum("kc,bchw->bkhw", self.linear.weight, self.read(view))


def save_cell_head(path: Path, head: CellHead) -> None:
    """Write one safetensors file."""
    save_checkpoint(path, head.state_dict(), {"cells": head.cells.facts, "classes": head.linear.out_features})


def load_cell_head(path: Path) -> CellHead:
    """Read the file that `save_cell_head` wrote.

    Raises:
        PatchlearnError: the file is missing, damaged, or no head over cells; or its tensors do not fit.
    """
    tensors, settings = load_checkpoint(path)
    try:
        head = CellHead(Cells.of(settings["cells"]), settings["classes"])
        head.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise PatchlearnError(f"{path}: not a head over cells of patchlearn ({reason}). Train it again.") from None
    return head.eval()
