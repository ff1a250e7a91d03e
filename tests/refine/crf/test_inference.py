import numpy as np
import pytest

from patchlearn.core.types import Float32, UInt8
from patchlearn.refine.crf import memory
from patchlearn.refine.crf.dense import dense_crf, dense_crf_parts
from patchlearn.refine.settings import CrfKernels

NEAR = CrfKernels(gaussian_sxy=2, gaussian_compat=3, bilateral_sxy=12, bilateral_srgb=12, bilateral_compat=8)
LIMIT = 6_000_000


def scene(labels: int, height: int = 150, width: int = 260) -> tuple[UInt8, Float32]:
    """Bright blobs on a dark ground, and probabilities that know them roughly."""
    rng = np.random.default_rng(labels)
    rows, columns = np.mgrid[:height, :width]
    waves = np.stack([np.sin(rows / (9 + k) + k) + np.cos(columns / (11 + k) - k) for k in range(labels)])
    powers = np.exp(waves + rng.normal(0, 0.3, waves.shape))
    image = 40 + 60 * (waves[:3] > 0.5).transpose(1, 2, 0) + rng.normal(0, 4, (height, width, 3))
    return image.clip(0, 255).astype(np.uint8), (powers / powers.sum(0)).astype(np.float32)


def parts_of(image: UInt8, probabilities: Float32) -> list[tuple[tuple[slice, slice], Float32]]:
    return list(dense_crf_parts(image, lambda rows, columns: probabilities[:, rows, columns], len(probabilities), NEAR))


def test_below_the_limit_there_is_one_part_which_is_the_whole() -> None:
    image, probabilities = scene(3)
    ((window, refined),) = parts_of(image, probabilities)
    assert window == (slice(0, 150), slice(0, 260))
    np.testing.assert_array_equal(refined, dense_crf(image, probabilities, NEAR))


def test_parts_of_a_large_image_have_the_labels_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    image, probabilities = scene(4)
    whole = dense_crf(image, probabilities, NEAR)
    monkeypatch.setattr(memory, "WORKING_BYTES", LIMIT)
    parts = parts_of(image, probabilities)
    assert len(parts) > 2
    cut = dense_crf(image, probabilities, NEAR)
    for window, refined in parts:
        np.testing.assert_array_equal(cut[:, *window], refined)
    np.testing.assert_allclose(cut.sum(0), 1, atol=1e-4)
    assert (cut.argmax(0) == whole.argmax(0)).mean() >= 0.99
    assert np.abs(cut - whole).mean() < 0.005


def test_a_noisy_image_is_cut_into_more_parts_for_its_lattice_is_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    image, probabilities = scene(4)
    noise = np.random.default_rng(0).integers(0, 256, image.shape, np.uint8)
    monkeypatch.setattr(memory, "WORKING_BYTES", LIMIT)
    assert len(parts_of(noise, probabilities)) > len(parts_of(image, probabilities))


def test_labels_that_are_implausible_need_no_channel_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    image, few = scene(3)
    probabilities = np.full((40, *few.shape[1:]), 2e-5, np.float32)
    probabilities[[4, 17, 30]] = few * (1 - 37 * 2e-5)
    whole = dense_crf(image, probabilities, NEAR)
    assert (whole.max((1, 2)) > 0).all()
    monkeypatch.setattr(memory, "WORKING_BYTES", 16_400_000)
    ((_, refined),) = parts_of(image, probabilities)  # it fits, with three channels
    assert np.flatnonzero(refined.any((1, 2))).tolist() == [4, 17, 30]
    np.testing.assert_allclose(refined, whole, atol=0.02)
    assert (refined.argmax(0) == whole.argmax(0)).mean() >= 0.999


def test_what_cannot_be_halved_is_refined_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    image, probabilities = scene(3, 40, 60)
    whole = dense_crf(image, probabilities, NEAR)
    monkeypatch.setattr(memory, "WORKING_BYTES", 1)
    ((_, refined),) = parts_of(image, probabilities)
    np.testing.assert_array_equal(refined, whole)
