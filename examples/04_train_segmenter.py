"""Step 5: train a segmentation network on the pseudo masks.

    python examples/04_train_segmenter.py [RUN]

Reads what examples 1 and 3 wrote. Writes RUN/segmenter/model.safetensors.
"""

import sys
from pathlib import Path

from accelerate import Accelerator
from rich.console import Console

from patchlearn import Runtime, Sample, SegmenterSettings, open_dataset, train_segmenter
from patchlearn.core.types import UInt8
from patchlearn.data import AugmentSettings, read_indices
from patchlearn.training import Optimisation

run = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/examples")
dataset = open_dataset("folder", run / "data")
settings = SegmenterSettings(
    backbone="resnet10t",
    weights=None,
    augment=AugmentSettings(crop=64, long_side=(64, 80)),
    optimisation=Optimisation(batch_size=4, epochs=1),
)
runtime = Runtime(accelerator=Accelerator(cpu=True), console=Console())


def read_labels(sample: Sample) -> UInt8:
    return read_indices(run / "masks" / f"{sample.id}.png")


train_segmenter(dataset.split("train"), read_labels, dataset.classes, settings, run / "segmenter", runtime, seed=0)
