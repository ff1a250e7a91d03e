"""The losses of a variant's trainings, as a picture for a notebook."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from patchlearn.core.files import read_rows
from patchlearn.core.types import UInt8
from patchlearn.report.figures import SERIES

TRAININGS = {"classifier": "classifier", "affinity": "affinity network", "segmenter": "segmenter"}  # folder → words
LOG, EPOCHS = "log.csv", "epochs.csv"
GAP = 12  # pixels between pictures and curves
WIDTH, HEIGHT, DOTS = 360, 180, 100  # pixels of a panel, and dots per inch
GREY = "#808080"

Points = Sequence[tuple[int, float]]  # (step, loss)


def with_losses(sheet: Image.Image, run: Path, variant: str) -> Image.Image:
    """The sheet with the losses of the variant's trainings on its right; the sheet itself where none has a log.

    Args:
        sheet: pictures, RGB.
        run: the run folder.
        variant: whose trainings are shown.
    """
    curves = read_losses(run / variant)
    if not curves:
        return sheet
    picture = Image.fromarray(draw_losses(curves))
    both = Image.new("RGB", (sheet.width + GAP + picture.width, max(sheet.height, picture.height)), "white")
    both.paste(sheet, (0, 0))
    both.paste(picture, (sheet.width + GAP, 0))
    return both


def read_losses(variant: Path) -> dict[str, Points]:
    """Name of a training → its losses by step; of several rounds the last.

    They are those of every tenth step, or of the epochs where a training has fewer steps.

    Args:
        variant: the folder of the variant.
    """
    logs = {words: _rows(variant / folder) for folder, words in TRAININGS.items()}
    return {words: [(int(row["step"]), float(row["loss"])) for row in rows] for words, rows in logs.items() if rows}


def _rows(folder: Path) -> list[dict[str, str]]:
    return read_rows(folder / LOG) or read_rows(folder / EPOCHS)


def draw_losses(curves: Mapping[str, Points]) -> UInt8:
    """H×W×3: a panel for each training, one below the other; their losses have different scales.

    Args:
        curves: name → (step, loss), at least one of each.

    >>> draw_losses({"classifier": [(10, 0.7), (20, 0.4)]}).shape
    (180, 360, 3)
    """
    with matplotlib.rc_context({"font.size": 8}):
        figure = Figure(figsize=(WIDTH / DOTS, HEIGHT * len(curves) / DOTS), dpi=DOTS, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        panels = figure.subplots(len(curves), squeeze=False)[:, 0]
        for axes, colour, (words, points) in zip(panels, SERIES, curves.items()):
            _draw(axes, colour, words, points)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw(axes: Axes, colour: str, words: str, points: Points) -> None:
    steps, losses = zip(*points)
    axes.plot(steps, losses, color=colour, marker="." if len(points) == 1 else "none")
    axes.set_title(f"loss of the {words}, by step", loc="left", fontsize="medium")
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.grid(axis="y", color=GREY, alpha=0.4, linewidth=0.8)
    axes.tick_params(length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
