"""One self-contained HTML page: what the run found, with pictures, curves and tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from patchlearn.artifacts import read_json, read_rows, read_scores, write_text
from patchlearn.datasets import read_image, read_indices, read_mask
from patchlearn.errors import PatchlearnError
from patchlearn.figures import (
    SERIES,
    Chart,
    Line,
    Mark,
    class_colour,
    data_uri,
    draw_chart,
    heat_gradient,
    heat_overlay,
    mask_overlay,
    thumbnail,
)
from patchlearn.samples import Dataset, Sample, UInt8

REFERENCE = "plain"
TRAIN, VAL = "train", "val"
Row = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One variant's headline figures, each in 0–1; None where there is none.

    Args:
        variant: its name.
        seed_oracle: mIoU of the score maps at the best threshold.
        seed_label_free: mIoU of the score maps at the label-free threshold.
        pseudo: mIoU of the pseudo masks, undecided pixels counted as misses.
        segmenter: mIoU of the segmentation network on `val`.
        weak_recall: recall of the weakly discriminative parts at the oracle threshold.
        weak_recall_at_precision: the same at the precision of the reference variant.
        held_out_map: image-label mAP on held-out images after the last epoch.
    """

    variant: str
    seed_oracle: float | None = None
    seed_label_free: float | None = None
    pseudo: float | None = None
    segmenter: float | None = None
    weak_recall: float | None = None
    weak_recall_at_precision: float | None = None
    held_out_map: float | None = None


