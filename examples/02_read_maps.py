"""Step 2: read the class activation maps of every training image.

    python examples/02_read_maps.py [RUN]

Reads what example 1 wrote. Writes RUN/maps/ID.npz.
"""

import sys
from pathlib import Path

from patchlearn import CamSettings, class_activation_maps, load_classifier, open_dataset, read_image
from patchlearn.core.masks_io import write_scores
from patchlearn.models import ViewSettings

run = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/examples")
dataset = open_dataset("folder", run / "data")
classifier = load_classifier(run / "classifier")
settings = CamSettings(views=ViewSettings(scales=(1.0, 1.5)))

for sample in dataset.split("train"):
    # The labels of the image select the classes. Without them, the classifier predicts the classes.
    maps = class_activation_maps(classifier, read_image(sample.image), settings, labels=sample.labels)
    write_scores(run / "maps" / f"{sample.id}.npz", maps)
    names = ", ".join(dataset.classes[index] for index in maps.classes)
    print(f"{sample.id}: {names}; scores {maps.scores.shape}, at full size {maps.full_size().shape}")
