"""Train a head over single cells and, if asked to, choose from what the maps are read: from the tags alone.

The rule: a class activation map explains what the score of the image rests on. If the few strongest cells of small
fields of view tell the tags of new images nearly as well as the mean over everything does, they are the explanation,
and the maps are read from them. If they tell them worse, the classes need a large field of view, and the maps are the
classifier's. They are the classifier's, too, if the cells of a class cover much of its images: a small thing has then
been told by what lies around it. The sum of both maps was never the best one and is not chosen (docs/log/readings.md).
"""

from collections.abc import Sequence
from math import isnan, nan
from statistics import median
from typing import Any

import torch

from patchlearn.core.runtime import Runtime, to_device
from patchlearn.core.seeds import Stream, seed_for
from patchlearn.core.types import Sample, ScoreMaps
from patchlearn.data.subset import held_out_places
from patchlearn.maps.settings import ReadingSettings
from patchlearn.models.cell_head import CellHead
from patchlearn.models.cells import Cells, cells_of
from patchlearn.models.classifier import Classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.settings import CellSettings
from patchlearn.refine import BackgroundRule
from patchlearn.refine.background import background_threshold
from patchlearn.training.cell_head import CellImages, View, cell_scores, read_cells, standardise, train_cell_head
from patchlearn.training.classifier import mean_average_precision

ORDINARY = CellSettings(stages="last", centred=False, pooling="mean")
HELD_OUT = 5  # every fifth image judges a head that has learned from the others
JUDGES = 100  # images at least, as far as there are: six of thirty say little, so that the fifths take turns
# Share of the ordinary head's mAP above chance that the cells must reach. Surfaces and steel lie above 0.95,
# photographs at 0.6 (docs/log/readings.md).
ENOUGH = 0.8
# Median share of an image that the cells of any class may cover. Cells that find the thing cover 0.01 to 0.16, those of
# drawn cells under a microscope that show the ground around it 0.45 to 0.49 (docs/log/readings.md).
WIDE = 0.3
SEEN = 10  # images that a class must have, so that their median says something about it
TOO_FEW = "too few images with a tag are left to judge the heads, so the maps are read from: classifier."


def new_cells(network: PatchNetwork, settings: CellSettings, read: str) -> Cells:
    """The cells that a head reads, neither shifted nor scaled yet."""
    return cells_of(network.stages, settings.stages, centred=settings.centred, branches=network.branches_of(read))


def train_reading(
    classifier: Classifier,
    samples: Sequence[Sample],
    view: View,
    read: str,
    settings: ReadingSettings,
    runtime: Runtime,
    *,
    seed: int,
) -> tuple[CellHead, dict[str, Any]]:
    """(the head over single cells, which reading is used and what the choice rests on).

    Args:
        classifier: on the accelerator's device.
        samples: images with tags.
        view: a sample → its features at one scale.
        read: how they were read ("whole", "unsplit" or "merged").
        settings: which cells, and which reading.
        runtime: device and threads.
        seed: of the order of the images.
    """
    head, images = standardised_cells(classifier, samples, view, read, settings.cells, runtime)
    train_cell_head(head, images, settings.cells, seed)
    if settings.use != "auto":
        return head, {"use": settings.use}
    ordinary, cells = standardised_cells(classifier, samples, view, read, ORDINARY, runtime)
    local = _held_out_map(head, images, settings.cells, seed)
    whole = _held_out_map(ordinary, cells.mean_cells(), ORDINARY, seed)
    return head, choice(local, whole, _chance(images), widest_cover(head, images))


def choice(local: float, whole: float, chance: float, widest: float) -> dict[str, Any]:
    """Which reading is used, and why.

    Args:
        local: mAP of the tags of new images from their strongest cells.
        whole: the same from the mean over all cells of the last stage.
        chance: the same of scores at random.
        widest: see `widest_cover`.

    Where nothing could be judged (NaN), it is the classifier.

    >>> choice(local=0.97, whole=0.99, chance=0.4, widest=0.1)["use"]
    'cells'
    >>> choice(local=0.5, whole=0.95, chance=0.2, widest=0.1)["use"], choice(0.97, 0.99, 0.4, widest=0.5)["use"]
    ('classifier', 'classifier')
    """
    if isnan(local + whole):
        return {"use": "classifier", "local": False, "why": TOO_FEW}
    is_local = (local - chance) / max(whole - chance, 1e-3) >= ENOUGH
    use = "cells" if is_local and widest <= WIDE else "classifier"
    why = (
        f"single cells tell the tags of new images with a mAP of {local:.2f}, whole images with {whole:.2f} "
        f"(chance {chance:.2f}), and those of a class cover up to {100 * widest:.0f} % of an image, so the maps are "
        f"read from: {use}."
    )
    facts = {"map_of_cells": local, "map_of_whole": whole, "chance": chance, "widest_cover": widest}
    return {"use": use, "local": is_local, **facts, "why": why}


