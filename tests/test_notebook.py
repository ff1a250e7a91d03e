"""From images and tags to a model, in Python."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from tiff_files import write_tiff
from whole_run import RECIPE

import patchlearn
from patchlearn.cli.main import main
from patchlearn.core.errors import PatchlearnError
from patchlearn.notebook import Model, TrainedRun
from patchlearn.report.loss_curves import GAP, WIDTH
from patchlearn.runs.target import mark_run

SETTINGS = {"runtime.device": "cpu", "variants": {"plain": None}, "affinity.kind": "none"}


@pytest.fixture
def preset(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return str(path)


def images_and_tags(folder_data: Path) -> tuple[list[Path], list[list[str]]]:
    paths = sorted((folder_data / "images").iterdir())
    return paths, [["red"] if index % 2 == 0 else ["blue"] for index in range(len(paths))]


def test_arrays_and_tags_become_a_model(folder_data: Path, preset: str, tmp_path: Path, console: Console) -> None:
    paths, tags = images_and_tags(folder_data)
    arrays = [np.asarray(Image.open(path)) for path in paths]
    model = patchlearn.fit(arrays, tags, out=tmp_path / "run", preset=preset, settings=SETTINGS, console=console)
    assert model.classes == ("blue", "red")
    mask = model.predict(arrays[0])
    assert (mask.shape, mask.dtype) == ((40, 48), np.uint8)
    assert np.array_equal(model.predict([paths[0], Image.open(paths[0])])[1], mask)
    assert model.predict_proba(paths[0]).shape[0] == 3
    assert model.show(paths[0]).width > 48
    assert len(model.run.masks()) == 12
    sheet = model.run.show(images=2)
    assert (sheet.mode, sheet.width) == ("RGB", 3 * 220 + 2 * 6 + GAP + WIDTH)
    assert "blue" in model._repr_html_()
    assert "run" in model.run._repr_html_()
    assert main(["report", str(tmp_path / "run"), "--runtime.device=cpu"]) == 0


def test_a_second_call_redoes_nothing_and_other_images_are_refused(
    folder_data: Path, preset: str, tmp_path: Path, console: Console
) -> None:
    paths, tags = images_and_tags(folder_data)
    out = tmp_path / "run"
    patchlearn.fit(paths, tags, out=out, preset=preset, settings=SETTINGS, console=console)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("step.json")}
    patchlearn.fit(paths, tags, out=out, preset=preset, settings=SETTINGS, console=console)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("step.json")} == before


def test_a_folder_is_fitted_as_the_command_line_does(
    folder_data: Path, preset: str, tmp_path: Path, console: Console
) -> None:
    model = patchlearn.fit(folder_data, out=tmp_path / "run", preset=preset, settings=SETTINGS, console=console)
    assert isinstance(model, Model)
    assert model.classes == ("red", "blue")


def test_what_does_not_fit_is_explained(folder_data: Path, preset: str, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="tags: 1 for 2 images"):
        patchlearn.fit([np.zeros((4, 4, 3), np.uint8)] * 2, [["a"]], out=tmp_path / "a", preset=preset)
    with pytest.raises(PatchlearnError, match="lies among the images"):
        patchlearn.fit(folder_data, out=folder_data / "run", preset=preset)
    mark_run(tmp_path / "d", "/other/photos")
    with pytest.raises(PatchlearnError, match="is the run of /other/photos"):
        patchlearn.fit(folder_data, out=tmp_path / "d", preset=preset)
    with pytest.raises(PatchlearnError, match="no such recipe"):
        patchlearn.fit(folder_data, out=tmp_path / "b", preset="fastest")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "recipe.yaml").write_text(f"data: {{format: folder, root: {folder_data}}}\n")
    with pytest.raises(PatchlearnError, match="no maps and masks"):
        TrainedRun(tmp_path / "c").show()
    with pytest.raises(PatchlearnError, match="variant: 'other' is not in"):
        TrainedRun(tmp_path / "c").masks("other")


def test_files_are_read_with_the_bands_that_the_model_learned(tmp_path: Path) -> None:
    pixels = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)
    write_tiff(tmp_path / "a.tif", pixels)
    segmenter = Mock(bands=(6, 2, 1), classes=("cat",))
    segmenter.predict.return_value = np.zeros((4, 5), np.uint8)
    model = Model(segmenter, Mock())
    model.predict(tmp_path / "a.tif")
    model.predict([str(tmp_path / "a.tif")])
    model.show(tmp_path / "a.tif")
    model.predict_proba(tmp_path / "a.tif")
    calls = [*segmenter.predict.call_args_list, segmenter.probabilities.call_args]
    assert [(call.args[0] == pixels[..., [5, 1, 0]]).all() for call in calls] == [True] * 4
