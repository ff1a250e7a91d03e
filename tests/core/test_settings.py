import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import FILE_IN_KEY, FOLDER_IN_KEY, OUTSIDE_KEY, RuntimeSettings, key_values
from patchlearn.data.settings import AugmentSettings, ClickSettings, DataSettings, SceneSettings
from patchlearn.inference.settings import InferenceSettings
from patchlearn.maps.settings import CamSettings, PseudoSettings, SelfTrainingSettings, WalkSettings
from patchlearn.models.settings import ViewSettings
from patchlearn.refine.settings import BackgroundRule, ConfidentRegions, CrfSettings, SamSettings
from patchlearn.runs.settings import Recipe
from patchlearn.training.settings import (
    AffinitySettings,
    ClassifierSettings,
    NoiseSettings,
    Optimisation,
    SegmenterSettings,
)

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("settings", "name", "values"),
    [
        (RuntimeSettings, "device", ["gpu"]),
        (RuntimeSettings, "precision", ["fp16"]),
        (RuntimeSettings, "workers", [-1]),
        (RuntimeSettings, "threads", [0, -1]),
        (RuntimeSettings, "track", [("tensorbord",), "wandb"]),
        (DataSettings, "format", ["vok"]),
        (SceneSettings, "size", [63]),
        (SceneSettings, "train", [0]),
        (SceneSettings, "val", [0]),
        (SceneSettings, "seed", [-1]),
        (SceneSettings, "kind", ["surface"]),
        (SceneSettings, "normal", [-0.1, 1.0, NAN]),
        (SceneSettings, "surroundings", [-0.1, 1.1, NAN]),
        (AugmentSettings, "crop", [0]),
        (AugmentSettings, "long_side", [(9, 3), (0, 3)]),
        (ClickSettings, "weight", [0.0, -1.0, INF, NAN]),
        (ViewSettings, "scales", [(), (0.0,), (1.0, -1.0), (INF,), (NAN,)]),
        (ViewSettings, "long_side", [0]),
        (InferenceSettings, "scales", [(), (0.0,)]),
        (InferenceSettings, "long_side", [0]),
        (InferenceSettings, "window", [0, 16, 100]),
        (InferenceSettings, "crf", ["irm"]),
        (InferenceSettings, "iterations", [-1]),
        (InferenceSettings, "undecided", [-0.1, 1.0, NAN]),
        (CamSettings, "read", ["half"]),
        (CamSettings, "labels", ["true"]),
        (CamSettings, "confidence", [-0.1, 1.1, NAN]),
        (CamSettings, "splits", [()]),
        (SelfTrainingSettings, "rounds", [-1]),
        (SelfTrainingSettings, "shrinkage", [0.0, 1.1, NAN]),
        (WalkSettings, "radius", [0]),
        (WalkSettings, "beta", [0.0, INF, NAN]),
        (WalkSettings, "steps", [-1]),
        (WalkSettings, "long_side", [0]),
        (WalkSettings, "anchor", [-0.1, 1.1]),
        (WalkSettings, "balance", [-0.1, 1.1, NAN]),
        (PseudoSettings, "local", [-1]),
        (PseudoSettings, "ignore_band", [-0.1, 0.5]),
        (PseudoSettings, "sure", ["certain"]),
        (PseudoSettings, "second_anchor", [1.1]),
        (BackgroundRule, "rule", ["otzu"]),
        (BackgroundRule, "threshold", [-0.1, 1.0, NAN]),
        (BackgroundRule, "power", [0.0, NAN]),
        (ConfidentRegions, "low", [0.0, 2.0, NAN]),
        (CrfSettings, "preset", ["irm"]),
        (CrfSettings, "unary", ["firm"]),
        (CrfSettings, "iterations", [-1]),
        (CrfSettings, "confidence", [0.5, 1.1, NAN]),
        (SamSettings, "points", [0]),
        (Optimisation, "optimiser", ["adam"]),
        (Optimisation, "schedule", ["step"]),
        (Optimisation, "learning_rate", [0.0, INF, NAN]),
        (Optimisation, "head_multiplier", [0.0]),
        (Optimisation, "batch_size", [0]),
        (Optimisation, "epochs", [0]),
        (Optimisation, "weight_decay", [-1.0]),
        (Optimisation, "clip_norm", [-1.0]),
        (Optimisation, "save_seconds", [-1.0]),
        (Optimisation, "momentum", [1.0]),
        (Optimisation, "warmup", [1.0, -0.1]),
        (ClassifierSettings, "fusion", ["plane"]),
        (ClassifierSettings, "border", ["one"]),
        (ClassifierSettings, "output_stride", [4]),
        (ClassifierSettings, "pooling_power", [0.5, INF, NAN]),
        (ClassifierSettings, "frozen_stages", [-1]),
        (AffinitySettings, "kind", ["feature"]),
        (AffinitySettings, "radius", [1]),
        (AffinitySettings, "rounds", [0]),
        (NoiseSettings, "labels", ["some"]),
        (NoiseSettings, "loss", ["hinge"]),
        (NoiseSettings, "correct_from", [1.1]),
        (NoiseSettings, "confidence", [-0.1]),
        (NoiseSettings, "rounds", [0]),
        (SegmenterSettings, "head", ["deeplab"]),
        (SegmenterSettings, "average", [1.1]),
        (Recipe, "supervision", ["boxes"]),
        (Recipe, "variants", [{}]),
    ],
)
def test_a_wrong_setting_cannot_exist_and_is_named(
    settings: Callable[..., object], name: str, values: list[Any]
) -> None:
    for value in values:
        with pytest.raises(PatchlearnError, match=rf"^{name}: "):
            settings(**{name: value})


