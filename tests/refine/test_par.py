import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.refine.par import pixel_adaptive_refinement

Images = NDArray[np.uint8]
Maps = NDArray[np.float32]


def softmax(values: list[float]) -> NDArray[np.float64]:
    powers = np.exp(np.array(values) - max(values))
    return powers / powers.sum()


def neighbours(y: int, x: int, height: int, width: int, dilations: tuple[int, ...]) -> list[tuple[int, int, float]]:
    """Row and column, kept inside the image, and distance of the eight neighbours at every dilation."""
    found = []
    for d, dy, dx in itertools.product(dilations, (-1, 0, 1), (-1, 0, 1)):
        if dy or dx:
            row, column = min(max(y + d * dy, 0), height - 1), min(max(x + d * dx, 0), width - 1)
            found.append((row, column, d * (2**0.5 if dy and dx else 1.0)))
    return found


def pixel_by_pixel(image: Images, probabilities: Maps, iterations: int, dilations: tuple[int, ...]) -> Maps:
    """PAR as AFA and ToCo define it, one pixel after the other."""
    height, width = image.shape[:2]
    colours = image.astype(np.float64)
    values = probabilities.astype(np.float64)
    for _ in range(iterations):
        following = np.zeros_like(values)
        for y, x in itertools.product(range(height), range(width)):
            around = neighbours(y, x, height, width, dilations)
            seen = np.array([colours[row, column] for row, column, _ in around])
            distances = np.array([distance for _, _, distance in around])
            contrast = (np.abs(seen - colours[y, x]) / (seen.std(0, ddof=1) + 1e-8) / 0.3) ** 2
            remoteness = (distances / (distances.std(ddof=1) + 1e-8) / 0.3) ** 2
            weights = softmax(list(-contrast.mean(1))) + 0.01 * softmax(list(-remoteness))
            following[:, y, x] = sum(
                weight * values[:, row, column] for weight, (row, column, _) in zip(weights, around, strict=True)
            )
        values = following
    return values.astype(np.float32)


def made_up(height: int, width: int, classes: int = 2, seed: int = 0) -> tuple[Images, Maps]:
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return image, generator.random((classes, height, width), dtype=np.float32)


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 1), (4, 3), (9, 11)])
@pytest.mark.parametrize("dilations", [(1,), (1, 2, 4, 8, 12, 24)])
def test_it_equals_the_pixel_by_pixel_definition(size: tuple[int, int], dilations: tuple[int, ...]) -> None:
    image, probabilities = made_up(*size)
    result = pixel_adaptive_refinement(image, probabilities, iterations=3, dilations=dilations)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, pixel_by_pixel(image, probabilities, 3, dilations), atol=1e-5)


def test_ten_iterations_at_the_dilations_of_the_papers_are_the_default() -> None:
    image, probabilities = made_up(5, 6)
    truth = pixel_by_pixel(image, probabilities, 10, (1, 2, 4, 8, 12, 24))
    np.testing.assert_allclose(pixel_adaptive_refinement(image, probabilities), truth, atol=1e-5)


def test_a_pixel_unlike_all_its_equal_neighbours_is_no_division_by_zero() -> None:
    image = np.zeros((5, 5, 3), np.uint8)
    image[2, 2] = 255
    probabilities = made_up(5, 5)[1]
    result = pixel_adaptive_refinement(image, probabilities, iterations=2, dilations=(1,))
    np.testing.assert_allclose(result, pixel_by_pixel(image, probabilities, 2, (1,)), atol=1e-5)


def test_constant_maps_grow_by_a_hundredth_per_iteration_and_stay_constant() -> None:
    image, _ = made_up(20, 30)
    probabilities = np.full((1, 20, 30), 0.5, np.float32)
    np.testing.assert_allclose(pixel_adaptive_refinement(image, probabilities), 0.5 * 1.01**10, rtol=1e-5)


def test_maps_follow_the_colours() -> None:
    image = np.full((16, 20, 3), 20, np.uint8)
    image[:, 10:] = 220
    probabilities = np.random.default_rng(0).random((1, 16, 20), dtype=np.float32) * 0.4
    probabilities[:, :, 10:] += 0.5
    result = pixel_adaptive_refinement(image, probabilities)[0]
    assert result[:, :10].std() < probabilities[0, :, :10].std() / 3
    assert result[:, :10].max() < result[:, 10:].min()


def test_without_iterations_nothing_changes() -> None:
    image, probabilities = made_up(4, 5)
    result = pixel_adaptive_refinement(image, probabilities, iterations=0)
    np.testing.assert_array_equal(result, probabilities)
    assert not np.shares_memory(result, probabilities)


def test_tensors_give_tensors_and_nothing_is_changed() -> None:
    image, probabilities = made_up(4, 5)
    before = probabilities.copy()
    result = pixel_adaptive_refinement(torch.from_numpy(image), torch.from_numpy(probabilities))
    assert isinstance(result, torch.Tensor)
    np.testing.assert_array_equal(result.numpy(), pixel_adaptive_refinement(image, probabilities))
    np.testing.assert_array_equal(probabilities, before)


IMAGE, PROBABILITIES = made_up(4, 5)


@pytest.mark.parametrize(
    ("image", "probabilities", "message"),
    [
        (IMAGE[..., 0], PROBABILITIES, "image: .*H×W×3"),
        (IMAGE[..., :2], PROBABILITIES, "image: 2 channels"),
        (IMAGE / 255, PROBABILITIES, "image: .*float64"),
        (IMAGE, PROBABILITIES[0], "probabilities: .*K×H×W"),
        (IMAGE, PROBABILITIES[:, 1:], "probabilities: .*size"),
        (IMAGE, PROBABILITIES * np.nan, "probabilities: 40 values"),
    ],
)
def test_wrong_arrays_are_errors(image: Images, probabilities: Maps, message: str) -> None:
    with pytest.raises(PatchlearnError, match=message):
        pixel_adaptive_refinement(image, probabilities)


@pytest.mark.parametrize(
    "setting",
    [{"iterations": -1}, {"iterations": 1.5}, {"dilations": ()}, {"dilations": (0, 1)}, {"dilations": (1.5,)}],
)
def test_wrong_settings_are_errors(setting: dict[str, object]) -> None:
    with pytest.raises(PatchlearnError, match=f"{next(iter(setting))}: "):
        pixel_adaptive_refinement(IMAGE, PROBABILITIES, **setting)  # type: ignore[arg-type]
