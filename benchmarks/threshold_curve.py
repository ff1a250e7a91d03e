"""Every threshold in one pass against argmax and a confusion for each of 100 thresholds, the field's way.

    python benchmarks/threshold_curve.py [--json]

Ten made-up images of 500×375 with 21 labels, 2 or 3 classes present, score maps already enlarged. The counts must be
equal. Printed are medians over the images, in milliseconds per image, on one thread.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from patchlearn.core.types import IGNORE, Integers, ScoreMaps, UInt8
from patchlearn.evaluate.confusions import confusion
from patchlearn.evaluate.thresholds import THRESHOLDS, ThresholdCurve

CLASSES = 20
SIZE = (375, 500)
IMAGES = 10
REPEATS = 5


def made_up_image(seed: int) -> tuple[ScoreMaps, UInt8]:
    rng = np.random.default_rng(seed)
    classes = tuple(sorted(rng.choice(CLASSES, size=2 + seed % 2, replace=False).tolist()))
    coarse = rng.random((len(classes), 24, 32), dtype=np.float32)
    maps = ScoreMaps(scores=coarse / coarse.max((1, 2), keepdims=True), classes=classes, size=SIZE)
    labels = np.array([0, *(index + 1 for index in classes), IGNORE], np.uint8)
    blocks = Image.fromarray(rng.choice(labels, size=(12, 16)))
    truth = np.array(blocks.resize(SIZE[::-1], Image.Resampling.NEAREST))
    return ScoreMaps(scores=maps.full_size(), classes=classes, size=SIZE), truth


def one_pass(maps: ScoreMaps, truth: UInt8) -> Integers:
    curve = ThresholdCurve(CLASSES)
    curve.add(maps, truth)
    return curve.confusions


def sweep(maps: ScoreMaps, truth: UInt8) -> Integers:
    values = np.array([0, *(index + 1 for index in maps.classes)], np.uint8)
    stack = np.concatenate([np.empty((1, *SIZE), np.float32), maps.scores])
    counts = []
    for threshold in THRESHOLDS:
        stack[0] = threshold
        prediction = values[stack.argmax(0)]
        counts.append(confusion(truth, prediction, CLASSES))
    return np.stack(counts)


def milliseconds(function: Callable[[], object], repeats: int) -> float:
    spans = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        spans.append(1000 * (time.perf_counter() - start))
    return statistics.median(spans)


def measure() -> dict[str, float]:
    images = [made_up_image(seed) for seed in range(IMAGES)]
    for maps, truth in images:
        np.testing.assert_array_equal(one_pass(maps, truth), sweep(maps, truth))
    curve = ThresholdCurve(CLASSES)
    fast = statistics.median(milliseconds(partial(curve.add, maps, truth), REPEATS) for maps, truth in images)
    slow = statistics.median(milliseconds(partial(sweep, maps, truth), 1) for maps, truth in images)
    return {"one_pass_ms": fast, "sweep_ms": slow, "ratio": slow / fast}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    figures = measure()
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{IMAGES} images of 500×375, {CLASSES + 1} labels, {len(THRESHOLDS)} thresholds; the counts are equal")
    print(f"one pass         {figures['one_pass_ms']:9.2f} ms per image")
    print(f"argmax + counts  {figures['sweep_ms']:9.2f} ms per image")
    print(f"ratio            {figures['ratio']:9.0f}")


if __name__ == "__main__":
    main()
