"""Masks of a data set are written once, one for each image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import make_runtime
from PIL import Image
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import Sample
from patchlearn.inference.masks import read_mask_of, write_masks
from patchlearn.inference.segmenter import Segmenter
from patchlearn.inference.settings import InferenceSettings


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Three images, red above blue, of which the first is tagged blue, the second red, and the third not at all."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:32], image[32:] = (255, 0, 0), (0, 0, 255)
    made = []
    for index, labels in enumerate([(1,), (0,), ()]):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
        made.append(Sample(id=f"image {index}", image=tmp_path / f"{index}.png", labels=labels))
    return made


def values(folder: Path, sample: Sample) -> set[int]:
    mask = read_mask_of(folder, sample)
    assert mask.shape == (64, 96)
    return set(np.unique(mask).tolist())


def test_every_image_has_a_mask_and_tags_do_not_count(
    colours: Segmenter, samples: list[Sample], tmp_path: Path, console: Console
) -> None:
    write_masks(samples, colours, tmp_path / "out", make_runtime(console))
    assert [values(tmp_path / "out", sample) for sample in samples] == [{1, 2}] * 3
    mask = read_mask_of(tmp_path / "out", samples[0])
    assert (mask[5, 5], mask[60, 90]) == (1, 2)


def test_tagged_masks_hold_the_classes_of_the_tags_only(
    colours: Segmenter, samples: list[Sample], tmp_path: Path, console: Console
) -> None:
    write_masks(samples, colours, tmp_path / "out", make_runtime(console), tagged=True)
    assert [values(tmp_path / "out", sample) for sample in samples] == [{0, 2}, {0, 1}, {0}]


def test_tagged_masks_are_255_where_a_class_wins_that_nobody_judged(
    colours: Segmenter, samples: list[Sample], tmp_path: Path, console: Console
) -> None:
    unjudged = [replace(samples[0], unknown=(0,)), replace(samples[2], unknown=(1,))]
    write_masks(unjudged, colours, tmp_path / "out", make_runtime(console), tagged=True)
    assert [values(tmp_path / "out", sample) for sample in unjudged] == [{2, 255}, {0, 255}]
    first, last = (read_mask_of(tmp_path / "out", sample) for sample in unjudged)
    assert (first[5, 5], first[60, 90], last[5, 5], last[60, 90]) == (255, 2, 0, 255)
    write_masks(unjudged, colours, tmp_path / "untagged", make_runtime(console))
    assert [values(tmp_path / "untagged", sample) for sample in unjudged] == [{1, 2}] * 2


def test_settings_of_the_call_replace_those_of_the_segmenter(
    colours: Segmenter, samples: list[Sample], tmp_path: Path, console: Console
) -> None:
    colours.network.sharpness.data.fill_(1.0)  # type: ignore[operator, union-attr]
    settings = InferenceSettings(undecided=0.9)
    write_masks(samples[:1], colours, tmp_path / "out", make_runtime(console), settings)
    assert values(tmp_path / "out", samples[0]) == {255}


def test_a_mask_that_is_there_is_kept(
    colours: Segmenter, samples: list[Sample], tmp_path: Path, console: Console
) -> None:
    write_mask(tmp_path / "out" / "image 1.png", np.full((64, 96), 7, np.uint8))
    write_masks(samples, colours, tmp_path / "out", make_runtime(console))
    assert [values(tmp_path / "out", sample) for sample in samples] == [{1, 2}, {7}, {1, 2}]


def test_missing_and_damaged_masks_are_named(samples: list[Sample], tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"image 0\.png"):
        read_mask_of(tmp_path, samples[0])
    (tmp_path / "image 0.png").write_bytes(b"no image")
    with pytest.raises(PatchlearnError, match=r"image 0\.png"):
        read_mask_of(tmp_path, samples[0])
