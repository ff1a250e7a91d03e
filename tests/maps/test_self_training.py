import numpy as np
import pytest
import torch
from accelerate import Accelerator
from conftest import pointwise_stages

from patchlearn.maps.self_training import RoundSettings, confident_moments
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
