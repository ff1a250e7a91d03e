"""SAM 2: prompts in pixels of the image, whatever its size, and masks of the same size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import noise_image
from PIL import Image
from sam_models import SIDE, answering_sam, bounds, discs, sam2_processor, whole_box, write_sam2

from patchlearn.core.types import UInt8
from patchlearn.models.sam2 import BATCH, Sam2, load_sam2
from patchlearn.refine.prompts import Prompt

SIZES = [(64, 64), (90, 150), (200, 50), (37, 211)]


def prompt(points: list[list[int]], box: tuple[int, int, int, int] = (0, 0, 9, 9)) -> Prompt:
    return Prompt(label=1, points=np.array(points), box=box, pixels=np.array([0]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sam2(tmp_path_factory.mktemp("weights") / "sam2")


@pytest.mark.parametrize("size", SIZES)
def test_points_are_x_and_y_in_pixels_of_the_image(size: tuple[int, int]) -> None:
    """The network draws discs in its own square grid; in the image they lie around the points."""
    height, width = size
    x, y = width // 4, 2 * height // 3
    (mask,) = answering_sam(discs).see(noise_image(*size)).masks([prompt([[x, y]])])
    assert (mask.shape, mask.dtype) == (size, bool)
    left, top, right, bottom = bounds(mask)
    cell = (width / SIDE, height / SIDE)
    assert (left + right) / 2 == pytest.approx(x, abs=cell[0] + 0.5)
    assert (top + bottom) / 2 == pytest.approx(y, abs=cell[1] + 0.5)
    assert right - left + 1 == pytest.approx(6 * cell[0], abs=2 * cell[0] + 1)
    assert bottom - top + 1 == pytest.approx(6 * cell[1], abs=2 * cell[1] + 1)


@pytest.mark.parametrize("size", SIZES)
def test_boxes_are_left_top_right_bottom_in_pixels_of_the_image(size: tuple[int, int]) -> None:
    height, width = size
    box = (width // 5, height // 2, width // 2, 3 * height // 4)
    (mask,) = answering_sam(whole_box).see(noise_image(*size)).masks([prompt([[0, 0]], box)])
    cells = np.array([width, height, width, height]) / SIDE
    assert (np.abs(np.array(bounds(mask)) - box) <= cells + 0.5).all()


def test_prompts_with_fewer_points_are_filled_up_without_a_point() -> None:
    sam = answering_sam(discs)
    one, three = prompt([[20, 30]]), prompt([[90, 10], [60, 60], [140, 80]])
    masks = list(sam.see(noise_image(90, 150)).masks([one, three]))
    (alone,) = sam.see(noise_image(90, 150)).masks([one])
    assert (masks[0] == alone).all()
    assert all(masks[1][y, x] for x, y in three.points)
    assert not masks[1][30, 20]


def test_an_image_is_read_once_and_asked_in_batches_and_not_at_all_without_prompts() -> None:
    sam = answering_sam(whole_box)
    seen = sam.see(noise_image(40, 60))
    assert list(seen.masks([])) == []
    assert sam.network.seen == 0
    prompts = [prompt([[n, n]], (n, n, n + 9, n + 9)) for n in range(BATCH + 3)]
    masks = [*seen.masks(prompts), *seen.masks(prompts[:2])]
    assert (sam.network.seen, sam.network.asked) == (1, [BATCH, 3, 2])
    assert [bounds(mask)[0] for mask in masks[:BATCH:5]] == pytest.approx([0, 5, 10, 15], abs=1)
    assert (masks[-1] == masks[1]).all()


def direct(sam: Sam2, image: UInt8, prompts: list[Prompt]) -> tuple[torch.Tensor, UInt8]:
    """(logits, masks) as transformers' own example computes them; each prompt has the same number of points."""
    inputs = sam.processor(
        images=Image.fromarray(image),
        input_points=[[each.points.tolist() for each in prompts]],
        input_labels=[[[1] * len(each.points) for each in prompts]],
        input_boxes=[[list(each.box) for each in prompts]],
        return_tensors="pt",
    )
    with torch.no_grad():
        found = sam.network(
            **{name: inputs[name] for name in inputs if name != "original_sizes"}, multimask_output=False
        )
    (masks,) = sam.processor.post_process_masks(found.pred_masks, inputs["original_sizes"])
    return found.pred_masks[0], masks[:, 0].numpy()


def test_a_saved_network_answers_as_the_librarys_own_call_does(folder: Path) -> None:
    sam, image = load_sam2(str(folder)), noise_image(50, 80)
    first, second = [[10, 20], [30, 5]], [[70, 40], [60, 30]]
    prompts = [prompt(first, (4, 4, 40, 30)), prompt(second, (50, 20, 79, 49))]
    logits, masks = direct(sam, image, prompts)
    assert (np.stack(list(sam.see(image).masks(prompts))) == masks).all()
    assert 0 < masks.mean() < 1
    found = sam.see(image)._logits(prompts)
    torch.testing.assert_close(found, logits, atol=1e-6, rtol=1e-5)
    for changed in (prompt(second, (4, 4, 40, 30)), prompt(first, (50, 20, 79, 49)), prompt([[20, 10], [5, 30]])):
        assert (sam.see(image)._logits([changed])[0] - logits[0]).abs().max() > 1e-3  # points and box both count


def test_the_hubs_model_for_videos_answers_the_same(folder: Path, tmp_path: Path) -> None:
    """Of its weights those for images are read."""
    library = pytest.importorskip("transformers")
    images = library.Sam2Model.from_pretrained(folder)
    small = {"memory_attention_hidden_size": 32, "memory_attention_feed_forward_hidden_size": 32}
    video = library.Sam2VideoModel(
        library.Sam2VideoConfig(
            vision_config=images.config.vision_config.to_dict(),
            prompt_encoder_config=images.config.prompt_encoder_config.to_dict() | {"model_type": "sam2_prompt_encoder"},
            mask_decoder_config=images.config.mask_decoder_config.to_dict(),
            image_size=SIDE,
            **small,
            memory_attention_num_layers=1,
            memory_attention_rope_feat_sizes=[4, 4],
            memory_encoder_hidden_size=32,
            memory_encoder_output_channels=8,
            mask_downsampler_embed_dim=32,
            memory_fuser_embed_dim=32,
            memory_fuser_intermediate_dim=32,
        )
    )
    video.load_state_dict(images.state_dict(), strict=False)
    video.save_pretrained(tmp_path)
    sam2_processor().save_pretrained(tmp_path)
    image, asked = noise_image(50, 80), [prompt([[10, 20]], (4, 4, 40, 30))]
    first, second = (load_sam2(str(each)).see(image)._logits(asked) for each in (folder, tmp_path))
    assert (first == second).all()
