"""Which images pass the network again: they must not take long, and there must be enough of them."""

from types import SimpleNamespace
from typing import Any

import pytest

from patchlearn.steps.trust_inputs import Measuring


def measuring(images: int) -> Any:
    nothing: Any = None
    samples = tuple(SimpleNamespace(labels=(0,) if place % 2 else ()) for place in range(images))
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
    assert (len(found.samples), len(found.compared), found.passes) == (judged, compared, passes)
