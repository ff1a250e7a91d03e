"""A trained segmentation network at work on one image: several scales, mirrored, in windows, with a dense CRF."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil, inf
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.runtime import layout, place
from patchlearn.core.types import BACKGROUND, IGNORE, Float32, UInt8, enlarge
from patchlearn.data.transforms import as_tensor, normalise, resize_long_side
from patchlearn.models.segmentation import LARGEST_STRIDE, SegmentationNetwork
from patchlearn.models.views import on_image_grid
from patchlearn.refine import dense_crf
from patchlearn.refine.crf.features import PRESETS

MODEL = "model.safetensors"
KIND = "segmenter"
NO_CRF = "none"
OVERLAP = 1 / 3  # of neighbouring windows: the step of two thirds of a window that mmsegmentation uses


@dataclass(frozen=True, kw_only=True)
class InferenceSettings:
    """How an image is segmented.

    Args:
        scales: factors on the base size; probabilities are averaged over them (YudeWang's DeepLab: 0.5 to 1.75).
        flip: add the mirror image at every scale.
        long_side: base size, the longer side in pixels; null for the image's own. What is much larger or smaller than
            the images the network was trained on is not recognised.
        window: an image with a longer side, at its scale, is cut into overlapping windows of this many pixels: what
            bounds the memory. A multiple of 32.
        crf: preset of the dense CRF that follows, at the image's own size ("segmenter", "irn", "psa"), or "none".
        iterations: of it.
        undecided: pixels whose most probable label, before the CRF, is less probable than this become 255.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = True
    long_side: int | None = None
    window: int = 768
    crf: str = NO_CRF
    iterations: int = 10
    undecided: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """A trained segmentation network with what is needed to use it.

    Args:
        network: in evaluation mode, on any device.
        classes: the K names; in a mask, i + 1 stands for `classes[i]`.
        settings: how images are segmented, unless a call says otherwise.
        scores: entries of evaluation.json about it, for the model card.
    """

    network: SegmentationNetwork
    classes: tuple[str, ...]
    settings: InferenceSettings = field(default_factory=InferenceSettings)
    scores: tuple[dict[str, Any], ...] = ()

    def predict(
        self, image: UInt8, settings: InferenceSettings | None = None, present: Sequence[int] | None = None
    ) -> UInt8:
        """H×W mask: 0 background, i + 1 class i, 255 undecided (if the settings ask for it).

        Args:
            image: H×W×3, RGB.
            settings: instead of the model's own.
            present: class indices that may occur, where they are known; None for all.

        Raises:
            PatchlearnError: not an H×W×3 uint8 image, no index of a class, or a setting is out of range.

        >>> network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2).eval()
        >>> model = Segmenter(network=network, classes=("cat", "dog"))
        >>> model.predict(np.zeros((20, 30, 3), np.uint8)).shape
        (20, 30)
        """
        settings = settings or self.settings
        maps = self.probabilities(image, settings, present)
        if settings.crf == NO_CRF:
            mask, probability = _argmax_at(maps, image.shape[:2])
        else:
            full = _normalised(enlarge(maps, image.shape[:2]))
            mask = dense_crf(image, full, settings.crf, settings.iterations).argmax(0).astype(np.uint8)
            probability = full.max(0)
        mask[probability < settings.undecided] = IGNORE
        return mask

    @torch.no_grad()
    def probabilities(
        self, image: UInt8, settings: InferenceSettings | None = None, present: Sequence[int] | None = None
    ) -> Float32:
        """(K+1)×h×w, background first, before any CRF, on a grid as fine as the network's output at scale 1.

        Args and errors are those of `predict`.
        """
        settings = settings or self.settings
        check_inference(settings)
        _check_image(image)
        views = _views(image, settings)
        cells = tuple(-(-side // self.network.stride) for side in views[0].shape[1:])
        maps = torch.stack([self._view_probabilities(view, settings, (cells[0], cells[1])) for view in views[1:]]).mean(
            0
        )
        return (maps if present is None else self._only(present, maps)).cpu().numpy()

    def _only(self, present: Sequence[int], maps: Tensor) -> Tensor:
        """(K+1)×h×w probabilities of the background and the classes that are present, the others being 0.

        Where all that remains has no probability, it is background.
        """
        strange = [index for index in present if not _is_whole(index) or not 0 <= index < len(self.classes)]
        if strange:
            raise PatchlearnError(f"present: {strange}; name classes by their index, 0 to {len(self.classes) - 1}.")
        kept = torch.zeros_like(maps)
        answers = [BACKGROUND, *(index + 1 for index in present)]
        kept[answers] = maps[answers]
        kept[BACKGROUND] += kept.sum(0) == 0
        return kept / kept.sum(0)

    def _view_probabilities(self, view: Tensor, settings: InferenceSettings, cells: tuple[int, int]) -> Tensor:
        """(K+1)×cells of one 3×H×W view: the mean over its windows and their mirror images."""
        stride = self.network.stride
        height, width = (ceil(side / LARGEST_STRIDE) * LARGEST_STRIDE for side in view.shape[1:])
        device = next(self.network.parameters()).device
        total = torch.zeros(len(self.classes) + 1, height // stride, width // stride, device=device)
        counts = torch.zeros(height // stride, width // stride, device=device)
        for top, left in _windows(height, width, settings.window):
            size = min(settings.window, height - top), min(settings.window, width - left)
            place = slice(top // stride, (top + size[0]) // stride), slice(left // stride, (left + size[1]) // stride)
            total[:, *place] += self._window_probabilities(view[:, top:, left:], size, flip=settings.flip)
            counts[place] += 1
        covered = view.shape[1] / height, view.shape[2] / width
        return on_image_grid((total / counts)[None], covered, cells)[0]

    def _window_probabilities(self, view: Tensor, size: tuple[int, int], *, flip: bool) -> Tensor:
        """(K+1)×h×w of the top left of a view, padded to the size, whose sides every stride divides."""
        device = next(self.network.parameters()).device
        cut = view[:, : size[0], : size[1]].to(device)
        pixels = normalise(cut, self.network.mean, self.network.std)[None]
        # Repeated, for a sudden end of the picture would be an edge that the picture does not have.
        padded = F.pad(pixels, (0, size[1] - cut.shape[2], 0, size[0] - cut.shape[1]), mode="replicate")
        both = torch.cat([padded, padded.flip(3)]) if flip else padded
        maps = self.network(both.contiguous(memory_format=layout(device))).float().softmax(1)
        return (maps[0] + maps[1].flip(2)) / 2 if flip else maps[0]


def save_segmenter(path: Path, segmenter: Segmenter) -> None:
    """Write weights and what rebuilds the segmenter into one safetensors file."""
    save_checkpoint(path, segmenter.network.state_dict(), segmenter_facts(segmenter))


def segmenter_facts(segmenter: Segmenter) -> dict[str, Any]:
    """Everything but the weights, as JSON can say it."""
    network = segmenter.network
    return {
        "kind": KIND,
        "backbone": network.backbone,
        "head": network.head,
        "output_stride": network.output_stride,
        "classes": list(segmenter.classes),
        "inference": asdict(segmenter.settings),
        "scores": segmenter.scores,
    }


def load_segmenter(path: Path) -> Segmenter:
    """Rebuild a trained segmenter from its file, in evaluation mode on the CPU.

    Raises:
        PatchlearnError: the file is missing, damaged, or no segmenter; or its tensors do not fit its architecture.
    """
    tensors, facts = load_checkpoint(path)
    try:
        if facts["kind"] != KIND:
            raise KeyError(facts["kind"])
        network = SegmentationNetwork(facts["backbone"], facts["head"], len(facts["classes"]), facts["output_stride"])
        network.load_state_dict(tensors)
        inference = facts["inference"]
        settings = InferenceSettings(**{**inference, "scales": tuple(inference["scales"])})
        check_inference(settings)
        classes, scores = tuple(map(str, facts["classes"])), tuple(facts["scores"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise PatchlearnError(
            f"{path}: not a segmenter of patchlearn ({reason}). Train it: patchlearn segment."
        ) from None
    return Segmenter(
        network=place(network.eval(), torch.device("cpu")), classes=classes, settings=settings, scores=scores
    )


def check_inference(settings: InferenceSettings) -> None:
    """Raise `PatchlearnError`, naming the setting, unless every one is an option or in range."""
    require_one_of("inference.crf", settings.crf, [*PRESETS, NO_CRF])
    if not settings.scales or not all(0 < scale < inf for scale in settings.scales):
        raise PatchlearnError(f"inference.scales: {list(settings.scales)}; name at least one, all positive.")
    if settings.long_side is not None and settings.long_side < 1:
        raise PatchlearnError(f"inference.long_side: {settings.long_side} is not positive.")
    if settings.window < LARGEST_STRIDE or settings.window % LARGEST_STRIDE:
        raise PatchlearnError(
            f"inference.window: {settings.window} is not a multiple of {LARGEST_STRIDE}. Choose 512 or 768."
        )
    if not 0 <= settings.undecided < 1:
        raise PatchlearnError(f"inference.undecided: {settings.undecided} is outside [0, 1).")
    if settings.iterations < 0:
        raise PatchlearnError(f"inference.iterations: {settings.iterations} is negative.")


def with_settings(segmenter: Segmenter, **changes: Any) -> Segmenter:
    """The same segmenter with other inference settings; those that are None stay as they are.

    Raises:
        PatchlearnError: a setting is out of range.
    """
    settings = replace(segmenter.settings, **{name: value for name, value in changes.items() if value is not None})
    check_inference(settings)
    return replace(segmenter, settings=settings)


def _is_whole(index: object) -> bool:
    """NumPy's integers are whole numbers too; True and False would be taken for 1 and 0."""
    return isinstance(index, Integral) and not isinstance(index, bool)


def _check_image(image: UInt8) -> None:
    shaped = isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3 and image.size
    if not shaped or image.dtype != np.uint8:
        kind = f"{image.dtype} of the shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise PatchlearnError(
            f"image: {kind}, but H×W×3 uint8 in RGB order is wanted. Read files with patchlearn.read_image."
        )


def _views(image: UInt8, settings: InferenceSettings) -> list[Tensor]:
    """3×H×W uint8: the image at its base size, then at every scale of it."""
    pixels, base = as_tensor(image), settings.long_side or max(image.shape[:2])
    sizes = [base, *(max(1, round(base * scale)) for scale in settings.scales)]
    return [resize_long_side(pixels, size) for size in sizes]


def _windows(height: int, width: int, window: int) -> Iterator[tuple[int, int]]:
    """(top, left) of overlapping windows that cover the picture, row by row."""
    for top in _window_starts(height, window):
        for left in _window_starts(width, window):
            yield top, left


def _window_starts(length: int, window: int) -> list[int]:
    """Evenly spaced multiples of the largest stride.

    >>> _window_starts(1024, 512), _window_starts(500, 512)
    ([0, 256, 512], [0])
    """
    if length <= window:
        return [0]
    count = ceil((length - window) / (window * (1 - OVERLAP))) + 1
    apart = (length - window) / (count - 1) / LARGEST_STRIDE
    return [round(index * apart) * LARGEST_STRIDE for index in range(count)]


def _argmax_at(maps: Float32, size: tuple[int, ...]) -> tuple[UInt8, Float32]:
    """(index, value) of the largest of K enlarged maps, each H×W; one map in memory at a time."""
    height, width = size
    best, winners = enlarge(maps[:1], (height, width))[0].copy(), np.zeros(size, np.uint8)
    for index in range(1, len(maps)):
        rival = enlarge(maps[index : index + 1], (height, width))[0]
        winners[rival > best] = index
        np.maximum(best, rival, out=best)
    return winners, best


def _normalised(maps: Float32) -> Float32:
    """Sums of one again, to the last digit."""
    return maps / maps.sum(0)
