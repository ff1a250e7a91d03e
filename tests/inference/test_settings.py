"""Settings of inference check themselves."""

from typing import Any

import pytest
from test_public_names import loaded_by

from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.settings import InferenceSettings


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"crf": "iron"}, "^crf: 'iron' is not an option; did you mean 'irn'"),
        ({"scales": (1.0, 0.0)}, r"^scales: \[1.0, 0.0\]"),
        ({"scales": (float("nan"),)}, "^scales: "),
        ({"scales": ()}, "Name at least one"),
        ({"long_side": 0}, "^long_side: 0 is out of range"),
        ({"window": 100}, "^window: 100 is not a multiple of 32"),
        ({"crf_long_side": 0}, "^crf_long_side: 0 is out of range"),
        ({"iterations": -1}, "^iterations: -1 is out of range"),
        ({"window": 0}, "^window: 0 is not a multiple of 32"),
        ({"window": 1e9}, "^window: 1000000000.0 is not a multiple of 32"),
        ({"iterations": 10**9}, "^iterations: 1000000000 is out of range. Choose a whole number from 0 to 1000"),
        ({"iterations": 10.0}, r"^iterations: 10\.0 is out of range"),
        ({"long_side": 10**9}, "^long_side: 1000000000 is out of range"),
        ({"scales": (1e9,)}, "at most 16"),
        ({"scales": (1.0,) * 33}, "and at most 32"),
        ({"undecided": 1.0}, r"^undecided: 1\.0 is out of range"),
        ({"undecided": float("nan")}, "^undecided: nan"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        InferenceSettings(**settings)


def test_the_ends_of_every_range_are_allowed() -> None:
    InferenceSettings(scales=(0.1,), long_side=1, window=32, crf="none", iterations=0, undecided=0.0)
    InferenceSettings(long_side=None, undecided=0.999)


def test_settings_load_neither_torch_nor_numpy() -> None:
    assert not loaded_by("import patchlearn.inference.settings") & {"torch", "numpy", "PIL"}
