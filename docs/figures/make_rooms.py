"""Draw docs/figures/rooms.svg: the folders of the package, as the import contract in pyproject.toml orders them.

    python docs/figures/make_rooms.py

tests/test_docs.py fails while the picture and the contract differ.
"""

import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "figures" / "rooms.svg"
WORDS = {
    "cli": "verbs, options, exit codes",
    "notebook": "fit, predict, show in Python",
    "web": "a page to try a run or a model on",
    "runs": "the recipe; the order of the steps; a trained model found again",
    "steps": "one file a step: what it needs, what it writes",
    "report": "tables, charts, the page",
    "export": "ONNX, torch, annotation formats",
    "training": "one loop, batches, losses; three networks",
    "inference": "a trained segmenter and new images",
    "maps": "one image: score maps, self-training, walk, pseudo mask",
    "models": "backbones in stages, Patch Learning, LDA, affinity, heads, SAM",
    "evaluate": "mIoU, contours, peaks",
    "refine": "dense CRF, walks, thresholds",
    "data": "formats, images, labels, augmentation, drawn scenes",
    "core": "types, errors, files, run folder, runtime",
}
# Floors of the house, from the top: the rows of the contract that belong together.
FLOORS = {
    "what a run is": ("cli", "notebook", "web", "runs"),
    "what a step does": ("steps",),
    "what is computed": ("report", "export", "training", "inference", "maps", "models", "evaluate", "refine"),
    "what all stand on": ("data", "core"),
}
SUFFIXES = {"notebook": ".py"}
WIDTH, MARGIN, HEIGHT, GAP, NAME = 900, 170, 52, 8, 26
COLOURS = {
    "what a run is": "#dbe7f5",
    "what a step does": "#d9efe3",
    "what is computed": "#f6ead2",
    "what all stand on": "#e6e3ec",
}


def layers() -> list[list[str]]:
    """The rows of the contract, the highest first; folders of one row do not import each other."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    rows = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[name.strip() for name in row.split("|")] for row in rows if row != "__main__"]


def draw(rows: list[list[str]]) -> str:
    """The picture as SVG."""
    parts, top, last = [], GAP, ""
    for row in rows:
        floor = next(title for title, names in FLOORS.items() if row[0] in names)
        if floor != last:
            parts.append(f'<text x="8" y="{top + NAME}" class="floor">{floor}</text>')
            last = floor
        width = (WIDTH - MARGIN - GAP * len(row)) / len(row)
        for place, name in enumerate(row):
            parts.append(_box(MARGIN + place * (width + GAP), top, width, name, COLOURS[floor]))
        top += HEIGHT + GAP
    return _page("\n".join(parts), top)


def _box(left: float, top: int, width: float, name: str, colour: str) -> str:
    return (
        f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{HEIGHT}" rx="6" fill="{colour}"/>\n'
        f'<text x="{left + 12:.0f}" y="{top + 21}" class="name">{name}{SUFFIXES.get(name, "/")}</text>\n'
        f'<text x="{left + 12:.0f}" y="{top + 40}" class="words">{escape(WORDS[name])}</text>'
    )


def _page(content: str, height: int) -> str:
    style = (
        ".floor{font:italic 14px sans-serif;fill:#555}.name{font:bold 15px monospace;fill:#222}"
        ".words{font:13px sans-serif;fill:#333}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        f"<title>The folders of patchlearn; each imports only from folders below it</title>\n<style>{style}</style>\n"
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#fff"/>\n{content}\n</svg>\n'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(layers()), encoding="utf-8")
    print(PICTURE)
