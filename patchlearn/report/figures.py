"""What the report draws: charts as inline SVG, pictures as small JPEGs in data URIs. It touches no file."""

from base64 import b64encode
from collections.abc import Sequence
from colorsys import hsv_to_rgb
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL import Image

from patchlearn.core.types import BACKGROUND, IGNORE, Float32, UInt8

# Okabe and Ito's colours, told apart by the colour-blind too.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
HEAT = "inferno"
BOX = (220, 200)
_JPEG_QUALITY = 85
_ROUND = (1, 2, 5, 10)

# Placeholders that become the page's own colours, so that a chart follows light and dark.
_INK, _RULE, _PAPER = "#010203", "#040506", "#070809"
_THEME = {_INK: "currentColor", _RULE: "var(--rule)", _PAPER: "var(--paper)"}
# Text stays text: smaller, selectable, in the page's font. The fixed salt makes equal charts equal files.
_STYLE: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "patchlearn", "font.size": 9.5}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


# --- charts ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve, as `(x, y)` points in the order in which they are joined."""

    points: Sequence[tuple[float, float]]
    colour: str
    strong: bool = True


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point worth noticing: a filled circle, or a hollow diamond."""

    x: float
    y: float
    colour: str
    hollow: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Curves over one pair of axes.

    Args:
        name: makes the SVG's ids unique in the page.
        x_label: below the horizontal axis.
        y_label: above the vertical axis.
        lines: the curves.
        marks: points on top of them.
        borders: (x, colour) of dotted vertical lines.
        level: where a dotted horizontal line crosses, if any.
        x_is_share: x runs from 0 to 1 and is written in per cent.
        y_is_share: the same for y.
    """

    name: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    marks: Sequence[Mark] = ()
    borders: Sequence[tuple[float, str]] = ()
    level: float | None = None
    x_is_share: bool = False
    y_is_share: bool = True


