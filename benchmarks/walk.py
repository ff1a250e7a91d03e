"""The random walk as a stencil against IRN's dense matrix squared eight times.

    OMP_NUM_THREADS=1 python benchmarks/walk.py [--json]

One thread, 3 classes, radius 5, β 10, 2^8 steps, made-up boundaries; grids are images at stride 4. The dense walk is
measured on small grids, where it is bearable, and extrapolated to a 500×375 image: time with N³ and memory with N²,
N being the cells. Peak memory is that of a process of its own, less what it had after its imports and a tiny walk;
its input counts. The error is the largest difference from the same walk pair by pair in float64. Printed last are the
ratios.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import Float32
from patchlearn.refine.walk import random_walk, walk_bytes

CLASSES = 3
RADIUS = 5
BETA = 10
DOUBLINGS = 8
GRID = (94, 125)  # 500×375 at stride 4
LARGE = (375, 500)  # 2000×1500 at stride 4
DENSE_GRIDS = ((24, 32), (36, 48), (48, 64))
REPEATS = 5
MB = 1e6

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def made_up(height: int, width: int) -> tuple[Float32, Float32]:
    """Scores, and a boundary map that is 0 in most places and runs up to 1 along a few smooth lines."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    waves = sum(np.sin(rows * a + columns * b + c) for a, b, c in rng.uniform(-0.3, 0.3, (6, 3)))
    boundary = np.exp(-((3 * waves) ** 2)) * rng.uniform(0.3, 1.0, (height, width))
    return rng.random((CLASSES, height, width), dtype=np.float32), boundary.astype(np.float32)


def ours(height: int, width: int) -> Float32:
    return random_walk(*made_up(height, width), radius=RADIUS, beta=BETA, steps=2**DOUBLINGS)


def pairs(boundary: Float32) -> Pairs:
    """From where, to where, and W in float64, for all pairs in both directions and every pixel to itself."""
    height, width = boundary.shape
    index = np.arange(height * width).reshape(height, width)
    sources, targets, weights = [index.ravel()], [index.ravel()], [np.ones(index.size)]
    for dy in range(RADIUS):
        for dx in range(1 - RADIUS, RADIUS):
            if dy * dy + dx * dx < RADIUS**2 and (dy > 0 or dx > 0):
                cells = [
                    (y, x)
                    for y in range(dy + 1)
                    for x in range(min(dx, 0), max(dx, 0) + 1)
                    if (dy * x - dx * y) ** 2 < dy * dy + dx * dx
                ]
                shifted = partial(window, dy=dy, dx=dx)
                affinity = 1 - np.max([shifted(boundary, *cell) for cell in cells], axis=0).astype(np.float64)
                here, there = shifted(index, 0, 0).ravel(), shifted(index, dy, dx).ravel()
                sources += [here, there]
                targets += [there, here]
                weights += [affinity.ravel() ** BETA] * 2
    return np.concatenate(sources), np.concatenate(targets), np.concatenate(weights)


def window(array: NDArray[np.generic], y: int, x: int, dy: int, dx: int) -> NDArray[np.generic]:
    """What lies (y, x) away from every pixel whose partner, (dy, dx) away, is inside the image."""
    height, width = array.shape
    top, left = y, max(0, -dx) + x
    return array[top : top + height - dy, left : left + width - abs(dx)]


def float64_walk(scores: Float32, boundary: Float32) -> NDArray[np.float64]:
    """The truth, from the list of pairs, one class after the other."""
    sources, targets, weights = pairs(boundary)
    degrees = np.bincount(targets, weights)
    maps = []
    for state in (scores * (1.0 - boundary.astype(np.float64))).reshape(CLASSES, -1):
        for _ in range(2**DOUBLINGS):
            state = np.bincount(targets, state[sources] * weights) / degrees
        maps.append(state.reshape(boundary.shape))
    return np.stack(maps)


def dense_walk(scores: Float32, boundary: Float32) -> Float32:
    """The transition matrix in full, in float32, squared eight times."""
    import torch  # here, so that it does not count as memory of a process that walks without it

    torch.set_num_threads(1)
    sources, targets, weights = pairs(boundary)
    transition = torch.zeros(boundary.size, boundary.size)
    transition[sources, targets] = torch.from_numpy(weights).float()
    transition /= transition.sum(0, keepdim=True)
    for _ in range(DOUBLINGS):
        transition = transition @ transition
    open_scores = torch.from_numpy(scores * (1 - boundary)).flatten(1)
    return (open_scores @ transition).reshape(scores.shape).numpy()


