"""Step 1: draw scenes and train a classifier on their image labels.

    python examples/01_train_classifier.py [RUN]

Writes RUN/data/ (drawn scenes, a folder data set) and RUN/classifier/model.safetensors.
"""

import sys
from pathlib import Path

from accelerate import Accelerator
from rich.console import Console

from patchlearn import ClassifierSettings, Runtime, load_classifier, open_dataset, train_classifier
from patchlearn.data import AugmentSettings, SceneSettings
from patchlearn.training import Optimisation

run = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/examples")
# Your own images: open_dataset("folder", "photos").
dataset = open_dataset("scenes", run / "data", SceneSettings(train=8, val=4, size=64))
settings = ClassifierSettings(
    backbone="resnet10t",
    weights=None,  # random, so that nothing is downloaded; "hub" loads the pretrained weights
    fusion="progressive",
    splits=((1, (2, 2)), (2, (2, 2))),  # 2×2 patches after stage 1, then after stage 2
    augment=AugmentSettings(crop=64, long_side=(64, 80)),
    optimisation=Optimisation(batch_size=4, epochs=2),
)
runtime = Runtime(accelerator=Accelerator(cpu=True), console=Console())
train_classifier(dataset, settings, run / "classifier", runtime, seed=0)

classifier = load_classifier(run / "classifier")
print("classes:", ", ".join(classifier.classes))
