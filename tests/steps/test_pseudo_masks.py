from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_runtime
from PIL import Image
from rich.console import Console
from sam_models import answering_sam, whole_box, write_sam2
from whole_run import tiny_run

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json
from patchlearn.core.masks_io import write_scores
from patchlearn.core.types import ClassSize, Sample, ScoreMaps, UInt8
from patchlearn.data.clicks.values import Box, Clicks, ImageClicks
from patchlearn.data.images import read_indices
from patchlearn.maps.settings import PseudoSettings, WalkSettings
from patchlearn.models import sam2
from patchlearn.refine import BackgroundRule, CrfSettings, SamSettings
from patchlearn.steps.pseudo_masks import write_pseudo_masks

RULES = PseudoSettings(), BackgroundRule(), WalkSettings()


def black(height: int, width: int) -> UInt8:
    return np.zeros((height, width, 3), np.uint8)


def write_maps(root: Path, count: int, size: tuple[int, int] = (11, 13)) -> list[Sample]:
    maps = ScoreMaps(scores=np.ones((1, 3, 4), np.float32), classes=(0,), size=size)
    samples = [Sample(id=f"image{index}", image=root / f"image{index}.png", labels=(0,)) for index in range(count)]
    for sample in samples:
        write_scores(root / "scores" / f"{sample.id}.npz", maps)
        Image.fromarray(black(*size)).save(sample.image)
    return samples


