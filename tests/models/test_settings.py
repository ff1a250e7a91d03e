import subprocess
import sys

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.settings import ViewSettings

LOADED = "import patchlearn.models.settings, sys; print(*{name.split('.')[0] for name in sys.modules})"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scales": ()}, r"^scales: \[\]\. Name at least one scale"),
        ({"scales": (1.0, 0.0)}, r"^scales: \[1\.0, 0\.0\]\. .*all must be above 0"),
        ({"long_side": 0}, r"^long_side: 0 is out of range\. Choose 1 or more"),
    ],
)
def test_wrong_views_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PatchlearnError, match=message):
        ViewSettings(**changes)  # type: ignore[arg-type]


def test_settings_load_neither_torch_nor_timm() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert not {"torch", "timm", "numpy"} & set(done.stdout.split())
