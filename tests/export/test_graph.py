"""The exported function is the segmenter's own."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from test_public_names import loaded_by
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.pool2d_same import AvgPool2dSame
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.export import graph
from patchlearn.export.graph import AdaptiveMeans, EvenSame, ExportedSegmenter, export_facts
from patchlearn.export.parity import AGREEMENT, SIZES, Parity, measure_parity, require_parity
from patchlearn.inference.segmenter import Segmenter
from patchlearn.models.settings import HEAD_STRIDES

ROUNDING = 1e-5
TRIED = (*SIZES, (3, 1, 1), (1, 32, 96), (1, 160, 50))


def run_here(module: nn.Module, segmenter: Segmenter) -> Parity:
    return measure_parity(module, Path("here"), segmenter, TRIED, ())


@pytest.mark.parametrize(
    ("head", "backbone"),
    [
        *((head, "test_resnet") for head in HEAD_STRIDES),
        ("deeplabv3plus", "mobilenetv3_small_050"),
        ("deeplabv3plus", "tf_efficientnet_lite0"),
    ],
)
def test_the_exported_function_is_the_segmenters_own(
    head: str, backbone: str, make_segmenter: Callable[..., Segmenter]
) -> None:
    segmenter = make_segmenter(head, backbone)
    parity = run_here(ExportedSegmenter(segmenter.network), segmenter)
    assert parity.agreement >= AGREEMENT
    assert parity.difference < 10 * ROUNDING


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("(images - self.mean) / self.std", "images"),
        ("/ self.std", "* self.std"),
        ("[..., :height, :width]", "[..., -height:, -width:]"),
        ("(0, right, 0, bottom)", "(right, 0, 0, bottom)"),
        ('mode="replicate"', 'mode="constant"'),
        ("align_corners=False", "align_corners=True"),
        ('mode="bilinear", align_corners=False', 'mode="nearest"'),
    ],
)
def test_a_mistake_in_the_exported_function_is_seen(right: str, wrong: str, segmenter: Segmenter) -> None:
    source = dedent(inspect.getsource(ExportedSegmenter.forward))
    assert source.count(right) == 1
    names: dict[str, Callable[..., Tensor]] = {}
    exec(source.replace(right, wrong), vars(graph).copy(), names)
    mutant = type("Mutant", (ExportedSegmenter,), {"forward": names["forward"]})(segmenter.network)
    parity = run_here(mutant, segmenter)
    assert parity.difference > 1000 * ROUNDING
    with pytest.raises(PatchlearnError, match=r"here: not written, because it disagrees with the segmenter"):
        require_parity(parity, Path("here"))


def test_the_segmenter_is_left_as_it_was(segmenter: Segmenter) -> None:
    ExportedSegmenter(segmenter.network)
    weights = [each for each in segmenter.network.parameters() if each.dim() == 4 and min(each.shape) > 1]
    assert weights[0].is_contiguous(memory_format=torch.channels_last)


def test_the_module_loads_no_optional_package() -> None:
    assert not loaded_by("import patchlearn.export.onnx, patchlearn.export.torch_program") & {
        "onnx",
        "onnxscript",
        "onnxruntime",
    }


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(1, 1), (5, 4), (7, 12)])
def test_adaptive_means_are_those_of_torch(bins: int, size: tuple[int, int]) -> None:
    maps = torch.rand(2, 3, *size)
    torch.testing.assert_close(AdaptiveMeans(bins)(maps), nn.AdaptiveAvgPool2d(bins)(maps))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_constant_padding_is_that_of_timm_where_the_stride_divides(kernel: int, stride: int) -> None:
    maps = torch.rand(1, 4, 8, 12)
    convolution = Conv2dSame(4, 6, kernel, stride=stride, dilation=2 if stride == 1 else 1)
    torch.testing.assert_close(EvenSame(convolution)(maps), convolution(maps))
    pooling = AvgPool2dSame(kernel, stride=stride)
    torch.testing.assert_close(EvenSame(pooling)(maps), pooling(maps))


def test_the_facts_name_classes_input_and_network(segmenter: Segmenter) -> None:
    facts = export_facts(segmenter)
    assert json.loads(facts["classes"]) == ["background", *segmenter.classes]
    assert facts["input"].startswith("images: B×3×H×W float32, RGB, values in [0, 1], not normalised")
    assert facts["input"].endswith("so that its longer side has 256 pixels")
    assert facts["output"].startswith("probabilities: B×5×H×W float32")
    assert facts["network"] == "deeplabv3plus over test_resnet, trained by patchlearn"
