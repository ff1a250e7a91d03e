"""Losses beside the pictures of a run."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

from patchlearn.core.files import append_row
from patchlearn.report.figures import SERIES
from patchlearn.report.loss_curves import GAP, HEIGHT, WIDTH, draw_losses, read_losses, with_losses


def log(folder: Path, *losses: float) -> None:
    for place, loss in enumerate(losses, 1):
        append_row(folder / "log.csv", {"step": 10 * place, "loss": loss, "learning_rate": 0.1})


def places(picture: np.ndarray, colour: str) -> np.ndarray:  # type: ignore[type-arg]
    """(row, column) of the pixels of a colour."""
    return np.argwhere((picture == np.array(ImageColor.getrgb(colour))).all(-1))


def test_each_training_with_a_log_has_its_losses(tmp_path: Path) -> None:
    log(tmp_path / "segmenter", 0.5)
    log(tmp_path / "classifier", 0.7, 0.4)
    log(tmp_path / "affinity" / "round-1", 9.0)
    for epoch in range(2):  # fewer than ten steps in all
        append_row(tmp_path / "affinity" / "epochs.csv", {"epoch": epoch, "step": 3 * epoch + 3, "loss": 2.0})
        append_row(tmp_path / "classifier" / "epochs.csv", {"epoch": epoch, "step": 10 * epoch + 10, "loss": 8.0})
    assert read_losses(tmp_path) == {
        "classifier": [(10, 0.7), (20, 0.4)],
        "affinity network": [(3, 2.0), (6, 2.0)],
        "segmenter": [(10, 0.5)],
    }


def test_a_falling_loss_falls_in_the_picture() -> None:
    picture = draw_losses({"classifier": [(10, 0.9), (20, 0.5), (30, 0.1)], "segmenter": [(10, 4.0)]})
    assert picture.shape == (2 * HEIGHT, WIDTH, 3)
    line = places(picture, SERIES[0])
    left, right = line[line[:, 1].argmin()], line[line[:, 1].argmax()]
    assert left[0] < right[0] < HEIGHT
    point = places(picture, SERIES[1])  # of one step
    assert len(point)
    assert point[:, 0].min() > HEIGHT


def test_the_curves_stand_beside_the_sheet(tmp_path: Path) -> None:
    sheet = Image.new("RGB", (50, 400), "red")
    assert with_losses(sheet, tmp_path, "plain") is sheet
    log(tmp_path / "plain" / "classifier", 0.7, 0.4)
    both = with_losses(sheet, tmp_path, "plain")
    assert both.size == (50 + GAP + WIDTH, 400)
    assert np.array_equal(np.asarray(both)[:, :50], np.asarray(sheet))
    assert len(places(np.asarray(both)[:, 50:], SERIES[0]))
    low = with_losses(Image.new("RGB", (50, 20)), tmp_path, "plain")
    assert low.height == HEIGHT
