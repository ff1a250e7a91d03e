"""SAM 2: masks from points and boxes (Ravi et al., "SAM 2: Segment Anything in Images and Videos", 2024)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from patchlearn.core.types import UInt8
from patchlearn.models.promptable import pretrained
from patchlearn.refine.prompts import Prompt

Bools = NDArray[np.bool_]

FAMILIES = ("sam2", "sam2_video")  # the hub's SAM 2 is that for videos; the network for images is a part of it
BATCH = 16  # prompts at a time: it bounds the memory


@dataclass(frozen=True, eq=False)
class Sam2:
    """A loaded SAM 2.

    Args:
        network: `transformers.Sam2Model`, in evaluation mode.
        processor: `transformers.Sam2Processor`, which resizes images and takes points and boxes along.
    """

    network: Any
    processor: Any

    def see(self, image: UInt8) -> "SeenImage":
        """The image that is to be asked about: H×W×3, RGB. It is read at the first question."""
        return SeenImage(self, image)


@dataclass(frozen=True, eq=False)
class SeenImage:
    """An image that SAM 2 reads once, however often it is asked.

    Args:
        sam: the network.
        image: H×W×3, RGB.
    """

    sam: Sam2
    image: UInt8

    def masks(self, prompts: Sequence[Prompt]) -> Iterator[Bools]:
        """H×W for each prompt, one after another.

        The network is asked for one mask, with all points and the box. Logits of a mask are resized to the image, and
        cut at 0.
        """
        for start in range(0, len(prompts), BATCH):
            for logits in self._logits(prompts[start : start + BATCH]):
                (mask,) = self.sam.processor.post_process_masks([logits[None]], [self._size])
                yield mask[0, 0].numpy()

    @property
    def _size(self) -> list[int]:
        return list(self.image.shape[:2])

    @cached_property
    def _embeddings(self) -> list[Tensor]:
        inputs = self.sam.processor(images=Image.fromarray(self.image), return_tensors="pt")
        with torch.inference_mode():
            return list(self.sam.network.get_image_embeddings(inputs["pixel_values"].to(self.sam.network.device)))

    def _logits(self, prompts: Sequence[Prompt]) -> Tensor:
        """n×1×h×w on the CPU."""
        inputs = self.sam.processor(
            input_points=[[prompt.points.tolist() for prompt in prompts]],
            input_labels=[[[1] * len(prompt.points) for prompt in prompts]],
            input_boxes=[[list(prompt.box) for prompt in prompts]],
            original_sizes=[self._size],
            return_tensors="pt",
        ).to(self.sam.network.device)
        del inputs["original_sizes"]
        with torch.inference_mode():
            found = self.sam.network(image_embeddings=self._embeddings, multimask_output=False, **inputs)
        return found.pred_masks[0].float().cpu()


def load_sam2(model: str, device: torch.device | str = "cpu") -> Sam2:
    """SAM 2 with its weights.

    Args:
        model: a repository on the hub, such as "facebook/sam2.1-hiera-tiny", or a folder.
        device: where it computes.

    Raises:
        PatchlearnError: as `pretrained`.
    """
    network, processor = pretrained(model, "Sam2Model", "Sam2Processor", FAMILIES)
    return Sam2(network.to(device), processor)
