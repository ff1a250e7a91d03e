"""The headline figures of a run, gathered from its files, and their table in the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import isnan
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from patchlearn.core.files import read_json, read_rows

REFERENCE = "plain"
TRAIN = "train"
ENTRY_FIGURES = {"miou": "mIoU", "precision": "precision", "recall": "recall", "boundary_f": "boundary F"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """One variant's headline figures, each in 0–1; None where there is none.

    Args:
        variant: its name.
        seed_oracle: mIoU of the score maps at the best threshold.
        seed_label_free: mIoU of the score maps at the label-free threshold.
        pseudo: mIoU of the pseudo masks, undecided pixels counted as misses.
        segmenter: mIoU of the segmentation network, without image labels, on the first split it was judged on.
        reference: the same network trained on true masks.
        share_of_reference: the one by the other: what of full supervision the tags reach.
        weak_recall: recall of the weakly discriminative parts at the oracle threshold.
        weak_recall_at_precision: the same at the precision of the reference variant.
        held_out_map: image-label mAP on held-out images after the last epoch.
    """

    variant: str
    seed_oracle: float | None = None
    seed_label_free: float | None = None
    pseudo: float | None = None
    segmenter: float | None = None
    reference: float | None = None
    share_of_reference: float | None = None
    weak_recall: float | None = None
    weak_recall_at_precision: float | None = None
    held_out_map: float | None = None


TITLES = {
    "seed_oracle": "seed mIoU, oracle",
    "seed_label_free": "seed mIoU, label-free",
    "pseudo": "pseudo mask, mIoU",
    "segmenter": "segmenter mIoU, new images",
    "reference": "trained on true masks",
    "share_of_reference": "share of that, %",
    "weak_recall": "weak recall, oracle",
    "weak_recall_at_precision": "weak recall, equal prec.",
    "held_out_map": "held-out, mAP",
}


def results_table(run: Path, split: str | None = None) -> list[Result]:
    """One row per variant that has a figure: those evaluated, in the recipe's order, then those only trained.

    Args:
        run: the run folder.
        split: on which seeds and pseudo masks were judged; by default `train`, or the first that was judged.
    """
    split = split or judged_split(run)
    entries = [entry for entry in read_entries(run) if entry["split"] == split]
    names = list(dict.fromkeys([*(entry["variant"] for entry in read_entries(run)), *_trained(run)]))
    precision = reference_precision(entries, names)
    results = [_result(run, split, name, precision) for name in names]
    return [result for result in results if filled_columns([result])]


def reference_precision(entries: Sequence[dict[str, Any]], names: Sequence[str]) -> float | None:
    """Foreground precision of the plain (else the first) variant's seeds at their oracle threshold."""
    reference = REFERENCE if REFERENCE in names else next(iter(names), None)
    found = [entry for entry in entries if entry["variant"] == reference]
    return _figure(found, "seed", "oracle", "foreground_precision")


def recall_at_precision(curve: dict[str, list[float]], precision: float, column: str = "recall_weak") -> float | None:
    """The largest recall, of weak parts if no other is named, where the foreground's precision is at least this.

    >>> recall_at_precision({"precision": [0.2, 0.5, 0.9], "recall_weak": [0.8, 0.6, 0.1]}, 0.5)
    0.6
    """
    pairs = zip(curve["precision"], curve.get(column, ()))
    return max((recall for reached, recall in pairs if reached >= precision), default=None)


