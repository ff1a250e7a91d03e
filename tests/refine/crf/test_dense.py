from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Float32, UInt8
from patchlearn.data.images import read_image
from patchlearn.refine import CrfKernels, dense_crf, label_probabilities
from patchlearn.refine.settings import PRESETS

GOLDEN = Path(__file__).parents[2] / "golden" / "crf.npz"
LABELS = (2, 3, 21)


def made_up(labels: int = 3, height: int = 20, width: int = 27) -> tuple[UInt8, Float32]:
    rng = np.random.default_rng(labels)
    powers = np.exp(rng.normal(size=(labels, height, width)))
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return image, (powers / powers.sum(0)).astype(np.float32)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("labels", LABELS)
def test_results_are_those_of_pydensecrf(preset: str, labels: int) -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    expected = golden[f"{preset}-{labels}"]
    refined = dense_crf(golden[f"image-{labels}"], golden[f"probabilities-{labels}"], preset)
    np.testing.assert_allclose(refined, expected, atol=1e-3)
    assert np.abs(refined - expected).mean() < 1e-5
    assert (refined.argmax(0) == expected.argmax(0)).mean() >= 0.995


@pytest.mark.parametrize("labels", LABELS)
def test_results_are_those_of_pydensecrf_on_photographs(labels: int, real_data: Path) -> None:
    pytest.importorskip("pydensecrf", reason="the peer needs a compiler: pip install pydensecrf2")
    from golden.make_crf import pydensecrf

    for path in sorted((real_data / "JPEGImages").glob("*.jpg"))[:2]:
        image = read_image(path)
        coarse = np.random.default_rng(labels).normal(0, 2, (labels, 6, 8)).astype(np.float32)
        enlarged = [Image.fromarray(score).resize(image.shape[1::-1], Image.Resampling.BICUBIC) for score in coarse]
        powers = np.exp(np.stack(enlarged))
        probabilities = powers / powers.sum(0)
        for preset, kernels in PRESETS.items():
            refined, expected = dense_crf(image, probabilities, preset), pydensecrf(image, probabilities, kernels)
            assert (refined.argmax(0) == expected.argmax(0)).mean() >= 0.995
            assert np.abs(refined - expected).mean() <= 1e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU at hand")
def test_a_gpu_gives_the_same() -> None:
    image, probabilities = made_up(21, 60, 80)
    refined = dense_crf(image, torch.from_numpy(probabilities).cuda())
    assert refined.device.type == "cuda"
    np.testing.assert_allclose(dense_crf(image, probabilities), refined.cpu().numpy(), atol=2e-3)


@pytest.mark.parametrize("labels", [1, 2, 3, 4, 5, 6, 9, 10, 18])
def test_probabilities_stay_probabilities_and_labels_have_no_order(labels: int) -> None:
    """Vector code is written for each padded number of labels; the last label is the one without a channel."""
    image, probabilities = made_up(labels)
    refined = dense_crf(image, probabilities)
    assert refined.shape == probabilities.shape
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined.sum(0), 1, atol=1e-5)
    assert refined.min() >= 0
    np.testing.assert_allclose(dense_crf(image, probabilities[::-1].copy())[::-1], refined, atol=1e-4)


def test_no_iterations_leave_the_probabilities() -> None:
    image, probabilities = made_up(21)
    np.testing.assert_allclose(dense_crf(image, probabilities, iterations=0), probabilities, atol=2e-5)


def test_the_mask_moves_to_the_edge_of_the_image() -> None:
    image = np.full((40, 60, 3), 30, np.uint8)
    image[:, 25:] = 200
    foreground = np.clip((np.arange(60) - 31) / 60 + 0.5, 0.2, 0.8) * np.ones((40, 1))
    refined = dense_crf(image, np.stack([1 - foreground, foreground]).astype(np.float32))
    np.testing.assert_array_equal(refined.argmax(0), np.broadcast_to(np.arange(60) >= 25, (40, 60)))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (2, 3)])
def test_tiny_images_work(size: tuple[int, int]) -> None:
    image, probabilities = made_up(3, *size)
    np.testing.assert_allclose(dense_crf(image, probabilities).sum(0), 1, atol=1e-5)


def test_a_hopeless_label_stays_hopeless() -> None:
    """Logits of ±11.5 and strong kernels must not overflow the exponentials."""
    image = np.zeros((16, 16, 3), np.uint8)
    probabilities = np.zeros((9, 16, 16), np.float32)
    probabilities[4] = 1
    kernels = CrfKernels(gaussian_sxy=3, gaussian_compat=300, bilateral_sxy=50, bilateral_srgb=5, bilateral_compat=900)
    np.testing.assert_allclose(dense_crf(image, probabilities, kernels)[4], 1, atol=1e-6)


