from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from conftest import make_runtime, tiny_stages
from PIL import Image
from rich.console import Console

from patchlearn.core.masks_io import read_scores
from patchlearn.core.runtime import Runtime
from patchlearn.core.types import Sample
from patchlearn.maps.settings import CamSettings
from patchlearn.models.classifier import Classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.settings import ViewSettings
from patchlearn.steps.cams import write_cams

SPLITS = [(1, (2, 2))]


def make(fusion: str = "plain", classes: int = 3) -> Classifier:
    torch.manual_seed(0)
    network = PatchNetwork(tiny_stages(), classes, fusion, [] if fusion == "plain" else SPLITS)
    return Classifier(network=network.eval(), classes=tuple("abcdef"[:classes]))


def cam_settings(scales: tuple[float, ...], flip: bool = True, **changes: object) -> CamSettings:
    return CamSettings(views=ViewSettings(scales=scales, flip=flip), **changes)  # type: ignore[arg-type]


def picture(height: int, width: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)


def samples(folder: Path) -> list[Sample]:
    made = []
    for index in range(4):
        Image.fromarray(picture(20, 30)).save(folder / f"{index}.png")
        made.append(Sample(id=str(index), image=folder / f"{index}.png", labels=() if index == 3 else (index,)))
    return made


def test_files_are_written_once_and_an_image_without_labels_has_empty_maps(tmp_path: Path, console: Console) -> None:
    todo = samples(tmp_path)
    folder = tmp_path / "plain" / "cams" / "train"
    write_cams(todo, make(), cam_settings(scales=(1.0,)), folder, make_runtime(console))
    assert [read_scores(folder / f"{index}.npz").classes for index in range(4)] == [(0,), (1,), (2,), ()]
    (folder / "1.npz").unlink()
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    write_cams(todo, make(), cam_settings(scales=(1.0,)), folder, make_runtime(console))
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
        write_cams(todo, make(), cam_settings(scales=(1.0,)), folder, runtime)
    assert len(list(folder.iterdir())) == 4
