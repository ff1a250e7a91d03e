"""Areas of maps and masks, class by class."""

import numpy as np
import pytest

from patchlearn.evaluate.areas import ImageAreas, class_areas, found_share, image_areas


def areas(maps: float, masks: float, tag: int = 0) -> ImageAreas:
    return ImageAreas(tags=(tag,), maps=(maps,), masks=(masks,))


def test_an_image_has_the_share_of_each_of_its_tags_alone() -> None:
    maps, mask = np.array([[0, 2], [2, 1]], np.uint8), np.array([[2, 2, 2, 255]], np.uint8)
    assert image_areas([1], maps, mask) == ImageAreas(tags=(1,), maps=(0.5,), masks=(0.75,))


def test_a_class_is_described_by_its_medians_and_by_its_failures() -> None:
    images = [areas(0.1, 0.2), areas(0.2, 0.8), areas(0.3, 0.0), areas(0.0, 0.95), areas(0.9, 0.9, tag=1)]
    found = class_areas(images, 0)
    assert found is not None
    assert found.images == 4
    assert (found.map_share, found.mask_share) == (pytest.approx(0.15), pytest.approx(0.5))
    assert found.growth == pytest.approx(3.0)  # of 2 and 4; two images lack the one or the other
    assert (found.nothing, found.whole) == (0.25, 0.25)
    assert class_areas(images, 2) is None
    lost = class_areas([areas(0.1, 0.0)], 0)
    assert lost is not None
    assert lost.growth is None


def test_an_image_counts_as_found_with_one_of_its_classes() -> None:
    two = ImageAreas(tags=(0, 1), maps=(0.1, 0.1), masks=(0.0, 0.2))
    assert found_share([two, areas(0.1, 0.0), ImageAreas(tags=(), maps=(), masks=())]) == 0.5
    assert found_share([]) == 1.0
