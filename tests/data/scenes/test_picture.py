"""Sprites are pasted into a picture, and every pixel keeps the object and the part that it shows."""

import numpy as np

from patchlearn.data.scenes.drawing import COVER, STRONG, WEAK, Sprite
from patchlearn.data.scenes.picture import Picture


def sprite(*parts: list[int], shadow: float = 0.0) -> Sprite:
    part = np.array(parts, np.uint8)
    alpha = (part > 0).astype(np.float32)
    return Sprite(
        colour=200 * alpha[..., None].repeat(3, axis=2), alpha=alpha, part=part, shadow=np.full_like(alpha, shadow)
    )


def blank(height: int = 4, width: int = 5) -> Picture:
    return Picture(np.full((height, width, 3), 100, np.float32))


def test_an_object_is_in_mask_parts_and_image() -> None:
    picture = blank()
    assert picture.is_empty
    picture.paste(sprite([STRONG, WEAK], [0, WEAK]), (1, 2), label=3)
    assert not picture.is_empty
    assert picture.size == (4, 5)
    assert picture.mask[1:3, 2:4].tolist() == [[4, 4], [0, 4]]
    assert picture.parts[1:3, 2:4].tolist() == [[STRONG, WEAK], [0, WEAK]]
    assert picture.image[1:3, 2:4, 0].tolist() == [[200, 200], [100, 200]]
    assert picture.mask.sum() == 12


def test_clutter_covers_objects_and_is_background() -> None:
    picture = blank()
    picture.paste(sprite([WEAK, WEAK]), (0, 0), label=0)
    picture.paste(sprite([COVER]), (0, 1))
    assert picture.mask[0].tolist() == [1, 0, 0, 0, 0]
    assert picture.parts[0].tolist() == [WEAK, 0, 0, 0, 0]


def test_a_bush_in_front_of_an_animal_belongs_to_no_object() -> None:
    picture = blank()
    picture.paste(sprite([WEAK, COVER]), (0, 0), label=1)
    assert picture.mask[0, :2].tolist() == [2, 0]


def test_a_shadow_darkens_the_ground_only() -> None:
    picture = blank()
    picture.paste(sprite([WEAK, 0], shadow=1.0), (0, 0), label=0)
    assert picture.image[0, :3, 0].tolist() == [200, 60, 100]


def test_what_lies_outside_of_the_frame_is_cut_off() -> None:
    picture = blank()
    picture.paste(sprite([STRONG, WEAK], [WEAK, WEAK]), (-1, -1), label=0)
    picture.paste(sprite([STRONG, WEAK]), (9, 9), label=1)
    assert picture.mask.sum() == picture.mask[0, 0] == 1
    assert picture.parts[0, 0] == WEAK


def test_there_is_room_where_objects_stay_visible() -> None:
    picture, small, bar = blank(), sprite([STRONG]), sprite([WEAK] * 5)
    assert not picture.has_room(bar, (0, 1))
    assert picture.has_room(bar, (0, 0))
    picture.paste(bar, (0, 0), label=0)
    assert picture.has_room(small, (0, 0))  # 4 of 5 pixels remain visible
    picture.paste(small, (0, 0), label=1)
    assert not picture.has_room(small, (0, 1))
    assert picture.has_room(small, (1, 1))
