import numpy as np
import pytest

from patchlearn.core import strips
from patchlearn.core.types import ScoreMaps
from patchlearn.maps.label_maps import LabelMaps, of_array, of_mask, of_scores, refined_parts, unary
from patchlearn.refine import CrfSettings
from patchlearn.refine.crf import memory

WINDOW = slice(10, 35), slice(5, 60)


def known(kind: str) -> LabelMaps:
    rng = np.random.default_rng(0)
    coarse = rng.random((3, 9, 14), np.float32)
    maps = ScoreMaps(scores=coarse, classes=(1, 4, 6), size=(40, 62), unknown=(4, 6))
    if kind == "scores":
        return of_scores(maps, 0.4)
    if kind == "mask":
        return of_mask(rng.choice(np.array([3, 7, 255], np.uint8), (40, 62)), 0.9)[0]
    return of_array(coarse, (40, 62)) if kind == "array" else unary(of_scores(maps, 0.4), CrfSettings(unary=kind))


@pytest.mark.parametrize("kind", ["scores", "mask", "array", "soft", "hard"])
def test_a_window_holds_what_the_whole_holds_there(kind: str) -> None:
    labels = known(kind)
    assert labels.whole().shape == (labels.count, 40, 62)
    np.testing.assert_allclose(labels.read(*WINDOW), labels.whole()[:, *WINDOW], atol=1e-4)


def test_a_mask_has_its_own_values_and_the_background() -> None:
    labels, values = of_mask(np.array([[3, 255, 9]], np.uint8), 0.9)
    assert values == (0, 3, 9)
    np.testing.assert_allclose(labels.whole()[:, 0], [[0.05, 1 / 3, 0.05], [0.9, 1 / 3, 0.05], [0.05, 1 / 3, 0.9]])


@pytest.mark.parametrize("preset", ["none", "irn"])
def test_parts_cover_the_image_where_memory_is_short(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIP_BYTES", 4000)
    monkeypatch.setattr(memory, "WORKING_BYTES", 1_000_000)
    labels = of_array(known("soft").whole(), (90, 140))
    image, counts = np.zeros((90, 140, 3), np.uint8), np.zeros((90, 140), int)
    parts = list(refined_parts(image, labels, CrfSettings(preset=preset, iterations=1)))
    for window, refined in parts:
        counts[window] += 1
        assert refined.shape == (labels.count, *counts[window].shape)
    assert (counts == 1).all()
    assert len(parts) > 1
