"""Which images are judged and pass the network again, and what outlines are compared with."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.types import Sample
from patchlearn.evaluate.outlines import class_outlines
from patchlearn.steps.trust_inputs import Measuring
from patchlearn.steps.trust_measures import _outlines

LABELS = {7: (1,)}  # of one image


def measuring(images: int) -> Any:
    nothing: Any = None
    samples = tuple(SimpleNamespace(id=str(at), labels=LABELS.get(at, (0,) if at % 2 else ())) for at in range(images))
    masks: Any = SimpleNamespace(samples=samples)
    return Measuring(
        masks=masks, classifier=nothing, features=None, reading=None, lda=None, learn=nothing, rule=nothing, sizes=(),
        seed=0, runtime=nothing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("images", "judged", "compared", "passes"), [(10, 10, 5, 16), (2000, 200, 48, 64), (360, 200, 48, 30)]
)
def test_of_many_images_some_are_judged(images: int, judged: int, compared: int, passes: int) -> None:
    found = measuring(images)
    assert (len(found.compared), found.passes) == (compared, passes)
    assert judged <= len(found.samples) <= min(images, judged + compared)


def test_a_rare_tag_is_compared_and_what_is_compared_is_judged() -> None:
    found = measuring(2000)
    assert "7" in {sample.id for sample in found.compared}
    assert {sample.id for sample in found.compared} <= {sample.id for sample in found.samples}
    assert [int(sample.id) for sample in found.samples] == sorted(int(sample.id) for sample in found.samples)


@pytest.mark.parametrize("scale", [1, 20])
def test_outlines_compare_a_mask_with_what_is_around_it_at_any_size(scale: int, tmp_path: Path) -> None:
    thing = np.zeros((80, 100), np.uint8)
    thing[20:50, 30:60] = 1
    image = np.repeat((40 + 160 * thing)[..., None], 3, axis=2).repeat(scale, axis=0).repeat(scale, axis=1)
    Image.fromarray(image.astype(np.uint8)).save(tmp_path / "a.png")
    sample = Sample(id="a", image=tmp_path / "a.png", labels=(0,))
    contrasts = []
    for mask in (thing, np.roll(thing, 15, axis=1)):
        large = mask.repeat(scale, axis=0).repeat(scale, axis=1)
        stub: Any = SimpleNamespace(pseudo_mask=lambda _, large=large: large, cell=lambda image: max(image.shape) / 25)
        found = class_outlines([_outlines(stub, sample)], 0)
        assert found is not None
        assert found.thickness == pytest.approx((26 / 34) ** 2, abs=0.05)
        contrasts.append(found.contrast)
    assert contrasts[0] == pytest.approx(1, abs=0.05)
    assert 0 <= contrasts[1] < 0.5  # half of the mask lies beside the thing
