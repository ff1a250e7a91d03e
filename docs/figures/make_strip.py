"""Draw docs/figures/strip.jpg from a run of the demo: image, score map, pseudo mask, mask of the segmenter, truth.

    patchlearn run patchlearn/recipes/scenes.yaml --out RUN
    patchlearn segment RUN --variant plain-self-trained
    python docs/figures/make_strip.py RUN

The images are the first three of *train*: nobody chose them by their masks. The picture in the repository is of seed 0,
6a816dc with changes.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import patchlearn
from patchlearn import InferenceSettings
from patchlearn.core.masks_io import read_scores
from patchlearn.core.types import Sample, UInt8
from patchlearn.data import open_dataset, read_image, read_indices
from patchlearn.report.figures import heat_overlay, mask_overlay

PICTURE = Path(__file__).parent / "strip.jpg"
VARIANT, ROWS, SIDE = "plain-self-trained", 3, 288
TITLES = ("image", "score map", "pseudo mask", "segmenter", "true mask")


def panels(variant: Path, sample: Sample, segmenter: patchlearn.Segmenter) -> list[UInt8]:
    """The five pictures of one image; the scores of its classes are shown together."""
    image = read_image(sample.image)
    assert sample.mask is not None
    scale = SIDE / max(image.shape)
    large = np.asarray(Image.fromarray(image).resize([round(side * scale) for side in image.shape[1::-1]]))
    scores = read_scores(variant / "cams" / "train" / f"{sample.id}.npz").scores
    pseudo = read_indices(variant / "pseudo" / "train" / f"{sample.id}.png")
    predicted = segmenter.predict(image, InferenceSettings(crf="segmenter"))  # as standard.yaml does
    masks = [pseudo, predicted, read_indices(sample.mask)]
    return [large, heat_overlay(large, scores), *(mask_overlay(large, mask) for mask in masks)]


def draw(run: Path) -> Figure:
    """The whole picture."""
    samples = open_dataset("folder", run / "data").split("train")[:ROWS]
    segmenter = patchlearn.load(run / VARIANT)
    rows = [panels(run / VARIANT, sample, segmenter) for sample in samples]
    figure = Figure(figsize=(2 * len(TITLES), 1.75 * ROWS), layout="compressed")
    for axes, row in zip(figure.subplots(ROWS, len(TITLES)), rows):
        for cell, panel in zip(axes, row):
            cell.imshow(panel)
            cell.axis("off")
    for cell, title in zip(figure.axes, TITLES):
        cell.set_title(title, fontsize=11)
    return figure


if __name__ == "__main__":
    draw(Path(sys.argv[1])).savefig(PICTURE, dpi=110, pil_kwargs={"quality": 88, "optimize": True})
    print(PICTURE)
