from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from patchlearn.artifacts import write_scores
from patchlearn.datasets import read_indices
from patchlearn.errors import PatchlearnError
from patchlearn.pseudo import PseudoSettings, pseudo_mask, write_pseudo_masks
from patchlearn.refine import BackgroundRule
from patchlearn.samples import Sample, ScoreMaps

FIXED = BackgroundRule(rule="fixed", threshold=0.3)


def test_background_classes_and_both_kinds_of_doubt() -> None:
    scores = np.array([[[0.1, 0.32, 0.9, 0.50, 0.1]], [[0.0, 0.1, 0.2, 0.52, 0.8]]], np.float32)
    maps = ScoreMaps(scores=scores, classes=(2, 6), size=(1, 5))
    mask = pseudo_mask(maps, PseudoSettings(background=FIXED, ignore_band=0.05))
    assert mask.tolist() == [[0, 255, 3, 255, 7]]
    assert pseudo_mask(maps, PseudoSettings(background=FIXED, ignore_band=0.0)).tolist() == [[0, 3, 3, 7, 7]]


def test_no_class_is_all_background() -> None:
    maps = ScoreMaps(scores=np.zeros((0, 2, 2), np.float32), classes=(), size=(3, 4))
    assert pseudo_mask(maps, PseudoSettings()).tolist() == [[0] * 4] * 3


def test_the_last_class_that_fits_a_palette_is_kept() -> None:
    maps = ScoreMaps(scores=np.ones((1, 1, 1), np.float32), classes=(253,), size=(2, 2))
    assert np.unique(pseudo_mask(maps, PseudoSettings())).tolist() == [254]


def test_masks_have_the_size_of_their_image(tmp_path: Path, console: Console) -> None:
    maps = ScoreMaps(scores=np.ones((1, 3, 4), np.float32), classes=(0,), size=(11, 13))
    write_scores(tmp_path / "scores" / "a.npz", maps)
    sample = Sample(id="a", image=tmp_path / "a.jpg", labels=(0,))
    folder = tmp_path / "plain" / "pseudo" / "train"
    write_pseudo_masks([sample], tmp_path / "scores", PseudoSettings(), folder, console)
    assert read_indices(folder / "a.png").shape == (11, 13)


def test_missing_scores_are_explained(tmp_path: Path, console: Console) -> None:
    sample = Sample(id="a", image=tmp_path / "a.jpg", labels=(0,))
    with pytest.raises(PatchlearnError, match="Run patchlearn cams first"):
        write_pseudo_masks([sample], tmp_path, PseudoSettings(), tmp_path / "x" / "y" / "z", console)


def test_an_impossible_band_is_refused(tmp_path: Path, console: Console) -> None:
    with pytest.raises(PatchlearnError, match="outside"):
        write_pseudo_masks([], tmp_path, PseudoSettings(ignore_band=0.5), tmp_path / "x" / "y" / "z", console)
