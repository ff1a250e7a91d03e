"""Made-up score maps with their ground truth."""

from collections.abc import Callable

import numpy as np
import pytest

from patchlearn.core.types import ScoreMaps, UInt8


@pytest.fixture(scope="session")
def made_up_image() -> Callable[..., tuple[ScoreMaps, UInt8, UInt8]]:
    """A function of seed, classes and size; a session's fixture, so that hypothesis can use it."""
    return make_image


def make_image(seed: int, classes: int = 4, size: tuple[int, int] = (7, 9)) -> tuple[ScoreMaps, UInt8, UInt8]:
    """(maps, truth, parts). Half of the scores equal a threshold; there may be no class at all."""
    rng = np.random.default_rng(seed)
    present = tuple(np.flatnonzero(rng.random(classes) < 0.5).tolist())
    scores = rng.random((len(present), *size), dtype=np.float32)
    scores = np.where(rng.random(scores.shape) < 0.5, np.round(scores * 100).astype(np.float32) / 100, scores)
    truth = rng.choice(np.array([*range(classes + 1), 255], np.uint8), size=size)
    parts = rng.choice(np.array([0, 1, 2, 255], np.uint8), size=size)
    return ScoreMaps(scores=scores, classes=present, size=size), truth, parts
