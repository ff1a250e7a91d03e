"""What each step of the refinement adds to the masks of a run, and what it costs.

    python benchmarks/refinement.py RUN [--variant plain] [--split train] [--count N] [--rules] [--json]

Reads score maps and the affinity network of a run folder, and true masks for judging alone. Every step starts from the
one before: seed (the background rule on the score maps), + walk, + CRF, + PAR. Mean IoU in points over all pixels with
a truth, pixels left undecided counting as wrong; the ignore band is off, so that steps are compared on the same pixels.
`--rules` judges other background rules in place of the run's. Times are per image, on one thread; the throughput of
`pseudo_mask` on one and two threads, and the time against image area, come last.
"""

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console

from patchlearn.core.masks_io import read_scores
from patchlearn.core.run_folder import MODEL
from patchlearn.core.types import BACKGROUND, Float32, Integers, Sample, ScoreMaps, UInt8
from patchlearn.data.images import read_image, read_mask
from patchlearn.evaluate.confusions import confusion, iou_scores
from patchlearn.maps.affinity_walk import walk_scores
from patchlearn.maps.pseudo_mask import pseudo_mask
from patchlearn.maps.settings import PseudoSettings
from patchlearn.maps.walk_area import bounded_walk
from patchlearn.models.affinity_network import AffinityNetwork, load_affinity
from patchlearn.refine import (
    BackgroundRule,
    background_threshold,
    dense_crf,
    label_probabilities,
    pixel_adaptive_refinement,
)
from patchlearn.refine.background import label_scores
from patchlearn.runs.run import Run, open_run
from patchlearn.runs.settings import Variant
from patchlearn.runs.target import find_target

RULES = {
    "otsu": BackgroundRule(),
    **{f"fixed {threshold}": BackgroundRule(rule="fixed", threshold=threshold) for threshold in (0.3, 0.4, 0.5)},
    **{f"power {power}": BackgroundRule(rule="power", power=power) for power in (1.5, 2.0, 4.0)},
}
MakeMask = Callable[[UInt8, ScoreMaps], UInt8]
AREAS = (160, 320, 640, 1280)


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    with open_run(
        find_target(options.run, None, ["--runtime.device=cpu"]), [options.variant], Console(stderr=True)
    ) as run:
        figures = measure(run, options)
    print(json.dumps(figures) if options.json else summary(figures))


def measure(run: Run, options: argparse.Namespace) -> dict[str, Any]:
    (variant,) = (each for each in run.variants if each.name == options.variant)
    folder = run.folder / options.variant
    model = folder / "affinity" / MODEL
    network = load_affinity(model) if model.exists() else None
    samples = run.dataset.split(options.split)[: options.count]
    scores = folder / "cams" / options.split
    rules = RULES if options.rules else {variant.background.rule: variant.background}
    figures: dict[str, Any] = {"run": str(run.folder), "variant": options.variant, "split": options.split}
    figures |= {"images": len(samples), "affinity": network.KIND if network else "none"}
    figures |= judge(run, samples, scores, variant, rules, network)
    make = partial(walked_mask, variant=variant, network=network)
    figures["images_per_s"] = {threads: throughput(samples[:40], scores, make, threads) for threads in (1, 2)}
    figures["area"] = area_curve(samples[0], scores, make)
    return figures


def walked_mask(image: UInt8, maps: ScoreMaps, variant: Variant, network: AffinityNetwork | None) -> UInt8:
    settings = replace(variant.pseudo, ignore_band=0.0)
    walked = bounded_walk(maps, walk_scores(image, maps, variant.walk, network), variant.background)
    return pseudo_mask(image, walked, settings, variant.background, found=maps)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument("--variant", default="plain")
    parser.add_argument("--split", default="train")
    parser.add_argument("--count", type=int, help="how many images (default: all)")
    parser.add_argument("--rules", action="store_true", help="compare background rules")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


