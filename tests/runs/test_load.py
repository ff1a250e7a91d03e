"""A segmenter as a folder: found, written, pushed, loaded."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from huggingface_hub import HfApi, ModelCard

import patchlearn
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.core.manifest import file_digest
from patchlearn.data.labels import read_class_names
from patchlearn.inference.segmenter import Segmenter, save_segmenter
from patchlearn.inference.settings import InferenceSettings
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.runs.load import find_model, load, model_card, push_to_hub, write_model_folder

ENTRY = {
    "artefact": "segmenter", "variant": "plain", "split": "val", "supervision": "tags", "miou": 0.5912,
    "iou": {"background": 0.9, "cat": 0.4}, "images": 223, "commit": "abc123",
}  # fmt: skip


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2).eval()
    return Segmenter(network=network, classes=("cat", "dog"), settings=InferenceSettings(long_side=64))


@pytest.fixture
def run(segmenter: Segmenter, tmp_path: Path) -> Path:
    """A run of three variants, of which the last two have a segmenter."""
    run = tmp_path / "run"
    for variant in ("progressive", "explicit"):
        save_segmenter(run / variant / "segmenter" / "model.safetensors", segmenter)
    save_segmenter(run / "explicit" / "segmenter-masks" / "model.safetensors", segmenter)
    (run / "recipe.yaml").write_text("variants: {plain: {}, progressive: {}, explicit: {}}\n")
    tags = {**ENTRY, "variant": "explicit", "model": file_digest(run / "explicit/segmenter/model.safetensors")}
    masks = {**tags, "supervision": "masks", "miou": 0.7}
    write_json(run / "evaluation.json", [tags, masks])
    return run


def test_a_run_a_variant_a_folder_and_a_file_are_all_models(run: Path) -> None:
    file = run / "progressive" / "segmenter" / "model.safetensors"
    for path in (run, run / "progressive", file.parent, file):
        assert find_model(path) == file
    assert find_model(run / "explicit") == run / "explicit" / "segmenter" / "model.safetensors"
    assert patchlearn.load(run).predict(np.zeros((20, 30, 3), np.uint8)).shape == (20, 30)


def test_what_was_measured_comes_along(run: Path) -> None:
    assert [entry["miou"] for entry in load(run / "explicit").scores] == [0.5912]
    assert [entry["miou"] for entry in load(run / "explicit" / "segmenter-masks").scores] == [0.7]
    assert load(run / "progressive").scores == ()


def test_what_was_measured_of_an_earlier_model_stays_behind(run: Path, segmenter: Segmenter) -> None:
    again = replace(segmenter, settings=InferenceSettings(long_side=96))
    save_segmenter(run / "explicit" / "segmenter" / "model.safetensors", again)
    assert load(run / "explicit").scores == ()


def test_where_no_segmenter_is_the_sentence_says_what_to_do(run: Path, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"plain: no segmenter\. .* patchlearn segment RUN"):
        load(run / "plain")
    (run / "explicit" / "segmenter" / "model.safetensors").unlink()
    with pytest.raises(PatchlearnError, match=r"learned from true masks is there: name .*segmenter-masks"):
        load(run / "explicit")
    with pytest.raises(PatchlearnError, match="nowhere: no segmenter"):
        load(tmp_path / "nowhere")


def test_a_model_folder_is_whole(segmenter: Segmenter, run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "animals"
    write_model_folder(load(run / "explicit"), folder)
    assert {path.name for path in folder.iterdir()} == {
        "model.safetensors",
        "settings.json",
        "classes.txt",
        "README.md",
    }
    again = load(folder)
    assert (again.classes, again.settings) == (segmenter.classes, segmenter.settings)
    assert [entry["miou"] for entry in again.scores] == [0.5912]
    assert read_class_names(folder / "classes.txt") == ("cat", "dog")
    assert read_json(folder / "settings.json")["backbone"] == "resnet10t"


def test_a_model_takes_no_folder_of_others(segmenter: Segmenter, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("my notes")
    with pytest.raises(PatchlearnError, match=r"holds other files than a model's\. Choose a new folder"):
        write_model_folder(segmenter, tmp_path)
    write_model_folder(segmenter, tmp_path / "new")
    write_model_folder(segmenter, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["README.md"]


def test_the_card_says_what_was_measured_and_the_hub_s_library_reads_it(run: Path, tmp_path: Path) -> None:
    write_model_folder(load(run / "explicit"), tmp_path / "animals")
    card = ModelCard.load(tmp_path / "animals" / "README.md")
    assert card.data.library_name == "patchlearn"
    assert card.data.pipeline_tag == "image-segmentation"
    (result,) = card.data.eval_results
    assert (result.metric_value, result.dataset_split) == (0.5912, "val")
    assert "mIoU **59.1 %** on 223 images of val" in card.text
    assert "1. cat\n2. dog" in card.text


def test_without_figures_the_card_says_so(segmenter: Segmenter) -> None:
    assert "Nothing was measured" in model_card(segmenter, "animals").text


def test_a_model_is_pushed_with_the_files_it_needs_and_no_others(segmenter: Segmenter, tmp_path: Path) -> None:
    calls: list[Any] = []
    api: Any = SimpleNamespace(
        create_repo=lambda name, exist_ok: calls.append((name, exist_ok)) or f"https://hub/{name}",
        upload_folder=lambda **options: calls.append(options),
    )
    assert push_to_hub(segmenter, "me/animals", tmp_path / "animals", api) == "https://hub/me/animals"
    assert calls[0] == ("me/animals", True)
    assert calls[1]["repo_id"] == "me/animals"
    assert set(calls[1]["allow_patterns"]) == {path.name for path in (tmp_path / "animals").iterdir()}


def test_a_hub_that_refuses_is_one_sentence(segmenter: Segmenter, tmp_path: Path) -> None:
    def refuse(name: str, exist_ok: bool) -> None:
        raise OSError("401 unauthorised")

    with pytest.raises(PatchlearnError, match=r"hub, me/animals: 401 unauthorised Log in"):
        push_to_hub(segmenter, "me/animals", tmp_path / "a", SimpleNamespace(create_repo=refuse))  # type: ignore[arg-type]


def test_a_hub_that_is_not_there_is_one_sentence(segmenter: Segmenter, tmp_path: Path) -> None:
    """The HTTP library has errors of its own."""
    nowhere = HfApi(endpoint="http://127.0.0.1:9", token="none")
    with pytest.raises(PatchlearnError, match=r"hub, me/animals: .* Log in"):
        push_to_hub(segmenter, "me/animals", tmp_path / "a", nowhere)


@pytest.mark.parametrize("name", ["animals", "a/b/c", ""])
def test_nothing_is_made_on_the_hub_under_half_a_name(name: str, segmenter: Segmenter, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="is no name of a repository"):
        push_to_hub(segmenter, name, tmp_path / "a", SimpleNamespace())  # type: ignore[arg-type]
    assert not (tmp_path / "a").exists()


def test_the_card_loads_the_model_under_its_whole_name(segmenter: Segmenter, tmp_path: Path) -> None:
    api: Any = SimpleNamespace(create_repo=lambda name, exist_ok: name, upload_folder=lambda **options: None)
    push_to_hub(segmenter, "me/animals", tmp_path / "animals", api)
    assert 'patchlearn.load("me/animals")' in (tmp_path / "animals" / "README.md").read_text()


def test_figures_are_found_from_inside_the_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run / "explicit")
    assert load(".").scores == load(run / "explicit").scores != ()


def test_a_model_of_the_hub_is_loaded_from_its_cache(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub library's own layout of downloaded files, and no network."""
    repository = tmp_path / "models--me--animals"
    write_model_folder(segmenter, repository / "snapshots" / "c0ffee")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("c0ffee")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert load("me/animals").classes == ("cat", "dog")
    with pytest.raises(PatchlearnError, match="you/animals: no such folder, and not to be had from the hub"):
        load("you/animals")
