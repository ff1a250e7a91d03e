"""Regenerates crf.npz: what pydensecrf gives for made-up images; needs `pip install pydensecrf2` and a C++ compiler.

python tests/golden/make_crf.py
"""

from dataclasses import astuple
from pathlib import Path

import numpy as np

from patchlearn.core.types import Float32, UInt8
from patchlearn.refine.settings import PRESETS, CrfKernels

HEIGHT, WIDTH = 24, 31
LABELS = (2, 3, 21)
ITERATIONS = 10


def made_up(labels: int, seed: int) -> tuple[UInt8, Float32]:
    """An image of smooth colours, an edge and noise, and probabilities that know a little of the edge."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    edge = (columns - WIDTH / 2) + 4 * np.sin(rows / 4) > 0
    image = np.stack([120 * edge + 60, 4 * rows + 50, 200 - 3 * columns], -1) + rng.normal(0, 6, (HEIGHT, WIDTH, 3))
    scores = rng.normal(0, 1, (labels, HEIGHT, WIDTH))
    scores[1] += np.where(edge, 1.0, -1.0)
    powers = np.exp(scores)
    return image.clip(0, 255).astype(np.uint8), (powers / powers.sum(0)).astype(np.float32)


def pydensecrf(image: UInt8, probabilities: Float32, kernels: CrfKernels, iterations: int = ITERATIONS) -> Float32:
    """The peer's answer to the same question."""
    from pydensecrf import densecrf  # the tests run without it

    labels, height, width = probabilities.shape
    sxy, compat, bilateral_sxy, srgb, bilateral_compat = astuple(kernels)
    crf = densecrf.DenseCRF2D(width, height, labels)
    crf.setUnaryEnergy(np.ascontiguousarray(-np.log(probabilities.clip(1e-5, 1)).reshape(labels, -1)))
    crf.addPairwiseGaussian(sxy=sxy, compat=compat)
    crf.addPairwiseBilateral(sxy=bilateral_sxy, srgb=srgb, rgbim=image.copy(), compat=bilateral_compat)
    return np.array(crf.inference(iterations), np.float32).reshape(labels, height, width)


def main() -> None:
    arrays = {}
    for labels in LABELS:
        image, probabilities = made_up(labels, seed=labels)
        arrays |= {f"image-{labels}": image, f"probabilities-{labels}": probabilities}
        for name, kernels in PRESETS.items():
            arrays[f"{name}-{labels}"] = pydensecrf(image, probabilities, kernels)
    np.savez_compressed(Path(__file__).with_name("crf.npz"), **arrays)


if __name__ == "__main__":
    main()
