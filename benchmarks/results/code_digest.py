"""A digest of the code that a figure depends on: the syntax trees of all modules that its steps import.

It is computed from the files; nothing is imported. Docstrings, comments and layout do not count. Imports inside of
functions do, those under `if TYPE_CHECKING:` do not, for they load nothing.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "patchlearn"

# Artefact → the modules of its steps. What judges it counts as well.
_MAPS = tuple(f"patchlearn.steps.{name}" for name in ("features", "classifier", "reading", "self_training", "cams"))
_JUDGES = ("patchlearn.evaluate.judge", "patchlearn.refine.background")
_MASKS = (*_MAPS, *_JUDGES, "patchlearn.steps.affinity", "patchlearn.steps.pseudo_masks")
STEPS = {
    "seed": (*_MAPS, *_JUDGES),
    "pseudo": _MASKS,
    "trust": (*_MASKS, "patchlearn.steps.trust"),
    "segmenter": (*_MASKS, "patchlearn.steps.segmenter"),
    "full": ("patchlearn.steps.segmenter", *_JUDGES),
}
# These count, but not what they import: they name the steps of every artefact.
ALONE = ("patchlearn.runs.pipeline", "patchlearn.steps.evaluation")

Import = tuple[str, str]  # (module, name); the name is empty for `import module`


def code_digest(artefact: str, reader: str, root: Path = ROOT) -> str:
    """Sixteen hex digits that change with the code that makes, reads and judges an artefact.

    Args:
        artefact: one of `STEPS`.
        reader: the module that reads or draws the data; `patchlearn.data.open` finds it by name.
        root: the folder that holds the package.
    """
    names = {*modules_of((*STEPS[artefact], reader), root), *ALONE}
    return digest_of(sorted(names), root)


def digest_of(modules: list[str], root: Path = ROOT) -> str:
    """A digest of the names and the syntax trees of some modules."""
    trees = [(name, _parsed(_file(name, root).read_text(encoding="utf-8"))[0]) for name in modules]
    return hashlib.sha256(repr(trees).encode()).hexdigest()[:16]


def modules_of(roots: tuple[str, ...], root: Path = ROOT) -> set[str]:
    """The modules of the package that some modules import, and they themselves."""
    found: set[str] = set()
    queue = list(roots)
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            _, imports = _parsed(_file(name, root).read_text(encoding="utf-8"))
            queue += [module for each in imports if (module := _module_of(each, root))]
    return found


def _module_of(imported: Import, root: Path) -> str | None:
    """The module of the package that an import loads; None where it is of another package.

    A folder's `__init__` only says in which module a name is defined (`patchlearn.core.rooms`), and does not count.
    """
    module, name = imported
    if module.partition(".")[0] != PACKAGE:
        return None
    folder = root / module.replace(".", "/")
    if not folder.is_dir():
        return module
    if (folder / name).is_dir() or (folder / f"{name}.py").is_file():
        return f"{module}.{name}"
    return _homes((folder / "__init__.py").read_text(encoding="utf-8")).get(name, f"{module}.__init__")


def _file(module: str, root: Path) -> Path:
    return root / f"{module.replace('.', '/')}.py"


@cache
def _parsed(text: str) -> tuple[str, tuple[Import, ...]]:
    """(digest of the syntax tree, imports) of a module's text."""
    tree = ast.parse(text)
    return hashlib.sha256(_written(tree).encode()).hexdigest(), tuple(_imports(tree))


@cache
def _homes(text: str) -> dict[str, str]:
    """Public name → the module that defines it, of a folder's `__init__`."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in nodes for alias in node.names}


def _imports(node: ast.AST) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, "") for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from ((child.module or "", alias.name) for alias in child.names)
        elif not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _imports(child)


def _written(node: object) -> str:
    """A syntax tree as text. `ast.dump` writes another one with each version of Python."""
    if isinstance(node, list):
        return f"[{','.join(_written(each) for each in node if not _is_docstring(each))}]"
    if isinstance(node, ast.JoinedStr):
        node = ast.JoinedStr(_joined(node.values))
    if not isinstance(node, ast.AST):
        return repr(node)
    there = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
    return f"{type(node).__name__}({','.join(name + _written(value) for name, value in there)})"


def _is_docstring(node: object) -> bool:
    """A string that stands alone; it does nothing, wherever it stands."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _joined(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string: texts that follow each other as one, and no empty ones, as Python 3.11 has them."""
    joined: list[ast.expr] = []
    for part in parts:
        if _is_text(part) and joined and _is_text(joined[-1]):
            joined[-1] = ast.Constant(joined[-1].value + part.value)  # type: ignore[attr-defined]
        else:
            joined.append(part)
    return [part for part in joined if not (_is_text(part) and part.value == "")]  # type: ignore[attr-defined]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
