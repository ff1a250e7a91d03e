"""One drawn view through a microscope: what its labels and mask promise, and what is painted."""

from hashlib import sha256

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.scenes.cells import CELL_CLASSES, LEAST_PIXELS, Smear, _draw_things, draw_cells
from patchlearn.data.scenes.drawn import Drawn, main_class
from patchlearn.data.settings import SceneSettings

SMALL = SceneSettings(kind="cells", size=64)
WHOLE = SceneSettings(kind="cells", size=120)
# Of image 0, as first drawn; its mask, and every 16th red value.
MASK_OF_FIRST = "138d9464488a531f"
RED_OF_FIRST = np.array([[241, 240, 243, 232], [224, 236, 228, 234], [235, 240, 234, 235], [224, 229, 126, 245]])


@pytest.fixture(scope="module")
def views() -> list[Drawn]:
    return [draw_cells(WHOLE, "train", index) for index in range(100)]


def test_a_view_is_a_function_of_seed_split_and_index() -> None:
    first, again = (draw_cells(SMALL, "train", 0) for _ in range(2))
    assert first.image.tobytes() == again.image.tobytes()
    assert first.mask.tobytes() == again.mask.tobytes()
    others = [
        draw_cells(SMALL, "train", 1),
        draw_cells(SMALL, "val", 0),
        draw_cells(SceneSettings(kind="cells", size=64, seed=1), "train", 0),
    ]
    assert not any(np.array_equal(first.image, other.image) for other in others)


def test_images_without_a_class_differ_between_seeds() -> None:
    first, other = (draw_cells(SceneSettings(kind="cells", size=64, seed=seed), "train", 3) for seed in (0, 1))
    assert first.labels == other.labels == ()
    assert not np.array_equal(first.image, other.image)


def test_cells_are_what_they_were() -> None:
    view = draw_cells(SMALL, "train", 0)
    assert sha256(view.mask.tobytes()).hexdigest()[:16] == MASK_OF_FIRST
    assert np.abs(view.image[::16, ::16, 0].astype(int) - RED_OF_FIRST).max() <= 1


def test_labels_are_the_classes_of_the_mask(views: list[Drawn]) -> None:
    for view in views:
        assert view.image.shape == (*view.mask.shape, 3) == (120, 120, 3)
        assert view.labels == tuple(int(value) - 1 for value in np.unique(view.mask) if value)
        assert len(view.labels) <= 3


@pytest.mark.parametrize("settings", [SMALL, WHOLE], ids=lambda settings: str(settings.size))
def test_the_main_class_is_always_there(settings: SceneSettings) -> None:
    for index in range(60):
        main = main_class(settings, "val", index, len(CELL_CLASSES))
        labels = draw_cells(settings, "val", index).labels
        assert labels == () if main is None else main in labels


def test_every_class_occurs_about_equally_often(views: list[Drawn]) -> None:
    counts = [sum(label in view.labels for view in views) for label in range(len(CELL_CLASSES))]
    assert CELL_CLASSES == ("debris", "nucleus", "platelet", "ring", "rod")
    assert 18 <= min(counts) <= max(counts) <= 42  # 28 on average: two classes in each of 70 images


def test_images_have_one_to_three_classes(views: list[Drawn]) -> None:
    counts = np.bincount([len(view.labels) for view in views], minlength=4)
    assert counts[0] == 30
    assert counts[1:].min() >= 12


@pytest.mark.parametrize("normal", [0.0, 0.3, 0.75])
def test_the_share_of_images_without_a_class_is_exact(normal: float) -> None:
    settings = SceneSettings(kind="cells", size=64, normal=normal)
    drawn = [draw_cells(settings, "val", index) for index in range(40)]
    assert sum(not view.labels for view in drawn) == round(40 * normal)
    assert all((view.mask > 0).any() == bool(view.labels) for view in drawn)


