"""Keys that tell the truth: what is redone, and what is not, when data or settings change."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from whole_run import RECIPE, finished_run, run_it

from patchlearn.cli.main import main
from patchlearn.core.files import read_json, read_rows
from patchlearn.core.masks_io import write_mask
from patchlearn.core.run_folder import lock_run
from patchlearn.data.images import read_indices
from patchlearn.report.results import results_table
from patchlearn.runs.run import open_run
from patchlearn.runs.target import find_target
from patchlearn.steps.step import Step

PLAIN = ("--variant=plain", "--with_segmenter=false")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return path


def made(run: Path) -> dict[str, int]:
    """Step → when its manifest was written."""
    return {str(path.parent.relative_to(run)): path.stat().st_mtime_ns for path in run.rglob("step.json")}


def redone(run: Path, before: dict[str, int]) -> set[str]:
    return {name for name, time in made(run).items() if before.get(name) != time}


def append(folder: Path, line: str) -> None:
    with (folder / "labels.csv").open("a") as file:
        file.write(line + "\n")


def test_masks_that_keep_their_size_are_judged_anew(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, *PLAIN)
    before, figures = made(run), read_json(run / "evaluation.json")
    for path in (folder_data / "masks").glob("*.png"):
        mask, size = read_indices(path), path.stat().st_size
        write_mask(path, np.array([0, 2, 1], np.uint8)[mask])
        assert path.stat().st_size == size
    assert run_it(recipe, folder_data, run, *PLAIN) == 0
    assert redone(run, before) == {"check", "plain/evaluation"}
    assert [entry["miou"] for entry in read_json(run / "evaluation.json")] != [entry["miou"] for entry in figures]


def test_an_image_that_keeps_its_size_is_learned_anew(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run, image = tmp_path / "run", folder_data / "images" / "img02.png"
    Image.new("RGB", (48, 40), (10, 20, 30)).save(image, compress_level=0)
    assert run_it(recipe, folder_data, run, *PLAIN) == 0
    before, size = made(run), image.stat().st_size
    Image.new("RGB", (48, 40), (30, 20, 10)).save(image, compress_level=0)
    assert image.stat().st_size == size
    assert run_it(recipe, folder_data, run, *PLAIN) == 0
    assert "plain/classifier" in redone(run, before)


@pytest.mark.parametrize("layout", ["folder", "voc"])
def test_a_split_that_no_step_reads_redoes_nothing_but_the_check(
    layout: str, recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    run, data, more = tmp_path / "run", folder_data, ()
    if layout == "voc":
        data, more = as_voc(folder_data, tmp_path / "voc"), ("--data.format=voc",)
    assert run_it(recipe, data, run, *PLAIN, *more) == 0
    before = made(run)
    image = data / ("images/new.png" if layout == "folder" else "JPEGImages/new.jpg")
    Image.new("RGB", (48, 40)).save(image)
    if layout == "folder":
        append(data, "new.png,test,")
    else:
        (data / "ImageSets/Segmentation/test.txt").write_text("new\n")
    assert run_it(recipe, data, run, *PLAIN, *more) == 0
    assert redone(run, before) == {"check"}


def as_voc(folder: Path, root: Path) -> Path:
    """The folder data set in VOC's layout, with the labels in the masks."""
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    rows = [line.split(",") for line in (folder / "labels.csv").read_text().splitlines()[1:]]
    for split in ("train", "val"):
        names = [Path(row[0]).stem for row in rows if row[1] == split]
        (root / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(names) + "\n")
    for name, *_ in rows:
        stem = Path(name).stem
        Image.open(folder / "images" / name).save(root / "JPEGImages" / f"{stem}.jpg")
        mask = read_indices(folder / "masks" / f"{stem}.png")
        write_mask(root / "SegmentationClass" / f"{stem}.png", np.array([0, 8, 12], np.uint8)[mask])
    (root / "classes.txt").write_text("cat\ndog\n")
    lines = [f"{Path(row[0]).stem},{row[1]},{'cat' if row[2] == 'red' else 'dog'}" for row in rows]
    (root / "labels.csv").write_text("image,split,labels\n" + "\n".join(lines) + "\n")
    return root


def test_maps_of_one_more_split_redo_nothing(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, *PLAIN)
    before = made(run)
    more = ("--cams.splits=[train,val]", "--pseudo.splits=[train,val]")
    assert run_it(recipe, folder_data, run, *PLAIN, *more) == 0
    assert redone(run, before) == {"plain/cams/val", "plain/pseudo/val", "plain/evaluation"}


