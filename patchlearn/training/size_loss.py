"""A loss for areas: what the network finds of a class is to agree with what a user knows of its size."""

import torch
from torch import Tensor

from patchlearn.core.types import Sizes


def has_bounds(sizes: Sizes) -> bool:
    """Whether a bound of any class is stated; the loss is 0 otherwise."""
    return any(each is not None and (each.least is not None or each.most is not None) for each in sizes)


def bounds_in_view(sizes: Sizes, within: Tensor, pixels: Tensor) -> Tensor:
    """B×K×2: the smallest and the largest share that each class may have of the pixels that a crop shows of its image.

    Where the crop shows a part of the image, there is no smallest share: it may have cut the thing off.

    Args:
        sizes: of the K classes.
        within: B×H×W, True where a crop shows its image, False where it is padded.
        pixels: B×2: of the whole image at the scale of the crop, and in its file.

    >>> from patchlearn.core.types import ClassSize
    >>> sizes = (ClassSize(least=0.25, most=0.5), ClassSize(least=4, unit="pixels"), None)
    >>> within = torch.tensor([[[True, True, False]], [[True, True, True]]])
    >>> bounds_in_view(sizes, within, torch.tensor([[2.0, 16.0], [6.0, 24.0]])).tolist()
    [[[0.25, 0.5], [0.25, 1.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]]
    """
    resized, in_file = pixels[:, :1], pixels[:, 1:]
    seen = within.flatten(1).sum(1, keepdim=True)
    columns = []
    for each in sizes:
        scale = resized if each is None or each.unit == "share" else resized / in_file
        least = (each.least if each else None) or 0.0
        most = each.most if each else None
        low = torch.where(seen < resized, 0.0, least * scale / seen)
        high = torch.ones_like(scale) if most is None else most * scale / seen
        columns.append(torch.cat([low, high], 1).clamp(max=1.0))
    return torch.stack(columns, 1)


def size_loss(logits: Tensor, present: Tensor, within: Tensor, bounds: Tensor) -> Tensor:
    """The squares of the shares by which classes are too small or too large, summed over classes, a mean over images.

    The share of a class is the mean of its probabilities over the pixels of the image in the crop. Where every pixel is
    labelled, a share that is x too large pulls at a pixel of probability 1/2 as strongly as x of a label.

    Args:
        logits: B×(K+1)×H×W, background first.
        present: B×K, 1 where the image's tags name the class; others cost nothing.
        within: B×H×W, True where a crop shows its image.
        bounds: B×K×2, of `bounds_in_view`.

    Source: Kervadec et al., "Constrained-CNN losses for weakly supervised segmentation", MedIA 2019 (arXiv
    1805.04628), equation 2. Theirs are squares of pixels; those of shares do not depend on the size of the crop.

    >>> logits = torch.zeros(1, 2, 1, 4)  # half of the pixels
    >>> size_loss(logits, torch.ones(1, 1), torch.ones(1, 1, 4, dtype=torch.bool), torch.tensor([[[0.0, 0.3]]]))
    tensor(0.0400)
    """
    probabilities = logits.float().softmax(1)[:, 1:] * within[:, None]
    shares = probabilities.flatten(2).sum(2) / within.flatten(1).sum(1, keepdim=True)
    off = (bounds[..., 0] - shares).relu() + (shares - bounds[..., 1]).relu()
    return (off.square() * present).sum(1).mean()
