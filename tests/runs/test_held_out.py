"""Held-out images of a run, and of other folders."""

import shutil
from pathlib import Path

import pytest
from conftest import make_folder

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.images import read_image
from patchlearn.inference.segmenter import Segmenter, save_segmenter
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.runs.held_out import HeldOut, choose_split, open_held_out

RECIPE = """
data: {{format: folder, root: {root}}}
variants:
  plain: {{}}
  all: {{classifier: {{train_split: val}}}}
"""


@pytest.fixture
def run(folder_data: Path, tmp_path: Path) -> Path:
    """A run of two variants; the classifier of the second learned the images of val."""
    network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2).eval()
    for variant in ("plain", "all", "old"):
        save_segmenter(
            tmp_path / "run" / variant / "segmenter" / "model.safetensors",
            Segmenter(network=network, classes=("red", "blue")),
        )
    (tmp_path / "run" / "recipe.yaml").write_text(RECIPE.format(root=folder_data))
    return tmp_path / "run"


def found(model: Path, data: Path | None = None, split: str | None = None) -> HeldOut:
    with open_held_out(str(model), data, split) as held_out:
        return held_out


def test_the_split_that_was_not_learned_is_taken(run: Path) -> None:
    for model in (run, run / "plain", run / "plain" / "segmenter" / "model.safetensors"):
        held_out = found(model)
        assert (held_out.split, len(held_out.samples), held_out.left_out) == ("val", 4, 0)
        assert held_out.classes == ("red", "blue")
    assert found(run, split="val").split == "val"


def test_other_data_are_read_with_the_bands_of_the_model(run: Path, folder_data: Path) -> None:
    with open_held_out(str(run), folder_data, "val", (3, 2, 1)) as held_out:
        sample = held_out.samples[0]
        (original,) = (folder_data / "images").glob(f"{sample.id}.*")
        assert (read_image(sample.image) == read_image(original)[..., ::-1]).all()


def test_learned_splits_are_refused(run: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"the model learned the split 'train'\. Name a folder .*--data"):
        found(run, split="train")
    with pytest.raises(PatchlearnError, match="the model learned every split"):
        found(run / "all")
    with pytest.raises(PatchlearnError, match="no split 'test'"):
        found(run, split="test")


def test_copies_of_learned_images_are_left_out_and_counted(run: Path, folder_data: Path) -> None:
    shutil.copy(folder_data / "images/img00.png", folder_data / "images/img08.png")
    held_out = found(run)
    assert (len(held_out.samples), held_out.left_out) == (3, 1)
    assert held_out.notes[-1].startswith("1 of 4 images of 'val' are left out")


def test_another_folder_is_compared_with_what_was_learned(run: Path, folder_data: Path, tmp_path: Path) -> None:
    other = make_folder(tmp_path / "other", lambda index: f"new{index}.png")  # equal to those of the run
    with pytest.raises(PatchlearnError, match="the model learned all 8 images of 'train'"):
        found(run, other, "train")
    assert (found(run, other).split, found(run, other).left_out) == ("val", 0)
    shutil.copy(other / "images/new8.png", folder_data / "images/img00.png")
    assert found(run, other).left_out == 1


def test_where_what_was_learned_is_unknown_it_is_said(run: Path, folder_data: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder_data, tmp_path / "other"))
    shutil.copy(run / "plain/segmenter/model.safetensors", tmp_path / "model.safetensors")
    alone = found(tmp_path / "model.safetensors", other)
    assert (len(alone.samples), alone.left_out) == (4, None)
    assert "it is no model of a run folder" in alone.notes[-1]
    assert "it is no model of a run folder" in found(Path("some/name"), other).notes[-1]
    folder_data.rename(tmp_path / "moved")
    assert "its data cannot be opened" in found(run, other).notes[-1]
    with pytest.raises(PatchlearnError, match=r"its data cannot be opened: .* --data FOLDER"):
        found(run)


def test_without_a_run_data_must_be_named(run: Path, tmp_path: Path) -> None:
    shutil.copy(run / "plain/segmenter/model.safetensors", tmp_path / "model.safetensors")
    with pytest.raises(PatchlearnError, match=r"model\.safetensors: no model of a run folder.*--data FOLDER"):
        found(tmp_path / "model.safetensors")
    with pytest.raises(PatchlearnError, match=r"recipe\.yaml: has no variant 'old'"):
        found(run / "old")


def splits(*names: str) -> Dataset:
    return Dataset(
        root=Path("d"), classes=("a",), splits=dict.fromkeys(names, ()), mask_values=(1,), masks_are_closed=True
    )


def test_a_split_is_chosen_only_where_there_is_one_to_choose() -> None:
    assert choose_split(splits("train", "val", "test"), None, ["train"]) == "val"
    assert choose_split(splits("train", "test"), None, ["train"]) == "test"
    assert choose_split(splits("train"), None) == "train"
    assert choose_split(splits("train", "val", "test"), "test", ["train"]) == "test"
    with pytest.raises(PatchlearnError, match=r"the splits are a, b\. Name one with --split"):
        choose_split(splits("train", "a", "b"), None, ["train"])