def dense(height: int, width: int) -> Float32:
    return dense_walk(*made_up(height, width))


def seconds(function: Callable[[], object], repeats: int) -> float:
    spans = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        spans.append(time.perf_counter() - start)
    return statistics.median(spans)


def peak_bytes(walk: Callable[[int, int], object], height: int, width: int) -> tuple[int, int]:
    """Of this process: the peak of the walk above what was held before, and the whole peak."""
    walk(RADIUS + 3, RADIUS + 4)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    walk(height, width)
    whole = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * (whole - before), 1024 * whole


def peaks() -> dict[str, float]:
    """Measured before anything else runs: a new process starts with the peak of the one that starts it."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        grid, whole = pool.apply(peak_bytes, (ours, *GRID))
        large, whole_large = pool.apply(peak_bytes, (ours, *LARGE))
        small, _ = pool.apply(peak_bytes, (dense, *DENSE_GRIDS[-1]))
    growth = (cells(GRID) / cells(DENSE_GRIDS[-1])) ** 2
    return {
        "ours_MB": grid / MB,
        "ours_process_MB": whole / MB,
        "large_MB": large / MB,
        "large_process_MB": whole_large / MB,
        "dense_MB_extrapolated": small * growth / MB,
        "dense_matrix_MB": 4 * cells(GRID) ** 2 / MB,
    }


def cells(grid: tuple[int, int]) -> int:
    return grid[0] * grid[1]


def measure() -> dict[str, float]:
    figures = peaks()
    ours(*GRID)
    figures["ours_s"] = seconds(partial(ours, *GRID), REPEATS)
    figures["large_s"] = seconds(partial(ours, *LARGE), 1)
    dense(RADIUS + 3, RADIUS + 4)
    for grid in DENSE_GRIDS:
        figures[f"dense_s_{cells(grid)}_cells"] = seconds(partial(dense, *grid), 1)
    growth = (cells(GRID) / cells(DENSE_GRIDS[-1])) ** 3
    figures["dense_s_extrapolated"] = figures[f"dense_s_{cells(DENSE_GRIDS[-1])}_cells"] * growth
    figures["ours_error"] = float(np.abs(ours(*GRID) - float64_walk(*made_up(*GRID))).max())
    figures["dense_error"] = float(np.abs(dense(*DENSE_GRIDS[-1]) - float64_walk(*made_up(*DENSE_GRIDS[-1]))).max())
    figures["time_ratio"] = figures["dense_s_extrapolated"] / figures["ours_s"]
    figures["memory_ratio"] = figures["dense_MB_extrapolated"] / figures["ours_MB"]
    return figures


def report(figures: dict[str, float]) -> None:
    print(f"{CLASSES} classes, radius {RADIUS}, {2**DOUBLINGS} steps, one thread")
    for grid in DENSE_GRIDS:
        print(f"dense, measured      {label(grid)}{figures[f'dense_s_{cells(grid)}_cells']:10.3f} s")
    memory = f"{figures['dense_MB_extrapolated']:.0f} MB (with N²; one matrix {figures['dense_matrix_MB']:.0f} MB)"
    print(f"dense, extrapolated  {label(GRID)}{figures['dense_s_extrapolated']:10.3f} s (with N³), {memory}")
    for name, grid in (("ours", GRID), ("large", LARGE)):
        estimate = f"estimate {walk_bytes(CLASSES, *grid, RADIUS) / MB:.0f} MB"
        memory = f"{figures[f'{name}_MB']:.0f} MB ({estimate}; whole process {figures[f'{name}_process_MB']:.0f} MB)"
        print(f"stencil, measured    {label(grid)}{figures[f'{name}_s']:10.3f} s, {memory}")
    print(f"error, stencil       {label(GRID)}{figures['ours_error']:10.1e}")
    print(f"error, dense         {label(DENSE_GRIDS[-1])}{figures['dense_error']:10.1e}")
    print(f"memory ratio         {label(GRID)}{figures['memory_ratio']:10.0f} (dense extrapolated)")
    print(f"time ratio           {label(GRID)}{figures['time_ratio']:10.0f} (dense extrapolated)")


def label(grid: tuple[int, int]) -> str:
    return f"{grid[1]}×{grid[0]} cells".ljust(14)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    figures = measure()
    if options.json:
        print(json.dumps(figures))
    else:
        report(figures)


if __name__ == "__main__":
    main()
