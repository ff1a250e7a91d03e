from pathlib import Path

import pytest
import torch

from patchlearn.core.checkpoints import save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.models.cell_head import CellHead, load_cell_head, save_cell_head
from patchlearn.models.cells import Cells
from patchlearn.models.views import ViewFeatures

CENTRED = Cells("lower", (2, 3, 4), (8, 8, 8), 8, centred=True)


def view() -> ViewFeatures:
    torch.manual_seed(0)
    return ViewFeatures(torch.randn(1, 4, 3, 5), (24, 40), (torch.randn(1, 2, 3, 5), torch.randn(1, 3, 3, 5)))


def head(cells: Cells = CENTRED) -> CellHead:
    torch.manual_seed(1)
    made = CellHead(cells, classes=2)
    torch.nn.init.normal_(made.linear.weight)
    made.standardise(torch.randn(50, cells.width) * 3 + 2)
    return made


def test_evidence_is_linear_in_the_standardised_cells_and_has_no_bias() -> None:
    made = head(Cells("last", (2, 3, 4), (8, 8, 8), 8))
    made.linear.bias.data.fill_(9)
    features = view().features[0]
    by_hand = made.linear.weight @ ((features.flatten(1) - made.mean[:, None]) / made.std[:, None])
    torch.testing.assert_close(made(view())[0].flatten(1), by_hand)


def test_centred_cells_are_divided_alone() -> None:
    assert (head().mean == 0).all()
    assert (head(Cells("last", (2, 3, 4), (8, 8, 8), 8)).mean != 0).all()


def test_a_channel_without_deviation_gives_numbers() -> None:
    made = CellHead(CENTRED, classes=2)
    made.standardise(torch.zeros(5, 5))
    assert made(view()).isfinite().all()


def test_a_head_comes_back_from_its_file(tmp_path: Path) -> None:
    save_cell_head(tmp_path / "head.safetensors", head())
    found = load_cell_head(tmp_path / "head.safetensors")
    assert found.cells == CENTRED
    torch.testing.assert_close(found(view()), head()(view()))


def test_another_file_is_named(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "other.safetensors", {"weight": torch.zeros(1)}, {"kind": "features"})
    with pytest.raises(PatchlearnError, match=r"other.safetensors: not a head over cells"):
        load_cell_head(tmp_path / "other.safetensors")
