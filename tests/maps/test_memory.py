from dataclasses import replace

import pytest

from patchlearn.maps.memory import mask_bytes
from patchlearn.maps.settings import PseudoSettings
from patchlearn.refine.settings import CrfSettings, SamSettings

PLAIN = PseudoSettings()
LARGE = (3000, 4000)


def test_a_small_image_takes_less_than_a_large_one_which_is_bounded() -> None:
    assert mask_bytes((375, 500), 3, PLAIN) < mask_bytes((750, 500), 3, PLAIN) < mask_bytes(LARGE, 21, PLAIN) < 1.2e9
    assert mask_bytes(LARGE, 21, replace(PLAIN, crf=CrfSettings(preset="none"))) < 0.5e9


@pytest.mark.parametrize("settings", [replace(PLAIN, local=1), replace(PLAIN, sam=SamSettings(model="a/b"))])
def test_what_needs_the_whole_image_at_once_counts_all_of_its_maps(settings: PseudoSettings) -> None:
    assert mask_bytes(LARGE, 21, settings) > mask_bytes(LARGE, 21, PLAIN) + 21 * 4 * 12e6
    assert mask_bytes(LARGE, 21, PLAIN, growth=2.0) == mask_bytes(LARGE, 21, settings)
