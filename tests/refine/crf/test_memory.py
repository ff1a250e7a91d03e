import pytest

from patchlearn.refine.crf import memory
from patchlearn.refine.crf.memory import WORKING_BYTES, crf_bytes, most_vertices, pixel_bytes, vertex_bytes


def test_a_small_image_is_counted_with_all_the_vertices_that_noise_may_have() -> None:
    assert crf_bytes((10, 20), 21) == 200 * (pixel_bytes(21, 20) + 6 * vertex_bytes(20))


@pytest.mark.parametrize("labels", [1, 2, 21, 81])
def test_a_large_image_takes_the_working_bytes_and_no_more(labels: int) -> None:
    assert crf_bytes((3000, 4000), labels) == crf_bytes((9000, 12000), labels) <= 1.2 * WORKING_BYTES


def test_vertices_and_pixels_share_the_working_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "WORKING_BYTES", 10_000 + 5 * vertex_bytes(3))
    assert most_vertices(0, 4, 3) == 5 + 10_000 // vertex_bytes(3)
    assert most_vertices(1000, 4, 3) < 0