def test_a_copy_of_a_finished_run_is_finished_too(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run, copy = tmp_path / "run", tmp_path / "copy"
    finished_run(recipe, folder_data, run, "--variant=plain")
    shutil.copytree(run, copy)
    for path in copy.rglob("*"):
        os.utime(path, (10**9, 10**9))
    models = {
        path: path.stat().st_mtime_ns for pattern in ("*.safetensors", "*.np?", "*.png") for path in copy.rglob(pattern)
    }
    assert run_it(recipe, folder_data, copy, "--variant=plain") == 0
    assert {path: path.stat().st_mtime_ns for path in models} == models


def test_a_classifier_of_other_settings_is_kept_aside_and_comes_back(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, *PLAIN)
    model = (run / "plain/classifier/model.safetensors").read_bytes()
    capfd.readouterr()
    assert run_it(recipe, folder_data, run, *PLAIN, "--classifier.optimisation.batch_size=3") == 0
    assert "plain/classifier: made with other values (optimisation.batch_size 4 → 3)" in capfd.readouterr().err
    aside = [path.name for path in (run / ".replaced").iterdir()]
    assert sorted(name.split("-")[0] for name in aside) == ["affinity", "classifier"]
    assert run_it(recipe, folder_data, run, *PLAIN) == 0
    assert "plain/classifier: as in .replaced/classifier-" in capfd.readouterr().err
    assert (run / "plain/classifier/model.safetensors").read_bytes() == model


def keys(recipe: Path, data: Path, run: Path, *options: str) -> dict[str, str]:
    """Step → its key, of the first variant."""
    overrides = [f"--data.root={data}", "--runtime.device=cpu", *(f"--{option}" for option in options)]
    with open_run(find_target(recipe, run, overrides), (), Console(quiet=True)) as opened:
        steps: list[Step] = opened.steps(opened.variants[0])
        return {step.title.partition("/")[2]: step.key for step in steps}


@pytest.fixture
def keys_of(recipe: Path, folder_data: Path, tmp_path: Path) -> Callable[..., dict[str, str]]:
    return lambda *options: keys(recipe, folder_data, tmp_path / "run", *options)


@pytest.mark.parametrize(
    ("step", "rounds", "least", "settings"),
    [
        ("affinity", "affinity.rounds", 1, ("walk.steps=16", "walk.steps=32")),
        ("segmenter", "segmenter.noise.rounds", 1, ("segmenter.inference.flip=true", "segmenter.inference.flip=false")),
        ("cams/train", "self_training.rounds", 0, ("background.rule=otsu", "background.rule=power")),
    ],
)
def test_a_setting_that_only_one_more_round_reads_enters_the_key_with_that_round(
    step: str, rounds: str, least: int, settings: tuple[str, str], keys_of: Callable[..., dict[str, str]]
) -> None:
    once, again = ([keys_of(f"{rounds}={least + more}", setting)[step] for setting in settings] for more in (0, 1))
    assert once[0] == once[1]
    assert again[0] != again[1]


def test_what_changes_no_result_changes_no_key(keys_of: Callable[..., dict[str, str]]) -> None:
    often = (f"{section}.optimisation.save_seconds=7" for section in ("classifier", "affinity", "segmenter"))
    unread = ("segmenter.noise.relabel_crf=none", "segmenter.noise.undecided=0.5", "runtime.threads=1", "title=other")
    assert keys_of(*often, *unread) == keys_of()


@pytest.mark.parametrize(
    ("option", "first"),
    [
        ("seed=1", "classifier"),
        ("classifier.border=replicate", "classifier"),
        ("cams.views.flip=false", "cams/train"),
        ("background.rule=power", "affinity"),
        ("walk.steps=7", "affinity"),
        ("pseudo.local=3", "pseudo/train"),
        ("segmenter.average=0.5", "segmenter"),
        ("segmenter.inference.flip=false", "segmented/val"),
    ],
)
def test_a_setting_changes_the_keys_from_the_first_step_that_reads_it_on(
    option: str, first: str, keys_of: Callable[..., dict[str, str]]
) -> None:
    before, after = keys_of(), keys_of(option)
    order = list(before)
    assert order == ["classifier", "cams/train", "affinity", "pseudo/train", "segmenter", "segmented/val"]
    assert [name for name in order if before[name] != after[name]] == order[order.index(first) :]


def test_the_share_of_full_supervision_compares_networks_that_saw_the_same_images(
    recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for options in ((), ("--supervision=masks",)):
        assert run_it(recipe, folder_data, run, "--variant=plain", *options) == 0
    (result,) = results_table(run)
    assert result.share_of_reference is not None
    (folder_data / "masks" / "img00.png").unlink()
    for options in ((), ("--supervision=masks",)):
        assert run_it(recipe, folder_data, run, "--variant=plain", *options) == 0
        assert (run / "report.html").exists()
    (result,) = results_table(run)
    assert (result.segmenter is not None, result.reference is not None) == (True, True)
    assert result.share_of_reference is None


def test_a_run_folder_is_one_process_at_a_time(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    words = ["train", str(recipe), "--data.root", str(folder_data), "--out", str(run), "--runtime.device=cpu"]
    with lock_run(run):
        other = subprocess.run([sys.executable, "-m", "patchlearn", *words], capture_output=True, text=True)
    assert other.returncode == 2
    assert f"process {os.getpid()} on" in other.stderr.replace("\n", " ")
    assert not (run / "plain").exists()
    assert main([*words, "--variant=plain"]) == 0
    assert main([*words, "--variant=plain"]) == 0
    assert [row["epoch"] for row in read_rows(run / "plain/classifier/epochs.csv")] == ["0", "1"]


def test_stated_sizes_change_the_keys_from_the_first_step_that_uses_them_on(
    keys_of: Callable[..., dict[str, str]], folder_data: Path
) -> None:
    """No colour and no size: no key changes. The maps use sizes only through their self-training."""

    def stated(table: str, *options: str) -> dict[str, str]:
        (folder_data / "classes.csv").write_text(table)
        return keys_of(*options)

    plain, trained = keys_of(), keys_of("self_training.rounds=1")
    assert stated("name,count\nred,many\nblue,\n") == plain
    for table in ("name,size_max\nred,0.5\nblue,\n", "name,count\nred,one\nblue,\n"):
        found, with_lda = stated(table), stated(table, "self_training.rounds=1")
        changed = {name for name, key in found.items() if key != plain[name]}
        assert changed == {"affinity", "pseudo/train", "segmenter", "segmented/val"}
        assert {name for name, key in with_lda.items() if key == trained[name]} == {"classifier", "features/train"}
