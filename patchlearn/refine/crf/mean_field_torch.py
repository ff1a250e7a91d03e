"""The dense CRF in torch operations, for maps on a GPU.

It uses the lattice of `lattice.py` and the same order of operations. The vertices have other numbers, so the results
differ by rounding alone. The code runs on every device; the tests run it on the CPU.
"""

import torch
from torch import Tensor

from patchlearn.core.types import Float32, UInt8
from patchlearn.refine.crf.features import LEAST_PROBABILITY, colour_features, space_features
from patchlearn.refine.crf.geometry import lattice_fields, lattice_origin, lattice_scales
from patchlearn.refine.settings import CrfKernels


@torch.no_grad()
def infer(image: UInt8, probabilities: Tensor, kernels: CrfKernels, iterations: int) -> Tensor:
    """Refine probabilities on their own device, without gradients.

    Args:
        image: H×W×3, RGB.
        probabilities: K×H×W, on any device.
        kernels: of the CRF.
        iterations: of mean field.

    Returns:
        K×H×W, float32, on the device of `probabilities`. `dense_crf` checks the arguments.
    """
    labels, height, width = probabilities.shape
    device = probabilities.device
    lattices = [
        TorchLattice(colour_features(image, kernels), kernels.bilateral_compat, device),
        TorchLattice(space_features(height, width, kernels.gaussian_sxy), kernels.gaussian_compat, device),
    ]
    logits = probabilities.float().clamp(LEAST_PROBABILITY, 1).log().reshape(labels, -1).T.contiguous()
    beliefs = logits.softmax(1)
    for _ in range(iterations):
        beliefs = torch.stack([logits, *(lattice.filter(beliefs) for lattice in lattices)]).sum(0).softmax(1)
    return beliefs.T.reshape(labels, height, width)


class TorchLattice:
    """`patchlearn.refine.crf.lattice.Lattice` as tensors.

    Args:
        features: D×H×W, each in units of its standard deviation.
        strength: factor on the filtered values.
        device: of the tensors.
    """

    def __init__(self, features: Float32, strength: float, device: torch.device):
        dimensions = len(features)
        fields = torch.from_numpy(lattice_fields(dimensions)).to(device)
        origin = torch.from_numpy(lattice_origin(features)).to(device)
        elevated = _elevate(torch.from_numpy(features).to(device).reshape(dimensions, -1))
        base, order, remainders = _first_corner(elevated)
        first = ((base - origin[:, None]) * fields[:, None]).sum(0)
        steps = fields.sum() - (dimensions + 1) * fields[order.flip(0)]
        corners = torch.cat([first[None], first + steps[:-1].cumsum(0)])
        keys, vertices = torch.unique(corners, return_inverse=True)
        self.vertices = vertices.T.contiguous()
        self.neighbours = _neighbours(keys, fields)
        gaps = -remainders.diff(dim=0).flip(0)
        self.weights = torch.cat([1 + remainders[-1:] - remainders[:1], gaps]).T.contiguous()
        self.weights *= (strength / self.filter(torch.ones_like(self.weights[:, :1]))).sqrt()

    def filter(self, values: Tensor) -> Tensor:
        """N×K → N×K: splat, blur, slice."""
        count = self.neighbours.shape[2]
        table = values.new_zeros(count + 1, values.shape[1])
        for vertices, weights in zip(self.vertices.T, self.weights.T, strict=True):
            table.index_add_(0, vertices, values * weights[:, None])
        for one, other in self.neighbours.unbind():
            table[:count] += 0.5 * (table[one] + table[other])
        filtered = torch.zeros_like(values)
        for vertices, weights in zip(self.vertices.T, self.weights.T, strict=True):
            filtered += table[vertices] * weights[:, None]
        return filtered


def _elevate(features: Tensor) -> Tensor:
    """D×N features → D + 1 coordinates whose sum is zero."""
    scaled = features * torch.from_numpy(lattice_scales(len(features))).to(features.device)[:, None]
    above = torch.cat([scaled.flip(0).cumsum(0).flip(0), torch.zeros_like(scaled[:1])])
    steps = torch.arange(1, len(scaled) + 1, device=features.device)[:, None]
    return torch.cat([above[:1], above[1:] - steps * scaled])


def _first_corner(elevated: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The first corner of each pixel's simplex, D + 1 coordinates by N, and the remainders.

    Returns:
        The corner; the coordinates in the order of their remainders, the largest first; the remainders in that order,
        in shares of D + 1.
    """
    corners = len(elevated)
    nearest = (elevated / corners).round()
    surplus = nearest.sum(0).long()
    order = (elevated / corners - nearest).argsort(dim=0, descending=True, stable=True)
    rank = order.argsort(dim=0) + surplus
    wrap = (rank < 0).long() - (rank >= corners).long()
    rank, base = rank + wrap * corners, (nearest.long() + wrap) * corners
    order = rank.argsort(dim=0)
    return base, order, ((elevated - base) / corners).gather(0, order)


def _neighbours(keys: Tensor, fields: Tensor) -> Tensor:
    """(D+1)×2×M, both neighbours of every vertex in every direction; M for a missing one."""
    steps = len(fields) * fields - fields.sum()
    wanted = keys + torch.stack([steps, -steps], 1)[..., None]
    places = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(keys[places] == wanted, places, len(keys))
