from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from patchlearn.core.types import Sample
from patchlearn.maps.memory import OF_AFFINITY, mask_bytes, mask_need, pseudo_mask_need, views_bytes, views_need
from patchlearn.maps.settings import PseudoSettings, WalkSettings
from patchlearn.models.settings import ViewSettings
from patchlearn.refine.settings import CrfSettings, SamSettings

PLAIN = PseudoSettings()
LARGE = (3000, 4000)


def test_a_small_image_takes_less_than_a_large_one_which_is_bounded() -> None:
    assert mask_bytes((375, 500), 3, PLAIN) < mask_bytes((750, 500), 3, PLAIN) < mask_bytes(LARGE, 21, PLAIN) < 1.2e9
    assert mask_bytes(LARGE, 21, replace(PLAIN, crf=CrfSettings(preset="none"))) < 0.5e9


@pytest.mark.parametrize("settings", [replace(PLAIN, local=1), replace(PLAIN, sam=SamSettings(model="a/b"))])
def test_what_needs_the_whole_image_at_once_counts_all_of_its_maps(settings: PseudoSettings) -> None:
    assert mask_bytes(LARGE, 21, settings) > mask_bytes(LARGE, 21, PLAIN) + 21 * 4 * 12e6
    assert mask_bytes(LARGE, 21, PLAIN, whole=True) == mask_bytes(LARGE, 21, settings)


def test_the_largest_view_counts_and_a_base_size_bounds_it() -> None:
    one = views_bytes(LARGE, ViewSettings(scales=(1.0,), flip=False))
    assert views_bytes(LARGE, ViewSettings(scales=(2.0,), flip=False)) > 3.5 * one
    assert views_bytes(LARGE, ViewSettings(scales=(1.0,))) > 1.9 * one
    assert views_bytes(LARGE, ViewSettings(scales=(2.0,), long_side=320)) < one / 10


def test_needs_of_a_file_are_those_of_its_size_and_of_a_broken_one_nothing(tmp_path: Path) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no image")
    good, broken = (Sample(id=name, image=tmp_path / f"{name}.png", labels=(3,), unknown=(5, 6)) for name in "ab")
    walk = WalkSettings(long_side=30)
    plain, where = mask_bytes((40, 60), 3, PLAIN), str(good.image)
    assert mask_need(good.image, 3, PLAIN) == pseudo_mask_need(good, PLAIN) == (plain, where)
    assert pseudo_mask_need(good, PLAIN, walk) == (plain + OF_AFFINITY * 30 * 20, where)
    assert views_need(good, ViewSettings(), more=7) == (views_bytes((40, 60), ViewSettings()) + 7, where)
    nothing = (0, str(broken.image))
    assert mask_need(broken.image, 3, PLAIN) == pseudo_mask_need(broken, PLAIN, walk) == nothing
    assert views_need(broken, ViewSettings(), more=7) == nothing