def test_each_class_of_an_image_has_enough_pixels(views: list[Drawn]) -> None:
    assert all((view.mask == label + 1).sum() >= LEAST_PIXELS for view in views for label in view.labels)


def disc(radius: float) -> np.ndarray:  # type: ignore[type-arg]
    """120×120 coverage of a disc in the middle."""
    rows, columns = np.mgrid[:120, :120] - 59.5
    return (np.hypot(rows, columns) < radius).astype(np.float32)


def empty() -> Smear:
    return Smear(np.full((120, 120, 3), 200.0, np.float32))


def test_a_thing_of_few_pixels_has_no_room() -> None:
    coverage = np.zeros((120, 120), np.float32)
    coverage[7, : LEAST_PIXELS - 1] = 1
    assert not empty().has_room(coverage)
    coverage[7, LEAST_PIXELS - 1] = 0.5
    assert empty().has_room(coverage)


def test_a_thing_that_would_hide_another_has_no_room() -> None:
    smear = empty()
    smear.add(disc(5.0), 3)
    assert not smear.has_room(disc(6.0))
    assert not smear.has_room(disc(4.9))
    assert smear.has_room(np.roll(disc(6.0), 20, axis=1))
    assert smear.has_room(disc(3.0))


def test_the_mask_holds_the_uppermost_thing_where_it_covers_at_least_half() -> None:
    smear = empty()
    smear.add(disc(5.0), 3)
    smear.add(disc(3.0) * np.float32(0.5), 0)
    smear.add(disc(30.0) * np.float32(0.49), 1)
    assert np.array_equal(smear.mask, np.where(disc(3.0) > 0, 1, 4 * disc(5.0)))


def test_small_things_are_painted_upon_large_ones_in_whatever_order_they_are_named() -> None:
    large, small = CELL_CLASSES.index("nucleus"), CELL_CLASSES.index("platelet")
    for seed in range(10):
        for labels in ([large, small], [small, large]):
            smear = empty()
            _draw_things(smear, labels, np.random.default_rng(seed))
            painted = smear._values[1:]
            assert painted == [large + 1] * painted.count(large + 1) + [small + 1] * painted.count(small + 1)
            assert set(painted) == {large + 1, small + 1}


def test_paint_mixes_by_opacity() -> None:
    smear = empty()
    smear.paint(np.float32(0.25) * disc(3.0), np.array((100.0, 200.0, 0.0), np.float32))
    assert smear.colour[60, 60].tolist() == [175.0, 200.0, 150.0]
    assert (smear.colour[disc(3.0) == 0] == 200).all()


def test_things_are_darker_than_what_surrounds_them(views: list[Drawn]) -> None:
    for view in views:
        grey = view.image.mean(axis=2)
        for label in view.labels:
            assert grey[view.mask == label + 1].mean() < grey[view.mask == 0].mean() - 25


def test_the_ground_is_pale_and_its_colour_differs(views: list[Drawn]) -> None:
    grounds = np.array([np.median(view.image[view.mask == 0], axis=0) for view in views])
    assert grounds.min() > 190
    assert grounds.std(axis=0).min() > 3


def test_red_cells_lie_in_images_without_a_class_too(views: list[Drawn]) -> None:
    """Where one lies, red is further above green than in the ground, by the mean of 5×5 pixels."""
    for view in views:
        if not view.labels:
            redness = view.image[..., 0].astype(float) - view.image[..., 1]
            blocks = redness.reshape(24, 5, 24, 5).mean(axis=(1, 3))
            assert 0.005 < (blocks > np.median(blocks) + 8).mean() < 0.5


def test_a_wrong_split_is_an_error() -> None:
    with pytest.raises(PatchlearnError, match=r"^split: 'test'"):
        draw_cells(SMALL, "test", 0)


def test_settings_of_surfaces_draw_no_cells() -> None:
    with pytest.raises(PatchlearnError, match=r"^kind: 'surfaces'"):
        draw_cells(SceneSettings(kind="surfaces"), "train", 0)
