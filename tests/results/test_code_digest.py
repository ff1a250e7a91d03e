"""What changes the digest of the code, and what does not."""

import ast
from pathlib import Path

import pytest
from results.code_digest import ALONE, ROOT, STEPS, _written, code_digest, digest_of, modules_of

STEP = '''
"""A step."""

from typing import TYPE_CHECKING

import numpy as np

from patchlearn.core import helper
from patchlearn.refine import dense_crf

if TYPE_CHECKING:
    from patchlearn.core.types import Sample

RATE = 0.1  # of the head


def work(sample: "Sample") -> float:
    """Do it."""
    from patchlearn.core.late import other

    return RATE * other(f"{sample}:{RATE:.2f}")
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A package: a step, what it imports, a folder whose `__init__` says where a name is defined, and a bystander."""
    files = {
        "steps/step.py": STEP,
        "core/helper.py": "import patchlearn.core.deep\n",
        "core/deep.py": "SIZE = 3\n",
        "core/late.py": "def other(words): return 1\n",
        "core/types.py": "class Sample: pass\n",
        "refine/__init__.py": "if TYPE_CHECKING:\n    from patchlearn.refine.crf import dense_crf as dense_crf\n",
        "refine/crf.py": "def dense_crf(): pass\n",
        "refine/bystander.py": "SIZE = 4\n",
    }
    for name, text in files.items():
        path = tmp_path / "patchlearn" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(root: Path) -> str:
    return digest_of(sorted(modules_of(("patchlearn.steps.step",), root)), root)


def test_imports_are_followed_and_types_and_other_packages_are_not(root: Path) -> None:
    names = ("steps.step", "core.helper", "core.deep", "core.late", "refine.crf")
    assert modules_of(("patchlearn.steps.step",), root) == {f"patchlearn.{name}" for name in names}


@pytest.mark.parametrize(
    ("name", "old", "new", "counts"),
    [
        ("steps/step.py", '"""Do it."""', '"""Do it well."""', False),
        ("steps/step.py", '"""A step."""', "", False),
        ("steps/step.py", "  # of the head\n\n\n", "\n", False),
        ("steps/step.py", "RATE = 0.1", "RATE = 0.2", True),
        ("steps/step.py", ":.2f", ":.3f", True),
        ("core/deep.py", "3", "4", True),
        ("core/late.py", "return 1", "return True", True),
        ("refine/crf.py", "pass", "return 1", True),
        ("refine/bystander.py", "4", "5", False),
        ("core/types.py", "pass", "size = 1", False),
    ],
)
def test_what_counts(root: Path, name: str, old: str, new: str, counts: bool) -> None:
    before, path = digest(root), root / "patchlearn" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert (digest(root) != before) == counts


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        ('["a", "b"]', '["ab"]', False),
        ("f(1)", "f(True)", False),
        ("f(1)", "f('1')", False),
        ("f'a' 'b{x}'", "f'ab{x}' ''", False),
        ("f'a' f'b{x}'", "f'ab{x}'", True),
        ("f(a, b=1)", "f(a,\n  b = 1)", True),
        ("return_ = None", "return_ = 0", False),
    ],
)
def test_trees_are_written_without_loss(one: str, other: str, are_equal: bool) -> None:
    assert (_written(ast.parse(one)) == _written(ast.parse(other))) == are_equal


def test_texts_of_an_f_string_are_joined_as_some_versions_of_python_do_not() -> None:
    divided, whole = ([ast.Constant(text) for text in texts] for texts in (("a", "", "b"), ("ab",)))
    assert _written(ast.JoinedStr([*divided])) == _written(ast.JoinedStr([*whole]))


def test_the_modules_of_the_steps_are_there_and_maps_do_not_depend_on_the_segmenter() -> None:
    assert all((ROOT / f"{name.replace('.', '/')}.py").is_file() for name in (*ALONE, *STEPS["segmenter"]))
    maps, masks = (modules_of(STEPS[artefact]) for artefact in ("seed", "pseudo"))
    assert maps < masks
    assert {"patchlearn.maps.cam", "patchlearn.models.lda", "patchlearn.core.settings"} <= maps
    assert not {"patchlearn.training.segmenter", "patchlearn.report.page", "patchlearn.cli.runs"} & masks
    assert code_digest("seed", "patchlearn.data.formats.voc") != code_digest("seed", "patchlearn.data.formats.folder")
