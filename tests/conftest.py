"""Tiny models and made-on-the-spot data."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from PIL import Image
from rich.console import Console
from torch import nn

from patchlearn.core.masks_io import write_mask
from patchlearn.core.runtime import Runtime
from patchlearn.core.types import UInt8
from patchlearn.maps.settings import CamSettings
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.classifier import Classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.settings import ViewSettings

REAL_DATA = Path(__file__).parents[2] / "shared" / "data" / "voc-animals"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny models gain nothing from threads, and tests may run side by side."""
    torch.set_num_threads(1)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def console() -> Console:
    return Console(quiet=True)


@pytest.fixture
def real_data() -> Path:
    if not REAL_DATA.is_dir():
        pytest.skip(f"the real images are not on this machine ({REAL_DATA.name})")
    return REAL_DATA


def make_runtime(console: Console, threads: int | None = 1) -> Runtime:
    """One process on the CPU."""
    return Runtime(accelerator=Accelerator(cpu=True), threads=threads, console=console)


def tiny_stages(widths: tuple[int, ...] = (4, 6, 8, 10)) -> Stages:
    """Four 3×3 stages: strides 2, 4, 8, 8."""
    steps = (2, 2, 2, 1)
    inputs = (3, *widths)
    stages = [
        nn.Sequential(nn.Conv2d(inputs[i], widths[i], 3, stride=steps[i], padding=1), nn.Tanh()) for i in range(4)
    ]
    return Stages("tiny", stages, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def pointwise_stages() -> Stages:
    """Four stages in which no cell sees another: what a patch is cut off from cannot matter."""
    widths = (3, 5, 5, 6, 7)
    steps = (2, 2, 2, 1)
    stages = [
        nn.Sequential(nn.AvgPool2d(steps[i]), nn.Conv2d(widths[i], widths[i + 1], 1), nn.Tanh()) for i in range(4)
    ]
    return Stages("pointwise", stages, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def tiny_classifier(fusion: str = "plain", classes: int = 3) -> Classifier:
    torch.manual_seed(0)
    network = PatchNetwork(tiny_stages(), classes, fusion, [] if fusion == "plain" else [(1, (2, 2))])
    return Classifier(network=network.eval(), classes=tuple("abcdef"[:classes]))


def cam_settings(scales: tuple[float, ...], flip: bool = True, **changes: object) -> CamSettings:
    return CamSettings(views=ViewSettings(scales=scales, flip=flip), **changes)  # type: ignore[arg-type]


def noise_image(height: int, width: int) -> UInt8:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)


@pytest.fixture
def folder_data(tmp_path: Path) -> Path:
    """Twelve images of two classes: a red square or a blue one, with masks."""
    return make_folder(tmp_path / "data", lambda index: f"img{index:02}.png")


def make_folder(root: Path, name: Callable[[int], str]) -> Path:
    generator = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    rows = ["image,split,labels"]
    for index in range(12):
        image = generator.integers(90, 160, (40, 48, 3), dtype=np.uint8)
        mask = np.zeros((40, 48), np.uint8)
        top, left = generator.integers(0, 20, 2)
        kind = index % 2
        image[top : top + 16, left : left + 16] = (220, 20, 20) if kind == 0 else (20, 20, 220)
        mask[top : top + 16, left : left + 16] = kind + 1
        Image.fromarray(image).save(root / "images" / name(index))
        write_mask(root / "masks" / f"{Path(name(index)).stem}.png", mask)
        rows.append(f"{name(index)},{'train' if index < 8 else 'val'},{'red' if kind == 0 else 'blue'}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (root / "classes.txt").write_text("red\nblue\n", encoding="utf-8")
    return root
