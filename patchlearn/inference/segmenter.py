"""A trained segmentation network and one image: several scales, mirrored, in windows, with a dense CRF."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from math import ceil
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.runtime import memory_format, to_device
from patchlearn.core.types import BACKGROUND, Bands, Float32, UInt8
from patchlearn.data.transforms import as_tensor, normalise, resize_long_side
from patchlearn.inference.labelled import labelled
from patchlearn.inference.settings import InferenceSettings
from patchlearn.inference.thresholds import Float64, ImageThreshold, check_thresholds, dropped, image_scores
from patchlearn.inference.windows import window_corners
from patchlearn.models.grids import on_image_grid
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.models.views import long_sides

KIND = "segmenter"


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """What a segmenter says about one image.

    Args:
        mask: H×W; 0 background, i + 1 class i, 255 undecided.
        probabilities: (K+1)×h×w, background first, before any CRF and any threshold.
    """

    mask: UInt8
    probabilities: Float32

    @cached_property
    def scores(self) -> Float64:
        """K scores in [0, 1]: the 99.9 % quantile of each class's probability."""
        return image_scores(self.probabilities)


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """A trained segmentation network with what is needed to use it.

    Args:
        network: in evaluation mode, on any device.
        classes: the K names; in a mask, i + 1 stands for `classes[i]`.
        settings: how images are segmented, unless a call says otherwise.
        scores: entries of evaluation.json about it, for the model card.
        bands: of an image file that it learned as red, green and blue; None for the usual ones. Whoever reads files
            for it passes them to `read_image`.
    """

    network: SegmentationNetwork
    classes: tuple[str, ...]
    settings: InferenceSettings = field(default_factory=InferenceSettings)
    scores: tuple[dict[str, Any], ...] = ()
    bands: Bands | None = None

    def predict(
        self,
        image: UInt8,
        settings: InferenceSettings | None = None,
        present: Sequence[int] | None = None,
        *,
        image_threshold: ImageThreshold | None = None,
        pixel_threshold: float | None = None,
    ) -> UInt8:
        """H×W mask: 0 background, i + 1 class i, 255 undecided (if the settings or `pixel_threshold` ask for it).

        Args:
            image: H×W×3, RGB.
            settings: instead of the model's own.
            present: class indices that may occur, where they are known; None for all.
            image_threshold: in [0, 1]; a class whose score of the image (`Segmentation.scores`) is lower is not in the
                mask, and its pixels have the most probable of the remaining labels. One number for all classes, or
                class → number, None for a class that is never dropped.
            pixel_threshold: in [0, 1]; a pixel whose label is less probable than this, before the CRF, becomes 255.
                None for `undecided` of the settings.

        Raises:
            PatchlearnError: not an H×W×3 uint8 image, no index of a class, or a setting or threshold is out of range.

        >>> network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2).eval()
        >>> model = Segmenter(network=network, classes=("cat", "dog"))
        >>> model.predict(np.zeros((20, 30, 3), np.uint8)).shape
        (20, 30)
        """
        return self.segment(
            image, settings, present, image_threshold=image_threshold, pixel_threshold=pixel_threshold
        ).mask

    def segment(
        self,
        image: UInt8,
        settings: InferenceSettings | None = None,
        present: Sequence[int] | None = None,
        *,
        image_threshold: ImageThreshold | None = None,
        pixel_threshold: float | None = None,
    ) -> Segmentation:
        """The mask with the probabilities and the scores it was made of. Args and errors are those of `predict`."""
        settings = settings or self.settings
        check_thresholds(image_threshold, pixel_threshold, self.classes)
        maps = self.probabilities(image, settings, present)
        scores = image_scores(maps) if image_threshold is not None else np.zeros(0)
        left_out = dropped(scores, image_threshold, self.classes)
        labels = [label for label in range(len(maps)) if label - 1 not in left_out]
        least = settings.undecided if pixel_threshold is None else pixel_threshold
        mask = labelled(image, maps, labels, settings, least)
        return Segmentation(mask=mask, probabilities=maps)

    @torch.no_grad()
    def probabilities(
        self, image: UInt8, settings: InferenceSettings | None = None, present: Sequence[int] | None = None
    ) -> Float32:
        """(K+1)×h×w, background first, before any CRF, on a grid as fine as the network's output at scale 1.

        Args and errors are those of `predict`.
        """
        settings = settings or self.settings
        _check_image(image)
        views = _views(image, settings)
        cells = tuple(-(-side // self.network.stride) for side in views[0].shape[1:])
        found = [self._view_probabilities(view, settings, (cells[0], cells[1])) for view in views[1:]]
        maps = found[0] if len(found) == 1 else torch.stack(found).mean(0)
        return (maps if present is None else self._only(present, maps)).cpu().numpy()

    def _only(self, present: Sequence[int], maps: Tensor) -> Tensor:
        """(K+1)×h×w probabilities of the background and the present classes; those of the others are 0.

        A pixel at which all of them are 0 becomes background.
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
        stride, unit = self.network.stride, self.network.unit
        height, width = (ceil(side / unit) * unit for side in view.shape[1:])
        window = settings.window // unit * unit
        device = next(self.network.parameters()).device
        total = torch.zeros(len(self.classes) + 1, height // stride, width // stride, device=device)
        counts = torch.zeros(height // stride, width // stride, device=device)
        for top, left in window_corners(height, width, window, unit):
            size = min(window, height - top), min(window, width - left)
            cells_of = (
                slice(top // stride, (top + size[0]) // stride),
                slice(left // stride, (left + size[1]) // stride),
            )
            total[:, *cells_of] += self._window_probabilities(view[:, top:, left:], size, flip=settings.flip)
            counts[cells_of] += 1
        covered = view.shape[1] / height, view.shape[2] / width
        return on_image_grid(total.div_(counts)[None], covered, cells)[0]

    def _window_probabilities(self, view: Tensor, size: tuple[int, int], *, flip: bool) -> Tensor:
        """(K+1)×h×w of the top left of a view, padded to the size, whose sides every stride divides."""
        device = next(self.network.parameters()).device
        cut = view[:, : size[0], : size[1]].to(device)
        pixels = normalise(cut, self.network.mean, self.network.std)[None]
        # The border is repeated: a sudden end would be an edge that the picture does not have.
        padded = F.pad(pixels, (0, size[1] - cut.shape[2], 0, size[0] - cut.shape[1]), mode="replicate")
        both = torch.cat([padded, padded.flip(3)]) if flip else padded
        maps = self.network(both.contiguous(memory_format=memory_format(device))).float().softmax(1)
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
        **({"bands": list(segmenter.bands)} if segmenter.bands else {}),
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
        classes, scores = tuple(map(str, facts["classes"])), tuple(facts["scores"])
        bands = tuple(map(int, facts.get("bands", ())))
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise PatchlearnError(
            f"{path}: not a segmenter of patchlearn ({reason}). Train it: patchlearn segment."
        ) from None
    return Segmenter(
        network=to_device(network.eval(), torch.device("cpu")),
        classes=classes,
        settings=settings,
        scores=scores,
        bands=(bands[0], bands[1], bands[2]) if bands else None,
    )


def with_settings(segmenter: Segmenter, **changes: Any) -> Segmenter:
    """The same segmenter with other inference settings; those that are None stay as they are.

    Raises:
        PatchlearnError: a setting is out of range.
    """
    settings = replace(segmenter.settings, **{name: value for name, value in changes.items() if value is not None})
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
    sizes = long_sides(image.shape[:2], (1.0, *settings.scales), settings.long_side)
    return [resize_long_side(as_tensor(image), size) for size in sizes]
