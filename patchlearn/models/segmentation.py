"""Segmentation networks: a head of segmentation-models-pytorch, DeepLabv2's or LargeFOV, on any timm encoder.

Sources: Chen et al., "Semantic Image Segmentation with Deep Convolutional Nets and Fully Connected CRFs" (DeepLabv1,
LargeFOV), ICLR 2015; Chen et al., "DeepLab" (v2), TPAMI 2018; Chen et al., "Encoder-Decoder with Atrous Separable
Convolution for Semantic Image Segmentation" (DeepLabV3+), ECCV 2018; the other heads' papers are named in the
documentation of segmentation-models-pytorch.
"""

from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.models.backbones.create import architecture, channel_means
from patchlearn.models.backbones.dilated import quicken_dilated
from patchlearn.models.backbones.resnet38 import OWN, check_own, create_own
from patchlearn.models.backbones.weights import load_weights
from patchlearn.models.settings import HEAD_STRIDES, LARGEST_STRIDE

# DeepLabV3+, table 1: 6, 12, 18 at stride 16, doubled at stride 8.
ATROUS_RATES = {16: (6, 12, 18), 8: (12, 24, 36)}
LAST_MAP_HEADS = ("deeplabv2", "largefov")  # they read the encoder's last map alone
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
            smaller = F.interpolate(images, scale_factor=scale, mode="bilinear", align_corners=False)
            enlarged = F.interpolate(
                self._at_one_scale(smaller), logits.shape[2:], mode="bilinear", align_corners=False
            )
            logits = torch.maximum(logits, enlarged)
        return logits

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
        encoder: of segmentation-models-pytorch, or an `OwnEncoder`; its last map is read.
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


class OwnEncoder(nn.Module):
    """One of our own architectures with the interface of segmentation-models-pytorch's encoders.

    Args:
        name: a key of `patchlearn.models.backbones.resnet38.OWN`.
        output_stride: must be the one that the architecture has.

    Attributes:
        model: the architecture.
        out_channels: of the maps that `forward` gives.
    """

    def __init__(self, name: str, output_stride: int):
        super().__init__()
        self.model = create_own(name, output_stride)
        self.out_channels = [3, *(info["num_chs"] for info in self.model.feature_info)]

    def forward(self, images: Tensor) -> list[Tensor]:
        """B×3×H×W → the images, and the map of each of the stages."""
        maps = [images]
        for piece in self.model.pieces():
            features = maps[-1]
            for module in piece:
                features = module(features)
            maps.append(features)
        return maps


class SegmentationNetwork(nn.Module):
    """An encoder and a head for images of any size.

    Args:
        backbone: a timm architecture that gives feature maps (`features_only`), or "resnet38", for the heads
            "deeplabv2" and "largefov".
        head: a key of `patchlearn.models.settings.HEAD_STRIDES`.
        classes: K, background not counted.
        output_stride: of the encoder; None for the head's default.
        weights: of the encoder: None, "hub", "demo" or the path of a state dict.

    Attributes:
        stride: pixels per cell of the logits.
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
        _check_own(backbone, head, self.output_stride, weights)
        full = architecture(backbone)
        self.mean, self.std = channel_means(full, "mean"), channel_means(full, "std")
        self.model, height = _built(backbone, head, classes + 1, self.output_stride, from_hub=weights == "hub")
        self.stride = PROBE // height
        if weights != "hub":
            load_weights(self.model.encoder.model, full, backbone, weights)
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
        padded = F.pad(images, (0, -width % LARGEST_STRIDE, 0, -height % LARGEST_STRIDE))
        logits: Tensor = self.model(padded)
        return logits[..., : -(-height // self.stride), : -(-width // self.stride)]

    def freeze_statistics(self) -> None:
        """Put the encoder's batch norm into evaluation mode: it keeps its pretrained statistics."""
        for module in self.encoder.modules():
            if isinstance(module, BatchNorm):
                module.eval()


def _output_stride(head: str, wanted: int | None) -> int:
    choices = HEAD_STRIDES[head]
    if wanted is not None and wanted not in choices:
        raise PatchlearnError(
            f"output_stride: {head} does not take {wanted}. Choose one of: {', '.join(map(str, choices))}."
        )
    return wanted or choices[0]


def _check_own(backbone: str, head: str, output_stride: int, weights: str | None) -> None:
    """Our own architectures have no maps at strides 2, 4, … 32, which the other heads read."""
    if backbone not in OWN:
        return
    if head not in LAST_MAP_HEADS:
        raise PatchlearnError(f"head: {backbone} has no {head}. Choose one of: {', '.join(LAST_MAP_HEADS)}.")
    check_own(backbone, output_stride, weights)


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
        network = LargeFOV if head == "largefov" else DeepLabV2
        return network(_encoder(backbone, output_stride, weights), channels)
    options: dict[str, Any] = {} if head == "unet" else {"upsampling": 1}
    if head == "deeplabv3plus":
        options |= {"encoder_output_stride": output_stride, "decoder_atrous_rates": ATROUS_RATES[output_stride]}
    return smp.create_model(head, f"tu-{backbone}", weights, classes=channels, **options)


def _encoder(backbone: str, output_stride: int, weights: bool | None) -> Any:
    if backbone in OWN:
        return OwnEncoder(backbone, output_stride)
    return smp.encoders.get_encoder(f"tu-{backbone}", weights=weights, output_stride=output_stride)


@torch.no_grad()
def _probe(network: nn.Module) -> int:
    """Height of the logits for a small image, in evaluation mode, so that batch norm's statistics do not change."""
    network.eval()
    height = int(network(torch.zeros(1, 3, PROBE, PROBE)).shape[2])
    network.train()
    return height