def test_settings_that_exclude_each_other_cannot_exist() -> None:
    with pytest.raises(PatchlearnError, match=r"optimisation\.epochs: 1 epochs cannot be shared by 2 splits"):
        ClassifierSettings(fusion="progressive", splits=((1, (2, 2)), (2, (2, 2))), optimisation=Optimisation(epochs=1))
    with pytest.raises(PatchlearnError, match=r"augment\.crop: 8 is smaller than two cells"):
        AffinitySettings(kind="features", augment=AugmentSettings(crop=8))
    AffinitySettings(kind="none", augment=AugmentSettings(crop=8))


def test_settings_load_neither_torch_nor_numba_nor_numpy() -> None:
    program = "import sys, patchlearn.runs.settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not {"torch", "numba", "numpy", "timm"} & set(done.stdout.split())


@dataclass(frozen=True)
class Inner:
    often: float = field(default=60.0, metadata=OUTSIDE_KEY)
    weights: str | None = field(default=None, metadata=FILE_IN_KEY)
    sizes: tuple[int, ...] = (1, 2)


def test_a_key_holds_content_and_leaves_out_what_changes_no_result(tmp_path: Path) -> None:
    assert key_values({"a": Inner(often=7)}) == {"a": {"weights": None, "sizes": [1, 2]}}
    assert key_values(Inner(weights="hub"))["weights"] == "hub"
    for name, text in (("a.pth", "one"), ("b.pth", "one"), ("c.pth", "two")):
        (tmp_path / name).write_text(text)
    same, other, third = (key_values(Inner(weights=str(tmp_path / f"{name}.pth")))["weights"] for name in "abc")
    assert same == other != third


@dataclass(frozen=True)
class Drawn:
    folder: str | None = field(default=None, metadata=FOLDER_IN_KEY)


def test_a_key_holds_the_content_of_a_folder(tmp_path: Path) -> None:
    assert key_values(Drawn()) == {"folder": None}
    assert key_values(Drawn(str(tmp_path / "none"))) == {"folder": str(tmp_path / "none")}
    files = (("a/1.png", "one"), ("b/1.png", "one"), ("b/.hidden", "x"), ("c/2.png", "one"), ("d/1.png", "two"))
    for name, text in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    same, again, renamed, changed = (key_values(Drawn(str(tmp_path / name)))["folder"] for name in "abcd")
    assert same == again
    assert len({same, renamed, changed}) == 3
