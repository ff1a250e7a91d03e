from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_runtime
from rich.console import Console

from patchlearn.core.digests import Digests
from patchlearn.core.files import read_json
from patchlearn.core.masks_io import write_mask, write_scores
from patchlearn.core.types import ScoreMaps
from patchlearn.data.images import read_mask
from patchlearn.data.open import open_dataset
from patchlearn.maps.settings import CamSettings, PseudoSettings, WalkSettings
from patchlearn.refine import BackgroundRule
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.data_splits import DataSplits, TrueMasks
from patchlearn.steps.evaluation import Evaluate
from patchlearn.steps.pseudo_masks import WritePseudoMasks


@pytest.fixture
def view(folder_data: Path, tmp_path: Path) -> Evaluate:
    """Maps and masks that are the truth itself, written by hand as finished steps."""
    home, dataset = tmp_path / "run" / "plain", open_dataset("folder", folder_data)
    data, classifier = DataSplits(dataset, Digests(None))["train"], None
    nothing: Any = classifier
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
