"""Moments of the cells under the confident pixels of one image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from conftest import pointwise_stages
from PIL import Image

from patchlearn.core.types import ClassSize, Sample, ScoreMaps, UInt8
from patchlearn.data.clicks.values import Box, Clicks, ImageClicks
from patchlearn.maps import self_training as module
from patchlearn.maps.features import classifier_views
from patchlearn.maps.self_training import (
    MOMENTS,
    RoundSettings,
    confident_moments,
    confident_moments_need,
    confident_moments_of,
)
from patchlearn.maps.settings import CamSettings
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.settings import ViewSettings
from patchlearn.refine import BackgroundRule, ConfidentRegions

SPLITS = [(1, (2, 2)), (2, (2, 2))]


def round_settings(fusion: str = "plain", read: str = "whole") -> RoundSettings:
    torch.manual_seed(0)
    network = PatchNetwork(pointwise_stages(), 2, fusion, [] if fusion == "plain" else SPLITS).eval()
    cams = CamSettings(views=ViewSettings(scales=(1.0, 0.5), flip=False), read=read)
    return RoundSettings(network, cams, BackgroundRule(), ConfidentRegions(), 2, Accelerator(cpu=True))


@pytest.mark.parametrize(
    ("fusion", "read", "branches"),
    [
        ("plain", "whole", 1),
        ("progressive", "whole", 2),
        ("progressive", "merged", 1),
        ("explicit", "whole", 3),
        ("explicit", "unsplit", 1),
        ("explicit", "merged", 2),
    ],
)
def test_moments_are_as_wide_as_the_features_that_are_read(fusion: str, read: str, branches: int) -> None:
    moments = round_settings(fusion, read).moments()
    assert moments.products.shape == (7 * branches, 7 * branches)
    assert moments.sums.shape == (3, 7 * branches)


def test_only_tags_of_the_image_and_background_have_cells() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    image[16:48, 16:48] = (250, 10, 10)
    counts = confident_moments(round_settings(), image, (1,)).counts
    assert counts[1] == 0
    assert counts.sum() > 0


def test_an_image_without_tags_is_background_at_every_scale() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    counts = confident_moments(round_settings(), image, ()).counts
    assert counts.tolist() == [8 * 8 + 4 * 4, 0, 0]


def test_the_features_of_every_scale_are_added_under_the_label_at_the_centre_of_their_cell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Class 1 in the upper left quarter, undecided in the upper right one, background below."""
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:32, :32], pixels[:32, 32:] = 2, 255
    monkeypatch.setattr(module, "confident_in_boxes", lambda *_: pixels)
    image, one_round = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8), round_settings()
    moments = confident_moments(one_round, image, (1,))
    assert moments.counts.tolist() == [8 * 4 + 4 * 2, 0, 4 * 4 + 2 * 2]
    network = one_round.network
    with torch.no_grad():
        large, small = (network.features(view)[0].double() for view in classifier_views(network, image, one_round.cams))
    quarter = large[:, :4, :4].sum((1, 2)) + small[:, :2, :2].sum((1, 2))
    below = large[:, 4:].sum((1, 2)) + small[:, 2:].sum((1, 2))
    torch.testing.assert_close(moments.sums, torch.stack([below, 0 * below, quarter]), rtol=1e-5, atol=1e-5)


def test_a_sample_is_read_from_its_file(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    sample = Sample(id="a", image=tmp_path / "a.png", labels=(0,))
    moments = confident_moments_of(round_settings(), sample)
    assert torch.equal(moments.sums, confident_moments(round_settings(), image, (0,)).sums)


def test_wide_features_take_their_squares(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    sample, one = Sample(id="a", image=tmp_path / "a.png", labels=(0,)), round_settings()
    (narrow, name), (wide, _) = (confident_moments_need(each, sample) for each in (one, round_settings("explicit")))
    assert name == str(sample.image)
    assert wide - narrow == MOMENTS * 8 * (3 * 3 - 1) * one.width**2


def halves() -> tuple[RoundSettings, UInt8]:
    """A round, and an image of two halves: class 0 responds to the dark one, class 1 to the bright one."""
    one_round, image = round_settings(), np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 255
    with torch.no_grad():
        features = one_round.network.features(classifier_views(one_round.network, image, one_round.cams)[0])[0]
        dark, bright = features[:, 0, 0], features[:, -1, -1]
        weight = torch.linalg.pinv(torch.stack([dark, bright])) @ torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        one_round.network.classifier.weight.copy_(weight.T[:, :, None, None])
    return one_round, image


def test_cells_where_an_unknown_class_wins_are_no_labels() -> None:
    one_round, image = halves()
    whole = confident_moments(one_round, image, ()).counts
    assert whole.tolist() == [8 * 8 + 4 * 4, 0, 0]
    counts = confident_moments(one_round, image, (), (1,)).counts
    assert counts.tolist() == [8 * 4 + 4 * 2, 0, 0]


def test_the_unknown_classes_of_a_sample_are_read(tmp_path: Path) -> None:
    one_round, image = halves()
    Image.fromarray(image).save(tmp_path / "a.png")
    sample = Sample(id="a", image=tmp_path / "a.png", labels=(), unknown=(1,))
    assert confident_moments_of(one_round, sample).counts.tolist() == [8 * 4 + 4 * 2, 0, 0]


def test_known_classes_keep_their_cells_beside_an_unknown_one() -> None:
    one_round, image = halves()
    counts = confident_moments(one_round, image, (1,), (0,)).counts
    assert counts.tolist() == [0, 0, 8 * 4 + 4 * 2]


@pytest.mark.parametrize("long_side", [None, 32])
def test_pixels_of_a_size_are_those_of_the_image_in_its_file(
    long_side: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def note(image: UInt8, maps: ScoreMaps, *more: object) -> UInt8:
        seen.extend([image.shape[0], more[-2]])
        return np.zeros(maps.size, np.uint8)

    monkeypatch.setattr(module, "confident_in_boxes", note)
    one_round, image = halves()
    cams = replace(one_round.cams, views=replace(one_round.cams.views, long_side=long_side))
    sizes = (None, ClassSize(most=1024, unit="pixels"))
    confident_moments(replace(one_round, cams=cams, sizes=sizes), image, (1,))
    assert seen == [long_side or 64, (None, ClassSize(most=0.25))]


@pytest.mark.parametrize("long_side", [None, 32])
def test_a_boxed_class_has_cells_in_its_box_alone(long_side: int | None, tmp_path: Path) -> None:
    """The box is the lower part of the half that is bright, in pixels of the file."""
    one_round, image = halves()
    cams = replace(one_round.cams, views=replace(one_round.cams.views, long_side=long_side, scales=(1.0,)))
    one_round = replace(one_round, cams=cams, rule=BackgroundRule(growth=2.0))  # or the CRF erases what the box leaves
    Image.fromarray(image).save(tmp_path / "a.png")
    sample = Sample(id="a", image=tmp_path / "a.png", labels=(1,))
    clicks = Clicks(images={"a": ImageClicks(boxes=(Box(32, 32, 63, 63, index=1),))})
    without, found = (
        confident_moments_of(each, sample).counts for each in (one_round, replace(one_round, clicks=clicks))
    )
    assert 0 < found[2] <= without[2] / 2
    elsewhere = Clicks(images={"b": clicks.images["a"]})
    assert torch.equal(confident_moments_of(replace(one_round, clicks=elsewhere), sample).counts, without)
