"""What the maps of a run look like, and how good they are, after every epoch of training.

    patchlearn train patchlearn/recipes/scenes.yaml --out RUN --classifier.keep_epochs=true
    python benchmarks/epochs.py RUN [--split train] [--every N] [--last] [--gpu] [--json] [--figure FILE] [--pictures 4]

Prints the seed mIoU (oracle threshold of these very images, labels given) of every variant after every epoch, from the
kept classifiers RUN/VARIANT/classifier/epochs/, its maps read in every way that there is; how many of the maps are
strongest on their object; and the coverage: the recall of object pixels, and of weakly discriminative parts, at fixed
precisions of the foreground. With `--figure`, draws instead the maps after every stage of training, variant by variant,
over the same pictures. True masks are read for judging alone.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console

from patchlearn.core.files import read_rows
from patchlearn.core.runtime import to_device
from patchlearn.core.types import Integers, Sample, ScoreMaps, UInt8
from patchlearn.data.images import read_image, read_indices, read_mask
from patchlearn.evaluate.peaks import peak_hits
from patchlearn.evaluate.thresholds import ThresholdCurve, curve_table
from patchlearn.maps.cam import class_activation_maps, maps_of_features
from patchlearn.maps.features import features_of_views
from patchlearn.maps.settings import CamSettings
from patchlearn.models.classifier import Classifier, load_classifier
from patchlearn.models.settings import READS
from patchlearn.report.figures import heat_overlay, mask_overlay, thumbnail
from patchlearn.report.results import percent, recall_at_precision
from patchlearn.runs.run import Run, open_run
from patchlearn.runs.settings import Variant
from patchlearn.runs.target import find_target
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.training.classifier import KEPT

PRECISIONS = (0.35, 0.5, 0.6, 0.7)  # the first is what the drawn scenes allow
COVERAGES = ("recall", "recall_weak")


@dataclass
class Judged:
    """The maps of one classifier, read in one way."""

    curve: ThresholdCurve
    peaks: Integers = field(default_factory=lambda: np.zeros(2, np.int64))  # those on their object, all

    def add(self, maps: ScoreMaps, truth: UInt8, parts: UInt8 | None) -> None:
        at_full_size = replace(maps, scores=maps.full_size())
        self.curve.add(at_full_size, truth, parts)
        self.peaks += peak_hits(at_full_size, truth)


@dataclass(frozen=True)
class Kept:
    """The classifier that a variant had after an epoch."""

    variant: Variant
    epoch: int
    stage: int
    ends_stage: bool
    is_last: bool
    path: Path

    @property
    def title(self) -> str:
        stages = len(self.variant.classifier.splits) if self.variant.classifier.fusion == "progressive" else 1
        return self.variant.name if stages == 1 else f"{self.variant.name}, stage {self.stage + 1} of {stages}"


def main() -> None:
    options = parse()
    device = f"--runtime.device={'auto' if options.gpu else 'cpu'}"
    with open_run(find_target(options.run, None, [device]), options.variant, Console(stderr=True)) as run:
        judge(run, options)


def judge(run: Run, options: argparse.Namespace) -> None:
    chosen = [variant for variant in run.variants if variant.name in run.chosen]
    kept = [each for variant in chosen for each in kept_classifiers(run, variant)]
    if not kept:
        raise SystemExit(f"{run.folder}: no kept classifiers. Train with --classifier.keep_epochs=true.")
    refuse_self_trained(kept)
    samples = run.dataset.split(options.split)[:: options.every]
    if options.figure:
        shown = [sample for sample in samples if sample.mask][:: max(1, len(samples) // options.pictures)]
        draw(run, [each for each in kept if each.ends_stage], shown[: options.pictures], options.figure)
        return
    for each in finished(run, kept) if options.last else kept:
        for read, judged in judged_reads(run, each, samples).items():
            figures = figures_of(each, read, judged)
            print(json.dumps({"run": str(run.folder), **figures}) if options.json else line(figures), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a run folder whose classifiers of every epoch were kept")
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--split", default="train")
    parser.add_argument("--every", type=int, default=1, help="judge every Nth image")
    parser.add_argument("--last", action="store_true", help="judge the last epoch alone")
    parser.add_argument("--gpu", action="store_true", help="read the maps on a GPU if there is one")
    parser.add_argument("--json", action="store_true", help="print a JSON object for every line")
    parser.add_argument("--figure", type=Path, help="draw maps into this picture")
    parser.add_argument("--pictures", type=int, default=4)
    return parser.parse_args()


def classifier_step(run: Run, variant: Variant) -> TrainClassifier:
    (step,) = (step for step in run.steps(variant, "tags") if isinstance(step, TrainClassifier))
    return step


def kept_classifiers(run: Run, variant: Variant) -> Iterator[Kept]:
    folder = classifier_step(run, variant).folder
    stages = [int(row["stage"]) for row in read_rows(folder / "epochs.csv")]
    followers: list[int | None] = [*stages[1:], None]
    for epoch, (stage, following) in enumerate(zip(stages, followers)):  # of a variant not trained there is none
        path = folder / KEPT / f"{epoch}.safetensors"
        if path.exists():
            yield Kept(variant, epoch, stage, following != stage, following is None, path)


def refuse_self_trained(kept: Sequence[Kept]) -> None:
    names = sorted({each.variant.name for each in kept if each.variant.self_training.rounds})
    if names:
        raise SystemExit(
            f"{', '.join(names)}: an LDA classifier computes these maps, and only classifiers are judged here. "
            "Name other variants, and judge these with patchlearn run."
        )


def finished(run: Run, kept: Sequence[Kept]) -> list[Kept]:
    """The last classifiers, of trainings that have ended."""
    for variant in {each.variant.name: each.variant for each in kept}.values():
        classifier_step(run, variant).require()
    return [each for each in kept if each.is_last]


@torch.no_grad()
def judged_reads(run: Run, kept: Kept, samples: Sequence[Sample]) -> dict[str, Judged]:
    """One for every way of reading the maps; each image goes through the network once."""
    network, cams = to_device(load_classifier(kept.path).network, run.runtime.accelerator.device), kept.variant.cams
    reads = READS if network.splits else READS[:1]
    judged = {read: Judged(ThresholdCurve(len(run.dataset.classes))) for read in reads}
    depth = network.stages.channels[-1]
    parts = {"whole": slice(None), "unsplit": slice(-depth, None), "merged": slice(None, -depth)}
    for sample in samples:
        image, truth = read_image(sample.image), read_mask(run.dataset, sample)
        views = list(features_of_views(network, image, cams))
        for read, judgement in judged.items():
            halves = [replace(view, features=view.features[:, parts[read]]) for view in views]
            maps = maps_of_features(network, halves, image, read, sample.labels)
            judgement.add(maps, truth, read_indices(sample.parts) if sample.parts else None)
    return judged


def figures_of(kept: Kept, read: str, judged: Judged) -> dict[str, Any]:
    curve, table = judged.curve, curve_table(judged.curve)
    coverage = {
        f"{name} at {precision}": recall_at_precision(table, precision, name)
        for name in COVERAGES
        for precision in PRECISIONS
        if name in table
    }
    figures = {"variant": kept.title, "epoch": kept.epoch + 1, "read": read, "threshold": curve.oracle}
    peaks = float(judged.peaks[0] / judged.peaks[1]) if judged.peaks[1] else None
    return {**figures, "miou": float(curve.miou.max()), "peaks_inside": peaks, **coverage}


def line(figures: dict[str, Any]) -> str:
    coverage = ", ".join(f"{name} {percent(value)}" for name, value in figures.items() if " at " in name)
    head = f"{figures['variant']:36} epoch {figures['epoch']} {figures['read']:8}"
    quality = f"{percent(figures['miou'])} mIoU at {figures['threshold']:.2f}, peaks {percent(figures['peaks_inside'])}"
    return f"{head} {quality}; {coverage}"


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
