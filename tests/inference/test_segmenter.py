"""One image through a segmenter: windows, scales, mirror images, and where every pixel ends up."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from known_network import known_segmenter

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import MODEL
from patchlearn.core.types import Float32, UInt8, Window
from patchlearn.inference.segmenter import (
    Segmenter,
    load_segmenter,
    save_segmenter,
    segmenter_facts,
    with_settings,
)
from patchlearn.inference.settings import InferenceSettings
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.refine.settings import CrfKernels

CLASSES = ("red", "blue")


def picture(height: int, width: int) -> UInt8:
    """Grey, red at the top left, blue at the bottom right."""
    image = np.full((height, width, 3), 128, np.uint8)
    image[: height // 3, : width // 2] = (255, 0, 0)
    image[height // 2 :, width - width // 4 :] = (0, 0, 255)
    return image


def truth(image: UInt8) -> UInt8:
    return np.where(image[..., 0] == 255, 1, np.where(image[..., 2] == 255, 2, 0)).astype(np.uint8)


def near_an_edge(mask: UInt8) -> UInt8:
    """H×W: whether another value lies within six pixels."""
    near = np.zeros_like(mask)
    for axis in (0, 1):
        for shift in range(-6, 7):
            near |= np.roll(mask, shift, axis) != mask
    return near


SETTINGS = {
    "whole": InferenceSettings(flip=False),
    "mirrored": InferenceSettings(),
    "scales": InferenceSettings(scales=(0.75, 1.0, 1.5)),
    "windows": InferenceSettings(window=64),
    "smaller": InferenceSettings(long_side=120),
    "larger": InferenceSettings(long_side=300, window=96, scales=(1.0, 1.25)),
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("size", [(96, 128), (131, 197), (203, 150)])
def test_every_pixel_comes_out_where_it_went_in(colours: Segmenter, name: str, size: tuple[int, int]) -> None:
    image = picture(*size)
    found, wanted = colours.predict(image, SETTINGS[name]), truth(image)
    assert found.shape == size
    assert found.dtype == np.uint8
    wrong = found != wanted
    assert not (wrong & (near_an_edge(wanted) == 0)).any()
    assert wrong.mean() < 0.04


@pytest.mark.parametrize("width", [128, 130, 149])
def test_an_image_and_its_mirror_image_have_mirrored_masks(colours: Segmenter, width: int) -> None:
    image = picture(96, width)
    mask, mirrored = (colours.predict(each) for each in (image, np.ascontiguousarray(image[:, ::-1])))
    assert not ((mask != mirrored[:, ::-1]) & (near_an_edge(truth(image)) == 0)).any()


def test_a_tiny_image_has_a_mask(colours: Segmenter) -> None:
    image = np.array([[[255, 0, 0]]], np.uint8)
    assert colours.predict(image).tolist() == [[1]]


def test_windows_bound_the_size_of_what_the_network_reads(colours: Segmenter) -> None:
    network: Any = colours.network
    colours.predict(picture(300, 420), InferenceSettings(window=128))
    assert network.largest == 128
    colours.predict(picture(300, 420), InferenceSettings())
    assert network.largest == 448


def test_windows_and_the_whole_agree(colours: Segmenter) -> None:
    image = picture(180, 260)
    whole = colours.probabilities(image, InferenceSettings())
    np.testing.assert_allclose(colours.probabilities(image, InferenceSettings(window=96)), whole, atol=1e-5)


def test_probabilities_sum_to_one_and_absent_classes_do_not_occur(colours: Segmenter) -> None:
    image = picture(100, 120)
    np.testing.assert_allclose(colours.probabilities(image).sum(0), 1, atol=1e-5)
    assert set(np.unique(colours.predict(image, present=[0]))) == {0, 1}
    assert set(np.unique(colours.predict(image, InferenceSettings(crf="segmenter"), present=[1]))) == {0, 2}
    assert set(np.unique(colours.predict(image, present=[]))) == {0}
    assert set(np.unique(colours.predict(image, present=list(np.array([1]))))) == {0, 2}


def test_probabilities_of_the_classes_that_may_occur_sum_to_one_too(colours: Segmenter) -> None:
    np.testing.assert_allclose(colours.probabilities(picture(100, 120), present=[1]).sum(0), 1, atol=1e-5)


def test_where_nothing_that_may_occur_is_probable_it_is_background(colours: Segmenter) -> None:
    network: Any = colours.network
    network.sharpness.data.fill_(300.0)
    maps = colours.probabilities(picture(100, 120), present=[1])
    assert np.isfinite(maps).all()
    assert maps[0, 0, 0] == 1  # red


@pytest.mark.parametrize("present", [["red"], [2], [-1], [True, False]])
def test_only_indices_of_classes_may_be_present(colours: Segmenter, present: Any) -> None:
    with pytest.raises(PatchlearnError, match="name classes by their index, 0 to 1"):
        colours.predict(picture(8, 8), present=present)


@pytest.mark.parametrize("crf", ["none", "segmenter"])
def test_what_is_not_probable_enough_is_undecided(colours: Segmenter, crf: str) -> None:
    network: Any = colours.network
    network.sharpness.data.fill_(3.0)  # background 0.69 in the grey, a class 0.81 in its own colour
    image = picture(96, 128)
    mask = colours.predict(image, InferenceSettings(crf=crf, undecided=0.75))
    grey = (truth(image) == 0) & (near_an_edge(truth(image)) == 0)
    assert (mask[grey] == 255).all()
    assert set(np.unique(mask)) == {1, 2, 255}
    assert 255 not in colours.predict(image, InferenceSettings(crf=crf))


def test_a_crf_follows_at_full_size(colours: Segmenter) -> None:
    image = picture(100, 121)
    noisy = np.random.default_rng(0).normal(image, 12).clip(0, 255).astype(np.uint8)
    network: Any = colours.network
    network.sharpness.data.fill_(4.0)
    plain, refined = (colours.predict(noisy, InferenceSettings(crf=crf)) for crf in ("none", "irn"))
    assert (refined != truth(image)).sum() < (plain != truth(image)).sum()


@pytest.mark.parametrize("changes", [{"crf": "iron"}, {"scales": ()}, {"window": 100}])
def test_changed_settings_are_checked(colours: Segmenter, changes: dict[str, Any]) -> None:
    with pytest.raises(PatchlearnError, match=f"^{next(iter(changes))}: "):
        with_settings(colours, **changes)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        "photo.jpg",
    ],
)
def test_what_is_no_rgb_image_is_refused(colours: Segmenter, image: Any) -> None:
    with pytest.raises(PatchlearnError, match="H×W×3 uint8 in RGB order is wanted"):
        colours.predict(image)


def test_a_saved_segmenter_is_the_same_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2).eval()
    settings = InferenceSettings(scales=(0.5, 1.0), long_side=64)
    saved = Segmenter(network=network, classes=CLASSES, settings=settings, scores=({"miou": 0.5},), bands=(4, 3, 2))
    save_segmenter(tmp_path / "model.safetensors", saved)
    loaded = load_segmenter(tmp_path / "model.safetensors")
    assert (loaded.classes, loaded.settings, loaded.scores) == (saved.classes, saved.settings, saved.scores)
    assert loaded.bands == (4, 3, 2)
    image = picture(50, 70)
    np.testing.assert_allclose(loaded.probabilities(image), saved.probabilities(image), atol=1e-5)


@pytest.mark.parametrize("change", [{"backbone": "resnet14t"}, {"kind": "classifier"}, {"classes": ["red"]}])
def test_a_file_that_is_no_segmenter_is_explained(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    network = SegmentationNetwork("resnet10t", "fpn", classes=2)
    save_segmenter(path, Segmenter(network=network, classes=CLASSES))
    tensors, facts = load_checkpoint(path)
    save_checkpoint(path, tensors, {**facts, **change})
    with pytest.raises(PatchlearnError, match=r"model\.safetensors: not a segmenter of patchlearn"):
        load_segmenter(path)


def test_settings_that_are_not_given_stay(colours: Segmenter) -> None:
    model = replace(colours, settings=InferenceSettings(scales=(0.5,), flip=False))
    changed = with_settings(model, scales=None, flip=True, window=None).settings
    assert changed == InferenceSettings(scales=(0.5,), flip=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": None},
        {"backbone": 5},
        {"classes": 3},
        {"inference": {"scales": [1.0], "long_side": 0}},
        {"inference": {"scales": [1.0], "crf": "irn", "iterations": 10**9}},
        {"inference": {"scales": [1e9]}},
        {"kind": "x"},
    ],
)
def test_a_model_with_odd_facts_is_one_sentence(changes: dict[str, Any], tmp_path: Path) -> None:
    network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2)
    segmenter = Segmenter(network=network, classes=("cat", "dog"), settings=InferenceSettings())
    save_checkpoint(tmp_path / MODEL, network.state_dict(), {**segmenter_facts(segmenter), **changes})
    with pytest.raises(PatchlearnError, match=r"model\.safetensors: not a segmenter of patchlearn"):
        load_segmenter(tmp_path / MODEL)


def two_thirds(first: tuple[float, float], second: tuple[float, float]) -> UInt8:
    """The upper 32 rows of 96 have the probabilities (red, blue) `first`, the lower 64 `second`."""
    image = np.zeros((96, 64, 3), np.uint8)
    for rows, (red, blue) in ((slice(0, 32), first), (slice(32, 96), second)):
        image[rows] = np.rint(255 * np.array([red, 0, blue]))
    return image


CRFS = pytest.mark.parametrize("crf", ["none", "segmenter"])


@CRFS
def test_a_class_below_its_threshold_of_the_image_gives_way_to_the_next_best_label(crf: str) -> None:
    model, image = known_segmenter(crf=crf), two_thirds((0.5, 0.3), (0.1, 0.2))
    assert model.segment(image).scores == pytest.approx([0.5, 0.3], abs=0.005)
    assert set(np.unique(model.predict(image))) == {0, 1}
    assert set(np.unique(model.predict(image, image_threshold=0.45))) == {0, 1}
    mask = model.predict(image, image_threshold={"red": 0.6, "blue": 0.25})
    assert np.unique(mask[:24]).tolist() == [2]
    assert np.unique(mask[40:]).tolist() == [0]
    assert set(np.unique(model.predict(image, image_threshold=0.6))) == {0}
    assert set(np.unique(model.predict(image, image_threshold={"red": None, "blue": 1.0}))) == {0, 1}


@CRFS
def test_a_dropped_class_occurs_nowhere_even_where_nothing_else_is_probable(crf: str) -> None:
    image = two_thirds((1.0, 0.0), (0.6, 0.4))
    assert set(np.unique(known_segmenter(crf=crf).predict(image, image_threshold=1.0))) == {0}


def test_a_crf_reads_probabilities_in_which_dropped_classes_have_none(
    colours: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def crf(image: UInt8, probabilities: Callable[..., Float32], *_: object) -> Iterator[tuple[Window, Float32]]:
        window = slice(0, image.shape[0]), slice(0, image.shape[1])
        read.append(probabilities(*window))
        yield window, read[-1]

    monkeypatch.setattr("patchlearn.inference.labelled.dense_crf_parts", crf)
    known_segmenter(crf="irn").predict(two_thirds((0.5, 0.3), (0.1, 0.2)), image_threshold=0.4)
    network: Any = colours.network
    network.sharpness.data.fill_(300.0)
    image = np.full((384, 384, 3), 128, np.uint8)
    image[40:52, 40:52] = (255, 0, 0)  # surely red, but so small that the score of the image is low
    assert not colours.predict(image, InferenceSettings(crf="irn", flip=False), image_threshold=0.9).any()
    assert not read[0][2].any()
    assert not read[1][1:].any()
    for probabilities in read:
        np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-5)


@CRFS
def test_a_label_less_probable_than_the_threshold_is_undecided(crf: str) -> None:
    model, image = known_segmenter(crf=crf), two_thirds((0.7, 0.2), (0.1, 0.3))
    mask = model.predict(image, pixel_threshold=0.65)
    assert np.unique(mask[:24]).tolist() == [1]
    assert np.unique(mask[40:]).tolist() == [255]
    assert np.unique(model.predict(image, pixel_threshold=1)).tolist() == [255]
    assert 255 not in model.predict(image, InferenceSettings(undecided=0.9, crf=crf), pixel_threshold=0)
    # The label that is left has the probability it had before.
    assert np.unique(model.predict(image, image_threshold=0.75, pixel_threshold=0.25)[:24]).tolist() == [255]


def test_an_answer_has_the_probabilities_before_any_threshold_and_comes_from_one_look() -> None:
    model, image = known_segmenter(), two_thirds((0.5, 0.3), (0.1, 0.2))
    answer = model.segment(image, image_threshold=0.9, pixel_threshold=0.9)
    network: Any = model.network
    assert network.calls == 1
    np.testing.assert_array_equal(answer.probabilities, model.probabilities(image))
    np.testing.assert_array_equal(answer.mask, model.predict(image, image_threshold=0.9, pixel_threshold=0.9))


@pytest.mark.parametrize(
    ("thresholds", "complaint"),
    [
        ({"image_threshold": -1}, "^image threshold: "),
        ({"image_threshold": {"red": 0.5}}, "blue has none"),
        ({"pixel_threshold": 1.01}, "^pixel threshold: "),
    ],
)
def test_thresholds_are_checked(thresholds: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        known_segmenter().predict(picture(8, 8), **thresholds)


@pytest.mark.parametrize(("long_side", "width"), [(None, 67.0), (40, 67.0), (80, 33.5)])
def test_the_kernels_of_the_crf_are_as_much_smaller_as_the_image(
    colours: Segmenter, monkeypatch: pytest.MonkeyPatch, long_side: int | None, width: float
) -> None:
    used: list[CrfKernels] = []

    def crf(image: UInt8, read: object, labels: int, kernels: CrfKernels, *_: object) -> Iterator[Any]:
        used.append(kernels)
        return iter(())

    monkeypatch.setattr("patchlearn.inference.labelled.dense_crf_parts", crf)
    image, settings = np.zeros((30, 40, 3), np.uint8), InferenceSettings(crf="segmenter", crf_long_side=long_side)
    colours.predict(image, settings)
    colours.predict(image, settings, image_threshold=1.0)  # classes are dropped: another way to the CRF
    assert [kernels.bilateral_sxy for kernels in used] == [width, width]
