"""`evaluate` of files: the same figures as of a run, and which options go together."""

import json
from pathlib import Path

import pytest
from whole_run import finished_tiny_run

from patchlearn.cli.main import main
from patchlearn.core.files import read_json


@pytest.fixture
def run(folder_data: Path, tmp_path: Path) -> Path:
    return finished_tiny_run(folder_data, tmp_path / "run")


def files(data: Path, *words: str) -> list[str]:
    listed = data.parent / "train.txt"
    listed.write_text("".join(f"img{number:02}.png\n" for number in range(8)))
    return ["evaluate", *words, "--truth", str(data / "masks"), "--classes", str(data / "classes.txt"),
            "--images", str(listed)]  # fmt: skip


def test_the_figures_are_those_of_the_run(run: Path, folder_data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    entries = {(entry["artefact"], entry["rule"]): entry for entry in read_json(run / "evaluation.json")}
    capfd.readouterr()
    assert main([*files(folder_data, "--masks", str(run / "plain/pseudo/train")), "--json"]) == 0
    masks = json.loads(capfd.readouterr().out)
    assert main([*files(folder_data, "--scores", str(run / "plain/cams/train")), "--json"]) == 0
    scores = json.loads(capfd.readouterr().out)
    oracle = scores.pop("oracle")
    for found, kind in ((masks, "pseudo"), (scores, "seed"), (oracle, "seed")):
        entry = entries[kind, found.get("rule", "label_free")]
        assert found == {name: entry[name] for name in found}
    assert {"miou", "iou", "absent", "images", "precision", "recall", "boundary_f"} <= set(masks) & set(scores)
    assert set(masks["iou"]) | set(masks["absent"]) == {"background", "red", "blue"}


def test_the_table_shows_every_class_in_per_cent(folder_data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(files(folder_data, "--masks", str(folder_data / "masks"))) == 0
    said = capfd.readouterr()
    rows = dict(line.split() for line in said.out.splitlines() if len(line.split()) == 2)
    assert {name: rows[name] for name in ("background", "red", "blue", "mIoU", "recall")} == dict.fromkeys(
        ("background", "red", "blue", "mIoU", "recall"), "100.0"
    )
    assert "8 images" in said.out
    assert "4 files are of no true mask that is asked for" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "nothing to judge. Name a run, such as runs/photos; or"),
        ("a --masks b", "a: a run and --masks are two things to judge"),
        ("--masks a --scores b", "--masks and --scores: judge one of them at a time"),
        ("--masks a --truth b", "--masks: --classes is missing. Say --masks DIR --truth DIR --classes FILE"),
        ("--scores a --classes b", "--scores: --truth is missing"),
        ("a --truth b", "--truth: goes with --masks or --scores"),
        ("a --ignore-others", "--ignore-others: goes with --masks or --scores"),
        ("--masks a --truth b --classes c --variant d", "--variant: is of a run, and --masks needs none"),
        ("--masks a --truth b --classes c --layout hwc", "--layout: is of score maps, and masks have none"),
        ("--masks a --truth b --classes c --seed 1", "--seed=1: a setting of recipes, of which files have none"),
        ("--masks a --truth b --classes c", "c: no such file. Name a classes.txt"),
    ],
)
def test_options_that_do_not_go_together(words: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *words.split()]) == 2
    assert said in capfd.readouterr().err
