"""Measure the pseudo masks of a run without true masks: draw pixels at random, and judge the masks at these pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Sample
from patchlearn.runs.run import Run
from patchlearn.runs.settings import Variant
from patchlearn.steps.pseudo_masks import WritePseudoMasks

if TYPE_CHECKING:
    from patchlearn.evaluate.audit import AuditScores


@dataclass(frozen=True)
class Drawn:
    """A pixel that a person should label, and its row in the table of the audit.

    Args:
        sample: the image.
        x: column of the upright image, from 0.
        y: row, from 0.
        row: what the table says of it.
    """

    sample: Sample
    x: int
    y: int
    row: Mapping[str, object]


def draw(run: Run, variant: Variant, count: int, number: int = 0) -> list[Drawn]:
    """Pixels of the pseudo masks, at random, in the order of the images.

    Args:
        run: opened.
        variant: whose masks are drawn from.
        count: how many.
        number: of the draw; another number draws other pixels, the same one the same pixels.

    Raises:
        PatchlearnError: there are no masks, or the number does not fit them.
    """
    from patchlearn.data.images import read_indices
    from patchlearn.evaluate.audit_sample import draw_pixels

    masks = masks_to_judge(run, variant)
    files = [partial(read_indices, masks.folder / f"{sample.id}.png") for sample in masks.samples]
    return [
        Drawn(
            masks.samples[each.image],
            each.x,
            each.y,
            {
                "image": masks.samples[each.image].id,
                "x": each.x,
                "y": each.y,
                "stratum": each.stratum,
                "weight": f"{each.weight:.9g}",
                "pixels": each.pixels,
            },
        )
        for each in draw_pixels(files, count, number)
    ]


def audit(run: Run, variant: Variant, table: Path) -> "AuditScores":
    """The estimated scores of the pseudo masks as they are now, at the pixels of a table that somebody has filled in.

    Args:
        run: opened.
        variant: whose masks are judged. It may be another than that whose masks the pixels were drawn from, and the
            masks may be newer: the pixels are a sample of the same images.
        table: of `patchlearn suggest --audit`.

    Raises:
        PatchlearnError: there are no masks; or the table is wrong, or was drawn from other images.
    """
    import numpy as np

    from patchlearn.data.clicks.audit_table import read_audit
    from patchlearn.data.images import read_indices
    from patchlearn.evaluate.audit import AuditedPixels, audit_scores

    masks, rows = masks_to_judge(run, variant), read_audit(table, run.dataset)
    _require_same_images(table, masks, {each.stratum: each.pixels for each in rows})
    files = {each.sample.id: read_indices(masks.folder / f"{each.sample.id}.png") for each in rows}
    sample = AuditedPixels(
        truth=np.array([each.point.value for each in rows]),
        prediction=np.array([files[each.sample.id][each.point.y, each.point.x] for each in rows], np.int64),
        stratum=np.array([each.stratum for each in rows]),
        pixels=np.array([each.pixels for each in rows]),
    )
    return audit_scores(sample, len(run.dataset.classes))


def masks_to_judge(run: Run, variant: Variant) -> WritePseudoMasks:
    """The finished pseudo masks that the segmenter learns from, or those of the first split that has some.

    Raises:
        PatchlearnError: there are none, or they were made with other settings.
    """
    found = {step.data.name: step for step in run.steps(variant, "tags") if isinstance(step, WritePseudoMasks)}
    if not found:
        raise PatchlearnError(f"variant {variant.name}: pseudo.splits is empty, so that there are no masks to measure.")
    masks = found.get(variant.segmenter.train_split) or next(iter(found.values()))
    masks.require()
    return masks


def _require_same_images(table: Path, masks: WritePseudoMasks, strata: Mapping[int, int]) -> None:
    from patchlearn.data.formats.canvas import canvas_of

    sizes = (canvas_of(masks.folder / f"{sample.id}.png").size for sample in masks.samples)
    there = sum(height * width for height, width in sizes)
    if sum(strata.values()) != there:
        raise PatchlearnError(
            f"{table}: was drawn from {sum(strata.values()):,} pixels, but the images of {masks.data.name!r} have "
            f"{there:,}. Take the whole table, and the run whose images it was drawn from; or draw another."
        )
