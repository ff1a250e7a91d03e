"""Stages: any consecutive modules."""

import torch
from conftest import tiny_stages
from torch import nn

from patchlearn.models.backbones.stages import Stages


def test_an_image_passes_the_stages_in_order() -> None:
    stages = tiny_stages()
    images = torch.randn(2, 3, 32, 48)
    features = images
    for index in range(len(stages)):
        features = stages[index](features)
    assert torch.equal(stages(images), features)
    assert list(stages) == list(stages.stages)
    assert len(stages) == 4


def test_channels_and_strides_are_found() -> None:
    stages = tiny_stages((4, 6, 8, 10))
    assert stages.channels == (4, 6, 8, 10)
    assert stages.strides == (2, 4, 8, 8)


def test_finding_them_changes_neither_statistics_nor_the_mode() -> None:
    modules = [nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)), nn.AvgPool2d(2)]
    torch.nn.init.ones_(modules[0][0].bias)
    stages = Stages("made up", modules, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert stages.training
    assert int(modules[0][1].num_batches_tracked) == 0
    assert (modules[0][1].running_mean == 0).all()
    assert stages.strides == (1, 2)
