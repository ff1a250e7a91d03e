import numpy as np
import pytest

from patchlearn.core import strips
from patchlearn.core.types import Float32
from patchlearn.inference.labelled import labelled
from patchlearn.inference.settings import InferenceSettings
from patchlearn.refine.crf import memory

SETTINGS = [InferenceSettings(), InferenceSettings(crf="segmenter", iterations=2)]


def maps(labels: int = 4) -> Float32:
    powers = np.exp(np.random.default_rng(0).normal(0, 2, (labels, 12, 19)).astype(np.float32))
    return powers / powers.sum(0)


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_mask_is_the_same_in_strips_and_parts(settings: InferenceSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.zeros((90, 150, 3), np.uint8)
    image[:, 70:] = 200
    whole = labelled(image, maps(), [0, 1, 3], settings, least=0.5)
    assert set(np.unique(whole)) == {0, 1, 3, 255}
    monkeypatch.setattr(strips, "STRIP_BYTES", 20_000)
    monkeypatch.setattr(memory, "WORKING_BYTES", 2_500_000)
    cut = labelled(image, maps(), [0, 1, 3], settings, least=0.5)
    assert (cut == whole).mean() > 0.99
    np.testing.assert_array_equal(cut == 255, whole == 255)


def test_without_a_crf_the_mask_is_the_label_of_the_largest_map() -> None:
    given = maps()
    mask = labelled(np.zeros((12, 19, 3), np.uint8), given, [0, 2, 3], InferenceSettings())
    np.testing.assert_array_equal(mask, np.array([0, 2, 3])[given[[0, 2, 3]].argmax(0)])