def test_threads_share_nothing() -> None:
    images = [made_up(3, 30 + index, 40) for index in range(6)]
    alone = [dense_crf(*pair) for pair in images]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda pair: dense_crf(*pair), images))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_impossible_labels_have_a_probability_of_one_in_a_hundred_thousand() -> None:
    image, probabilities = made_up(2)
    probabilities[:] = np.array([0, 1], np.float32)[:, None, None]
    np.testing.assert_allclose(dense_crf(image, probabilities, iterations=0)[0], 1e-5, rtol=2e-2)


def test_double_and_half_precision_are_taken_for_what_they_are() -> None:
    image, probabilities = made_up(3)
    np.testing.assert_allclose(
        dense_crf(image, probabilities.astype(float)), dense_crf(image, probabilities), atol=1e-5
    )
    half = torch.from_numpy(probabilities).to(torch.bfloat16)
    np.testing.assert_array_equal(dense_crf(image, half).numpy(), dense_crf(image, half.float()).numpy())


def test_many_labels_in_half_precision_still_sum_to_one() -> None:
    image, even = made_up()[0], np.full((255, 20, 27), 1 / 255, np.float16)
    np.testing.assert_allclose(dense_crf(image, even, iterations=0), 1 / 255, rtol=1e-3)


def test_a_tensor_comes_back_as_a_tensor() -> None:
    image, probabilities = made_up(2)
    refined = dense_crf(torch.from_numpy(image), torch.from_numpy(probabilities))
    assert isinstance(refined, torch.Tensor)
    np.testing.assert_array_equal(refined.numpy(), dense_crf(image, probabilities))


def test_arrays_that_cannot_be_written_or_are_not_contiguous_work() -> None:
    image, probabilities = made_up(2)
    expected = dense_crf(image, probabilities)
    image.flags.writeable = probabilities.flags.writeable = False
    flipped = dense_crf(image[:, ::-1][:, ::-1], np.asfortranarray(probabilities))
    np.testing.assert_array_equal(flipped, expected)


def spoilt(change: Callable[[Float32], object]) -> Float32:
    probabilities = made_up(2)[1]
    change(probabilities)
    return probabilities


@pytest.mark.parametrize(
    ("image", "probabilities", "options", "message"),
    [
        (made_up()[0][:-1], made_up()[1], {}, "maps of 20×27 on an image of 19×27. Resize"),
        (made_up()[0], made_up()[1][0], {}, "probabilities: the shape .* is not K×H×W"),
        (made_up()[0].astype(np.float32), made_up()[1], {}, "image: 3 channels of float32 are not 3 of uint8"),
        (made_up()[0][..., :1], made_up()[1], {}, "image: 1 channels of uint8 are not 3 of uint8"),
        (made_up()[0], made_up()[1] * 0.9, {}, "the sums at the pixels are 0.9 to 0.9; .* Apply a softmax"),
        (made_up()[0], spoilt(lambda p: p.__setitem__((0, 0, 0), np.nan)), {}, "1 values are infinite or not a number"),
        (made_up()[0], spoilt(lambda p: p.__setitem__((slice(None), 0, 0), (-1, 2))), {}, "the smallest value is -1"),
        (*made_up(), {"preset": "iren"}, "did you mean 'irn'\\? Choose one of: irn, psa, segmenter"),
        (*made_up(), {"preset": None}, "preset: None is neither one of irn, psa, segmenter nor a CrfKernels"),
        (*made_up(), {"iterations": -1}, "iterations: -1 is not a whole number"),
        (
            *made_up(),
            {
                "preset": CrfKernels(
                    gaussian_sxy=3, gaussian_compat=3, bilateral_sxy=9, bilateral_srgb=0.01, bilateral_compat=1
                )
            },
            "span .* cells of the lattice",
        ),
    ],
)
def test_bad_input_is_a_clear_error(
    image: UInt8, probabilities: Float32, options: dict[str, object], message: str
) -> None:
    with pytest.raises(PatchlearnError, match=message):
        dense_crf(image, probabilities, **options)  # type: ignore[arg-type]


def test_hard_labels_become_probabilities() -> None:
    labels = np.array([[0, 2, 255]], np.uint8)
    probabilities = label_probabilities(labels, 3, confidence=0.7)
    np.testing.assert_allclose(probabilities[:, 0, 0], [0.7, 0.15, 0.15])
    np.testing.assert_allclose(probabilities[:, 0, 1], [0.15, 0.15, 0.7])
    np.testing.assert_allclose(probabilities[:, 0, 2], 1 / 3)
    np.testing.assert_array_equal(label_probabilities(labels * 0, 1), 1)
    with pytest.raises(PatchlearnError, match=r"labels \[2\]"):
        label_probabilities(labels, 2)
    with pytest.raises(PatchlearnError, match="above 1/3"):
        label_probabilities(labels, 3, confidence=0.3)
