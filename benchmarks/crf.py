"""The dense CRF against pydensecrf: time, agreement, threads, and cost against image area.

    python benchmarks/crf.py [--images FOLDER] [--count 20] [--json]
    python benchmarks/crf.py --gpu [--images FOLDER] [--count 20] [--json]     images per second on a GPU; needs no peer

Needs `pip install pydensecrf2` (and a C++ compiler). Single-threaded; every image is 500×375 and refined by both
programs in turn, so that a busy machine slows both; both have been warmed up on another image. Without a folder, images
are made up. The probabilities are smooth random fields. Printed are medians over the images; the ratios come last.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from patchlearn.core.types import Float32, UInt8
from patchlearn.refine import dense_crf
from patchlearn.refine.settings import PRESETS, CrfKernels

SIZE = (500, 375)
LABELS = (2, 3, 21)
AREAS = ((250, 188), (500, 375), (1000, 750), (2000, 1500))
FIRST_CALL = """
import time, numpy as np
from patchlearn.refine import dense_crf
rows, columns = np.mgrid[:375, :500]
noise = np.random.default_rng(0).normal(0, 8, (375, 500, 3))
image = (np.stack([rows / 2, columns / 3, 200 - rows / 3], -1) + noise).clip(0, 255).astype(np.uint8)
probabilities = np.full((3, 375, 500), 1 / 3, np.float32)
start = time.perf_counter()
dense_crf(image, probabilities)
print(time.perf_counter() - start)
"""


def main() -> None:
    options = parse()
    images = list(pictures(options.images, options.count + 1, SIZE))
    if options.gpu:
        print(json.dumps(on_gpu(images)) if options.json else on_gpu(images))
        return
    for labels in LABELS:
        dense_crf(images[0], fields(labels, SIZE, seed=0))
    figures: dict[str, Any] = {
        "images": options.count,
        "comparison": [compare(images, labels, preset) for preset in PRESETS for labels in LABELS],
        "area": area_curve(images[1]),
        "first_call_s": first_call(),
        "throughput_per_s": {"1 thread": throughput(images, 1), "2 threads": throughput(images, 2)},
    }
    figures["two_threads_gain"] = figures["throughput_per_s"]["2 threads"] / figures["throughput_per_s"]["1 thread"]
    print(json.dumps(figures) if options.json else summary(figures))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="a folder of JPEG files")
    parser.add_argument("--count", type=int, default=20, help="how many of them")
    parser.add_argument("--gpu", action="store_true", help="measure on the GPU alone")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


def pictures(folder: Path | None, count: int, size: tuple[int, int]) -> Iterator[UInt8]:
    if folder is None:
        for seed in range(count):
            coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
            smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), float)
            noise = np.random.default_rng(seed).normal(0, 8, smooth.shape)
            yield (smooth + noise).clip(0, 255).astype(np.uint8)
        return
    for path in sorted(folder.glob("*.jpg"))[:count]:
        yield np.array(Image.open(path).convert("RGB").resize(size))


def fields(labels: int, size: tuple[int, int], seed: int) -> Float32:
    coarse = np.random.default_rng(seed).normal(0, 2, (labels, 12, 16)).astype(np.float32)
    smooth = [Image.fromarray(score).resize(size, Image.Resampling.BICUBIC) for score in coarse]
    powers = np.exp(np.stack(smooth))
    return powers / powers.sum(0)


def compare(images: list[UInt8], labels: int, preset: str) -> dict[str, Any]:
    rows = []
    for seed, image in enumerate(images):
        probabilities = fields(labels, SIZE, seed)
        ours, our_time = timed(partial(dense_crf, image, probabilities, preset))
        theirs, their_time = timed(partial(pydensecrf, image, probabilities, PRESETS[preset]))
        difference = np.abs(ours - theirs)
        agreement = (ours.argmax(0) == theirs.argmax(0)).mean()
        rows.append((our_time, their_time, our_time / their_time, agreement, difference.mean(), difference.max()))
    columns = list(zip(*rows[1:], strict=True))  # the first image warmed both programs up
    return {
        "preset": preset,
        "labels": labels,
        "ours_ms": 1000 * statistics.median(columns[0]),
        "pydensecrf_ms": 1000 * statistics.median(columns[1]),
        "argmax_agreement_least": float(min(columns[3])),
        "mean_difference_most": float(max(columns[4])),
        "max_difference": float(max(columns[5])),
        "ratio": statistics.median(columns[2]),
    }


def pydensecrf(image: UInt8, probabilities: Float32, kernels: CrfKernels) -> Float32:
    from pydensecrf import densecrf  # the machine with a GPU may have no peer

    labels, height, width = probabilities.shape
    crf = densecrf.DenseCRF2D(width, height, labels)
    crf.setUnaryEnergy(np.ascontiguousarray(-np.log(probabilities.clip(1e-5, 1)).reshape(labels, -1)))
    crf.addPairwiseGaussian(sxy=kernels.gaussian_sxy, compat=kernels.gaussian_compat)
    crf.addPairwiseBilateral(
        sxy=kernels.bilateral_sxy, srgb=kernels.bilateral_srgb, rgbim=image, compat=kernels.bilateral_compat
    )
    return np.array(crf.inference(10)).reshape(probabilities.shape)


def on_gpu(images: list[UInt8]) -> dict[str, float]:
    """Images per second for each number of labels, preset irn, from NumPy image and GPU maps to GPU maps."""
    rates = {}
    for labels in LABELS:
        probabilities = torch.from_numpy(fields(labels, SIZE, 0)).cuda()
        refined = dense_crf(images[0], probabilities).cpu().numpy()
        difference = np.abs(refined - dense_crf(images[0], fields(labels, SIZE, 0)))
        start = time.perf_counter()
        for image in images[1:]:
            dense_crf(image, probabilities)
        torch.cuda.synchronize()
        rates[f"{labels} labels"] = (len(images) - 1) / (time.perf_counter() - start)
        rates[f"{labels} labels, mean difference to the CPU"] = float(difference.mean())
    return rates


def timed(function: Callable[[], Float32]) -> tuple[Float32, float]:
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def area_curve(image: UInt8) -> list[dict[str, float]]:
    """Three labels, preset irn, the same picture at several sizes."""
    curve = []
    for size in AREAS:
        picture = np.array(Image.fromarray(image).resize(size))
        spans = [timed(partial(dense_crf, picture, fields(3, size, 0)))[1] for _ in range(3)]
        megapixels = size[0] * size[1] / 1e6
        curve.append({"megapixels": megapixels, "s": min(spans), "s_per_megapixel": min(spans) / megapixels})
    return curve


def first_call() -> float:
    """Of a new process whose cache is warm."""
    spans = [float(subprocess.check_output([sys.executable, "-c", FIRST_CALL])) for _ in range(3)]
    return min(spans)


def throughput(images: list[UInt8], threads: int) -> float:
    """Images per second, 3 labels, preset irn."""
    probabilities = fields(3, SIZE, 0)
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        list(pool.map(lambda image: dense_crf(image, probabilities), images * 2))
    return 2 * len(images) / (time.perf_counter() - start)


def summary(figures: dict[str, Any]) -> str:
    lines = [f"{figures['images']} images of {SIZE[0]}×{SIZE[1]}, 10 iterations, one thread"]
    lines += [
        f"{point['megapixels']:6.3f} megapixels  {point['s']:7.3f} s  {point['s_per_megapixel']:6.3f} s for each"
        for point in figures["area"]
    ]
    lines += [f"first call of a new process, warm cache  {figures['first_call_s']:.2f} s"]
    lines += [f"{threads}  {rate:.1f} images per second" for threads, rate in figures["throughput_per_s"].items()]
    lines += [f"two threads against one  {figures['two_threads_gain']:.2f}"]
    lines += [
        f"{row['preset']:9}  {row['labels']:2} labels  {row['ours_ms']:7.1f} ms  pydensecrf"
        f" {row['pydensecrf_ms']:7.1f} ms  argmax ≥ {row['argmax_agreement_least']:.6f}"
        f"  mean ≤ {row['mean_difference_most']:.1e}"
        f"  max {row['max_difference']:.1e}  ratio {row['ratio']:.2f}"
        for row in figures["comparison"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
