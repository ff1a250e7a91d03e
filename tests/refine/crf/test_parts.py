import numpy as np

from patchlearn.refine.crf.parts import SMALLEST, Part, whole_image
from patchlearn.refine.settings import PRESETS


def test_halves_cover_the_image_once_and_see_their_margin() -> None:
    image = np.arange(301 * 420).reshape(301, 420)
    waiting, found = [whole_image(image.shape, PRESETS["irn"])], np.full(image.shape, -1)
    while waiting:
        part = waiting.pop()
        if part.can_be_halved:
            waiting += part.halves()
            continue
        assert (found[part.kept] == -1).all()
        found[part.kept] = image[part.seen][part.inside]
        assert part.seen_size == image[part.seen].shape
        assert max(found[part.kept].shape) <= SMALLEST
    np.testing.assert_array_equal(found, image)


def test_the_margin_is_as_wide_as_the_wider_kernel_reaches_and_ends_with_the_image() -> None:
    part = Part((300, 400), (100, 200), (0, 400), whole_image((300, 400), PRESETS["psa"]).margin)
    assert part.margin == 160
    assert part.seen == (slice(0, 300), slice(0, 400))
    assert not part.is_whole
    assert Part((300, 400), (0, 300), (0, 400), 9).is_whole
