"""What is measured of a run without true masks: areas, agreement, surroundings (`patchlearn.steps.trust`)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from patchlearn.steps.trust_inputs import Measuring, evenly_spaced

if TYPE_CHECKING:
    from patchlearn.core.types import Sample, UInt8
    from patchlearn.evaluate.areas import ImageAreas
    from patchlearn.evaluate.outlines import Floats, ImageOutlines
    from patchlearn.evaluate.surroundings import Surroundings
    from patchlearn.maps.agreement import Reader
    from patchlearn.models.lda import LinearDiscriminant
    from patchlearn.refine.fill import Bools
    from patchlearn.training.surroundings import HeldOutEvidence

OUTLINE_SIDE = 768  # pixels of the longer side
LEAST_EACH = 4  # images of a class that are erased


def areas_of(measuring: Measuring) -> "list[ImageAreas]":
    """What the maps and masks of every judged image cover."""
    return measuring.results(measuring.samples, partial(_areas, measuring), "areas")


def _areas(measuring: Measuring, sample: "Sample") -> "ImageAreas":
    from patchlearn.evaluate.areas import image_areas

    return image_areas(sample.labels, measuring.written_mask(sample), measuring.pseudo_mask(sample))


def outlines_of(measuring: Measuring) -> "list[ImageOutlines]":
    """How well the masks of every judged image with a tag stand out from what is around them."""
    tagged = [sample for sample in measuring.samples if sample.labels]
    return measuring.results(tagged, partial(_outlines, measuring), "outlines")


def _outlines(measuring: Measuring, sample: "Sample") -> "ImageOutlines":
    from patchlearn.data.images import read_image
    from patchlearn.evaluate.outlines import ImageOutlines, appearance
    from patchlearn.refine.fill import narrowed, widened

    image, mask = _small(read_image(sample.image), measuring.pseudo_mask(sample))
    half, looks, free = max(1, round(measuring.cell(image) / 2)), appearance(image), mask == 0
    shown = [mask == label + 1 for label in sample.labels]
    return ImageOutlines(
        tags=sample.labels,
        contrasts=tuple(_contrast(looks, each, free) for each in shown),
        cores=tuple(int(narrowed(each, half).sum()) for each in shown),
        hulls=tuple(int(widened(each, half).sum()) for each in shown),
    )


def _small(image: "UInt8", mask: "UInt8") -> "tuple[UInt8, UInt8]":
    """Both at most so large that the outlines of an image take a fraction of a second."""
    shrink = min(1.0, OUTLINE_SIDE / max(mask.shape))
    if shrink == 1:
        return image, mask
    size = (max(1, round(mask.shape[1] * shrink)), max(1, round(mask.shape[0] * shrink)))
    return (
        np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX)),
        np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)),
    )


def _contrast(looks: "Floats", mask: "Bools", free: "Bools") -> float | None:
    """Of one class in one image."""
    from patchlearn.evaluate.outlines import FEWEST, contrast
    from patchlearn.refine.fill import around

    if mask.sum() < FEWEST:
        return None
    ring = around(mask, free)
    return contrast(looks[mask], looks[ring]) if ring.sum() >= FEWEST else None


# --- agreement ---------------------------------------------------------------


def agreements(measuring: Measuring) -> dict[str, Any]:
    """Kind → the mIoU and the IoU of each class between two readings of the same images."""
    from patchlearn.evaluate.agreement import agreement
    from patchlearn.maps.agreement import half_classifiers
    from patchlearn.steps.self_training import first_round

    samples, runtime = measuring.compared, measuring.runtime
    first = first_round(
        measuring.trained, measuring.cams, measuring.rule, measuring.learn, runtime, measuring.first_reading
    )
    stored = measuring.features.stored if measuring.features else None
    again = replace(first, lda=measuring.last_lda, stored=stored, sizes=measuring.sizes)
    halves = half_classifiers(again, samples, measuring.learn.shrinkage, runtime)
    pairs = measuring.results(samples, partial(_pairs, measuring, halves), "agreement")
    mirrored = evenly_spaced(samples, measuring.passes)
    pairs += measuring.results(mirrored, partial(_mirrored, measuring), "mirror images")
    kinds = dict.fromkeys(kind for each in pairs for kind in each)
    classes = len(measuring.masks.data.classes)
    found = {kind: agreement([each[kind] for each in pairs if kind in each], classes) for kind in kinds}
    return {kind: {"miou": miou, "iou": list(iou)} for kind, (miou, iou) in found.items()}


def _pairs(
    measuring: Measuring, halves: "Sequence[LinearDiscriminant]", sample: "Sample"
) -> "dict[str, tuple[UInt8, UInt8]]":
    """Kind → two masks of the image."""
    from patchlearn.data.images import read_image
    from patchlearn.maps.reading import Reading

    image, written = read_image(sample.image), measuring.written_mask(sample)
    first, second = (measuring.reader(measuring.first_reading, lda) for lda in halves)
    head = measuring.first_reading.head
    others = {} if measuring.last_lda is None else {"classifier": measuring.reader(Reading())}
    if head is not None:
        others["cells"] = measuring.reader(Reading("cells", head))
    views = measuring.views(sample, max(reader.lower for reader in (first, *others.values())))

    def read(reader: "Reader") -> "UInt8":
        return reader.mask(views, image, [*sample.labels, *sample.unknown], sample.unknown)

    one, other = read(first), read(second)
    return {
        "halves": (one, other),
        "again": (written, one),
        **{kind: (written, read(reader)) for kind, reader in others.items()},
    }


def _mirrored(measuring: Measuring, sample: "Sample") -> "dict[str, tuple[UInt8, UInt8]]":
    from patchlearn.data.images import read_image

    image, reader = read_image(sample.image), measuring.reader(measuring.first_reading, measuring.last_lda)
    classes = [*sample.labels, *sample.unknown]
    mask = reader.mask(measuring.views(sample, reader.lower), image, classes, sample.unknown)
    return {"mirror": (mask, reader.mirrored_mask(image, classes, sample.unknown))}


# --- surroundings ------------------------------------------------------------


def surroundings_of(measuring: Measuring) -> "list[Surroundings | None]":
    """For each class, what tells it: first from the evidence, then from images of which the mask is erased."""
    from patchlearn.evaluate.surroundings import after_erasing, surroundings
    from patchlearn.training.surroundings import held_out_evidence

    evidence = held_out_evidence(
        measuring.trained,
        measuring.samples,
        measuring.base_view,
        measuring.cams.read,
        measuring.runtime,
        seed=measuring.seed,
    )
    found = surroundings(evidence.weakest, evidence.mean, evidence.labels, evidence.judged)
    erased = _erased(measuring, evidence, [index for index, each in enumerate(found) if each])
    return [
        each and after_erasing(each, evidence.mean[:, index], evidence.labels[:, index], evidence.judged[:, index],
                               erased.get(index, {}))
        for index, each in enumerate(found)
    ]  # fmt: skip


def _erased(
    measuring: Measuring, evidence: "HeldOutEvidence", classes: "Sequence[int]"
) -> "dict[int, dict[int, tuple[float, float]]]":
    """Class → place of an image → its scores without the thing, and with as much erased elsewhere."""
    each = max(LEAST_EACH, measuring.passes // max(1, len(classes)))
    chosen = {
        index: evenly_spaced([place for place, label in enumerate(evidence.labels[:, index])
                              if label and _covers(measuring, evidence.samples[place], index)], each)
        for index in classes
    }  # fmt: skip
    pairs = [(index, place) for index, places in chosen.items() for place in places]
    scores = measuring.results(pairs, partial(_scores_without, measuring, evidence), "erased")
    found: dict[int, dict[int, tuple[float, float]]] = {index: {} for index in classes}
    for (index, place), score in zip(pairs, scores, strict=True):
        if score is not None:
            found[index][place] = score
    return found


def _covers(measuring: Measuring, sample: "Sample", index: int) -> bool:
    """Whether the mask of an image has a pixel of the class."""
    return bool((measuring.pseudo_mask(sample) == index + 1).any())


def _scores_without(
    measuring: Measuring, evidence: "HeldOutEvidence", pair: tuple[int, int]
) -> tuple[float, float] | None:
    """Those of a class in an image, after erasing what its mask covers, and after erasing elsewhere."""
    from patchlearn.data.images import read_image
    from patchlearn.training.surroundings import scores_after_erasing

    index, place = pair
    sample, head = evidence.samples[place], evidence.heads[evidence.places[place]]
    thing = measuring.pseudo_mask(sample) == index + 1
    return scores_after_erasing(head, read_image(sample.image), thing, index, measuring.base_features)
