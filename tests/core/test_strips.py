import numpy as np
import pytest

from patchlearn.core.strips import STRIP_BYTES, strips


@pytest.mark.parametrize("pixel_bytes", [1, STRIP_BYTES // 40, STRIP_BYTES // 70, STRIP_BYTES])
def test_strips_cover_every_pixel_once_within_their_bytes(pixel_bytes: int) -> None:
    counts = np.zeros((13, 10), int)
    for window in strips((13, 10), pixel_bytes):
        counts[window] += 1
        assert counts[window].size * pixel_bytes <= STRIP_BYTES or counts[window].shape == (1, 10)
    assert (counts == 1).all()
