"""Draw docs/figures/trust.svg: the estimated against the true mIoU of every run in docs/log/trust.md.

    python docs/figures/make_trust.py

tests/test_docs.py fails while the picture and the tables differ.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

ROOT = Path(__file__).parents[2]
LOG = ROOT / "docs" / "log" / "trust.md"
PICTURE = ROOT / "docs" / "figures" / "trust.svg"
INTERVAL, FLAGGED, END = 20, 50, 90  # per cent
# Okabe and Ito's colours, which people with any colour vision can tell apart, and a marker for each kind.
KINDS = {
    "photographs": ("#0072b2", "o"),
    "drawn animals": ("#56b4e9", "D"),
    "steel": ("#d55e00", "s"),
    "surfaces": ("#009e73", "^"),
    "cells": ("#cc79a7", "P"),
}


@dataclass(frozen=True)
class Judged:
    """One row: what kind of data, whether the constants were fitted to it, and mIoU in per cent."""

    kind: str
    is_fitted: bool
    estimate: float
    truth: float


def runs() -> list[Judged]:
    """All runs of the second calibration: the first table was fitted, the others were not."""
    text = LOG.read_text(encoding="utf-8").split("## First calibration")[0]
    tables = [lines for lines in re.split(r"\n(?!\|)", text) if "| estimate | truth |" in lines]
    return [run for place, table in enumerate(tables) for run in _rows(table, is_fitted=place == 0)]


def _rows(table: str, *, is_fitted: bool) -> Iterator[Judged]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()]
    header = next(row for row in rows if "estimate" in row)
    estimate, truth = header.index("estimate"), header.index("truth")
    for row in rows[rows.index(header) + 2 :]:
        yield Judged(_kind(row[0]), is_fitted, float(row[estimate]), float(row[truth]))


def _kind(data: str) -> str:
    """The kind of data of a row such as "surfaces 0.5, 400"."""
    name = data.split(",")[0].rstrip(" 0123456789.")
    return "photographs" if name == "animals" else name


def description() -> str:
    """What the picture shows, in words; it stands in the file."""
    return "Estimated and true mIoU: " + "; ".join(f"{run.kind} {run.estimate:g} {run.truth:g}" for run in runs())


def draw() -> str:
    """The picture as SVG."""
    figure, text = Figure(figsize=(6.4, 5.6), layout="constrained"), StringIO()
    axes = figure.add_subplot()
    _draw_frame(axes)
    for run in runs():
        colour, marker = KINDS[run.kind]
        face = colour if run.is_fitted else "none"
        axes.scatter(run.truth, run.estimate, s=44, marker=marker, facecolors=face, edgecolors=colour, linewidths=1.5)
    handles = [Line2D([], [], linestyle="", marker=marker, color=colour) for colour, marker in KINDS.values()]
    axes.legend(handles, KINDS, title="filled: fitted\nopen: not fitted", loc="upper left", frameon=False)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "trust"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Description": description()})
    return re.sub(r"[ \t]+$", "", text.getvalue(), flags=re.MULTILINE)


def _draw_frame(axes: Axes) -> None:
    """The diagonal, the interval around it, and below which estimate a run is flagged."""
    ends = [0, END]
    axes.fill_between(ends, [-INTERVAL, END - INTERVAL], [INTERVAL, END + INTERVAL], color="#eeeeee", zorder=0)
    axes.plot(ends, ends, color="#888888", linewidth=1, zorder=1)
    axes.axhline(FLAGGED, color="#888888", linewidth=1, linestyle=":", zorder=1)
    axes.text(END - 1, FLAGGED - 1.5, "flagged below", ha="right", va="top", color="#555555", fontsize=9)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.set_xlabel("true mIoU of the pseudo masks, per cent")
    axes.set_ylabel("estimated without true masks, per cent")
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(f"{PICTURE}: {len(runs())} runs")