def print_results(console: Console, run: Path) -> None:
    """The headline figures as a table in the terminal, in per cent; columns without a figure are left out."""
    results = results_table(run)
    table = Table(Column("variant", no_wrap=True), title=Text(str(run)), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in filled_columns(results):
        table.add_column(TITLES[name].replace(",", "").replace(" ", "\n"), justify="right", no_wrap=True)
    for result in results:
        table.add_row(
            escape(result.variant), *(percent(value) for value in column_values(result, filled_columns(results)))
        )
    console.print(table)
    console.print(caption(run), style="dim", markup=False)


def print_entries(console: Console, entries: Sequence[dict[str, Any]]) -> None:
    """A row for each entry, in per cent.

    Args:
        console: where.
        entries: of evaluation.json, all about the same images.
    """
    table = Table("variant", "of", "threshold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ENTRY_FIGURES.values():
        table.add_column(title, justify="right", no_wrap=True)
    for entry in entries:
        names = escape(entry["variant"]), entry["artefact"], entry["rule"].replace("_", "-")
        table.add_row(*names, *(percent(entry[name]) for name in ENTRY_FIGURES))
    console.print(table)
    if entries:
        where = f"{_all_of(entries, 'split')} (part of {_all_of(entries, 'part_of')})"
        words = f"In per cent. {_all_of(entries, 'images')} images of {where}, commit {_all_of(entries, 'commit')}."
        console.print(words, style="dim", markup=False)


def percent(value: float | None) -> str:
    """0.4235 → "42.4"; an en dash for None."""
    return "–" if value is None else f"{100 * value:.1f}"


def read_entries(run: Path) -> list[dict[str, Any]]:
    """The entries of evaluation.json about whole splits; none before there is one."""
    path = run / "evaluation.json"
    return [entry for entry in read_json(path) if "part_of" not in entry] if path.exists() else []


def judged_split(run: Path) -> str:
    """On which seeds and pseudo masks are reported: train, or else the first that was judged."""
    splits = [entry["split"] for entry in read_entries(run) if entry["artefact"] != "segmenter"]
    return TRAIN if TRAIN in splits or not splits else str(splits[0])


def _trained(run: Path) -> list[str]:
    return sorted(path.parent.parent.name for path in run.glob("*/classifier/epochs.csv"))


def read_curve(run: Path, variant: str, split: str) -> dict[str, list[float]] | None:
    """The threshold curve of a variant's seeds."""
    path = run / variant / "evaluation" / "curves.json"
    curves = read_json(path) if path.exists() else {}
    found: dict[str, list[float]] | None = curves.get("seed", {}).get(split)
    return found


def _figure(entries: Sequence[dict[str, Any]], artefact: str, rule: str, name: str) -> float | None:
    for entry in entries:
        if (entry["artefact"], entry["rule"]) == (artefact, rule):
            value: float | None = entry.get(name)
            return value
    return None


def _segmenter_entry(entries: Sequence[dict[str, Any]], supervision: str) -> dict[str, Any]:
    """On the first split that was judged; empty if none was."""
    own = [entry for entry in entries if entry["artefact"] == "segmenter" and entry["supervision"] == supervision]
    return next(iter(own), {})


def _result(run: Path, split: str, variant: str, precision: float | None) -> Result:
    own = [entry for entry in read_entries(run) if entry["variant"] == variant]
    entries = [entry for entry in own if entry["split"] == split]
    segmenter, reference = (_segmenter_entry(own, supervision) for supervision in ("tags", "masks"))
    curve = read_curve(run, variant, split)
    epochs = read_rows(run / variant / "classifier" / "epochs.csv")
    return Result(
        variant=variant,
        seed_oracle=_figure(entries, "seed", "oracle", "miou"),
        seed_label_free=_figure(entries, "seed", "label_free", "miou"),
        pseudo=_figure(entries, "pseudo", "label_free", "miou"),
        segmenter=segmenter.get("miou"),
        reference=reference.get("miou"),
        share_of_reference=_share(segmenter, reference),
        weak_recall=_figure(entries, "seed", "oracle", "recall_weak"),
        weak_recall_at_precision=recall_at_precision(curve, precision) if curve and precision is not None else None,
        held_out_map=_known(epochs[-1]["map"]) if epochs else None,
    )


def _share(segmenter: dict[str, Any], reference: dict[str, Any]) -> float | None:
    """None where one is missing, or if they were trained and used differently in more than their labels."""
    if not (segmenter and reference and reference["miou"]):
        return None
    comparable = ("split", "settings")
    if any(segmenter.get(fact) != reference.get(fact) for fact in comparable):
        return None
    share: float = segmenter["miou"] / reference["miou"]
    return share


def _known(number: str) -> float | None:
    """None for the mAP of held-out images without any label, which is not a number."""
    return None if isnan(float(number)) else float(number)


def filled_columns(results: Sequence[Result]) -> list[str]:
    """The figures that at least one variant has."""
    names = [field.name for field in fields(Result) if field.name != "variant"]
    return [name for name in names if any(value is not None for row in results for value in column_values(row, [name]))]


def column_values(result: Result, columns: Sequence[str]) -> list[float | None]:
    """A row of the table."""
    return [vars(result)[name] for name in columns]


def caption(run: Path, split: str | None = None) -> str:
    """Whatever a figure must not be quoted without."""
    split = split or judged_split(run)
    entries = [entry for entry in read_entries(run) if entry["split"] == split and entry["artefact"] != "segmenter"]
    if not entries:
        unjudged = f"Seeds and pseudo masks of {split} were not judged: no true masks, or no evaluation yet."
        return f"In per cent. {unjudged}{_segmenter_words(run)}"
    words = (
        f"In per cent. {_all_of(entries, 'images')} images of {split}, image labels {_all_of(entries, 'labels')}, "
        f"commit {_all_of(entries, 'commit')}."
    )
    words += _segmenter_words(run)
    precision = reference_precision(entries, list(dict.fromkeys(entry["variant"] for entry in entries)))
    if precision is not None and any("recall_weak" in entry for entry in entries):
        words += f" Equal precision: {percent(precision)} of the predicted foreground is right."
    return words + " Oracle: the best threshold on these very masks; label-free: a rule that reads none."


def _segmenter_words(run: Path) -> str:
    entries = [entry for entry in read_entries(run) if entry["artefact"] == "segmenter"]
    if not entries:
        return ""
    return (
        f" Segmenter: {_all_of(entries, 'images')} images of {_all_of(entries, 'split')}, no image labels, "
        f"commit {_all_of(entries, 'commit')}."
    )


def _all_of(entries: Sequence[dict[str, Any]], fact: str) -> str:
    """Usually one value; variants worked on at different times may stem from several commits."""
    return ", ".join(dict.fromkeys(str(entry[fact]) for entry in entries))
