import pytest
import torch
from conftest import tiny_stages
from torch import Tensor

from patchlearn.models.affinity_heads import BoundaryHead, FeatureHead


def maps() -> list[Tensor]:
    """Of an image of 64×96 pixels: the channels and strides of `tiny_stages`."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((4, 32, 48), (6, 16, 24), (8, 8, 12), (10, 8, 12))
    return [torch.randn(2, *shape, generator=generator) for shape in shapes]


def test_the_boundary_head_has_one_logit_at_stride_4_from_32_channels_of_every_stage() -> None:
    head = BoundaryHead(tiny_stages())
    assert head(maps()).shape == (2, 1, 16, 24)
    assert head.classifier.weight.shape == (1, 32 * 4, 1, 1)


def test_the_feature_head_has_448_features_at_stride_8() -> None:
    assert FeatureHead(tiny_stages())(maps()).shape == (2, 448, 8, 12)


@pytest.mark.parametrize(("kind", "read"), [(BoundaryHead, [0, 1, 2, 3]), (FeatureHead, [1, 2, 3])])
def test_every_stage_is_read_by_the_one_and_the_three_deepest_by_the_other(kind: type, read: list[int]) -> None:
    torch.manual_seed(0)
    head, inputs = kind(tiny_stages()), maps()
    before = head(inputs)
    changed = [
        not torch.equal(head([*inputs[:index], inputs[index] + 1, *inputs[index + 1 :]]), before) for index in range(4)
    ]
    assert changed == [index in read for index in range(4)]


@pytest.mark.parametrize("kind", [BoundaryHead, FeatureHead])
def test_a_map_acts_where_it_lies(kind: type) -> None:
    """The lower right quarter of every map, whatever its stride, changes the lower right of the output alone."""
    torch.manual_seed(0)
    head, inputs = kind(tiny_stages()).eval(), maps()
    if kind is BoundaryHead:  # its group norm mixes all cells
        head.projections = torch.nn.ModuleList(each[0] for each in head.projections)
    before, (height, width) = head(inputs), head(inputs).shape[2:]
    for part in inputs:
        part[..., part.shape[2] // 2 :, part.shape[3] // 2 :] += 1
    difference = (head(inputs) - before).abs().sum((0, 1))
    assert difference[height // 2 + 1 :, width // 2 + 1 :].min() > 0
    assert difference[: height // 2 - 1].max() == 0
    assert difference[:, : width // 2 - 1].max() == 0
