"""What the maps of a run look like, and how good they are, after every epoch of training.

    patchlearn train recipes/scenes.yaml --out RUN --classifier.keep_epochs=true
    python benchmarks/epochs.py RUN [--split train] [--every N] [--figure FILE] [--pictures 4]

Prints the seed mIoU (oracle threshold of these very images, labels given) of every variant after every epoch, from the
kept classifiers RUN/VARIANT/classifier/epochs/; with `--figure`, draws instead the maps after every stage of training,
variant by variant, over the same pictures. True masks are read for judging alone.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from rich.console import Console

from patchlearn.artifacts import read_rows
from patchlearn.cams import CamSettings, class_activation_maps
from patchlearn.classifier import KEPT, Classifier, load_classifier
from patchlearn.datasets import read_image, read_mask
from patchlearn.evaluate import ThresholdCurve
from patchlearn.figures import heat_overlay, mask_overlay, thumbnail
from patchlearn.pipeline import open_run
from patchlearn.recipe import Variant
from patchlearn.samples import Sample, UInt8
from patchlearn.steps import Run, classifier_folder


@dataclass(frozen=True)
class Kept:
    """The classifier that a variant had after an epoch."""

    variant: Variant
    epoch: int
    stage: int
    ends_stage: bool
    path: Path

    @property
    def title(self) -> str:
        stages = len(self.variant.classifier.splits) if self.variant.classifier.fusion == "progressive" else 1
        return self.variant.name if stages == 1 else f"{self.variant.name}, stage {self.stage + 1} of {stages}"


def main() -> None:
    options = parse()
    run = open_run(options.run, None, ["--runtime.device=cpu"], options.variant, Console(stderr=True))
    kept = [each for variant in run.variants for each in kept_classifiers(run, variant)]
    if not kept:
        raise SystemExit(f"{run.folder}: no kept classifiers. Train with --classifier.keep_epochs=true.")
    samples = run.dataset.split(options.split)[:: options.every]
    if options.figure:
        shown = [sample for sample in samples if sample.mask][:: max(1, len(samples) // options.pictures)]
        draw(run, [each for each in kept if each.ends_stage], shown[: options.pictures], options.figure)
        return
    for each in kept:
        curve = seed_curve(run, each, samples)
        print(
            f"{each.title:40} epoch {each.epoch + 1}: {100 * curve.miou.max():5.1f} at {curve.oracle:.2f}", flush=True
        )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a run folder whose classifiers of every epoch were kept")
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--split", default="train")
    parser.add_argument("--every", type=int, default=1, help="judge every Nth image")
    parser.add_argument("--figure", type=Path, help="draw maps into this picture")
    parser.add_argument("--pictures", type=int, default=4)
    return parser.parse_args()


def kept_classifiers(run: Run, variant: Variant) -> Iterator[Kept]:
    folder = classifier_folder(run, variant)
    stages = [int(row["stage"]) for row in read_rows(folder / "epochs.csv")]
    for epoch, (stage, following) in enumerate(zip(stages, [*stages[1:], None], strict=True)):
        path = folder / KEPT / f"{epoch}.safetensors"
        if path.exists():
            yield Kept(variant, epoch, stage, following != stage, path)


def seed_curve(run: Run, kept: Kept, samples: Sequence[Sample]) -> ThresholdCurve:
    classifier, curve = load_classifier(kept.path), ThresholdCurve(len(run.dataset.classes))
    for sample in samples:
        maps = class_activation_maps(classifier, read_image(sample.image), kept.variant.cams, sample.labels)
        curve.add(maps, read_mask(run.dataset, sample))
    return curve


def draw(run: Run, kept: Sequence[Kept], samples: Sequence[Sample], path: Path) -> None:
    columns = ["picture", *(each.title for each in kept), "truth"]
    figure = Figure(figsize=(1.9 * len(columns), 1.9 * len(samples) + 0.3), layout="constrained")
    axes = figure.subplots(len(samples), len(columns), squeeze=False)
    classifiers = [(load_classifier(each.path), each.variant.cams) for each in kept]
    rows = zip(*(pictures(run, classifiers, sample) for sample in samples), strict=True)
    for column, (title, shown) in enumerate(zip(columns, rows, strict=True)):
        axes[0, column].set_title(title.replace(", ", "\n"), fontsize=9)
        for row, picture in enumerate(shown):
            axes[row, column].imshow(picture)
            axes[row, column].set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def pictures(run: Run, classifiers: Sequence[tuple[Classifier, CamSettings]], sample: Sample) -> Iterator[UInt8]:
    image = read_image(sample.image)
    small = thumbnail(image)
    yield small
    for classifier, settings in classifiers:
        maps = class_activation_maps(classifier, image, settings, sample.labels)
        yield heat_overlay(small, maps.scores)
    yield mask_overlay(small, read_mask(run.dataset, sample))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
