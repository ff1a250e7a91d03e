"""An exported file is compared with the segmenter itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import enlarge
from patchlearn.export import parity
from patchlearn.export.parity import (
    AGREEMENT,
    DIFFERENCE,
    Parity,
    measure_parity,
    parity_sentences,
    read_exported,
    require_parity,
)
from patchlearn.inference.segmenter import Segmenter
from patchlearn.inference.settings import InferenceSettings


def test_the_expected_probabilities_are_those_of_the_segmenter(segmenter: Segmenter) -> None:
    """At one scale, without mirror images, on sides that 32 divides."""
    picture = parity._pictures((1, 96, 160))
    wanted = parity._expected(segmenter, picture)[0].detach().numpy()
    own = segmenter.probabilities(np.asarray(picture[0].permute(1, 2, 0)), InferenceSettings(flip=False))
    np.testing.assert_allclose(enlarge(own, (96, 160)), wanted, atol=1e-4)


@pytest.mark.parametrize(("head", "height", "equal"), [("fpn", 96, True), ("fpn", 112, False), ("unet", 97, True)])
def test_predict_resamples_once_more_where_the_sentence_says_so(
    head: str, height: int, equal: bool, make_segmenter: Callable[..., Segmenter]
) -> None:
    """112 is a multiple of the network's stride, 4, but not of 32."""
    segmenter = make_segmenter(head)
    picture = parity._pictures((1, height, 160))
    wanted = parity._expected(segmenter, picture)[0].detach().numpy()
    own = segmenter.probabilities(np.asarray(picture[0].permute(1, 2, 0)), InferenceSettings(flip=False))
    assert bool(np.allclose(enlarge(own, (height, 160)), wanted, atol=1e-4)) is equal
    said = parity_sentences(Parity(agreement=1.0, difference=0.0), segmenter)
    assert ("where a side is no multiple of 32." in said) is (head == "fpn")


def test_the_sentences_name_the_sizes_that_were_compared(segmenter: Segmenter) -> None:
    found = measure_parity(lambda images: torch.ones(1, 5, 32, 40), Path("here"), segmenter, [(1, 32, 40)], ())
    said = parity_sentences(found, segmenter)
    assert "one view each, on made-up pictures of 32×40 pixels: the same class in" in said
    assert "`predict` is not the same: it has the scales, mirror images, windows, CRF" in said


def test_parity_counts_pixels_and_finds_the_largest_difference(segmenter: Segmenter) -> None:
    expected = parity._expected(segmenter, parity._pictures((1, 32, 32))).detach()
    other = expected.clone()
    other[0, :, 0, 0] = other[0, :, 0, 0].roll(1)
    found = measure_parity(lambda _: other, Path("here"), segmenter, [(1, 32, 32)], ())
    assert found.agreement == 1 - 1 / 32**2
    assert found.difference == pytest.approx(float((other - expected).abs().max()))


def test_values_that_are_not_numbers_are_infinitely_wrong(segmenter: Segmenter) -> None:
    def run(images: Tensor) -> Tensor:
        return torch.full((1, 5, *images.shape[-2:]), torch.nan)

    assert measure_parity(run, Path("here"), segmenter, [(1, 32, 32)], ()).difference == float("inf")


def test_a_size_that_does_not_run_is_named(segmenter: Segmenter) -> None:
    def run(images: Tensor) -> Tensor:
        raise RuntimeError("Guard failed")

    with pytest.raises(PatchlearnError, match=r"here: does not run with B×H×W = 2×32×40 \(Guard failed\)"):
        measure_parity(run, Path("here"), segmenter, [(2, 32, 40)], (RuntimeError,))


@pytest.mark.parametrize(
    ("agreement", "difference"), [(AGREEMENT - 1e-6, 0.0), (1.0, DIFFERENCE + 1e-6), (1.0, float("inf"))]
)
def test_disagreement_is_refused(agreement: float, difference: float) -> None:
    with pytest.raises(PatchlearnError, match=r"a\.onnx: not written, because .* Choose another format"):
        require_parity(Parity(agreement=agreement, difference=difference), Path("a.onnx"))


def test_good_parity_is_returned() -> None:
    good = Parity(agreement=AGREEMENT, difference=DIFFERENCE)
    assert require_parity(good, Path("a.onnx")) == good


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"none\.onnx: No such file or directory\. Export the model"):
        read_exported(tmp_path / "none.onnx")
