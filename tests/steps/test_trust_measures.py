"""Which images pass the network again: they must not take long, and there must be enough of them."""

from types import SimpleNamespace
from typing import Any

import pytest

from patchlearn.steps.trust_inputs import Measuring

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
