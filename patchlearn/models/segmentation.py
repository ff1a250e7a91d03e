"""Segmentation networks: a head of segmentation-models-pytorch, DeepLabv2's, DeepLab-LargeFOV, or a linear one.

Sources: Chen et al., "Semantic Image Segmentation with Deep Convolutional Nets and Fully Connected CRFs" (DeepLabv1,
LargeFOV), ICLR 2015; Chen et al., "DeepLab" (v2), TPAMI 2018; Chen et al., "Encoder-Decoder with Atrous Separable
Convolution for Semantic Image Segmentation" (DeepLabV3+), ECCV 2018; the other heads' papers are named in the
documentation of segmentation-models-pytorch.
"""

from collections.abc import Callable
from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.models.backbones.create import architecture, channel_means, create_stages
from patchlearn.models.backbones.dilated import quicken_dilated
from patchlearn.models.backbones.resnet38 import OWN
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.backbones.weights import load_weights
from patchlearn.models.settings import HEAD_STRIDES, LARGEST_STRIDE

# DeepLabV3+, table 1: 6, 12, 18 at stride 16, doubled at stride 8.
ATROUS_RATES = {16: (6, 12, 18), 8: (12, 24, 36)}
QUARTERS = 4  # the scales of DeepLabv2 are whole numbers of them
PROBE = 64  # pixels: divisible by every stride, and small


class DeepLabV2(nn.Module):
    """DeepLabv2: the sum of four dilated 3×3 classifiers, and the maximum over three scales of the image.

    The public implementation (kazuto1011/deeplab-pytorch) adds a loss for every scale. Here the maximum alone is
    trained.

    Args:
        encoder: of segmentation-models-pytorch; its last map is read.
        classes: channels of the output, background included.
    """

    RATES = (6, 12, 18, 24)
    SCALES = (0.75, 0.5)  # besides 1; in training and in testing
    SPREAD = 0.01  # standard deviation of new weights: deeplab-pytorch

    def __init__(self, encoder: Any, classes: int):
        super().__init__()
        self.encoder = encoder
        self.classifiers = nn.ModuleList(
            self._classifier(encoder.out_channels[-1], classes, rate) for rate in self.RATES
        )

    def _classifier(self, channels: int, classes: int, rate: int) -> nn.Module:
        classifier = nn.Conv2d(channels, classes, kernel_size=3, padding=rate, dilation=rate)
        nn.init.normal_(classifier.weight, std=self.SPREAD)
        assert classifier.bias is not None
        nn.init.zeros_(classifier.bias)
        return classifier

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W → B×classes×h×w logits."""
        logits = self._at_one_scale(images)
        for scale in self.SCALES:
            smaller = F.interpolate(images, self._size(logits, scale), mode="bilinear", align_corners=False)
            enlarged = F.interpolate(
                self._at_one_scale(smaller), logits.shape[2:], mode="bilinear", align_corners=False
            )
            logits = torch.maximum(logits, enlarged)
        return logits

    def _size(self, logits: Tensor, scale: float) -> tuple[int, int]:
        """(H, W) of the smaller images: whole cells, so that the last cells end where the images end."""
        part, stride = round(scale * QUARTERS), int(self.encoder.output_stride)
        height, width = ((cells * part + QUARTERS - 1) // QUARTERS * stride for cells in logits.shape[2:])
        return height, width

    def _at_one_scale(self, images: Tensor) -> Tensor:
        features = self.encoder(images)[-1]
        return torch.stack([classifier(features) for classifier in self.classifiers]).sum(0)


class LargeFOV(nn.Module):
    """DeepLab-LargeFOV: a 3×3 convolution of dilation 12 and a 1×1, both to 512 channels, then the classifier.

    The layers are those of SEAM's authors (YudeWang/semantic-segmentation-codebase, lib/net/deeplabv1.py), which they
    put on ResNet-38: batch norm and ReLU after both convolutions, dropout before the classifier. The paper's VGG has
    1024 channels and no batch norm. Their batch norm has a momentum of 0.0003, for 20,000 steps. Ours has torch's 0.1,
    since the statistics of a shorter training would otherwise stay where they began.

    Args:
        encoder: of segmentation-models-pytorch, or a `StagesEncoder`; its last map is read.
        classes: channels of the output, background included.
    """

    DILATION = 12
    WIDTH = 512
    DROPOUT = 0.5

    def __init__(self, encoder: Any, classes: int):
        super().__init__()
        self.encoder = encoder
        self.field_of_view = nn.Sequential(
            *self._layer(encoder.out_channels[-1], 3, self.DILATION), *self._layer(self.WIDTH, 1, 1)
        )
        self.dropout = nn.Dropout(self.DROPOUT)
        self.classifier = nn.Conv2d(self.WIDTH, classes, kernel_size=1)
        for module in [*self.field_of_view, self.classifier]:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _layer(self, channels: int, side: int, dilation: int) -> list[nn.Module]:
        padding = dilation * (side // 2)
        convolution = nn.Conv2d(channels, self.WIDTH, side, padding=padding, dilation=dilation, bias=False)
        return [convolution, nn.BatchNorm2d(self.WIDTH), nn.ReLU(inplace=True)]

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W → B×classes×h×w logits."""
        logits: Tensor = self.classifier(self.dropout(self.field_of_view(self.encoder(images)[-1])))
        return logits


