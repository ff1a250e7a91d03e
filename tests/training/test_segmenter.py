"""Training a segmentation network on masks."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from conftest import make_runtime
from rich.console import Console
from torch import Tensor

from patchlearn.core.checkpoints import load_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_rows
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import ClassSize, Dataset, Sample, Sizes, UInt8
from patchlearn.data.images import read_image, read_mask
from patchlearn.data.open import open_dataset
from patchlearn.data.settings import AugmentSettings
from patchlearn.inference.masks import read_mask_of, write_masks
from patchlearn.inference.segmenter import Segmenter, load_segmenter, save_segmenter
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.models.settings import HEAD_STRIDES, POOLING_HEADS
from patchlearn.training import segmenter as module
from patchlearn.training.ema import MovingAverage
from patchlearn.training.segmenter import (
    ReadLabels,
    check_batch,
    check_labels,
    create_segmentation_network,
    train_segmenter,
)
from patchlearn.training.settings import NoiseSettings, Optimisation, SegmenterSettings


@pytest.fixture
def data(folder_data: Path) -> Dataset:
    return open_dataset("folder", folder_data)


ONE_ROUND = NoiseSettings(correct_from=1.0, rounds=1)


def settings(epochs: int = 2, rate: float = 1e-3, **changes: Any) -> SegmenterSettings:
    whole = {
        "backbone": "mobilenetv3_small_050",
        "weights": None,
        "noise": ONE_ROUND,
        "augment": AugmentSettings(crop=32, long_side=(32, 48)),
        "optimisation": Optimisation(epochs=epochs, batch_size=4, learning_rate=rate, head_multiplier=1.0),
    }
    return SegmenterSettings(**{**whole, **changes})


def train(
    data: Dataset,
    folder: Path,
    console: Console,
    plan: SegmenterSettings,
    read_labels: ReadLabels | None = None,
    *,
    times: int = 1,
    sizes: Sizes = (),
) -> Path:
    """With every image `times` over: more steps in an epoch, at the end of which the state is saved."""
    read, samples, runtime = read_labels or partial(read_mask, data), data.split("train") * times, make_runtime(console)
    return train_segmenter(samples, read, data.classes, plan, folder, runtime, seed=0, sizes=sizes)


def test_it_learns_to_segment_new_images(data: Dataset, tmp_path: Path, console: Console) -> None:
    model = load_segmenter(train(data, tmp_path / "run", console, settings(epochs=1, rate=3e-3, average=0.9), times=40))
    agreement = [
        (model.predict(read_image(sample.image)) == read_mask(data, sample)).mean() for sample in data.split("val")
    ]
    assert model.classes == ("red", "blue")
    assert np.mean(agreement) > 0.93  # all background has 0.87


def test_stated_sizes_hold_against_labels_of_too_many_pixels(data: Dataset, tmp_path: Path, console: Console) -> None:
    def read(sample: Sample) -> UInt8:
        mask = np.full(read_mask(data, sample).shape, sample.labels[0] + 1, np.uint8)
        mask[:, ::4] = 0
        return mask

    found = []
    for weight in (0.0, 30.0):
        plan = settings(epochs=1, rate=3e-3, average=0.5, size_weight=weight)
        sizes = (ClassSize(most=0.1), ClassSize(most=0.1))
        model = load_segmenter(train(data, tmp_path / str(weight), console, plan, read, times=10, sizes=sizes))
        masks = [model.predict(read_image(sample.image)) for sample in data.split("val")]
        found.append(np.mean([(mask > 0).mean() for mask in masks]))
    assert found[1] < found[0] / 2


@pytest.mark.parametrize(("sizes", "weight"), [((None, ClassSize(count="one")), 1.0), ((ClassSize(most=0.01),), 0.0)])
def test_without_bounds_or_weight_nothing_changes(
    sizes: Sizes, weight: float, data: Dataset, tmp_path: Path, console: Console
) -> None:
    plan = settings(epochs=1, size_weight=weight)
    known, unknown = (train(data, tmp_path / str(len(each)), console, plan, sizes=each) for each in (sizes, ()))
    assert known.read_bytes() == unknown.read_bytes()


def test_a_resumed_training_equals_an_undisturbed_one(
    data: Dataset, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = settings(epochs=3, noise=NoiseSettings(correct_from=0.3, confidence=0.4, rounds=1))
    plan = replace(plan, optimisation=replace(plan.optimisation, save_seconds=0))
    whole = train(data, tmp_path / "whole", console, plan).read_bytes()
    update, calls = MovingAverage.update, 0

    def interrupted(model: MovingAverage) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        update(model)

    monkeypatch.setattr(MovingAverage, "update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "cut", console, plan)
    monkeypatch.setattr(MovingAverage, "update", update)
    assert train(data, tmp_path / "cut", console, plan).read_bytes() == whole
    logs = (read_rows(tmp_path / name / "epochs.csv") for name in ("whole", "cut"))
    before, after = ([(row["loss"], row["objects_found"]) for row in rows] for rows in logs)
    assert after == before


def test_a_network_that_predicts_background_everywhere_is_stopped_with_a_sentence(
    data: Dataset, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_STEPS", 3)
    monkeypatch.setattr(module._Course, "_count", lambda course, *batch: course.model.objects[1].fill_(99))
    with pytest.raises(PatchlearnError, match=r"collapsed to background: in epoch 2 .* Lower segmenter\.optim"):
        train(data, tmp_path / "run", console, settings())
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_in_its_first_steps_any_network_may_predict_background_everywhere(
    data: Dataset, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module._Course, "_count", lambda course, *batch: course.model.objects[1].fill_(99))
    train(data, tmp_path / "run", console, settings())
    assert [row["objects_found"] for row in read_rows(tmp_path / "run" / "epochs.csv")] == ["0.0", "0.0"]


def test_the_log_says_how_many_object_pixels_were_found(data: Dataset, tmp_path: Path, console: Console) -> None:
    train(data, tmp_path / "run", console, settings(epochs=1))
    (row,) = read_rows(tmp_path / "run" / "epochs.csv")
    assert float(row["objects_found"]) >= 0


def test_pixels_found_are_counted_where_there_are_labels(tmp_path: Path) -> None:
    network = SegmentationNetwork("mobilenetv3_small_050", "fpn", classes=2)
    course = module._Course(
        network, module._NetworkAndTeacher(network, 0.9), settings(), Accelerator(cpu=True), tmp_path
    )
    logits = torch.zeros(1, 3, 1, 4)
    logits[0, 1, 0, :3] = 1.0
    course._count(logits, torch.tensor([[[255, 0, 2, 1]]]))
    assert course.model.objects.tolist() == [2, 2]
    assert course.validate() == {"objects_found": 1.0}


def test_a_second_round_learns_from_what_the_first_says_given_the_tags(
    data: Dataset, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    mask = np.zeros((40, 48), np.uint8)
    mask[:20] = 1
    monkeypatch.setattr(Segmenter, "predict", lambda *arguments: told.append(arguments[2:]) or mask)
    learned: list[Any] = []
    monkeypatch.setattr(module, "_train_once", lambda *arguments: learned.append(arguments))
    network = SegmentationNetwork("mobilenetv3_small_050", "deeplabv3plus", classes=2)
    save_segmenter(tmp_path / "run/round-1/model.safetensors", Segmenter(network=network, classes=data.classes))
    plan = settings(noise=NoiseSettings(rounds=2, undecided=0.7))
    train(data, tmp_path / "run", console, plan)
    assert [present for _, present in told] == [sample.labels for sample in data.split("train")]
    assert {(how.crf, how.undecided) for how, _ in told} == {("segmenter", 0.7)}
    (second,) = learned  # the first was there
    assert (second[1](data.split("train")[0]) == mask).all()


def test_only_tagged_classes_occur_where_tags_are_told(data: Dataset, tmp_path: Path, console: Console) -> None:
    network = SegmentationNetwork("mobilenetv3_small_050", "fpn", classes=2).eval()
    with torch.no_grad():
        network.model.segmentation_head[0].bias[2] = 99.0  # sees blue everywhere
    for tagged, classes in ((False, {2}), (True, {0, 1})):
        folder = tmp_path / str(tagged)
        reds = [sample for sample in data.split("train") if sample.labels == (0,)]
        model = Segmenter(network=network, classes=data.classes)
        write_masks(reds, model, folder, make_runtime(console), tagged=tagged)
        assert {int(value) for sample in reds for value in np.unique(read_mask_of(folder, sample))} <= classes


def test_what_is_saved_is_the_average_with_the_last_step_in_it(data: Dataset, tmp_path: Path, console: Console) -> None:
    saved, _ = load_checkpoint(train(data, tmp_path / "run", console, settings(epochs=1, average=0.0)))
    state, _ = load_checkpoint(tmp_path / "run" / "state.safetensors")
    for name, tensor in saved.items():
        assert torch.equal(tensor, state[f"model/network.{name}"]), name


def test_the_teacher_begins_when_it_is_told_to(data: Dataset, tmp_path: Path, console: Console) -> None:
    never, late = (
        train(
            data,
            tmp_path / str(start),
            console,
            settings(noise=NoiseSettings(correct_from=start, confidence=0.34, rounds=1)),
        )
        for start in (1.0, 0.5)
    )
    logs = [[float(row["loss"]) for row in read_rows(path.parent / "epochs.csv")] for path in (never, late)]
    assert logs[0][0] == logs[1][0]
    assert logs[0][1] != logs[1][1]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (3, "mask of 'img02': holds the value 3, but there are 2 classes"),
        (0, "none of the 8 masks has an object pixel"),
    ],
)
def test_masks_are_checked_before_training(
    value: int, complaint: str, data: Dataset, tmp_path: Path, console: Console
) -> None:
    for sample in data.split("train"):
        write_mask(tmp_path / f"{sample.id}.png", np.full((40, 48), 255, np.uint8))
    write_mask(tmp_path / "img02.png", np.full((40, 48), value, np.uint8))
    with pytest.raises(PatchlearnError, match=complaint):
        check_labels(data.split("train"), partial(read_mask_of, tmp_path), data.classes, console)


def test_missing_and_misfitting_masks_are_named(data: Dataset, tmp_path: Path, console: Console) -> None:
    masks = tmp_path / "masks"
    shutil.copytree(data.root / "masks", masks)
    write_mask(masks / "img03.png", np.ones((40, 47), np.uint8))
    with pytest.raises(PatchlearnError, match=r"img03\.png: 48×40 pixels, but its labels have 47×40"):
        train(data, tmp_path / "run", console, settings(), partial(read_mask_of, masks))
    (masks / "img05.png").unlink()
    with pytest.raises(PatchlearnError, match=r"img05\.png: no such file"):
        train(data, tmp_path / "run", console, settings(), partial(read_mask_of, masks))


def test_a_class_without_a_pixel_is_said_aloud(data: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    reds = [sample for sample in data.split("train") if sample.labels == (0,)]
    check_labels(reds, partial(read_mask, data), data.classes, Console())
    assert "no mask has a pixel of blue:" in capsys.readouterr().out


@pytest.mark.parametrize("head", HEAD_STRIDES)
def test_one_image_per_step_is_refused_for_the_heads_that_cannot_learn_from_it(
    head: str, data: Dataset, tmp_path: Path, console: Console
) -> None:
    """Each head runs here: what `check_batch` allows trains, and what it refuses fails in torch."""
    plan = settings(head=head, epochs=1, augment=AugmentSettings(crop=64, long_side=(64, 64)))
    lonely = data.split("train")[:1]
    network = create_segmentation_network(plan, 2).train()
    network.freeze_statistics()
    if head not in POOLING_HEADS:
        check_batch(lonely, plan, Accelerator(cpu=True))
        network(torch.rand(1, 3, 64, 64)).sum().backward()
        return
    with pytest.raises(
        PatchlearnError, match=r"reads a map of 1×1 .* Raise segmenter\.optim.*, or set segmenter\.head"
    ):
        check_batch(lonely, plan, Accelerator(cpu=True))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        network(torch.rand(1, 3, 64, 64))


def test_a_training_with_one_image_per_step_ends_with_a_model(data: Dataset, tmp_path: Path, console: Console) -> None:
    one = settings(head="fpn", optimisation=Optimisation(epochs=1, batch_size=1))
    assert train(data, tmp_path / "run", console, one).exists()


def test_one_image_that_is_a_single_cell_is_refused_where_the_encoder_learns_its_statistics(data: Dataset) -> None:
    lonely = data.split("train")[:1]
    plan = settings(head="fpn", freeze_statistics=False)
    with pytest.raises(PatchlearnError, match=r"\(crop 32\): one .* or raise segmenter\.augment\.crop\.$"):
        check_batch(lonely, plan, Accelerator(cpu=True))
    check_batch(lonely, replace(plan, augment=AugmentSettings(crop=64, long_side=(64, 64))), Accelerator(cpu=True))


def test_no_image_is_refused(data: Dataset, tmp_path: Path, console: Console) -> None:
    with pytest.raises(PatchlearnError, match="split 'train': no image to train the segmenter on"):
        train(replace(data, splits={"train": ()}), tmp_path / "run", console, settings())


def test_the_teacher_is_told_which_classes_were_judged(
    data: Dataset, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[list[float], list[bool]]] = []

    def note(labels: Tensor, _: Tensor, present: Tensor, confidence: float, judged: Tensor) -> Tensor:
        told.extend(zip(present.tolist(), judged.tolist(), strict=True))
        return labels

    monkeypatch.setattr(module, "corrected", note)
    reds = [replace(sample, unknown=(1,)) for sample in data.split("train") if sample.labels == (0,)]
    plan = settings(epochs=1, noise=NoiseSettings(correct_from=0.0, rounds=1))
    train_segmenter(reds, partial(read_mask, data), data.classes, plan, tmp_path / "run", make_runtime(console), seed=0)
    assert told == [([1.0, 0.0], [True, False])] * len(reds)