def test_masks_have_the_size_of_their_image_and_threads_change_nothing(tmp_path: Path, console: Console) -> None:
    samples = write_maps(tmp_path, 5)
    written = []
    for threads in (1, 3):
        folder = tmp_path / f"plain{threads}" / "pseudo" / "train"
        write_pseudo_masks(
            samples,
            tmp_path / "scores",
            PseudoSettings(),
            BackgroundRule(),
            WalkSettings(),
            folder,
            make_runtime(console, threads),
        )
        assert read_indices(folder / "image4.png").shape == (11, 13)
        written.append({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")})
    assert written[0] == written[1]
    assert sorted(written[0]) == [f"{place}image{index}.png" for place in ("", "sure/") for index in range(5)]


def test_masks_are_within_the_stated_sizes(tmp_path: Path, console: Console) -> None:
    (sample,) = write_maps(tmp_path, 1)
    scores = np.linspace(0, 1, 11 * 13, dtype=np.float32).reshape(1, 11, 13)
    write_scores(tmp_path / "scores" / "image0.npz", ScoreMaps(scores=scores, classes=(0,), size=(11, 13)))
    settings, folder = PseudoSettings(crf=CrfSettings(preset="none"), ignore_band=0.0), tmp_path / "masks"
    rules, sizes = (settings, BackgroundRule(), WalkSettings()), (ClassSize(most=10, unit="pixels"),)
    write_pseudo_masks([sample], tmp_path / "scores", *rules, folder, make_runtime(console), sizes=sizes)
    assert (read_indices(folder / "image0.png") == 1).sum() == 10


def test_a_boxed_class_has_no_pixel_outside_of_its_box(tmp_path: Path, console: Console) -> None:
    samples, folder, runtime = write_maps(tmp_path, 2), tmp_path / "masks", make_runtime(console)
    rules = PseudoSettings(crf=CrfSettings(preset="none")), BackgroundRule(rule="fixed", threshold=0.3), WalkSettings()
    clicks = Clicks(images={"image0": ImageClicks(boxes=(Box(3, 2, 7, 6, index=0),))})
    write_pseudo_masks(samples, tmp_path / "scores", *rules, folder, runtime, clicks=clicks)
    mask, other = (read_indices(folder / f"image{index}.png") for index in (0, 1))
    assert (mask[2:7, 3:8] == 1).any()
    mask[2:7, 3:8] = 0
    assert not (mask == 1).any()
    assert (other == 1).all()


def test_missing_scores_are_explained_and_end_the_work(tmp_path: Path, console: Console) -> None:
    samples = write_maps(tmp_path, 30)
    (tmp_path / "scores" / "image0.npz").unlink()
    folder, threads = tmp_path / "x" / "y" / "z", torch.get_num_threads()
    with pytest.raises(PatchlearnError, match="Run patchlearn cams first"):
        write_pseudo_masks(
            samples,
            tmp_path / "scores",
            PseudoSettings(),
            BackgroundRule(),
            WalkSettings(),
            folder,
            make_runtime(console),
        )
    assert torch.get_num_threads() == threads


def test_neither_mask_has_a_label_where_an_unknown_class_wins(tmp_path: Path, console: Console) -> None:
    (sample,), scores = write_maps(tmp_path, 1, size=(12, 16)), np.zeros((2, 3, 4), np.float32)
    scores[0, :, :2], scores[1, :, 2:] = 1, 1
    maps = ScoreMaps(scores=scores, classes=(0, 5), size=(12, 16), unknown=(5,))
    write_scores(tmp_path / "scores" / f"{sample.id}.npz", maps)
    folder = tmp_path / "pseudo"
    write_pseudo_masks([sample], tmp_path / "scores", *RULES, folder, make_runtime(console))
    for path in (folder / f"{sample.id}.png", folder / "sure" / f"{sample.id}.png"):
        mask = read_indices(path)
        assert set(np.unique(mask).tolist()) <= {0, 1, 255}
        assert (mask[:, 0] == 1).all()
        assert (mask[:, -1] == 255).all()


def test_a_run_with_a_box_has_labels_and_masks_that_stay_in_it(folder_data: Path, tmp_path: Path) -> None:
    """The classifier stays what it was."""
    learning = ["--self_training.rounds=0", "--background.growth=2.0", "--affinity.kind=features"]
    run = tiny_run(folder_data, tmp_path / "run", *learning)
    classifier = read_json(run / "plain" / "classifier" / "step.json")
    points = tmp_path / "points.csv"
    points.write_text("image,x,y,label,x2,y2\nimg00,20,20,red,35,33\n", encoding="utf-8")
    tiny_run(folder_data, run, *learning, f"--clicks.points={points}")
    for name in ("pseudo/train/img00.png", "pseudo/train/sure/img00.png", "affinity/labels/img00.png"):
        labels = read_indices(run / "plain" / name)
        assert (labels[20:34, 20:36] == 1).any()
        labels[20:34, 20:36] = 0
        assert not (labels == 1).any()
    again = read_json(run / "plain" / "classifier" / "step.json")
    assert (again["key"], again["files"]) == (classifier["key"], classifier["files"])


def test_a_box_of_an_unknown_class_is_refused_before_the_run(
    folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    points = tmp_path / "points.csv"
    points.write_text("image,x,y,label,x2,y2\nimg00,20,20,rat,35,33\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        tiny_run(folder_data, tmp_path / "run", "--self_training.rounds=0", f"--clicks.points={points}")
    assert "unknown label 'rat'" in capfd.readouterr().err
    assert not list((tmp_path / "run").glob("plain/*"))


def test_two_walks_are_not_compared_where_there_may_be_none(
    folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    more = ("--reading.use=auto", "--affinity.kind=auto", "--pseudo.sure=agreed")
    with pytest.raises(AssertionError):
        tiny_run(folder_data, tmp_path / "run", *more)
    assert "pseudo.sure: agreed compares two walks" in capfd.readouterr().err
    assert not list((tmp_path / "run").glob("plain/*"))


def test_sam_is_asked_about_every_image(tmp_path: Path, console: Console) -> None:
    samples = write_maps(tmp_path, 3, size=(64, 64))
    scores = np.full((1, 64, 64), 0.1, np.float32)
    scores[0, 20:30, 20:40] = scores[0, 10:30, 30:40] = 0.9
    for sample in samples:
        maps = ScoreMaps(scores=scores, classes=(0,), size=(64, 64))
        write_scores(tmp_path / "scores" / f"{sample.id}.npz", maps)
    settings = PseudoSettings(crf=CrfSettings(preset="none"), sam=SamSettings(model="owner/sam2"))
    sam = answering_sam(lambda points, box: whole_box(points, box + box.new_tensor([0, 0, 1, 1])))
    rules = (settings, BackgroundRule(), WalkSettings())
    write_pseudo_masks(samples, tmp_path / "scores", *rules, tmp_path / "masks", make_runtime(console, 2), sam=sam)
    assert sam.network.seen == 3
    expected = np.zeros((64, 64), np.uint8)
    expected[10:30, 20:40] = 1
    assert all((read_indices(tmp_path / "masks" / f"image{index}.png") == expected).all() for index in range(3))


def test_a_run_loads_sam_once_and_makes_masks_again_when_its_files_change(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    model, loaded, load = write_sam2(tmp_path / "sam2"), [], sam2.load_sam2
    monkeypatch.setattr(sam2, "load_sam2", lambda *options: loaded.append(options) or load(*options))
    tiny_run(folder_data, tmp_path / "run", f"--pseudo.sam.model={model}")
    assert [name for name, _ in loaded] == [str(model)]
    assert len(list((tmp_path / "run" / "plain" / "pseudo" / "train").glob("*.png"))) == 8
    (model / "README.md").write_text("another model")
    tiny_run(folder_data, tmp_path / "run", f"--pseudo.sam.model={model}")
    assert len(loaded) == 2
    tiny_run(folder_data, tmp_path / "run", f"--pseudo.sam.model={model}")
    assert len(loaded) == 2


def test_a_run_says_what_sam_needs_before_it_starts(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("patchlearn.models.promptable.find_spec", lambda name: None)
    with pytest.raises(AssertionError):
        tiny_run(folder_data, tmp_path / "run", "--pseudo.sam.model=owner/sam2")
    assert "SAM: transformers is not installed. Run: pip install 'patchlearn[sam]'" in capfd.readouterr().err
    assert not (tmp_path / "run" / "plain").exists()