class Linear(nn.Module):
    """The plainest head: a 1×1 classifier on the last map, for backbones that have no maps of other strides.

    Args:
        encoder: its last map is read.
        classes: channels of the output, background included.
    """

    def __init__(self, encoder: Any, classes: int):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Conv2d(encoder.out_channels[-1], classes, kernel_size=1)

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W → B×classes×h×w logits."""
        logits: Tensor = self.classifier(self.encoder(images)[-1])
        return logits


class StagesEncoder(nn.Module):
    """`Stages` with the interface of segmentation-models-pytorch's encoders: any backbone of `create_stages`.

    Args:
        stages: of the backbone.

    Attributes:
        out_channels: of the images and of the last map.
        output_stride: of the last map.
    """

    def __init__(self, stages: Stages):
        super().__init__()
        self.stages = stages
        self.out_channels = [3, stages.channels[-1]]
        self.output_stride = stages.strides[-1]

    def forward(self, images: Tensor) -> list[Tensor]:
        """B×3×H×W → the images, and the last map."""
        features = self.stages(self.stages.prepared(images))
        return [images, self.stages.placed(features, images.shape[-2:])]


class SegmentationNetwork(nn.Module):
    """An encoder and a head for images of any size.

    Args:
        backbone: a timm architecture that gives feature maps (`features_only`), or "resnet38", for the heads
            "deeplabv2" and "largefov". The head "linear" takes any backbone of `create_stages`, also a transformer.
        head: a key of `patchlearn.models.settings.HEAD_STRIDES`.
        classes: K, background not counted.
        output_stride: of the encoder; None for the head's default.
        weights: of the encoder: None, "hub", "demo" or the path of a state dict.

    Attributes:
        stride: pixels per cell of the logits.
        unit: the sides of padded images are multiples of it, in pixels.
        mean, std: what the images are normalised with, per channel, for values in [0, 1].

    Raises:
        PatchlearnError: an unknown backbone, head or weights, or a stride that they do not support.

    >>> network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=6)
    >>> network.eval()(torch.zeros(2, 3, 50, 70)).shape, network.stride
    (torch.Size([2, 7, 13, 18]), 4)
    """

    def __init__(
        self, backbone: str, head: str, classes: int, output_stride: int | None = None, weights: str | None = None
    ):
        super().__init__()
        require_one_of("head", head, HEAD_STRIDES)
        self.backbone, self.head, self.classes = backbone, head, classes
        self.output_stride = _output_stride(head, output_stride)
        if _is_of_stages(backbone, head):
            self._build_on_stages(weights)
        else:
            self._build_on_timm(weights)

    def _build_on_stages(self, weights: str | None) -> None:
        stages = create_stages(self.backbone, self.output_stride, weights)
        self.mean, self.std = stages.mean, stages.std
        self.model: Any = LAST_MAP_HEADS[self.head](StagesEncoder(stages), self.classes + 1)
        self.stride = self.unit = stages.strides[-1]

    def _build_on_timm(self, weights: str | None) -> None:
        full = architecture(self.backbone)
        self.mean, self.std = channel_means(full, "mean"), channel_means(full, "std")
        stride = self.output_stride or LARGEST_STRIDE
        self.model, height = _built(self.backbone, self.head, self.classes + 1, stride, from_hub=weights == "hub")
        self.stride, self.unit = PROBE // height, LARGEST_STRIDE
        if weights != "hub":
            load_weights(self.model.encoder.model, full, self.backbone, weights)
        quicken_dilated(self.model)

    @property
    def encoder(self) -> nn.Module:
        """The backbone, whose weights may be pretrained."""
        encoder: nn.Module = self.model.encoder
        return encoder

    @property
    def decoder(self) -> nn.ModuleList:
        """All other layers; their weights are new."""
        return nn.ModuleList(module for name, module in self.model.named_children() if name != "encoder")

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W normalised images → B×(K+1)×⌈H/stride⌉×⌈W/stride⌉ logits, background first."""
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % self.unit, 0, -height % self.unit))
        logits: Tensor = self.model(padded)
        return logits[..., : -(-height // self.stride), : -(-width // self.stride)]

    def freeze_statistics(self) -> None:
        """Put the encoder's batch norm into evaluation mode: it keeps its pretrained statistics."""
        for module in self.encoder.modules():
            if isinstance(module, BatchNorm):
                module.eval()


def _output_stride(head: str, wanted: int | None) -> int | None:
    choices = HEAD_STRIDES[head]
    if wanted is not None and wanted not in choices:
        numbers = ", ".join(str(choice) for choice in choices if choice)
        raise PatchlearnError(f"output_stride: {head} does not take {wanted}. Choose one of: {numbers}.")
    return wanted or choices[0]


def _is_of_stages(backbone: str, head: str) -> bool:
    """Whether the encoder is cut by `create_stages`. Our own architectures have no maps at strides 2, 4, … 32."""
    if backbone in OWN and head not in LAST_MAP_HEADS:
        raise PatchlearnError(f"head: {backbone} has no {head}. Choose one of: {', '.join(LAST_MAP_HEADS)}.")
    return backbone in OWN or head == "linear"


def _built(backbone: str, head: str, channels: int, output_stride: int, *, from_hub: bool) -> tuple[Any, int]:
    """(the network, the height of its logits for the probe image)."""
    try:
        network = _build(backbone, head, channels, output_stride, True if from_hub else None)
        return network, _probe(network)
    except (AttributeError, RuntimeError, TypeError, ValueError, OSError, AssertionError) as error:
        # timm raises many kinds of errors where an architecture gives no feature maps, or none of this stride or size.
        reason = " ".join((str(error) or type(error).__name__).split())
        raise PatchlearnError(
            f"backbone: {head} on {backbone} at output stride {output_stride} cannot be built ({reason}). "
            "Choose another backbone or another head, or name local weights if the hub cannot be reached."
        ) from None


def _build(backbone: str, head: str, channels: int, output_stride: int, weights: bool | None) -> nn.Module:
    """The network without the last upsampling of its head: callers enlarge the logits themselves."""
    if head in LAST_MAP_HEADS:
        encoder = smp.encoders.get_encoder(f"tu-{backbone}", weights=weights, output_stride=output_stride)
        return LAST_MAP_HEADS[head](encoder, channels)
    options: dict[str, Any] = {} if head == "unet" else {"upsampling": 1}
    if head == "deeplabv3plus":
        options |= {"encoder_output_stride": output_stride, "decoder_atrous_rates": ATROUS_RATES[output_stride]}
    return smp.create_model(head, f"tu-{backbone}", weights, classes=channels, **options)


@torch.no_grad()
def _probe(network: nn.Module) -> int:
    """Height of the logits for a small image, in evaluation mode, so that batch norm's statistics do not change."""
    network.eval()
    height = int(network(torch.zeros(1, 3, PROBE, PROBE)).shape[2])
    network.train()
    return height


# Heads that read the encoder's last map alone.
LAST_MAP_HEADS: dict[str, Callable[[Any, int], nn.Module]] = {
    "deeplabv2": DeepLabV2,
    "largefov": LargeFOV,
    "linear": Linear,
}
