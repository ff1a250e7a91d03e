"""The evaluation of one variant, from maps and masks that the test writes."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_runtime
from rich.console import Console

from patchlearn.core.digests import Digests
from patchlearn.core.files import read_json
from patchlearn.core.manifest import file_digest
from patchlearn.core.masks_io import write_mask, write_scores
from patchlearn.core.types import ScoreMaps
from patchlearn.data.images import read_mask
from patchlearn.data.open import open_dataset
from patchlearn.inference.settings import InferenceSettings
from patchlearn.maps.settings import CamSettings, PseudoSettings, WalkSettings
from patchlearn.refine import BackgroundRule
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.data_splits import DataSplits, TrueMasks
from patchlearn.steps.evaluation import Evaluate, EvaluateListed
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.segmenter import TrainSegmenter, WriteSegmented
from patchlearn.training.settings import SegmenterSettings


@pytest.fixture
def view(folder_data: Path, tmp_path: Path) -> Evaluate:
    """Maps and masks that are the truth itself, written by hand as finished steps."""
    home, dataset = tmp_path / "run" / "plain", open_dataset("folder", folder_data)
    data = DataSplits(dataset, Digests(None))["train"]
    nothing: Any = None
    cams = WriteCams(home, CamSettings(), data, nothing, None)
    masks = WritePseudoMasks(home, PseudoSettings(), BackgroundRule(), WalkSettings(), cams, None)
    for step in (cams, masks):
        step.outputs.begin(step.key, {"inputs": step.inputs})
    for sample in data.samples:
        truth = read_mask(dataset, sample)
        scores = np.stack([truth == label + 1 for label in sample.labels]).astype(np.float32)
        write_scores(cams.folder / f"{sample.id}.npz", ScoreMaps(scores=scores, classes=sample.labels, size=(40, 48)))
        write_mask(masks.folder / f"{sample.id}.png", truth)
    for step in (cams, masks):
        step.outputs.finish(step.key, {"inputs": step.inputs})
    return Evaluate(
        home,
        variant="plain",
        rule=BackgroundRule(),
        cams=(cams,),
        masks=(masks,),
        segmented=(),
        truth=(TrueMasks(data),),
        supervision="tags",
        recipe="abc",
    )


def test_maps_and_masks_that_are_the_truth_are_perfect(view: Evaluate, console: Console) -> None:
    view.take(make_runtime(console))
    entries = read_json(view.folder / "entries.json")
    found = [(entry["artefact"], entry["rule"], entry["split"], entry["labels"]) for entry in entries]
    kinds = [("seed", "oracle"), ("seed", "label_free"), ("pseudo", "label_free")]
    assert found == [(*kind, "train", "given") for kind in kinds]
    assert [entry["miou"] for entry in entries] == [1.0, 1.0, 1.0]
    assert {entry["recipe"] for entry in entries} == {"abc"}
    assert list(read_json(view.folder / "curves.json")["seed"]) == ["train"]


def test_the_steps_that_are_judged_are_needed_and_in_the_key(view: Evaluate) -> None:
    assert view.needs == (*view.cams, *view.masks)
    assert view.inputs["cams"] == [view.cams[0].key]
    assert view.inputs["truth"] == [view.truth[0].key]
    assert "recipe" not in view.inputs


def test_the_entry_of_a_reference_names_its_model_and_settings(view: Evaluate, console: Console) -> None:
    """Its masks are background alone: an object has 256 of the 1920 pixels of each image."""
    data = view.cams[0].data
    segmenter = TrainSegmenter(view.home, SegmenterSettings(weights=None), TrueMasks(data), 0, InferenceSettings())
    segmented = WriteSegmented(view.home, InferenceSettings(), segmenter, data)
    segmenter.folder.mkdir()
    segmenter.model.write_bytes(b"weights")
    for sample in data.samples:
        write_mask(segmented.folder / f"{sample.id}.png", np.zeros((40, 48), np.uint8))
    judged = replace(view, cams=(), masks=(), segmented=(segmented,), supervision="masks")
    judged.work(make_runtime(console))
    (entry,) = read_json(view.home / "evaluation-masks" / "entries.json")
    facts = [entry[name] for name in ("artefact", "rule", "labels", "supervision")]
    assert facts == ["segmenter", "argmax", "predicted", "masks"]
    assert (entry["model"], entry["settings"]) == (file_digest(segmenter.model), segmenter.comparable_key)
    assert entry["miou"] == pytest.approx((1 - 256 / 1920) / 3)
    one = listed(judged, "img01")
    one.work(make_runtime(console))
    (entry,) = read_json(view.home / "evaluation-of-masks" / "few" / "entries.json")
    assert (entry["split"], entry["part_of"], entry["images"]) == ("few", "train", 1)
    assert entry["model"] == file_digest(segmenter.model)


def test_a_split_without_true_masks_is_left_out(view: Evaluate, console: Console) -> None:
    dataset = view.cams[0].data.dataset
    blind = tuple(replace(sample, mask=None) for sample in dataset.split("val"))
    data = DataSplits(replace(dataset, splits={"val": blind}), Digests(None))["val"]
    judged = replace(view, cams=(replace(view.cams[0], data=data), *view.cams))
    judged.work(make_runtime(console))
    assert {entry["split"] for entry in read_json(judged.folder / "entries.json")} == {"train"}
    assert list(read_json(judged.folder / "curves.json")["seed"]) == ["train"]


def listed(view: Evaluate, *images: str) -> EvaluateListed:
    values = {each.name: getattr(view, each.name) for each in fields(view)}
    return EvaluateListed(**values, listed="few", split="train", images=images)


def test_the_entries_of_listed_images_are_of_these_alone(view: Evaluate, console: Console) -> None:
    for name in ("img02", "img05"):
        write_mask(view.masks[0].folder / f"{name}.png", np.zeros((40, 48), np.uint8))
    view.masks[0].outputs.finish(view.masks[0].key, {"inputs": view.masks[0].inputs})
    judged = listed(view, "img01", "img02")
    judged.take(make_runtime(console))
    assert judged.folder == view.home / "evaluation-of" / "few"
    entries = read_json(judged.folder / "entries.json")
    assert [(entry["split"], entry["part_of"], entry["images"]) for entry in entries] == [("few", "train", 2)] * 3
    assert entries[2]["iou"] == pytest.approx({"background": (3840 - 512) / (3840 - 256), "blue": 1.0, "red": 0.0})
    assert list(read_json(judged.folder / "curves.json")["seed"]) == ["few"]


def test_the_images_and_the_name_of_a_list_are_in_the_key(view: Evaluate) -> None:
    one, two = listed(view, "img01"), listed(view, "img01", "img02")
    assert len({view.key, one.key, two.key, replace(one, listed="other").key}) == 4
    assert replace(two, supervision="masks").folder == view.home / "evaluation-of-masks" / "few"
