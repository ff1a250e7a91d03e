"""Masks of SAM 2 in a pseudo mask."""

import numpy as np
import pytest
from conftest import noise_image
from sam_models import answering_sam, whole_box, write_sam2
from torch import Tensor

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import IGNORE, Float32
from patchlearn.maps.prompted_mask import prompted_mask
from patchlearn.models.sam2 import Sam2, load_sam2
from patchlearn.refine.settings import SamSettings

SIZE = (64, 64)  # that of the answering network's grid: it draws pixels of the image
SAM = SamSettings(model="owner/sam2")


def square(left: int, top: int, right: int, bottom: int, value: float) -> Float32:
    scores = np.zeros(SIZE, np.float32)
    scores[top : bottom + 1, left : right + 1] = value
    return scores


def maps(*classes: Float32) -> Float32:
    """With a background of 0.5."""
    return np.stack([np.full(SIZE, 0.5, np.float32), *classes])


def lower_half(points: Tensor, box: Tensor) -> Tensor:
    left, top, right, bottom = box
    return whole_box(points, Tensor([left, (top + bottom) / 2, right, bottom]))


def wider(points: Tensor, box: Tensor) -> Tensor:
    return whole_box(points, box + Tensor([-4, -4, 4, 4]))


def test_the_mask_is_that_of_sam_where_it_is_taken_and_the_others_stay() -> None:
    scores = maps(square(10, 10, 29, 29, 0.9), square(40, 40, 49, 49, 0.8))
    scores[1, 30:40, 10:30] = 0.4  # below the background, and outside of the component
    winners = scores.argmax(0)
    mask = np.array([0, 3, 7], np.uint8)[winners]
    mask[40, 40:50] = IGNORE
    asked = {10: wider, 40: lambda points, box: whole_box(points, box * 0)}  # the second answer is empty
    sam = answering_sam(lambda points, box: asked[int(box[0])](points, box))
    found = prompted_mask(mask, winners, scores, [0, 3, 7], SAM, seen=sam.see(noise_image(*SIZE)))
    assert (found[6:33, 6:33] == 3).all()
    assert (found == 3).sum() == 27**2  # the pixels whose middle lies in the box, 4 wider on each side
    assert (found[40:, 40:] == mask[40:, 40:]).all()
    assert (found[40, 40:50] == IGNORE).all()


def test_without_a_model_nothing_is_asked_and_without_a_network_it_is_said() -> None:
    scores = maps(square(10, 10, 29, 29, 0.9))
    mask = scores.argmax(0).astype(np.uint8)
    sam = answering_sam(lower_half)
    assert prompted_mask(mask, scores.argmax(0), scores, [0, 1], SamSettings()) is mask
    with pytest.raises(PatchlearnError, match=r"sam\.model is set, but SAM 2 is not loaded"):
        prompted_mask(mask, scores.argmax(0), scores, [0, 1], SAM)
    assert sam.network.seen == 0


def test_pixels_of_unknown_classes_are_not_asked_about_and_stay() -> None:
    scores = maps(square(10, 10, 29, 29, 0.9), square(30, 10, 49, 29, 0.8))
    winners = scores.argmax(0)
    mask = np.array([0, 1, IGNORE], np.uint8)[winners]
    sam = answering_sam(wider)
    found = prompted_mask(mask, winners, scores, [0, 1, IGNORE], SAM, seen=sam.see(noise_image(*SIZE)))
    assert sam.network.asked == [1]
    assert (found[10:30, 30:50] == IGNORE).all()
    assert (found[7:33, 7:30] == 1).all()


def test_the_bound_of_growth_holds() -> None:
    scores = maps(square(10, 10, 29, 29, 0.9))
    winners = scores.argmax(0)
    mask, sam = winners.astype(np.uint8), answering_sam(wider)
    seen = sam.see(noise_image(*SIZE))
    assert (prompted_mask(mask, winners, scores, [0, 1], SAM, growth=1.5, seen=seen) == mask).all()
    assert prompted_mask(mask, winners, scores, [0, 1], SAM, growth=3.0, seen=seen).sum() > 1.5 * mask.sum()


def test_points_are_as_many_as_the_settings_say() -> None:
    scores, counts = maps(square(2, 2, 60, 60, 0.9)), []

    def count(points: Tensor, box: Tensor) -> Tensor:
        counts.append(len(points))
        return whole_box(points, box)

    seen = answering_sam(count).see(noise_image(*SIZE))
    for points in (1, 4):
        settings = SamSettings(model="owner/sam2", points=points)
        prompted_mask(scores.argmax(0).astype(np.uint8), scores.argmax(0), scores, [0, 1], settings, seen=seen)
    assert counts == [1, 4]


def test_a_real_network_changes_only_what_it_is_asked_about(tmp_path_factory: pytest.TempPathFactory) -> None:
    sam: Sam2 = load_sam2(str(write_sam2(tmp_path_factory.mktemp("weights"))))
    scores = maps(square(10, 10, 29, 29, 0.9))
    winners = scores.argmax(0)
    found = prompted_mask(winners.astype(np.uint8), winners, scores, [0, 1], SAM, seen=sam.see(noise_image(*SIZE)))
    assert set(np.unique(found)) <= {0, 1}
