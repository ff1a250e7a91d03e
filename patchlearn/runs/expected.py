"""What was measured with a recipe, and how the figures of a run compare with it.

A figure holds for the same images, labels and true masks, and for the same settings. Both are compared by digests, not
by names: where one of them differs, nothing is compared.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from patchlearn.core.files import read_json
from patchlearn.core.manifest import fingerprint
from patchlearn.core.run_folder import EVALUATION
from patchlearn.core.settings import key_values
from patchlearn.runs.settings import VARIED, ExpectedFigure, ExpectedSettings, VariedSettings
from patchlearn.steps.data_splits import DataSplits, TrueMasks

if TYPE_CHECKING:
    from patchlearn.runs.run import Run

TITLES = {"seed": "score maps", "pseudo": "pseudo masks", "segmenter": "segmenter"}
RULES = {"seed": "label_free", "pseudo": "label_free", "segmenter": "argmax"}  # of the entries in evaluation.json
_LAST = {"seed": "background", "pseudo": "pseudo", "segmenter": "segmenter"}  # section that the artefact depends on
NOT_MEASURED = "not measured here"


def settings_key(settings: VariedSettings, artefact: str) -> str:
    """Changes with the settings that an artefact depends on, and with the content of files that they name.

    Args:
        settings: of a variant, complete.
        artefact: "seed", "pseudo" or "segmenter".

    >>> from patchlearn.training.settings import SegmenterSettings
    >>> other = VariedSettings(segmenter=SegmenterSettings(head="fpn"))
    >>> settings_key(VariedSettings(), "pseudo") == settings_key(other, "pseudo")
    True
    >>> settings_key(VariedSettings(), "segmenter") == settings_key(other, "segmenter")
    False
    """
    sections = VARIED[: VARIED.index(_LAST[artefact]) + 1]
    return fingerprint({name: key_values(getattr(settings, name)) for name in sections})


def data_key(data: DataSplits) -> str:
    """Changes with the names, images, labels and true masks of every split."""
    return fingerprint([(split.name, split.key, TrueMasks(split).key) for split in data.all()])


def expected_lines(run: "Run") -> list[str]:
    """How the figures of a run compare with those of its recipe: a line for each figure, or one that says why not.

    There are none for the fully supervised reference, and none without true masks to judge by.
    """
    expected, path = run.recipe.expected, run.folder / EVALUATION
    entries = read_json(path) if path.exists() else []
    if run.recipe.supervision == "masks" or not entries:
        return []
    figures = measured(expected)
    if not figures:
        return [f"expected mIoU: {NOT_MEASURED} with this recipe"]
    if reason := _why_not(run):
        return [f"expected mIoU: not compared. {reason}"]
    variant = next((each for each in run.variants if each.name == expected.variant), None)
    keys = {name: settings_key(variant, name) if variant else "" for name in figures}
    own = [entry for entry in entries if entry["variant"] == expected.variant and entry["supervision"] == "tags"]
    lines = [_line(name, figure, keys[name], own, expected.data.name) for name, figure in figures.items()]
    return [line for line in lines if line]


def _why_not(run: "Run") -> str:
    """Why no figure of the run can be compared, as a sentence; empty if it can."""
    data = run.recipe.expected.data
    if not data.key:
        return f"The figures of the recipe are of {data.name}, but do not say on which files they were measured."
    if data_key(run.data) != data.key:
        return f"The images, labels or true masks are not exactly those of {data.name}, of which the figures are."
    return ""


def _line(
    artefact: str, figure: ExpectedFigure, key: str, entries: Sequence[Mapping[str, Any]], data: str
) -> str | None:
    """The line of one artefact; None where the run has none of it."""
    made = [entry for entry in entries if (entry["artefact"], entry["rule"]) == (artefact, RULES[artefact])]
    title = TITLES[artefact]
    same = [entry for entry in made if (entry["split"], entry["labels"]) == (figure.split, figure.labels)]
    if not made:
        return None
    if not same:
        return f"{title}: not compared. {figure.miou:.1f} mIoU is expected on {figure.split} (evaluate --images)"
    miou = 100 * same[0]["miou"]
    if key != figure.settings:
        return f"{title} {miou:.1f} mIoU: not compared with {figure.miou:.1f}, which is of other settings"
    return f"{title} {miou:.1f} mIoU: {comparison(figure, miou)} ({data}, {_source(figure)})"


def comparison(figure: ExpectedFigure, miou: float) -> str:
    """Whether a mIoU in per cent is what was measured, and how far it is off.

    >>> comparison(ExpectedFigure(miou=73.2, spread=1.0), 73.4)
    'inside 73.2 ± 1.0, 0.2 above the mean'
    >>> comparison(ExpectedFigure(miou=73.2, spread=1.0), 70.1)
    'outside 73.2 ± 1.0, by 2.1 below'
    >>> comparison(ExpectedFigure(miou=73.2), 70.1)
    '3.1 below 73.2, whose spread is not known'
    """
    mean = figure.miou or 0.0
    off, side = abs(miou - mean), "above" if miou >= mean else "below"
    if figure.spread is None:
        return f"{off:.1f} {side} {_interval(figure)}, whose spread is not known"
    if off <= figure.spread:
        return f"inside {_interval(figure)}, {off:.1f} {side} the mean"
    return f"outside {_interval(figure)}, by {off - figure.spread:.1f} {side}"


def measured(expected: ExpectedSettings) -> dict[str, ExpectedFigure]:
    """The figures that there are, by artefact."""
    figures = {name: getattr(expected, name) for name in TITLES}
    return {name: figure for name, figure in figures.items() if figure.miou is not None}


def score_of(expected: ExpectedSettings) -> str:
    """The figures and the note, in words.

    >>> figure = ExpectedFigure(miou=73.2, seeds=(0,), commit="7271529", older=True)
    >>> score_of(ExpectedSettings(pseudo=figure))
    'pseudo masks 73.2 (train, seed 0, 7271529, older code)'
    >>> score_of(ExpectedSettings())
    'not measured here'
    """
    words = [f"{TITLES[name]} {_interval(each)} ({_source(each)})" for name, each in measured(expected).items()]
    notes = [expected.note] if expected.note else []
    return "; ".join([*words, *notes]) or NOT_MEASURED


def cost_of(expected: ExpectedSettings) -> str:
    """The time of the last artefact whose time was measured, in words.

    >>> cost_of(ExpectedSettings(pseudo=ExpectedFigure(miou=73.2, minutes=8.4, machine="two CPU cores")))
    'pseudo masks in 8 minutes on two CPU cores'
    """
    timed = [(name, figure) for name, figure in measured(expected).items() if figure.minutes is not None]
    if not timed:
        return NOT_MEASURED
    name, figure = timed[-1]
    return f"{TITLES[name]} in {figure.minutes:.0f} minutes on {figure.machine}"


def _interval(figure: ExpectedFigure) -> str:
    """The mean, and the spread if it is known."""
    return f"{figure.miou:.1f}" + (f" ± {figure.spread:.1f}" if figure.spread is not None else "")


def _source(figure: ExpectedFigure) -> str:
    """Split, seeds and commit, in words."""
    seeds = f"seed{'s' if len(figure.seeds) > 1 else ''} {', '.join(map(str, figure.seeds))}"
    return f"{figure.split}, {seeds}, {figure.commit}{', older code' if figure.older else ''}"