TITLES = {
    "seed_oracle": "seed mIoU, oracle",
    "seed_label_free": "seed mIoU, label-free",
    "pseudo": "pseudo mask, mIoU",
    "segmenter": "segmenter mIoU, val",
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
    split = split or _judged_split(run)
    entries = [entry for entry in _entries(run) if entry["split"] == split]
    names = list(dict.fromkeys([*(entry["variant"] for entry in _entries(run)), *_trained(run)]))
    precision = reference_precision(entries, names)
    results = [_result(run, split, name, precision) for name in names]
    return [result for result in results if _columns([result])]


def reference_precision(entries: Sequence[dict[str, Any]], names: Sequence[str]) -> float | None:
    """Foreground precision of the plain (else the first) variant's seeds at their oracle threshold."""
    reference = REFERENCE if REFERENCE in names else next(iter(names), None)
    found = [entry for entry in entries if entry["variant"] == reference]
    return _figure(found, "seed", "oracle", "foreground_precision")


def recall_at_precision(curve: dict[str, list[float]], precision: float) -> float | None:
    """The largest recall of weak parts over the thresholds whose foreground precision is at least this.

    >>> recall_at_precision({"precision": [0.2, 0.5, 0.9], "recall_weak": [0.8, 0.6, 0.1]}, 0.5)
    0.6
    """
    pairs = zip(curve["precision"], curve.get("recall_weak", ()))
    return max((recall for reached, recall in pairs if reached >= precision), default=None)


def print_results(console: Console, run: Path) -> None:
    """The headline figures as a table in the terminal, in per cent; columns without a figure are left out."""
    results = results_table(run)
    table = Table(Column("variant", no_wrap=True), title=str(run), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in _columns(results):
        table.add_column(TITLES[name].replace(",", "").replace(" ", "\n"), justify="right", no_wrap=True)
    for result in results:
        table.add_row(result.variant, *(percent(value) for value in _values(result, _columns(results))))
    console.print(table)
    console.print(_caption(run), style="dim")


def write_report(
    run: Path, dataset: Dataset, variants: Sequence[str], *, split: str = "train", title: str, images: int = 8
) -> Path:
    """Write `RUN/report.html` from the files of the run; what is not there is left out.

    Args:
        run: the run folder.
        dataset: for the pictures and, where there are any, the true masks.
        variants: in the order in which they stand side by side.
        split: whose maps are shown.
        title: the page's heading.
        images: how many pictures the gallery shows.

    Raises:
        PatchlearnError: no step has left anything to report.
    """
    present = [name for name in variants if (run / name).is_dir()]
    results = [result for result in results_table(run, split) if result.variant in present]
    gallery, charts = list(_gallery(run, dataset, split, present, images)), list(_charts(run, split, present))
    if not (results or gallery or charts):
        raise PatchlearnError(f"{run}: nothing to report yet. Run first: patchlearn run RECIPE --out {run}.")
    template = Environment(loader=PackageLoader("patchlearn", ""), autoescape=True).get_template("report.html.j2")
    page = template.render(
        title=title,
        summary=_summary(dataset, split, present),
        caption=_caption(run, split),
        headline=_headline(results),
        charts=charts,
        gallery=gallery,
        drawn=_drawn(run, split, present),
        variants=present,
        colours=dict(zip(present, SERIES * len(present))),
        has_truth=any(sample.mask for sample in dataset.split(split)),
        legend=[(name, class_colour(index)) for index, name in enumerate(dataset.classes)],
        gradient=Markup(heat_gradient()),
        classes=_class_table(run, split, present, dataset),
        recipe=_text(run / "recipe.yaml"),
    )
    write_text(run / "report.html", page)
    return run / "report.html"


def percent(value: float | None) -> str:
    """0.4235 → "42.4"; an en dash for None."""
    return "–" if value is None else f"{100 * value:.1f}"


# --- figures -----------------------------------------------------------------


def _entries(run: Path) -> list[dict[str, Any]]:
    path = run / "evaluation.json"
    return list(read_json(path)) if path.exists() else []


def _judged_split(run: Path) -> str:
    splits = [entry["split"] for entry in _entries(run) if entry["artefact"] != "segmenter"]
    return TRAIN if TRAIN in splits or not splits else str(splits[0])


def _trained(run: Path) -> list[str]:
    return sorted(path.parent.parent.name for path in run.glob("*/classifier/epochs.csv"))


def _curve(run: Path, variant: str, split: str) -> dict[str, list[float]] | None:
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


def _result(run: Path, split: str, variant: str, precision: float | None) -> Result:
    own = [entry for entry in _entries(run) if entry["variant"] == variant]
    entries, val_entries = ([entry for entry in own if entry["split"] == name] for name in (split, VAL))
    curve = _curve(run, variant, split)
    epochs = read_rows(run / variant / "classifier" / "epochs.csv")
    return Result(
        variant=variant,
        seed_oracle=_figure(entries, "seed", "oracle", "miou"),
        seed_label_free=_figure(entries, "seed", "label_free", "miou"),
        pseudo=_figure(entries, "pseudo", "label_free", "miou"),
        segmenter=_figure(val_entries, "segmenter", "argmax", "miou"),
        weak_recall=_figure(entries, "seed", "oracle", "recall_weak"),
        weak_recall_at_precision=recall_at_precision(curve, precision) if curve and precision is not None else None,
        held_out_map=_known(epochs[-1]["map"]) if epochs else None,
    )


def _known(number: str) -> float | None:
    """None for the mAP of held-out images without any label, which is not a number."""
    return None if isnan(float(number)) else float(number)


def _columns(results: Sequence[Result]) -> list[str]:
    names = [field.name for field in fields(Result) if field.name != "variant"]
    return [name for name in names if any(value is not None for row in results for value in _values(row, [name]))]


def _values(result: Result, columns: Sequence[str]) -> list[float | None]:
    return [vars(result)[name] for name in columns]


def _headline(results: Sequence[Result]) -> dict[str, Any]:
    columns = _columns(results)
    best = {
        name: max((value for row in results for value in _values(row, [name]) if value is not None), default=None)
        for name in columns
    }
    rows = [
        (row.variant, [(percent(value), value is not None and value == best[name] and len(results) > 1)
                       for name, value in zip(columns, _values(row, columns))])
        for row in results
    ]  # fmt: skip
    return {"columns": [TITLES[name] for name in columns], "rows": rows}


def _caption(run: Path, split: str | None = None) -> str:
    """Whatever a figure must not be quoted without."""
    split = split or _judged_split(run)
    entries = [entry for entry in _entries(run) if entry["split"] == split]
    if not entries:
        return f"In per cent. Seeds and pseudo masks of {split} were not judged: no true masks, or no evaluation yet."
    words = (
        f"In per cent. {_all_of(entries, 'images')} images of {split}, image labels {_all_of(entries, 'labels')}, "
        f"commit {_all_of(entries, 'commit')}."
    )
    precision = reference_precision(entries, list(dict.fromkeys(entry["variant"] for entry in entries)))
    if precision is not None and any("recall_weak" in entry for entry in entries):
        words += f" Equal precision: {percent(precision)} of the predicted foreground is right."
    return words + " Oracle: the best threshold on these very masks; label-free: a rule that sees none."


def _all_of(entries: Sequence[dict[str, Any]], fact: str) -> str:
    """Usually one value; variants worked on at different times may stem from several commits."""
    return ", ".join(dict.fromkeys(str(entry[fact]) for entry in entries))


def _summary(dataset: Dataset, split: str, variants: Sequence[str]) -> str:
    count, classes = len(dataset.split(split)), len(dataset.classes)
    subject = "One classifier" if len(variants) == 1 else f"{len(variants)} classifiers"
    return (
        f"{subject} learned {classes} classes from the tags of {count} images, without a single mask. "
        "Here is where each of them looks, and the masks that follow."
    )


def _class_table(run: Path, split: str, variants: Sequence[str], dataset: Dataset) -> dict[str, Any] | None:
    """IoU of every class, of the seeds at the oracle threshold."""
    found = {
        entry["variant"]: entry["iou"]
        for entry in _entries(run)
        if (entry["artefact"], entry["rule"], entry["split"]) == ("seed", "oracle", split)
    }
    shown = [name for name in variants if name in found]
    if not shown:
        return None
    rows = [
        (name, [percent(found[variant].get(name)) for variant in shown]) for name in ("background", *dataset.classes)
    ]
    return {"variants": shown, "rows": rows}


# --- charts ------------------------------------------------------------------


def _charts(run: Path, split: str, variants: Sequence[str]) -> Iterator[dict[str, Any]]:
    colours = dict(zip(variants, SERIES * len(variants)))
    curves = {name: curve for name in variants if (curve := _curve(run, name, split))}
    logs = {name: rows for name in variants if (rows := read_rows(run / name / "classifier" / "log.csv"))}
    epochs = {name: rows for name in variants if (rows := read_rows(run / name / "classifier" / "epochs.csv"))}
    if curves:
        yield _threshold_chart(run, split, curves, colours)
        yield _precision_chart(curves, colours, "recall", "recall of the foreground")
    if any("recall_weak" in curve for curve in curves.values()):
        entries = [entry for entry in _entries(run) if entry["split"] == split]
        level = reference_precision(entries, variants)
        yield _precision_chart(curves, colours, "recall_weak", "recall of the weak parts", level)
    if logs:
        yield _training_chart(logs, colours, "loss", "training loss, by step; dotted: a new stage")
    if epochs:
        yield _training_chart(epochs, colours, "map", "image-label mAP on held-out images, by step")


def _threshold_chart(
    run: Path, split: str, curves: dict[str, dict[str, list[float]]], colours: dict[str, str]
) -> dict[str, Any]:
    marks = [
        Mark(x=entry["threshold"], y=entry["miou"], colour=colours[entry["variant"]], hollow=entry["rule"] != "oracle")
        for entry in _entries(run)
        if entry["artefact"] == "seed" and entry["split"] == split and entry["variant"] in curves
    ]
    lines = [
        Line(points=list(zip(curve["thresholds"], curve["miou"])), colour=colours[name])
        for name, curve in curves.items()
    ]
    chart = Chart(name="threshold", x_label="background threshold, %", y_label="seed mIoU, %", lines=lines, marks=marks,
                  x_is_share=True)  # fmt: skip
    return {"title": "mIoU by threshold", "note": "● oracle, ◇ label-free", "svg": draw_chart(chart)}


def _precision_chart(
    curves: dict[str, dict[str, list[float]]],
    colours: dict[str, str],
    column: str,
    words: str,
    level: float | None = None,
) -> dict[str, Any]:
    lines = [
        Line(points=[point for point in zip(curve[column], curve["precision"]) if point[1] > 0], colour=colours[name])
        for name, curve in curves.items()
        if column in curve
    ]
    chart = Chart(name=column, x_label=f"{words}, %", y_label="precision of the foreground, %",
                  lines=[line for line in lines if line.points], level=level, x_is_share=True)  # fmt: skip
    note = "one point a threshold" + ("; dotted: equal precision" if level is not None else "")
    return {"title": f"Precision and {words}", "note": note, "svg": draw_chart(chart)}


def _training_chart(logs: dict[str, list[Row]], colours: dict[str, str], column: str, words: str) -> dict[str, Any]:
    lines, borders = [], []
    for name, rows in logs.items():
        lines.append(Line(points=[(float(row["step"]), float(row[column])) for row in rows], colour=colours[name]))
        borders += [
            (float(row["step"]), colours[name])
            for before, row in pairwise(rows)
            if column == "loss" and before["stage"] != row["stage"]
        ]
    is_share = column == "map"
    chart = Chart(name=column, x_label="step", y_label=f"{column if column == 'loss' else 'mAP, %'}", lines=lines,
                  borders=borders, y_is_share=is_share)  # fmt: skip
    return {"title": "Training" if column == "loss" else "Recognition", "note": words, "svg": draw_chart(chart)}


# --- gallery -----------------------------------------------------------------


def _gallery(run: Path, dataset: Dataset, split: str, variants: Sequence[str], images: int) -> Iterator[dict[str, Any]]:
    drawn = _drawn(run, split, variants)
    complete = [sample for sample in dataset.split(split) if all(_has_maps(run, name, split, sample) for name in drawn)]
    for sample in _chosen(complete, images) if drawn else []:
        yield _row(run, dataset, sample, split, drawn)


def _drawn(run: Path, split: str, variants: Sequence[str]) -> list[str]:
    """Variants with score maps; one that is not that far yet does not empty the gallery of the others."""
    return [name for name in variants if any((run / name / "cams" / split).glob("*.npz"))]


def _has_maps(run: Path, variant: str, split: str, sample: Sample) -> bool:
    return (run / variant / "cams" / split / f"{sample.id}.npz").exists()


def _chosen(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Evenly spread: of every stretch the middle one, of every second stretch the first with several tags.

    Those with the most tags everywhere would show the rarest and hardest images only.
    """
    stretches = np.array_split(np.arange(len(samples)), max(1, min(count, len(samples)))) if samples else []
    chosen = []
    for turn, stretch in enumerate(stretches):
        middle = samples[stretch[len(stretch) // 2]]
        several = (samples[index] for index in stretch if turn % 2 and len(samples[index].labels) > 1)
        chosen.append(next(several, middle))
    return chosen


def _row(run: Path, dataset: Dataset, sample: Sample, split: str, variants: Sequence[str]) -> dict[str, Any]:
    small = thumbnail(read_image(sample.image))
    return {
        "id": sample.id,
        "tags": [dataset.classes[label] for label in sample.labels],
        "image": data_uri(small),
        "truth": data_uri(mask_overlay(small, read_mask(dataset, sample))) if sample.mask else None,
        "variants": [(name, _heat(run, name, split, sample, small), _mask(run, name, split, sample, small))
                     for name in variants],
    }  # fmt: skip


def _heat(run: Path, variant: str, split: str, sample: Sample, small: UInt8) -> str:
    return data_uri(heat_overlay(small, read_scores(run / variant / "cams" / split / f"{sample.id}.npz").scores))


def _mask(run: Path, variant: str, split: str, sample: Sample, small: UInt8) -> str | None:
    path = run / variant / "pseudo" / split / f"{sample.id}.png"
    return data_uri(mask_overlay(small, read_indices(path))) if path.exists() else None


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
