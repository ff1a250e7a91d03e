"""Predict: segment new images. No tags are needed.

    python examples/05_predict_new_images.py [RUN]

Reads what example 4 wrote. Writes RUN/predicted/NAME.png.
"""

import sys
from pathlib import Path

import numpy as np

import patchlearn
from patchlearn import InferenceSettings, read_image
from patchlearn.core.masks_io import write_mask

run = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/examples")
model = patchlearn.load(run / "segmenter")
settings = InferenceSettings(scales=(1.0, 1.5), crf="segmenter")  # in place of the model's own

for path in sorted((run / "data" / "images").glob("val_*.jpg")):
    mask = model.predict(read_image(path), settings)
    write_mask(run / "predicted" / f"{path.stem}.png", mask)
    values, counts = np.unique(mask, return_counts=True)
    shares = {("background", *model.classes)[value]: count / mask.size for value, count in zip(values, counts)}
    print(path.name, ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
