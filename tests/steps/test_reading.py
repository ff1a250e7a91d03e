"""The step that trains a head over single cells and chooses a reading."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import make_runtime, tiny_classifier
from PIL import Image
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json
from patchlearn.core.manifest import file_digest
from patchlearn.core.types import Dataset, Sample
from patchlearn.maps.settings import FeatureSettings, ReadingSettings
from patchlearn.models.settings import CellSettings, ViewSettings
from patchlearn.steps.data_splits import DataSplit
from patchlearn.steps.features import WriteFeatures
from patchlearn.steps.reading import TrainReading

VIEWS = ViewSettings(scales=(0.5, 1.0), flip=False)


class Source:
    key = "tiny"

    def load(self) -> Any:
        return tiny_classifier()

    def untrained(self, runtime: object) -> Any:
        return tiny_classifier()


def step(root: Path, use: str, gigabytes: float = 1.0, **cells: Any) -> TrainReading:
    (root / "images").mkdir(parents=True, exist_ok=True)
    samples = []
    for index in range(6):
        pixels = torch.randint(0, 255, (40, 56, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(index))
        Image.fromarray(pixels.numpy()).save(root / "images" / f"{index}.png")
        samples.append(Sample(id=str(index), image=root / "images" / f"{index}.png", labels=(index % 3,)))
    dataset = Dataset(
        root=root, classes=("a", "b", "c"), splits={"train": tuple(samples)}, mask_values=(), masks_are_closed=False
    )
    data, home = DataSplit(dataset, "train", file_digest), root / "run" / "plain"
    features = WriteFeatures(home, FeatureSettings(most_gigabytes=gigabytes), VIEWS, "whole", data, Source(), 2)
    classifier: Any = Source()
    classifier.data = SimpleNamespace(classes=dataset.classes)
    return TrainReading(home, ReadingSettings(use=use, cells=CellSettings(**cells)), classifier, features, seed=0)


@pytest.mark.parametrize("gigabytes", [1.0, 0.0])
def test_the_head_is_that_of_the_scale_nearest_to_one_stored_or_not(
    tmp_path: Path, console: Console, gigabytes: float
) -> None:
    made = step(tmp_path, "cells", gigabytes)
    runtime = make_runtime(console)
    made.features.take(runtime)
    view = made._base_view(tiny_classifier(), made.samples[0])
    assert view.size == (40, 56)
    made.take(runtime)
    reading = made.load()
    assert reading.use == "cells"
    assert reading.head is not None
    assert reading.head.linear.weight.abs().sum() > 0


def test_auto_states_what_the_choice_rests_on(tmp_path: Path) -> None:
    console = Console(record=True, width=300)
    made = step(tmp_path, "auto")
    made.features.take(make_runtime(console))
    made.take(make_runtime(console))
    facts = read_json(made.folder / "reading.json")
    assert facts["use"] == made.load().use
    assert facts["chance"] == pytest.approx(1 / 3)
    assert facts["why"] in console.export_text()


def test_the_key_changes_with_the_cells(tmp_path: Path) -> None:
    assert step(tmp_path, "cells").key != step(tmp_path, "cells", share=0.1).key
    assert step(tmp_path, "cells").key == step(tmp_path, "cells").key


def test_a_backbone_with_too_few_stages_is_refused_before_any_training(tmp_path: Path, console: Console) -> None:
    made = step(tmp_path, "cells")
    short = tiny_classifier()
    del short.network.stages.stages[:-1]
    made.classifier.untrained = lambda runtime: short  # type: ignore[method-assign]
    with pytest.raises(PatchlearnError, match="Choose last"):
        made.check(make_runtime(console))
