"""Comparison of an exported file with the segmenter that it was written from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.transforms import normalise
from patchlearn.export.refusals import Refusals, running
from patchlearn.inference.segmenter import Segmenter
from patchlearn.models.grids import on_image_grid

SIZES = ((1, 64, 64), (1, 97, 131), (2, 33, 200))  # (B, H, W) of the test pictures; some sides are odd
AGREEMENT = 0.999  # least share of the pixels that must have the same class
DIFFERENCE = 0.01  # largest difference of two probabilities that is allowed; rounding causes 0.000001
SPOTS = 8  # random colours along each side of a test picture
Size = tuple[int, int, int]
Run = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How well an exported file agrees with its segmenter.

    Args:
        agreement: share of the pixels with the same most probable class.
        difference: largest difference of two probabilities.
        sizes: (B, H, W) of the pictures that were compared.
    """

    agreement: float
    difference: float
    sizes: tuple[Size, ...] = SIZES


@torch.no_grad()
def measure_parity(run: Run, path: Path, segmenter: Segmenter, sizes: Iterable[Size], refusals: Refusals) -> Parity:
    """Run an exported file and the segmenter on the same pictures, and compare their probabilities.

    Args:
        run: runs the file: B×3×H×W RGB in [0, 1] → B×(K+1)×H×W probabilities.
        path: the file, for messages.
        segmenter: what the file should compute, in evaluation mode.
        sizes: (B, H, W) of the pictures.
        refusals: the errors that `run` raises for sizes that the file does not support.

    Raises:
        PatchlearnError: the file does not run at one of the sizes.
    """
    same, largest, sizes = [], 0.0, tuple(sizes)
    for size in sizes:
        pictures = _pictures(size)
        with running(path, refusals, f" with B×H×W = {'×'.join(map(str, size))}"):
            found = run(pictures.float() / 255)
        expected = _expected(segmenter, pictures)
        same.append((found.argmax(1) == expected.argmax(1)).flatten())
        largest = max(largest, float((found - expected).abs().nan_to_num(torch.inf).max()))
    return Parity(agreement=float(torch.cat(same).double().mean()), difference=largest, sizes=sizes)


def parity_sentences(parity: Parity, segmenter: Segmenter) -> str:
    """What was compared, how well it agrees, and in what `Segmenter.predict` differs from it.

    A network of stride 1 gives maps of the image's own size, so that `predict` does not resample them.
    """
    sizes = ", ".join(f"{height}×{width}" for _, height, width in parity.sizes)
    more = f"; and it resamples once more where a side is no multiple of {segmenter.network.unit}"
    return (
        f"run beside the segmenter's network, one view each, on made-up pictures of {sizes} pixels: the same class in "
        f"{parity.agreement:.3%} of the pixels, probabilities within {parity.difference:.1e}. `predict` is not the "
        "same: it has the scales, mirror images, windows, CRF and undecided pixels of the model's settings"
        f"{more if segmenter.network.stride > 1 else ''}."
    )


def require_parity(parity: Parity, path: Path) -> Parity:
    """The parity, if it is good enough to write the file.

    Raises:
        PatchlearnError: the file disagrees with the segmenter.
    """
    if parity.agreement < AGREEMENT or parity.difference > DIFFERENCE:
        raise PatchlearnError(
            f"{path}: not written, because it disagrees with the segmenter: {parity.agreement:.3%} of the pixels have "
            f"the same class ({AGREEMENT:.1%} are required), and probabilities differ by up to {parity.difference:.2g} "
            f"({DIFFERENCE} is allowed). Choose another format, or another backbone or head."
        )
    return parity


def read_exported(path: Path) -> bytes:
    """The content of an exported file.

    Raises:
        PatchlearnError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise PatchlearnError(f"{path}: {error.strerror}. Export the model first: patchlearn export.") from None


def _pictures(size: Size) -> Tensor:
    """B×3×H×W uint8: smooth random colours, the same in every run."""
    images, height, width = size
    spots = torch.rand(images, 3, SPOTS, SPOTS, generator=torch.Generator().manual_seed(0))
    return (F.interpolate(spots, (height, width), mode="bilinear") * 255).to(torch.uint8)


def _expected(segmenter: Segmenter, pictures: Tensor) -> Tensor:
    """B×(K+1)×H×W probabilities from the functions that segment an image, without any exported code."""
    network = segmenter.network
    pixels = normalise(pictures.to(next(network.parameters()).device), network.mean, network.std)
    height, width = pictures.shape[-2:]
    rows, columns = (-(-side // network.unit) * network.unit for side in (height, width))
    maps = network(F.pad(pixels, (0, columns - width, 0, rows - height), mode="replicate")).softmax(1)
    return on_image_grid(maps, (height / rows, width / columns), (height, width)).cpu()
