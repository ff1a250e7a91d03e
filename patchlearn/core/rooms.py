"""Public names of a folder, loaded when they are first used: importing `patchlearn` imports no torch.

A folder's `__init__.py` lists its names once, as imports under `if TYPE_CHECKING:`. Type checkers read them there, and
so does `on_first_use`.
"""

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def on_first_use(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    Args:
        package: its `__name__`.
        file: its `__file__`, whose `if TYPE_CHECKING:` block says in which module each public name is defined.
    """
    homes = _homes(Path(file))

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return load, lambda: sorted(homes)


def _homes(file: Path) -> dict[str, str]:
    """Name → the module that defines it."""
    blocks = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}
