"""The shape of the package: rooms, sizes of files and functions, a test file for every file, what imports cost."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "patchlearn"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 300, 50


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_300_lines_and_no_function_than_50() -> None:
    long_files = [str(path) for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE]
    long_functions = [
        f"{path}:{node.lineno} {node.name}"
        for path in FILES
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert (long_files, long_functions) == ([], [])


def test_every_file_with_code_has_its_test_file() -> None:
    tested = [path for path in FILES if path.name not in ("__init__.py", "__main__.py")]
    names = (path.relative_to(PACKAGE).with_name(f"test_{path.name}") for path in tested)
    assert [str(name) for name in names if not (ROOT / "tests" / name).exists()] == []


def test_folders_are_rooms_and_only_the_front_doors_lie_beside_them() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", "notebook.py"}
    rooms = {path.parent for path in FILES} - {PACKAGE}
    assert [str(room) for room in rooms if not (room / "__init__.py").exists()] == []


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import patchlearn",
        "import patchlearn.data, patchlearn.data.open, patchlearn.data.images, patchlearn.data.checks.check",
        "import patchlearn.evaluate, patchlearn.evaluate.judge",
        "import patchlearn.report.results",
        "import patchlearn.runs.pipeline; patchlearn.runs.pipeline.verbs()",
        "import patchlearn.cli.main; patchlearn.cli.main._parser('')",
    ],
)
def test_what_computes_nothing_loads_no_torch(statement: str) -> None:
    assert not loaded_by(statement) & {"torch", "timm", "accelerate", "numba", "matplotlib", "transformers"}


def test_what_may_ask_sam_loads_no_transformers_before_it_does() -> None:
    names = "models.sam2, models.sam3, maps.pseudo_mask, runs.concepts, cli.concepts, cli.refine"
    statement = "import " + ", ".join(f"patchlearn.{name}" for name in names.split(", "))
    assert "transformers" not in loaded_by(statement)


def test_refinement_loads_neither_timm_nor_accelerate() -> None:
    names = "dense_crf, random_walk, background_threshold, pixel_adaptive_refinement"
    assert not loaded_by(f"from patchlearn.refine import {names}") & {"timm", "accelerate", "torchvision"}
