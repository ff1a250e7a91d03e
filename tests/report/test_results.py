"""The headline figures are those of the files of a run."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from patchlearn.core.files import append_row, read_json, write_json
from patchlearn.report.results import (
    caption,
    percent,
    print_entries,
    print_results,
    recall_at_precision,
    results_table,
)

Entry = Callable[..., dict[str, object]]
VARIANTS = ("plain", "progressive")
CURVE = {"precision": [0.2, 0.6, 0.9], "recall_weak": [0.8, 0.4, 0.1]}


def test_figures_are_those_of_the_entries(run: Path) -> None:
    plain, progressive = results_table(run)
    assert (plain.variant, progressive.variant) == VARIANTS
    assert (plain.seed_oracle, plain.seed_label_free, plain.pseudo) == (0.5, 0.45, 0.4)
    assert (plain.weak_recall, plain.weak_recall_at_precision, plain.held_out_map) == (0.4, 0.4, 0.5)


def test_recall_at_equal_precision_by_hand() -> None:
    assert recall_at_precision(CURVE, 0.6) == 0.4
    assert recall_at_precision(CURVE, 0.61) == 0.1
    assert recall_at_precision(CURVE, 0.0) == 0.8
    assert recall_at_precision(CURVE, 0.95) is None


def test_the_terminal_shows_the_same_figures(run: Path) -> None:
    console = Console(record=True, width=200, quiet=False, file=(run / "log.txt").open("w"))
    print_results(console, run)
    text = console.export_text()
    assert "progressive" in text
    assert "45.0" in text
    console.file.close()


def test_entries_of_a_list_are_shown_alone_and_not_among_those_of_splits(run: Path, entry: Entry) -> None:
    part = {**entry("plain", "segmenter", "argmax", 0.77), "split": "few", "part_of": "train", "images": 2}
    before, words = results_table(run), caption(run)
    write_json(run / "evaluation.json", [part, *read_json(run / "evaluation.json")])
    assert (results_table(run), caption(run)) == (before, words)
    console = Console(record=True, width=200, file=StringIO())
    print_entries(console, [part])
    text = console.export_text()
    assert "77.0" in text
    assert "2 images of few (part of train), commit abc." in text


def test_percent() -> None:
    assert (percent(0.4235), percent(None)) == ("42.4", "–")


def test_a_variant_that_was_only_trained_has_its_row(run: Path, entry: Entry) -> None:
    write_json(run / "evaluation.json", [entry("plain", "seed", "oracle", 0.5)])
    plain, progressive = results_table(run)
    assert (plain.seed_oracle, progressive.seed_oracle, progressive.held_out_map) == (0.5, None, 0.5)


def test_seeds_judged_on_another_split_are_shown(run: Path, entry: Entry) -> None:
    write_json(run / "evaluation.json", [{**entry("plain", "seed", "oracle", 0.5), "split": "val"}])
    console = Console(record=True, width=200, file=StringIO())
    print_results(console, run)
    text = console.export_text()
    assert "images of val" in text
    assert "50.0" in text


def test_the_segmenter_has_its_own_column(run: Path, entry: Entry) -> None:
    segmenter = {**entry("plain", "segmenter", "argmax", 0.61), "split": "val", "labels": "predicted"}
    reference = {**segmenter, "supervision": "masks", "miou": 0.7625}
    write_json(run / "evaluation.json", [entry("plain", "seed", "oracle", 0.5), reference, segmenter])
    plain, _ = results_table(run)
    assert (plain.seed_oracle, plain.segmenter, plain.reference) == (0.5, 0.61, 0.7625)
    assert plain.share_of_reference == pytest.approx(0.8)


def test_the_segmenters_figure_is_never_without_its_circumstances(run: Path, entry: Entry) -> None:
    segmenter = {**entry("plain", "segmenter", "argmax", 0.61), "split": "val", "labels": "predicted"}
    write_json(run / "evaluation.json", [segmenter])
    assert "Segmenter: 8 images of val, no image labels, commit abc." in caption(run)


def test_names_are_no_markup(run: Path, entry: Entry) -> None:
    entries = [entry("a[/b]", "seed", "oracle", 0.5)]
    write_json(run / "evaluation.json", entries)
    console = Console(record=True, width=120, file=StringIO())
    print_results(console, run)
    assert "a[/b]" in console.export_text()


@pytest.mark.parametrize("other", [{"split": "test"}, {"settings": "others"}])
def test_no_share_of_a_reference_that_was_trained_or_judged_otherwise(
    run: Path, entry: Entry, other: dict[str, str]
) -> None:
    segmenter = {**entry("plain", "segmenter", "argmax", 0.61), "split": "val", "settings": "some"}
    reference = {**segmenter, "supervision": "masks", "miou": 0.7625, **other}
    write_json(run / "evaluation.json", [segmenter, reference])
    plain, _ = results_table(run)
    assert (plain.segmenter, plain.reference, plain.share_of_reference) == (0.61, 0.7625, None)


def test_an_unknown_map_is_no_figure(run: Path) -> None:
    row = {"epoch": 1, "stage": 0, "step": 30, "loss": 0.1, "map": float("nan"), "seconds": 1}
    append_row(run / "plain" / "classifier" / "epochs.csv", row)
    assert results_table(run)[0].held_out_map is None
