"""The function that is exported: a segmentation network from pixels to probabilities.

An exported file holds `ExportedSegmenter`, for any number of images of any size:

    images         B×3×H×W float32, RGB, values in [0, 1]
    probabilities  B×(K+1)×H×W float32, background first; the index of the largest is the mask

It computes one view of an image at the given size. The scales, mirror images, windows, CRF and undecided pixels of
`InferenceSettings` are not exported. `Segmenter.predict` also resamples once more where a side of the image is no
multiple of 32, unless the network's stride is 1 (unet). The file stores the names of the classes.
"""

import json
from copy import deepcopy

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.pool2d_same import AvgPool2dSame
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.inference.segmenter import Segmenter
from patchlearn.models.segmentation import SegmentationNetwork

INPUT, OUTPUT = "images", "probabilities"
SIDES = {0: "batch", 2: "height", 3: "width"}  # the dimensions of the input that may vary
EXAMPLE = (2, 97, 131)  # images, height, width: no side is a multiple of a stride, so that all padding is traced


class ExportedSegmenter(nn.Module):
    """A segmentation network from pixels to probabilities, with the padding and resizing for any image size.

    Args:
        network: is copied; the copy is on the CPU and in evaluation mode.

    >>> network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=6)
    >>> ExportedSegmenter(network)(torch.zeros(2, 3, 50, 70)).shape
    torch.Size([2, 7, 50, 70])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: SegmentationNetwork):
        super().__init__()
        self.model, self.unit = _exportable(network.model), network.unit
        self.register_buffer("mean", torch.tensor(network.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(network.std).view(1, 3, 1, 1))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W RGB in [0, 1] → B×(K+1)×H×W probabilities, background first."""
        height, width = images.shape[-2:]
        normalised = (images - self.mean) / self.std
        right, bottom = -width % self.unit, -height % self.unit
        padded = F.pad(normalised, (0, right, 0, bottom), mode="replicate")  # as in Segmenter.predict
        maps = self.model(padded).softmax(1)
        return F.interpolate(maps, padded.shape[-2:], mode="bilinear", align_corners=False)[..., :height, :width]


class AdaptiveMeans(nn.Module):
    """`nn.AdaptiveAvgPool2d` as two matrix products, which every exporter supports for any size.

    torch decomposes the original in one way if the output size divides the input size, and in another way if not, so
    that an exported graph would be valid only for one of the two cases.

    Args:
        bins: rows and columns of the output.

    >>> maps = torch.rand(1, 2, 7, 4)
    >>> torch.allclose(AdaptiveMeans(3)(maps), nn.AdaptiveAvgPool2d(3)(maps))
    True
    """

    def __init__(self, bins: int):
        super().__init__()
        self.bins = bins

    def forward(self, maps: Tensor) -> Tensor:
        """B×C×h×w → B×C×bins×bins."""
        down = _bin_weights(self.bins, maps.shape[-2], maps)
        across = _bin_weights(self.bins, maps.shape[-1], maps)
        return down @ maps @ across.transpose(0, 1)


def _bin_weights(bins: int, cells: int, like: Tensor) -> Tensor:
    """bins×cells: bin i is the mean of the cells from ⌊i·cells/bins⌋ to ⌈(i+1)·cells/bins⌉."""
    index = torch.arange(bins, device=like.device)[:, None]
    cell = torch.arange(cells, device=like.device)
    inside = (cell >= index * cells // bins) & (cell * bins < (index + 1) * cells)
    weights = inside.to(like.dtype)
    return weights / weights.sum(1, keepdim=True)


class EvenSame(nn.Module):
    """A layer with TensorFlow's "same" padding, for maps whose sides its stride divides: the padding is constant.

    timm computes the padding from the size of every map. The formula grows with every stage, and torch.export fails on
    it. Images are padded to multiples of the largest stride, so the constant padding is right, except where a head
    shrinks its maps to other sizes; the comparison of the file with the segmenter finds such cases.

    Args:
        layer: convolution or pooling; its weights are used, not copied.
    """

    def __init__(self, layer: nn.Conv2d | nn.AvgPool2d):
        super().__init__()
        self.layer = layer
        dilations = layer.dilation if isinstance(layer, nn.Conv2d) else (1, 1)
        sides = zip(_both(layer.kernel_size), _both(layer.stride), dilations, strict=True)
        totals = [max((kernel - 1) * dilation + 1 - stride, 0) for kernel, stride, dilation in sides]
        self.padding = [part for total in reversed(totals) for part in (total // 2, total - total // 2)]

    def forward(self, maps: Tensor) -> Tensor:
        """B×C×h×w → B×C×(h / stride)×(w / stride)."""
        padded = F.pad(maps, self.padding)
        if isinstance(self.layer, nn.Conv2d):
            return nn.Conv2d.forward(self.layer, padded)
        return nn.AvgPool2d.forward(self.layer, padded)


def _both(size: int | tuple[int, ...]) -> tuple[int, ...]:
    return size if isinstance(size, tuple) else (size, size)


def _exportable(model: nn.Module) -> nn.Module:
    """A contiguous copy on the CPU; layers that exporters support for one size only are replaced."""
    copy = deepcopy(model).cpu().to(memory_format=torch.contiguous_format)
    for name, module in list(copy.named_modules()):
        if isinstance(module, Conv2dSame | AvgPool2dSame):
            copy.set_submodule(name, EvenSame(module))
        elif isinstance(module, nn.AdaptiveAvgPool2d) and isinstance(bins := module.output_size, int) and bins > 1:
            copy.set_submodule(name, AdaptiveMeans(bins))
    return copy


def traced_program(segmenter: Segmenter) -> torch.export.ExportedProgram:
    """The program of torch.export from which both file formats are written, for any number and size of images."""
    from torch.fx.experimental import _config as shapes  # loads torch's compiler, so only when it is needed

    dynamic = dict.fromkeys(SIDES, torch.export.Dim.DYNAMIC)
    batch, height, width = EXAMPLE
    # Without this option, the program is valid only for sizes like the example's: with more than one cell, and padded.
    with shapes.patch(backed_size_oblivious=True), torch.no_grad():  # type: ignore[attr-defined]
        return torch.export.export(
            ExportedSegmenter(segmenter.network), (torch.zeros(batch, 3, height, width),), dynamic_shapes=(dynamic,)
        )


def export_facts(segmenter: Segmenter) -> dict[str, str]:
    """What users of an exported file need; `classes` is a JSON list, background first.

    >>> network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=1)
    >>> export_facts(Segmenter(network=network, classes=("cat",)))["classes"]
    '["background", "cat"]'
    """
    network, long_side = segmenter.network, segmenter.settings.long_side
    resize = f"; resize the image so that its longer side has {long_side} pixels" if long_side else ""
    bands = f"; R, G and B are bands {', '.join(map(str, segmenter.bands))} of an image file" if segmenter.bands else ""
    return {
        "classes": json.dumps(["background", *segmenter.classes], ensure_ascii=False),
        "input": f"{INPUT}: B×3×H×W float32, RGB, values in [0, 1], not normalised, any H and W{resize}{bands}",
        "output": f"{OUTPUT}: B×{len(segmenter.classes) + 1}×H×W float32, sum to one over the classes",
        "network": f"{network.head} over {network.backbone}, trained by patchlearn",
    }
