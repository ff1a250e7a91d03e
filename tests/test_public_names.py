"""What people import, and what importing it costs."""

import subprocess
import sys

import patchlearn


def test_public_names_are_sorted_and_there() -> None:
    assert dir(patchlearn) == sorted(dir(patchlearn))
    for name in dir(patchlearn):
        assert getattr(patchlearn, name).__module__.startswith("patchlearn.")


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_package_itself_loads_nothing_heavy() -> None:
    assert not loaded_by("import patchlearn") & {"torch", "timm", "accelerate", "matplotlib"}


def test_refinement_loads_neither_timm_nor_accelerate() -> None:
    assert not loaded_by("import patchlearn.refine") & {"timm", "accelerate"}


def test_evaluation_loads_no_network() -> None:
    assert not loaded_by("import patchlearn.evaluate") & {"timm", "accelerate", "patchlearn.models.patch_network"}
