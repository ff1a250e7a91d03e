import subprocess
import sys

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import key_values
from patchlearn.refine.settings import NO_CRF, PRESETS, BackgroundRule, ConfidentRegions, CrfKernels, CrfSettings

LOADED = "import patchlearn.refine.settings, sys; print(*{name.split('.')[0] for name in sys.modules})"
KERNELS = {"gaussian_sxy": 3, "gaussian_compat": 3, "bilateral_sxy": 50, "bilateral_srgb": 5, "bilateral_compat": 10}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "ostu"}, r"^rule: 'ostu' is not an option; did you mean 'otsu'\? Choose one of: fixed, otsu, power"),
        ({"threshold": 1.0}, r"^threshold: 1\.0 is out of range\. Choose a number in \[0, 1\)"),
        ({"threshold": -0.1}, r"^threshold: -0\.1 is out of range"),
        ({"threshold": float("nan")}, r"^threshold: nan is out of range"),
        ({"power": 0}, r"^power: 0 is out of range\. Choose a number above 0"),
        ({"growth": 1.0}, r"^growth: 1\.0 is out of range\. Choose a number above 1, or null"),
        ({"growth": float("inf")}, r"^growth: inf is out of range"),
        ({"growth": float("nan")}, r"^growth: nan is out of range"),
    ],
)
def test_wrong_background_rules_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PatchlearnError, match=message):
        BackgroundRule(**changes)  # type: ignore[arg-type]


def test_growth_has_a_default_that_changes_no_key() -> None:
    assert "growth" not in key_values(BackgroundRule())
    assert key_values(BackgroundRule(growth=3.0))["growth"] == 3.0


@pytest.mark.parametrize("changes", [{"high": 0.5, "low": 0.8}, {"low": 0}, {"low": -1, "high": -0.5}])
def test_thresholds_in_the_wrong_order_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(PatchlearnError, match=rf"^low: {changes['low']} .*Choose 0 < low ≤ high"):
        ConfidentRegions(**changes)


def test_equal_thresholds_leave_nothing_undecided_and_are_allowed() -> None:
    assert ConfidentRegions(low=1.0, high=1.0).low == 1.0


@pytest.mark.parametrize("name", ["gaussian_sxy", "bilateral_sxy", "bilateral_srgb"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_standard_deviations_are_above_zero(name: str, value: float) -> None:
    with pytest.raises(PatchlearnError, match=rf"^{name}: {value} is out of range\. Choose a number above 0"):
        CrfKernels(**{**KERNELS, name: value})


@pytest.mark.parametrize("name", ["gaussian_compat", "bilateral_compat"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_weights_are_not_negative(name: str, value: float) -> None:
    with pytest.raises(PatchlearnError, match=rf"^{name}: {value} is out of range\. Choose 0 or more"):
        CrfKernels(**{**KERNELS, name: value})
    assert CrfKernels(**{**KERNELS, name: 0})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "inr"}, r"^preset: 'inr' is not an option; did you mean 'irn'\?"),
        ({"unary": "sfot"}, r"^unary: 'sfot' is not an option; did you mean 'soft'\?"),
        ({"iterations": -1}, r"^iterations: -1 is out of range"),
        ({"iterations": 1001}, r"^iterations: 1001 is out of range"),
        ({"confidence": 0.5}, r"^confidence: 0\.5 is out of range\. Choose a number in \(0\.5, 1\]"),
        ({"confidence": 1.1}, r"^confidence: 1\.1 is out of range"),
        ({"long_side": 0}, r"^long_side: 0 is out of range"),
    ],
)
def test_wrong_crf_settings_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PatchlearnError, match=message):
        CrfSettings(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", [*PRESETS, NO_CRF])
def test_every_preset_and_none_are_options(preset: str) -> None:
    assert CrfSettings(preset=preset).preset == preset


def test_kernels_shrink_with_images_that_are_smaller_than_those_of_the_preset() -> None:
    irn, half = PRESETS["irn"], CrfSettings(long_side=500).kernels((100, 250))
    assert (half.gaussian_sxy, half.bilateral_sxy, half.bilateral_srgb) == (1.5, 25, 5)
    assert (half.gaussian_compat, half.bilateral_compat) == (irn.gaussian_compat, irn.bilateral_compat)
    assert CrfSettings(long_side=500).kernels((3000, 4000)) == irn
    assert CrfSettings().kernels((100, 250)) == irn


def test_settings_load_neither_numba_nor_numpy_nor_torch() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert not {"numba", "numpy", "torch", "PIL"} & set(done.stdout.split())
