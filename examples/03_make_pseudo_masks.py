"""Steps 3 and 4: train an affinity network on the confident pixels of the maps, then make pseudo masks.

    python examples/03_make_pseudo_masks.py [RUN]

Reads what examples 1 and 2 wrote. Writes RUN/affinity/ and RUN/masks/ID.png.
"""

import sys
from pathlib import Path

from accelerate import Accelerator
from rich.console import Console

from patchlearn import BackgroundRule, PseudoSettings, Runtime, load_classifier, open_dataset, pseudo_mask, read_image
from patchlearn.core.masks_io import read_scores, write_mask
from patchlearn.data import AugmentSettings
from patchlearn.maps import WalkSettings, bounded_walk, walk_scores
from patchlearn.models import load_affinity
from patchlearn.refine import ConfidentRegions, confident_regions
from patchlearn.training import AffinitySettings, Optimisation, train_affinity

run = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/examples")
samples = open_dataset("folder", run / "data").split("train")
rule = BackgroundRule()
maps = {sample.id: read_scores(run / "maps" / f"{sample.id}.npz") for sample in samples}
for sample in samples:
    labels = confident_regions(read_image(sample.image), maps[sample.id], rule, ConfidentRegions())
    write_mask(run / "affinity" / "labels" / f"{sample.id}.png", labels)
augment, optimisation = AugmentSettings(crop=64, long_side=(64, 80)), Optimisation(batch_size=4, epochs=1)
settings = AffinitySettings(augment=augment, optimisation=optimisation)
stages = load_classifier(run / "classifier").network.stages
runtime = Runtime(accelerator=Accelerator(cpu=True), console=Console())
train_affinity(samples, run / "affinity" / "labels", stages, settings, run / "affinity", runtime, seed=0)

affinity = load_affinity(run / "affinity" / "model.safetensors")
for sample in samples:
    image, before = read_image(sample.image), maps[sample.id]
    walked = bounded_walk(before, walk_scores(image, before, WalkSettings(), affinity), rule)
    write_mask(run / "masks" / f"{sample.id}.png", pseudo_mask(image, walked, PseudoSettings(), rule, found=before))
