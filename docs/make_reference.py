"""Write docs/api/*.md: one page for each folder of the package, with the public names that it lists.

    python docs/make_reference.py

tests/test_docs.py fails while a page and the lists differ.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path

import patchlearn
from patchlearn.core.rooms import _homes as homes_of

PAGES = Path(__file__).parent / "api"
ROOMS = ("refine", "data", "models", "maps", "training", "inference", "runs", "evaluate", "export", "report", "core")
NOTEBOOK = [f"patchlearn.notebook.{name}" for name in ("fit", "Model", "TrainedRun")]
INTRODUCTION = """
Only public names are listed. The names of `patchlearn` and `patchlearn.refine` are
[stable](../stability.md); the others may change. Names are loaded when they are first used, so
`import patchlearn` is fast.

Shapes: B images in a batch, C channels, K classes without background, H×W pixels, h×w cells of a
map, P classes present in one image. Class indices count from 0 in labels and score maps; in a mask
0 is background, i + 1 is class i, and 255 is ignored.
"""


def pages() -> dict[str, str]:
    """File name → text, for every page."""
    rooms = {f"{room}.md": _room_page(room) for room in ROOMS}
    return {"index.md": _index(), "notebook.md": _page("notebook", NOTEBOOK), **rooms}


def public_names(module: str) -> dict[str, str]:
    """Public name → the dotted name of its definition."""
    homes = homes_of(Path(importlib.import_module(module).__file__ or ""))
    return {name: f"{homes[name]}.{name}" for name in sorted(homes)}


def _index() -> str:
    rooms = "\n".join(f"| [patchlearn.{room}]({room}.md) | {_sentence(room)} |" for room in ("notebook", *ROOMS))
    names = "\n".join(f"| [`{name}`][{home}] | `{home}` |" for name, home in public_names("patchlearn").items())
    return (
        f"# Reference\n{INTRODUCTION}\n## Folders\n\n| folder | what it holds |\n|---|---|\n{rooms}\n\n"
        f"## Names of patchlearn\n\n| name | defined as |\n|---|---|\n{names}\n"
    )


def _room_page(room: str) -> str:
    return _page(room, public_names(f"patchlearn.{room}").values())


def _page(module: str, homes: Iterable[str]) -> str:
    entries = "\n\n".join(f"::: {home}" for home in homes)
    return f"# patchlearn.{module}\n\n{_sentence(module)}\n\n{entries}\n"


def _sentence(room: str) -> str:
    return (importlib.import_module(f"patchlearn.{room}").__doc__ or "").split("\n\n")[0].replace("\n", " ").strip()


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for name, text in pages().items():
        (PAGES / name).write_text(text, encoding="utf-8")
    print(patchlearn.__name__, *sorted(pages()))
