"""SAM 2 and SAM 3 with tiny networks: random weights, the real processors, written as a user would find them.

And a network that answers every prompt with what it was asked about, drawn into its own grid.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from patchlearn.models.sam2 import Sam2

SIDE = 64  # of the grid into which a processor resizes every image
Draw = Callable[[Tensor, Tensor], Tensor]  # points n×2 and box 4, in the grid → its pixels, SIDE×SIDE


def write_sam2(folder: Path) -> Path:
    """Four stages of one or two blocks."""
    library = pytest.importorskip("transformers")
    stages = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 8,
        "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],
        "window_positional_embedding_background_size": [4, 4],
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": stages,
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        "fpn_hidden_size": 32,
    }
    decoder = {"hidden_size": 32, "mlp_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = library.Sam2Config(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 32, "image_size": SIDE, "patch_size": 16},
        mask_decoder_config={**decoder, "iou_head_hidden_dim": 32},
    )
    _loud(library.Sam2Model, config).save_pretrained(folder)
    sam2_processor().save_pretrained(folder)
    return folder


def sam2_processor() -> Any:
    """The real one, for a grid of SIDE×SIDE."""
    library = pytest.importorskip("transformers")
    sizes = {"size": {"height": SIDE, "width": SIDE}, "mask_size": {"height": SIDE // 4, "width": SIDE // 4}}
    return library.Sam2Processor(library.Sam2ImageProcessor(**sizes))


def write_sam3(folder: Path) -> Path:
    """One or two layers of each part; the tokenizer knows single letters."""
    library = pytest.importorskip("transformers")
    side, layers = 56, {"hidden_size": 32, "num_layers": 1, "num_attention_heads": 4, "intermediate_size": 32}
    backbone = {
        "model_type": "sam3_vit_model",
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": side,
        "patch_size": 14,
        "window_size": 2,
        "global_attn_indexes": [1],
        "pretrain_image_size": 28,
    }
    sizes = [[16, 16], [8, 8], [4, 4]]
    text = {
        "model_type": "clip_text_model",
        "vocab_size": 54,
        "bos_token_id": 52,
        "eos_token_id": 53,
        "hidden_size": 32,
        "intermediate_size": 32,
        "projection_dim": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 32,
    }
    config = library.Sam3Config(
        vision_config={
            "model_type": "sam3_vision_model",
            "backbone_config": backbone,
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": sizes,
        },
        text_config=text,
        geometry_encoder_config=layers,
        detr_encoder_config=layers,
        detr_decoder_config={**layers, "num_queries": 5},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 4},
    )
    _loud(library.Sam3Model, config).save_pretrained(folder)
    images = library.Sam3ImageProcessor(size={"height": side, "width": side})
    library.Sam3Processor(images, _letters()).save_pretrained(folder)
    return folder


def _letters() -> Any:
    """52 tokens, of a letter within a word and at its end; then the begin and the end of the text."""
    library, letters = pytest.importorskip("transformers"), "abcdefghijklmnopqrstuvwxyz"
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return library.CLIPTokenizer(vocab={token: index for index, token in enumerate(tokens)}, merges=[])


def _loud(kind: Callable[[Any], Any], config: Any) -> Any:
    """Weights so large that the answer depends on image and prompt; those of transformers are 0.02 or 0."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        network = kind(config)  # its random embedding of positions is no parameter
        for values in network.parameters():
            values.copy_(torch.randn(values.shape) * (0.3 if values.ndim > 1 else 0.1))
    return network.eval()


class Answering:
    """In the place of `Sam2Model`: it notes what it was asked, and draws its answers."""

    device = torch.device("cpu")

    def __init__(self, draw: Draw):
        self.draw, self.seen, self.asked = draw, 0, []  # type: tuple[Draw, int, list[int]]

    def get_image_embeddings(self, pixels: Tensor) -> list[Tensor]:
        self.seen += 1
        assert pixels.shape == (1, 3, SIDE, SIDE)
        return [pixels]

    def __call__(
        self,
        *,
        image_embeddings: Sequence[Tensor],
        input_points: Tensor,
        input_labels: Tensor,
        input_boxes: Tensor,
        multimask_output: bool,
    ) -> SimpleNamespace:
        assert not multimask_output
        self.asked.append(input_boxes.shape[1])
        prompts = zip(input_points[0], input_labels[0], input_boxes[0], strict=True)
        masks = torch.stack([self.draw(points[labels == 1], box) for points, labels, box in prompts])
        return SimpleNamespace(pred_masks=(masks.float() * 2 - 1)[None, :, None])


def discs(points: Tensor, box: Tensor) -> Tensor:
    """Around each point, three pixels of the grid in each direction."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    near = [(columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= 3**2 for x, y in points]
    return torch.stack(near).any(0)


def whole_box(points: Tensor, box: Tensor) -> Tensor:
    """All pixels of the grid whose middle lies in the box."""
    rows, columns = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    left, top, right, bottom = box
    return (columns >= left) & (columns <= right) & (rows >= top) & (rows <= bottom)


def answering_sam(draw: Draw) -> Sam2:
    """SAM 2 with the real processor, whose network draws."""
    return Sam2(Answering(draw), sam2_processor())


def bounds(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> tuple[int, int, int, int]:
    """First and last column and row: (x0, y0, x1, y1)."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
