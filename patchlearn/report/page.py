"""One self-contained HTML page about a run: pictures, curves, tables, steps and settings."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_rows, write_text
from patchlearn.core.types import Dataset
from patchlearn.report.figures import (
    SERIES,
    Chart,
    Line,
    Mark,
    class_colour,
    draw_chart,
    heat_gradient,
)
from patchlearn.report.gallery import drawn_variants, gallery_rows, segmented_rows
from patchlearn.report.results import (
    TITLES,
    Result,
    caption,
    column_values,
    filled_columns,
    percent,
    read_curve,
    read_entries,
    reference_precision,
    results_table,
)
from patchlearn.report.trust import TRUST, trust_rows

Row = dict[str, Any]


def write_report(
    run: Path,
    dataset: Dataset,
    variants: Sequence[str],
    *,
    split: str = "train",
    title: str,
    learned: int,
    steps: Sequence[Row] = (),
    left_out: Sequence[Path] = (),
    images: int = 8,
) -> Path:
    """Write `RUN/report.html` from the files of the run; what is not there is left out.

    Args:
        run: the run folder.
        dataset: for the pictures and, where there are any, the true masks.
        variants: in the order in which they stand side by side.
        split: whose maps are shown.
        title: the page's heading.
        learned: from the tags of how many images the classifiers have learned.
        steps: "title", "state", "seconds" and "commit" of every step of the run.
        left_out: folders of steps that were made with other settings.
        images: how many pictures the gallery shows.

    Raises:
        PatchlearnError: no step has left anything to report.
    """
    present = [name for name in variants if (run / name).is_dir()]
    results = [result for result in results_table(run, split) if result.variant in present]
    gallery, charts = list(gallery_rows(run, dataset, split, present, images)), list(_charts(run, split, present))
    if not (results or gallery or charts):
        raise PatchlearnError(f"{run}: nothing to report yet. Run first: patchlearn run RECIPE --out {run}.")
    environment = Environment(loader=PackageLoader("patchlearn", "report"), autoescape=True)
    page = environment.get_template("report.html.j2").render(
        title=title,
        summary=_summary(dataset, learned, present),
        caption=caption(run, split),
        headline=_headline(results),
        charts=charts,
        trust=list(trust_rows(run, dataset, [name for name in present if run / name / TRUST not in left_out])),
        gallery=gallery,
        drawn=drawn_variants(run, split, present),
        segmented=list(segmented_rows(run, dataset, present, left_out, images)),
        classes=_class_table(run, split, present, dataset),
        steps=steps,
        **_style(run, dataset, split, present),
    )
    write_text(run / "report.html", page)
    return run / "report.html"


def _style(run: Path, dataset: Dataset, split: str, variants: Sequence[str]) -> dict[str, Any]:
    """Colours, legends, and what belongs to the page as a whole."""
    return {
        "variants": variants,
        "colours": dict(zip(variants, SERIES * len(variants))),
        "has_truth": any(sample.mask for sample in dataset.split(split)),
        "legend": [(name, class_colour(index)) for index, name in enumerate(dataset.classes)],
        "gradient": Markup(heat_gradient()),
        "recipe": _text(run / "recipe.yaml"),
    }


def _headline(results: Sequence[Result]) -> dict[str, Any]:
    columns = filled_columns(results)
    best = {
        name: max((value for row in results for value in column_values(row, [name]) if value is not None), default=None)
        for name in columns
    }
    rows = [
        (row.variant, [(percent(value), value is not None and value == best[name] and len(results) > 1)
                       for name, value in zip(columns, column_values(row, columns))])
        for row in results
    ]  # fmt: skip
    return {"columns": [TITLES[name] for name in columns], "rows": rows}


def _summary(dataset: Dataset, learned: int, variants: Sequence[str]) -> str:
    whose = "of the classifier" if len(variants) == 1 else f"of each of the {len(variants)} variants"
    return (
        f"{len(dataset.classes)} classes, learned from the tags of {learned} images, without a single mask. "
        f"Below are the maps {whose}, and the masks that follow from them."
    )


def _class_table(run: Path, split: str, variants: Sequence[str], dataset: Dataset) -> dict[str, Any] | None:
    """IoU of every class, of the seeds at the oracle threshold."""
    found = {
        entry["variant"]: entry["iou"]
        for entry in read_entries(run)
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
    curves = {name: curve for name in variants if (curve := read_curve(run, name, split))}
    logs = {name: rows for name in variants if (rows := read_rows(run / name / "classifier" / "log.csv"))}
    epochs = {name: rows for name in variants if (rows := read_rows(run / name / "classifier" / "epochs.csv"))}
    if curves:
        yield _threshold_chart(run, split, curves, colours)
        yield _precision_chart(curves, colours, "recall", "recall of the foreground")
    if any("recall_weak" in curve for curve in curves.values()):
        entries = [entry for entry in read_entries(run) if entry["split"] == split]
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
        for entry in read_entries(run)
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


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