def judge(
    run: Run,
    samples: Sequence[Sample],
    scores: Path,
    variant: Variant,
    rules: dict[str, BackgroundRule],
    network: AffinityNetwork | None,
) -> dict[str, Any]:
    classes = len(run.dataset.classes)
    confusions: dict[tuple[str, str], Integers] = defaultdict(lambda: np.zeros((classes + 1, classes + 2), np.int64))
    seconds: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        image, truth = read_image(sample.image), read_mask(run.dataset, sample)
        maps = read_scores(scores_of(scores, sample))
        for rule, step, mask, spent in steps(image, maps, variant, rules, network):
            confusions[rule, step] += confusion(truth, mask, classes)
            seconds[step].append(spent)
    return {
        "miou": {f"{rule}: {step}": 100 * iou_scores(table).miou for (rule, step), table in confusions.items()},
        "ms": {step: 1000 * statistics.median(spans) for step, spans in seconds.items()},
    }


def scores_of(folder: Path, sample: Sample) -> Path:
    return folder / f"{sample.id}.npz"


def steps(
    image: UInt8,
    maps: ScoreMaps,
    variant: Variant,
    rules: dict[str, BackgroundRule],
    network: AffinityNetwork | None,
) -> Iterator[tuple[str, str, UInt8, float]]:
    """(rule, step, mask, seconds of the step)."""
    values = np.array([BACKGROUND, *maps.mask_values], np.uint8)
    if not maps.classes:
        return
    start = time.perf_counter()
    walked = walk_scores(image, maps, variant.walk, network)
    walk_time = time.perf_counter() - start
    for name, rule in rules.items():
        start = time.perf_counter()
        seed = label_scores(maps, background_threshold(maps, rule))
        yield name, "seed", values[seed.argmax(0)], time.perf_counter() - start
        labels = label_scores(walked, background_threshold(walked, rule)) if network else seed
        if network:
            yield name, "+ walk", values[labels.argmax(0)], walk_time
        start = time.perf_counter()
        probabilities = refined(image, labels, variant.pseudo)
        yield name, "+ CRF", values[probabilities.argmax(0)], time.perf_counter() - start
        start = time.perf_counter()
        local = pixel_adaptive_refinement(image, probabilities)
        yield name, "+ PAR", values[local.argmax(0)], time.perf_counter() - start


def refined(image: UInt8, labels: Float32, settings: PseudoSettings) -> Float32:
    hard = label_probabilities(labels.argmax(0).astype(np.uint8), len(labels), settings.crf.confidence)
    return dense_crf(image, hard, settings.crf.preset, settings.crf.iterations)


def throughput(samples: Sequence[Sample], scores: Path, make: MakeMask, threads: int) -> float:
    work = [(read_image(sample.image), read_scores(scores_of(scores, sample))) for sample in samples]
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        list(pool.map(lambda pair: make(*pair), work))
    return len(work) / (time.perf_counter() - start)


def area_curve(sample: Sample, scores: Path, make: MakeMask) -> list[dict[str, float]]:
    """One picture at several sizes, its maps with it."""
    image, maps = read_image(sample.image), read_scores(scores_of(scores, sample))
    curve = []
    for side in AREAS:
        scale = side / max(image.shape[:2])
        size = round(image.shape[0] * scale), round(image.shape[1] * scale)
        picture = np.array(Image.fromarray(image).resize(size[::-1]))
        cells = -(-size[0] // 4), -(-size[1] // 4)
        resized = replace(maps, scores=replace(maps, size=cells).full_size(), size=size)
        start = time.perf_counter()
        make(picture, resized)
        seconds, megapixels = time.perf_counter() - start, size[0] * size[1] / 1e6
        curve.append({"megapixels": megapixels, "s": seconds, "s_per_megapixel": seconds / megapixels})
    return curve


def summary(figures: dict[str, Any]) -> str:
    lines = [
        f"{figures['variant']}, {figures['split']}, {figures['images']} images, affinity: {figures['affinity']}",
        *(f"{name:24} {miou:6.2f} mIoU" for name, miou in figures["miou"].items()),
        *(f"{step:24} {spent:6.1f} ms" for step, spent in figures["ms"].items()),
        *(f"{threads} thread(s) {rate:20.1f} images/s" for threads, rate in figures["images_per_s"].items()),
        *(
            f"{point['megapixels']:6.3f} megapixels {point['s']:8.3f} s {point['s_per_megapixel']:8.3f} s for each"
            for point in figures["area"]
        ),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
