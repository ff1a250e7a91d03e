"""One drawn surface: what its labels and mask promise, and how far its surroundings give the class away."""

from hashlib import sha256

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.scenes.defects import DEFECTS, draw_defect
from patchlearn.data.scenes.surfaces import SURFACE_CLASSES, Surface, _draw_defects, draw_surface
from patchlearn.data.scenes.textures import Ground, Look, draw_ground
from patchlearn.data.settings import SceneSettings

PAIR = ["pit", "stain"]
SMALL = SceneSettings(kind="surfaces", size=64)
# Of image 1, as drawn at 71df0fe; its mask, and every 16th red value.
MASK_OF_SECOND = "c1741e1d634913d5"
RED_OF_SECOND = np.array([[174, 164, 136, 113], [153, 177, 157, 150], [137, 161, 175, 155], [123, 153, 148, 183]])


def settings(**changes: float) -> SceneSettings:
    return SceneSettings(kind="surfaces", size=96, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def surfaces() -> list[Surface]:
    return [draw_surface(settings(), "train", index) for index in range(100)]


def test_a_surface_is_a_function_of_seed_split_index_and_settings() -> None:
    first, again = (draw_surface(SMALL, "train", 1) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    others = [
        draw_surface(SMALL, "train", 2),
        draw_surface(SMALL, "val", 1),
        draw_surface(SceneSettings(kind="surfaces", size=64, seed=1), "train", 1),
        draw_surface(SceneSettings(kind="surfaces", size=64, surroundings=1.0), "train", 1),
    ]
    assert not any(np.array_equal(first.image, other.image) for other in others)


def test_surfaces_are_what_they_were() -> None:
    """Folders of before stay valid: the key of their drawing is the same."""
    surface = draw_surface(SMALL, "train", 1)
    assert sha256(surface.mask.tobytes()).hexdigest()[:16] == MASK_OF_SECOND
    assert np.abs(surface.image[::16, ::16, 0].astype(int) - RED_OF_SECOND).max() <= 1


def test_labels_are_the_classes_of_the_mask(surfaces: list[Surface]) -> None:
    for surface in surfaces:
        assert surface.image.shape == (*surface.mask.shape, 3) == (96, 96, 3)
        assert surface.labels == tuple(int(value) - 1 for value in np.unique(surface.mask) if value)
        assert len(surface.labels) <= 2


@pytest.mark.parametrize("name", SURFACE_CLASSES)
def test_the_mask_holds_what_is_covered_for_at_least_half(name: str) -> None:
    coverage = draw_defect(np.random.default_rng(3), 96, DEFECTS[name]).coverage
    _, mask = _draw_defects(ground(), [name], np.random.default_rng(3))
    assert np.array_equal(mask, (coverage >= 0.5) * np.uint8(SURFACE_CLASSES.index(name) + 1))
    assert ((coverage > 0) & (mask == 0)).any()


def test_small_defects_lie_upon_large_ones_in_whatever_order_they_are_named() -> None:
    for seed in range(40):
        masks = [_draw_defects(ground(), names, np.random.default_rng(seed))[1] for names in (PAIR, PAIR[::-1])]
        assert np.array_equal(*masks)
        assert SURFACE_CLASSES.index("pit") + 1 in masks[0]


def ground() -> Ground:
    return draw_ground(np.random.default_rng(0), 96, Look(texture="cast", scales=(1, 1), tones=(0.6, 0.6)))


@pytest.mark.parametrize("normal", [0.0, 0.3, 0.75])
def test_the_share_of_normal_images_is_exact(normal: float) -> None:
    drawn = [draw_surface(SceneSettings(kind="surfaces", size=64, normal=normal), "val", index) for index in range(40)]
    assert sum(not surface.labels for surface in drawn) == round(40 * normal)


def test_every_class_occurs_about_equally_often(surfaces: list[Surface]) -> None:
    counts = [sum(label in surface.labels for surface in surfaces) for label in range(len(SURFACE_CLASSES))]
    assert SURFACE_CLASSES == ("crack", "inclusion", "pit", "scratch", "stain")
    assert 14 <= min(counts) <= max(counts) <= 22  # each comes first 14 times in 70


def test_some_images_have_two_kinds(surfaces: list[Surface]) -> None:
    assert 4 <= sum(len(surface.labels) == 2 for surface in surfaces) <= 20


def test_surroundings_change_neither_labels_nor_masks() -> None:
    for index in range(12):
        plain, telling = (draw_surface(settings(surroundings=dial), "train", index) for dial in (0.0, 1.0))
        assert plain.labels == telling.labels
        assert np.array_equal(plain.mask, telling.mask)


def test_a_surface_of_its_own_stays_when_the_dial_is_turned_further() -> None:
    drawn = [
        [draw_surface(settings(surroundings=dial), "train", i).image for dial in (0.0, 0.5, 1.0)] for i in range(30)
    ]
    assert all(np.array_equal(half, none) or np.array_equal(half, full) for none, half, full in drawn)
    assert 7 <= sum(np.array_equal(half, full) for _, half, full in drawn) <= 23


@pytest.mark.parametrize(("dial", "low", "high"), [(0.0, 0.0, 0.3), (0.5, 0.35, 0.8), (1.0, 0.85, 1.0)])
def test_how_well_the_surroundings_tell_the_class(dial: float, low: float, high: float) -> None:
    """The nearest mean of simple statistics of the surface, without the defect. Chance is 1 in 6, with normal."""
    known, truth = described(dial, "train", 180)
    asked, answer = described(dial, "val", 120)
    means = np.stack([known[truth == label].mean(axis=0) for label in range(-1, len(SURFACE_CLASSES))])
    distances = np.linalg.norm((asked[:, None] - means) / known.std(axis=0), axis=2)
    found = distances.argmin(axis=1) - 1 == answer
    assert low <= found.mean() <= high
    assert low <= found[answer == -1].mean() <= max(high, 0.5)


def described(dial: float, split: str, count: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """(N×6 statistics of the pixels without a defect, N labels, -1 for none) of images with one class at most."""
    drawn = [draw_surface(settings(surroundings=dial, normal=1 / 6), split, index) for index in range(count)]
    drawn = [surface for surface in drawn if len(surface.labels) < 2]
    return np.array([statistics(each) for each in drawn]), np.array([(*each.labels, -1)[0] for each in drawn])


def statistics(surface: Surface) -> list[float]:
    """Mean colour, contrast, and how much neighbours differ in rows and in columns."""
    image, plain = surface.image.astype(float), surface.mask == 0
    grey = image.mean(axis=2)
    rows = np.abs(np.diff(grey, axis=0))[plain[1:] & plain[:-1]].mean()
    columns = np.abs(np.diff(grey, axis=1))[plain[:, 1:] & plain[:, :-1]].mean()
    return [*image[plain].mean(axis=0), grey[plain].std(), float(rows), float(columns)]


def test_defects_can_be_seen_and_do_not_shine(surfaces: list[Surface]) -> None:
    """The mean grey of a defect differs from that of all else, but not by half of the range."""
    differences = []
    for surface in surfaces:
        if len(surface.labels) == 1:
            grey = surface.image.mean(axis=2)
            differences.append(abs(grey[surface.mask > 0].mean() - grey[surface.mask == 0].mean()))
    assert 5 < np.median(differences) < 40
    assert max(differences) < 100


def test_a_wrong_split_is_an_error() -> None:
    with pytest.raises(PatchlearnError, match=r"^split: 'test'"):
        draw_surface(SMALL, "test", 0)


def test_settings_of_animals_draw_no_surface() -> None:
    with pytest.raises(PatchlearnError, match=r"^kind: 'animals'"):
        draw_surface(SceneSettings(), "train", 0)
