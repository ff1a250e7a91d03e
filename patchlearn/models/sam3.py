"""SAM 3: whether an image shows what a word says (Carion et al., "SAM 3: Segment Anything with Concepts", 2025)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Float32, UInt8
from patchlearn.models.promptable import pretrained

FAMILIES = ("sam3", "sam3_video")  # the hub's SAM 3 is that for videos; the network for images is a part of it


@dataclass(frozen=True, eq=False)
class Sam3:
    """A loaded SAM 3.

    Args:
        network: `transformers.Sam3Model`, in evaluation mode.
        processor: `transformers.Sam3Processor`, which resizes images and splits words into tokens.
    """

    network: Any
    processor: Any

    def presence(self, image: UInt8, words: Sequence[str]) -> Float32:
        """K: for each word, how probable the network finds it in the image, in [0, 1].

        This is the sigmoid of the network's presence logit. The image is read once.

        Args:
            image: H×W×3, RGB.
            words: of the K classes, a noun or a short phrase each.

        Raises:
            PatchlearnError: a word is too long.
        """
        device = self.network.device
        pixels = self.processor(images=Image.fromarray(image), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            seen = self.network.get_vision_features(pixels.to(device))
            logits = [self.network(vision_embeds=seen, **self._tokens(word)).presence_logits for word in words]
        return np.array([float(each.sigmoid()) for each in logits], np.float32)

    def _tokens(self, word: str) -> dict[str, torch.Tensor]:
        tokens = self.processor(text=word, return_tensors="pt")
        most = self.network.config.text_config.max_position_embeddings
        if tokens["input_ids"].shape[1] > most:
            raise PatchlearnError(f"SAM 3: {word!r} has more than {most} tokens. Choose a shorter word for the class.")
        return {name: tokens[name].to(self.network.device) for name in ("input_ids", "attention_mask")}


def load_sam3(model: str, device: torch.device | str = "cpu") -> Sam3:
    """SAM 3 with its weights.

    Args:
        model: a repository on the hub, such as "facebook/sam3", or a folder.
        device: where it computes.

    Raises:
        PatchlearnError: as `pretrained`.
    """
    network, processor = pretrained(model, "Sam3Model", "Sam3Processor", FAMILIES)
    return Sam3(network.to(device), processor)
