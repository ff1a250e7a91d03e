"""A mask and its score maps → points and boxes → SAM 2 → the mask where the maps support what it answers."""

from collections.abc import Sequence

import numpy as np

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import IGNORE, Float32, Integers, UInt8
from patchlearn.models.sam2 import SeenImage
from patchlearn.refine.prompted import prompted_labels
from patchlearn.refine.prompts import prompts_of
from patchlearn.refine.settings import SamSettings

NO_SAM = "sam.model is set, but SAM 2 is not loaded. Load it with load_sam2, or set it to null."


def prompted_mask(
    mask: UInt8,
    winners: Integers,
    scores: Float32,
    values: Sequence[int],
    settings: SamSettings,
    growth: float | None = None,
    seen: SeenImage | None = None,
) -> UInt8:
    """H×W: the mask, changed where a mask of SAM 2 is taken. Other pixels stay, also those that are 255.

    Pixels of unknown classes are not asked about.

    Args:
        mask: H×W.
        winners: H×W, the label that the mask shows, before some became 255.
        scores: L×H×W, of the labels, that of the background first. They say where to ask, and what to take.
        values: what the mask holds for each label.
        settings: whether SAM is asked, and how.
        growth: how far an answer may differ in size, see `patchlearn.refine.prompted.is_supported`.
        seen: the image, as SAM 2 sees it; may be None if the settings name no model.

    Raises:
        PatchlearnError: the settings name a model, and none is loaded.
    """
    if settings.model is None:
        return mask
    if seen is None:
        raise PatchlearnError(NO_SAM)
    unknown = [label for label, value in enumerate(values) if value == IGNORE]
    prompts = prompts_of(winners, scores, settings.points, without=unknown)
    labels, decided = prompted_labels(winners, scores, prompts, seen.masks(prompts), growth)
    return np.where(decided, np.array(values, np.uint8)[labels], mask)
