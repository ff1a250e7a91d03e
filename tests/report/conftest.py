"""The files of a run of two variants, whose figures are known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import make_folder

from patchlearn.core.files import append_row, write_json
from patchlearn.core.masks_io import write_mask, write_scores
from patchlearn.core.types import Dataset, ScoreMaps
from patchlearn.data.open import open_dataset

VARIANTS = ("plain", "progressive")
CURVE = {
    "thresholds": [0.0, 0.5, 0.9],
    "miou": [0.2, 0.5, 0.3],
    "precision": [0.2, 0.6, 0.9],
    "recall": [0.9, 0.5, 0.1],
    "recall_weak": [0.8, 0.4, 0.1],
    "recall_strong": [1.0, 0.9, 0.5],
}


def made_entry(variant: str, artefact: str, rule: str, miou: float) -> dict[str, object]:
    return {
        "artefact": artefact, "variant": variant, "split": "train", "labels": "given", "rule": rule, "miou": miou,
        "iou": {"background": 0.9, "red": miou}, "precision": 0.5, "recall": 0.5, "boundary_f": 0.3,
        "threshold": 0.5, "images": 8, "commit": "abc", "recipe": "def", "supervision": "tags", "absent": ["blue"],
        "foreground_precision": 0.6, "foreground_recall": 0.5, "recall_weak": 0.4, "recall_strong": 0.9,
    }  # fmt: skip


@pytest.fixture
def entry() -> Callable[..., dict[str, object]]:
    """A function of variant, artefact, rule and mIoU."""
    return made_entry


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return open_dataset("folder", make_folder(tmp_path / "data", lambda index: f"img{index:02}.png"))


@pytest.fixture
def run(tmp_path: Path, data: Dataset) -> Path:
    run = tmp_path / "run"
    for variant in VARIANTS:
        for sample in data.split("train"):
            scores = np.random.default_rng(0).random((len(sample.labels), 10, 12), dtype=np.float32)
            maps = ScoreMaps(scores=scores, classes=sample.labels, size=(40, 48))
            write_scores(run / variant / "cams" / "train" / f"{sample.id}.npz", maps)
            mask = np.zeros((40, 48), np.uint8)
            mask[:9], mask[9:20] = 255, sample.labels[0] + 1
            write_mask(run / variant / "pseudo" / "train" / f"{sample.id}.png", mask)
        for step in (10, 20):
            row = {"step": step, "stage": step // 20, "epoch": 0, "loss": 1 / step, "learning_rate": 0.1}
            append_row(run / variant / "classifier" / "log.csv", row)
            row = {"epoch": 0, "stage": 0, "step": step, "loss": 0.1, "map": step / 40, "seconds": 1}
            append_row(run / variant / "classifier" / "epochs.csv", row)
        write_json(run / variant / "evaluation" / "curves.json", {"seed": {"train": CURVE}})
    figures = (("seed", "oracle", 0.5), ("seed", "label_free", 0.45), ("pseudo", "label_free", 0.4))
    write_json(run / "evaluation.json", [made_entry(variant, *figure) for variant in VARIANTS for figure in figures])
    (run / "recipe.yaml").write_text("title: <b>&</b>\n")
    return run