def draw_chart(chart: Chart) -> Markup:
    """The chart as an `<svg>` element that takes its ink and paper from the page's colours."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.2, 2.7), layout="constrained")
        axes = figure.subplots()
        _draw_content(axes, chart)
        _draw_frame(axes, chart)
        svg = StringIO()
        figure.savefig(svg, format="svg", transparent=True, metadata=_NO_METADATA)
    return _inline(svg.getvalue(), chart)


def _draw_content(axes: Axes, chart: Chart) -> None:
    for x, colour in chart.borders:
        axes.axvline(x, color=colour, linewidth=1, linestyle=(0, (1, 2.5)))
    if chart.level is not None:
        axes.axhline(chart.level, color=_INK, linewidth=1, linestyle=(0, (1, 2.5)))
    for line in chart.lines:
        xs, ys = zip(*line.points)
        shape = "." if len(line.points) == 1 else "none"
        width, opacity = (1.8, 1.0) if line.strong else (1.1, 0.45)
        axes.plot(xs, ys, marker=shape, linestyle="-", color=line.colour, linewidth=width, alpha=opacity)
    for mark in chart.marks:
        fill, shape = (_PAPER, "D") if mark.hollow else (mark.colour, "o")
        axes.plot(
            mark.x,
            mark.y,
            marker=shape,
            linestyle="none",
            color=mark.colour,
            markerfacecolor=fill,
            markersize=6,
            clip_on=False,
            zorder=5,
        )


def _draw_frame(axes: Axes, chart: Chart) -> None:
    axes.set_xlabel(chart.x_label, color=_INK)
    axes.set_title(chart.y_label, loc="left", color=_INK, fontsize="medium")
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set_color(_RULE)
    axes.grid(axis="y", color=_RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=_INK)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=_ROUND))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=_ROUND, integer=not chart.x_is_share))
    if chart.x_is_share:
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    if chart.y_is_share:
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
        axes.set_ylim(bottom=0)


def _inline(svg: str, chart: Chart) -> Markup:
    element = svg[svg.index("<svg") :]
    for placeholder, colour in _THEME.items():
        element = element.replace(placeholder, colour)
    for reference in ('id="', "url(#", 'href="#'):
        element = element.replace(reference, f"{reference}{chart.name}-")
    label = Markup('<svg role="img" aria-label="{}" ').format(f"{chart.y_label} against {chart.x_label}")
    return label + Markup(element.removeprefix("<svg "))


# --- pictures ----------------------------------------------------------------


def bright_palette() -> UInt8:
    """256×3: a colour for every value of a mask, neighbours far apart in hue.

    VOC's own palette, in which masks are saved, begins with colours that are too dark on a photograph.

    >>> bright_palette()[1].tolist()
    [242, 53, 48]
    """
    golden = (5**0.5 - 1) / 2
    tones = ((0.8, 0.95), (0.55, 1.0), (0.85, 0.7))
    # The tone changes after eight hues: more than eight hues of one tone are hard to tell apart.
    colours = [hsv_to_rgb((0.004 + index * golden) % 1, *tones[index // 8 % len(tones)]) for index in range(255)]
    return (np.array([(0, 0, 0), *colours]) * 255).round().astype(np.uint8)


COLOURS = bright_palette()


def thumbnail(image: UInt8) -> UInt8:
    """H×W×3 scaled to fit the box of a thumbnail."""
    return np.asarray(Image.fromarray(image).resize(_fitted(image.shape), Image.Resampling.LANCZOS))


def heat_overlay(image: UInt8, scores: Float32) -> UInt8:
    """The strongest of P×H×W scores in [0, 1], in colour over the grey picture.

    Args:
        image: a thumbnail.
        scores: of any size; stretched over the thumbnail.
    """
    strongest = Image.fromarray(scores.max(axis=0, initial=0.0).astype(np.float32))
    heat = np.asarray(strongest.resize((image.shape[1], image.shape[0]), Image.Resampling.BILINEAR)).clip(0, 1)
    colours = matplotlib.colormaps[HEAT](heat)[..., :3] * 255
    opacity = (0.35 + 0.4 * heat)[..., None]
    return _mixed(_grey(image), colours, opacity)


def mask_overlay(image: UInt8, mask: UInt8) -> UInt8:
    """Classes in `COLOURS` over the faded picture; undecided (255) pixels are hatched in white.

    Args:
        image: a thumbnail.
        mask: H×W, 0 background, i + 1 class i, 255 undecided; stretched over the thumbnail.
    """
    height, width = image.shape[:2]
    labels = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
    is_object = (labels != BACKGROUND) & (labels != IGNORE)
    opacity = np.where(_outline(labels) & is_object, 1.0, np.where(is_object, 0.55, 0.0))
    painted = _mixed(_grey(image) * 0.7 + 60, COLOURS[labels], opacity[..., None])
    stripes = np.add.outer(np.arange(height), np.arange(width)) % 6 < 3
    hatching = np.where(labels == IGNORE, np.where(stripes, 0.9, 0.45), 0.0)
    return _mixed(painted, np.full(3, 255.0), hatching[..., None])


def class_colour(index: int) -> str:
    """The colour in which `mask_overlay` paints class `index`, for CSS."""
    return _css(COLOURS[index + 1])


def heat_gradient() -> str:
    """The colours of the scores 0 to 1, for CSS's `linear-gradient`."""
    colours = matplotlib.colormaps[HEAT](np.linspace(0, 1, 9))[:, :3] * 255
    return ", ".join(_css(colour.round().astype(np.uint8)) for colour in colours)


def data_uri(image: UInt8) -> str:
    """H×W×3 as a JPEG in a `data:` address."""
    jpeg = BytesIO()
    Image.fromarray(image).save(jpeg, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{b64encode(jpeg.getvalue()).decode()}"


def _css(colour: UInt8) -> str:
    red, green, blue = colour.tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def _fitted(shape: Sequence[int]) -> tuple[int, int]:
    scale = min(BOX[0] / shape[1], BOX[1] / shape[0])
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _grey(image: UInt8) -> UInt8:
    return np.asarray(Image.fromarray(image).convert("L").convert("RGB"))


def _outline(labels: UInt8) -> UInt8:
    """H×W: whether the pixel to the left or above has another label."""
    edge = np.zeros(labels.shape, np.uint8)
    edge[1:] |= labels[1:] != labels[:-1]
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    return edge


def _mixed(below: np.ndarray, above: np.ndarray, opacity: np.ndarray) -> UInt8:
    return (below * (1 - opacity) + above * opacity).round().clip(0, 255).astype(np.uint8)
