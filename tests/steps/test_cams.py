from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import cam_settings, make_runtime, noise_image, tiny_classifier
from PIL import Image
from rich.console import Console

from patchlearn.core.digests import Digests
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import read_scores
from patchlearn.core.runtime import Runtime
from patchlearn.core.types import Sample
from patchlearn.data.open import open_dataset
from patchlearn.maps.settings import CamSettings
from patchlearn.steps.cams import WriteCams, write_cams
from patchlearn.steps.data_splits import DataSplits


def samples(folder: Path) -> list[Sample]:
    made = []
    for index in range(4):
        Image.fromarray(noise_image(20, 30)).save(folder / f"{index}.png")
        made.append(Sample(id=str(index), image=folder / f"{index}.png", labels=() if index == 3 else (index,)))
    return made


def test_files_are_written_once_and_an_image_without_labels_has_empty_maps(tmp_path: Path, console: Console) -> None:
    todo = samples(tmp_path)
    folder = tmp_path / "plain" / "cams" / "train"
    write_cams(todo, tiny_classifier(), cam_settings(scales=(1.0,)), folder, make_runtime(console))
    assert [read_scores(folder / f"{index}.npz").classes for index in range(4)] == [(0,), (1,), (2,), ()]
    (folder / "1.npz").unlink()
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    write_cams(todo, tiny_classifier(), cam_settings(scales=(1.0,)), folder, make_runtime(console))
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    assert (folder / "1.npz").exists()


def test_two_processes_write_every_file_even_if_one_is_ahead(tmp_path: Path, console: Console) -> None:
    todo, folder = samples(tmp_path), tmp_path / "plain" / "cams" / "train"
    for rank in (0, 1):
        process = SimpleNamespace(
            process_index=rank,
            num_processes=2,
            device=torch.device("cpu"),
            autocast=nullcontext,
            wait_for_everyone=lambda: None,
        )
        runtime = Runtime(accelerator=process, console=console)  # type: ignore[arg-type]
        write_cams(todo, tiny_classifier(), cam_settings(scales=(1.0,)), folder, runtime)
    assert len(list(folder.iterdir())) == 4


def test_maps_of_given_labels_say_which_classes_are_unknown(tmp_path: Path, console: Console) -> None:
    sample, folder = replace(samples(tmp_path)[1], unknown=(0, 2)), tmp_path / "given"
    write_cams([sample], tiny_classifier(), cam_settings(scales=(1.0,)), folder, make_runtime(console))
    maps = read_scores(folder / "1.npz")
    assert (maps.classes, maps.unknown) == ((0, 1, 2), (0, 2))
    predicted = cam_settings(scales=(1.0,), labels="predicted")
    write_cams([sample], tiny_classifier(), predicted, tmp_path / "predicted", make_runtime(console))
    assert read_scores(tmp_path / "predicted" / "1.npz").unknown == ()


def test_a_method_that_is_not_installed_or_beside_a_reading_is_refused_before_any_training(
    folder_data: Path, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: Any = None
    data = DataSplits(open_dataset("folder", folder_data), Digests(None))["train"]
    step = WriteCams(tmp_path / "plain", CamSettings(method="mine"), data, nothing, None)
    with pytest.raises(PatchlearnError, match=r"cams\.method: no package offers 'mine'"):
        step.check(make_runtime(console))
    monkeypatch.setattr("patchlearn.maps.methods.require_method", lambda name: None)
    step.check(make_runtime(console))
    reading: Any = object()
    with pytest.raises(PatchlearnError, match=r"variant plain: cams\.method 'mine' and reading\.use both say"):
        replace(step, reading=reading).check(make_runtime(console))