@torch.no_grad()
def widest_cover(head: CellHead, images: CellImages) -> float:
    """The share of its images that the cells of a class cover: the median over the images, the largest of all classes.

    What is covered has evidence above Otsu's threshold. Classes with few images are left out, unless all have few.
    """
    found = list(_covers(head, images).values())
    seen = [covers for covers in found if len(covers) >= SEEN]
    return max((median(covers) for covers in seen or found), default=0.0)


def _covers(head: CellHead, images: CellImages) -> dict[int, list[float]]:
    """Class → the covered share of every image that has the class."""
    found: dict[int, list[float]] = {}
    weight = head.linear.weight.float().cpu()
    for features, inside, labels in zip(images.features, images.inside, images.labels, strict=True):
        evidence = (weight @ features[:, inside].float()).relu()
        for label in labels.nonzero().flatten().tolist():
            found.setdefault(label, []).append(_cover(evidence[label]))
    return found


def _cover(evidence: torch.Tensor) -> float:
    """The share of n cells above the threshold of their own map."""
    scores = (evidence / evidence.max().clamp(min=1e-6)).numpy()[None, None]
    maps = ScoreMaps(scores=scores, classes=(0,), size=(1, scores.shape[2]))
    return float((scores > background_threshold(maps, BackgroundRule())).mean())


def standardised_cells(
    classifier: Classifier, samples: Sequence[Sample], view: View, read: str, settings: CellSettings, runtime: Runtime
) -> tuple[CellHead, CellImages]:
    """A new head, and the images as it reads them."""
    head = CellHead(new_cells(classifier.network, settings, read), len(classifier.classes))
    to_device(head, runtime.accelerator.device)
    standardise(head, samples, view, runtime)
    return head, read_cells(samples, head, view, runtime)


def _held_out_map(head: CellHead, images: CellImages, settings: CellSettings, seed: int) -> float:
    """mAP on images that heads like this one have not learned: on every fifth, or on more of few images.

    The last image of a class judges no head, which would not know the class.
    """
    generator = torch.Generator().manual_seed(seed_for(seed, Stream.HELD_OUT))
    order = torch.randperm(len(images.labels), generator=generator)
    labels = [each.nonzero().flatten().tolist() for each in images.labels]
    fifth = max(1, len(order) // HELD_OUT)
    if len(order) <= fifth:
        return nan
    parts = order.split(fifth)[: -(-min(JUDGES, len(order)) // fifth)]
    places = (held_out_places(part.tolist(), labels, len(part)) for part in parts)
    turns = [torch.tensor(part) for part in places if part]
    if not turns:
        return nan
    others = [order[~torch.isin(order, judges)] for judges in turns]
    scores = torch.cat([
        _scores_of_others(head, images, settings, seed, learned, judges) for learned, judges in zip(others, turns)
    ])  # fmt: skip
    judged = images.some(torch.cat(turns))
    return mean_average_precision(scores, judged.labels, judged.judged)


def _scores_of_others(
    head: CellHead,
    images: CellImages,
    settings: CellSettings,
    seed: int,
    learned: torch.Tensor,
    judges: torch.Tensor,
) -> torch.Tensor:
    """J×K: scores of the images that judge, by a new head that learns from others."""
    other = CellHead(head.cells, head.linear.out_features).to(head.mean.device)
    train_cell_head(other, images.some(learned), settings, seed)
    return cell_scores(other, images.some(judges), settings)


def _chance(images: CellImages) -> float:
    """The mean share of images with a class: the average precision of scores at random."""
    counts = images.judged.sum(0).clamp(min=1)
    shares = (images.labels * images.judged).sum(0) / counts
    return float(shares[shares > 0].mean())
