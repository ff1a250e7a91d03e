"""The last lines of a run: inside or outside of what was measured, or why nothing is compared."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import pytest

from patchlearn.core.digests import Digests
from patchlearn.core.errors import PatchlearnError
from patchlearn.data.open import open_dataset
from patchlearn.refine.settings import BackgroundRule
from patchlearn.runs.expected import (
    comparison,
    cost_of,
    data_key,
    expected_lines,
    score_of,
    settings_key,
)
from patchlearn.runs.recipe import load_recipe, read_expected
from patchlearn.runs.run import Run
from patchlearn.runs.settings import ExpectedData, ExpectedFigure, ExpectedSettings, Recipe, Variant
from patchlearn.steps.data_splits import DataSplits

PLAIN = Variant(name="plain")
FIGURE = ExpectedFigure(
    miou=73.2, spread=1.0, seeds=(0, 1, 2), commit="7271529", settings=settings_key(PLAIN, "pseudo")
)
SOURCE = "(squares, train, seeds 0, 1, 2, 7271529)"


def entry(miou: float, **changes: str) -> dict[str, Any]:
    facts = {"artefact": "pseudo", "variant": "plain", "split": "train", "labels": "given", "rule": "label_free"}
    return {**facts, "supervision": "tags", "miou": miou, **changes}


def opened(folder: Path) -> DataSplits:
    return DataSplits(open_dataset("folder", folder), Digests(None))


def finished_run(folder: Path, run: Path, *entries: dict[str, Any], variant: Variant = PLAIN, **changes: Any) -> Run:
    """A run of a recipe that expects `FIGURE`, of the data as they are now; the changes are those of `expected`."""
    data = opened(folder)
    known = {"data": ExpectedData(name="squares", key=data_key(data)), "pseudo": FIGURE}
    run.mkdir()
    if entries:
        (run / "evaluation.json").write_text(json.dumps(entries))
    recipe = Recipe(expected=ExpectedSettings(**{**known, **changes}))
    runtime = cast(Any, None)
    return Run(folder=run, recipe=recipe, variants=(variant,), chosen=("plain",), data=data, runtime=runtime)


@pytest.mark.parametrize(
    ("miou", "words"),
    [
        (0.734, "pseudo masks 73.4 mIoU: inside 73.2 ± 1.0, 0.2 above the mean"),
        (0.723, "pseudo masks 72.3 mIoU: inside 73.2 ± 1.0, 0.9 below the mean"),
        (0.701, "pseudo masks 70.1 mIoU: outside 73.2 ± 1.0, by 2.1 below"),
        (0.76, "pseudo masks 76.0 mIoU: outside 73.2 ± 1.0, by 1.8 above"),
    ],
)
def test_the_same_data_and_settings_are_compared(folder_data: Path, tmp_path: Path, miou: float, words: str) -> None:
    others = [entry(0.1, split="val"), entry(0.1, rule="oracle"), entry(0.1, variant="other")]
    run = finished_run(folder_data, tmp_path / "run", *others, entry(miou))
    assert expected_lines(run) == [f"{words} {SOURCE}"]


def test_of_one_seed_and_older_code_no_interval_is_claimed(folder_data: Path, tmp_path: Path) -> None:
    figure = replace(FIGURE, spread=None, seeds=(0,), older=True)
    run = finished_run(folder_data, tmp_path / "run", entry(0.734), pseudo=figure)
    assert expected_lines(run) == [
        "pseudo masks 73.4 mIoU: 0.2 above 73.2, whose spread is not known "
        "(squares, train, seed 0, 7271529, older code)"
    ]
    assert comparison(figure, 70.1) == "3.1 below 73.2, whose spread is not known"


@pytest.mark.parametrize("name", ["images/img03.png", "masks/img03.png", "labels.csv"])
def test_other_images_labels_or_masks_are_not_compared(folder_data: Path, tmp_path: Path, name: str) -> None:
    before, path = ExpectedData(name="squares", key=data_key(opened(folder_data))), folder_data / name
    if path.suffix == ".csv":
        path.write_text(path.read_text().replace("blue", "red", 1))
    else:
        path.write_bytes(path.with_name("img05.png").read_bytes())
    run = finished_run(folder_data, tmp_path / "run", entry(0.734), data=before)
    assert expected_lines(run) == [
        "expected mIoU: not compared. The images, labels or true masks are not exactly those of squares, of which the "
        "figures are."
    ]


def test_without_true_masks_or_a_key_of_the_data_nothing_is_compared(folder_data: Path, tmp_path: Path) -> None:
    assert expected_lines(finished_run(folder_data, tmp_path / "a")) == []
    (line,) = expected_lines(finished_run(folder_data, tmp_path / "b", entry(0.7), data=ExpectedData(name="squares")))
    assert line.endswith("are of squares, but do not say on which files they were measured.")


def test_other_settings_are_not_compared(folder_data: Path, tmp_path: Path) -> None:
    other = replace(PLAIN, background=BackgroundRule(rule="power"))
    run = finished_run(folder_data, tmp_path / "run", entry(0.734), variant=other)
    assert expected_lines(run) == ["pseudo masks 73.4 mIoU: not compared with 73.2, which is of other settings"]


def test_what_was_not_judged_on_the_split_is_said_and_what_was_not_made_is_not(
    folder_data: Path, tmp_path: Path
) -> None:
    listed = replace(FIGURE, split="val-choose")
    run = finished_run(folder_data, tmp_path / "run", entry(0.7), pseudo=listed, segmenter=FIGURE)
    assert expected_lines(run) == [
        "pseudo masks: not compared. 73.2 mIoU is expected on val-choose (evaluate --images)"
    ]


def test_a_recipe_without_figures_and_the_reference_say_so(folder_data: Path, tmp_path: Path) -> None:
    run = finished_run(folder_data, tmp_path / "run", entry(0.7), pseudo=ExpectedFigure())
    assert expected_lines(run) == ["expected mIoU: not measured here with this recipe"]
    assert expected_lines(replace(run, recipe=replace(run.recipe, supervision="masks"))) == []


def test_what_is_expected_is_no_part_of_a_variant_whose_settings_enter_the_keys() -> None:
    assert "expected" not in {each.name for each in fields(Variant)}


def test_the_section_of_a_recipe_is_read_and_said_in_words() -> None:
    pseudo = {"miou": 73.2, "spread": 1.0, "seeds": [0, 1, 2], "minutes": 8.4, "machine": "a CPU", "commit": "abc"}
    expected = read_expected({"data": {"name": "squares"}, "pseudo": pseudo, "note": "more"}, "a.yaml")
    assert (expected.data.name, expected.pseudo.seeds, expected.note) == ("squares", (0, 1, 2), "more")
    assert score_of(expected) == "pseudo masks 73.2 ± 1.0 (train, seeds 0, 1, 2, abc); more"
    assert cost_of(expected) == "pseudo masks in 8 minutes on a CPU"
    assert cost_of(ExpectedSettings()) == score_of(ExpectedSettings()) == "not measured here"


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"pseudo": {"miuo": 73.2}}, r"a\.yaml: unknown key 'expected\.pseudo\.miuo'; did you mean 'miou'"),
        (
            {"pseudo": {"miou": "high"}},
            r"a\.yaml: expected\.pseudo\.miou: 'high' is not a number or null.*; docs/recipes\.md",
        ),
        ({"seed": {"labels": "known"}}, r"a\.yaml: expected\.seed\.labels: 'known' is not an option"),
    ],
)
def test_a_wrong_section_is_refused(section: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        read_expected(section, "a.yaml")


def test_what_was_measured_is_no_setting(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("expected: {pseudo: {miou: 73.2, commit: '7271529'}}\n")
    pseudo = load_recipe(tmp_path / "a.yaml").recipe.expected.pseudo
    assert (pseudo.miou, pseudo.commit) == (73.2, "7271529")
    with pytest.raises(PatchlearnError, match=r"--expected\.note=a: what was measured is no setting"):
        load_recipe(tmp_path / "a.yaml", ["--expected.note=a"])
