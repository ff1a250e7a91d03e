"""Which pixels of a run's images are suggested."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from whole_run import finished_tiny_run, tiny_run

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import read_scores
from patchlearn.data.clicks.points_table import ClickRow, write_points
from patchlearn.runs.run import open_run
from patchlearn.runs.suggestions import Suggestion, suggest
from patchlearn.runs.target import find_target

LEARNING = ["--self_training.rounds=1", "--self_training.stages=lower", "--background.rule=otsu"]


def suggested(run: Path, count: int, console: Console) -> list[Suggestion]:
    with open_run(find_target(run, None, ()), (), console) as opened:
        return suggest(opened, opened.variants[0], count)


@pytest.mark.parametrize("learning", [[], LEARNING])
def test_labels_take_turns_over_the_images_of_a_run(
    folder_data: Path, tmp_path: Path, console: Console, learning: list[str]
) -> None:
    """With features that are computed, and with those that self-training has stored."""
    run = finished_tiny_run(folder_data, tmp_path / "run", *learning)
    found = suggested(run, 6, console)
    assert len(found) == 6
    assert found == suggested(run, 6, console)
    assert len({each.guess for each in found[:3]}) == 3
    assert max(np.unique([each.sample.id for each in found], return_counts=True)[1]) <= 2
    for each in found:
        maps = read_scores(run / "plain" / "cams" / "train" / f"{each.sample.id}.npz")
        assert 0 <= each.x < 48
        assert 0 <= each.y < 40
        score = maps.scores[0, each.y // 4, each.x // 4]
        assert f"{score:.2f}" in each.why
        assert each.guess in ("background", "red" if maps.classes == (0,) else "blue")


def test_nothing_near_a_click_is_suggested(folder_data: Path, tmp_path: Path, console: Console) -> None:
    run = finished_tiny_run(folder_data, tmp_path / "run", *LEARNING)
    before = suggested(run, 8, console)
    points = tmp_path / "points.csv"
    write_points(points, [ClickRow(image=e.sample.id, x=e.x, y=e.y, label="background") for e in before])
    tiny_run(folder_data, run, *LEARNING, f"--clicks.points={points}")
    clicked = {(each.sample.id, each.x, each.y) for each in before}
    found = suggested(run, 8, console)
    assert found
    for each in found:
        near = [np.hypot(x - each.x, y - each.y) for id, x, y in clicked if id == each.sample.id]
        assert min(near, default=np.inf) >= 0.1 * np.hypot(40, 48)


def test_maps_must_be_there_and_of_the_split_that_teaches(folder_data: Path, tmp_path: Path, console: Console) -> None:
    run = finished_tiny_run(folder_data, tmp_path / "run")
    for setting, message in (
        ("--self_training.train_split=val", r"variant plain: cams\.splits lacks 'val', whose images clicks are for"),
        ("--cams.views.scales=[0.5]", "made with other values"),
    ):
        with open_run(find_target(run, None, [setting]), (), console) as opened:
            variant = opened.variants[0]
            with pytest.raises(PatchlearnError, match=message):
                suggest(opened, variant, 3)
