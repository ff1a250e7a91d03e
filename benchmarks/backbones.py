"""What every timm architecture of a list can do here, as a table in Markdown.

For each: whether `create_stages` accepts it, its stages and strides, whether its last map equals that of timm's own
network (at its own stride, at 16 and at 8), whether it takes images of any size and patches, how long a megapixel takes
on one thread, and where its cells lie.

Where a cell lies: the gradient of the four middle cells of the last map, which should have its centre in the middle of
the image. The table shows how many pixels further down and right it lies, the mean over two random networks and
two images of noise.

    python benchmarks/backbones.py architectures.txt > docs/backbones.md
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path
from statistics import mean

import timm
import torch
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.patch_network import PatchNetwork

CLOSE = 1e-5
COLUMNS = (
    "architecture", "stages", "strides", "equal", "at 16", "at 8", "any size", "patches after", "ms / MP", "cells"
)  # fmt: skip
INTRODUCTION = """# Backbones

`create_stages` takes every timm network with one last feature map. This table is what
`benchmarks/backbones.py` finds for one architecture of each kind ({accepted} of {count} accepted;
{facts}).

| column | meaning |
|---|---|
| stages, strides | the parts between which maps can be read or cut, and pixels per cell after each |
| equal, at 16, at 8 | the last map against timm's own, at its own stride, at 16 and at 8: "yes" is \
bit for bit, a number is the largest difference, "–" means that timm cannot build it |
| any size | whether images of any size are read as they are; otherwise they are resized to this size |
| patches after | the stages after which Patch Learning can cut; "–": none, `fusion: plain` only |
| ms / MP | milliseconds for each megapixel at its own stride, one thread of the CPU, random weights |
| cells | by how many pixels the gradient of a cell lies further down and right than the cell |

A network that is no chain of modules is one stage. Transformers have the embedding and four shares
of their blocks as stages. See [the method](method.md#patches-of-tokens) for patches of tokens.
"""


def main() -> None:
    options = parse()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    names = [line.strip() for line in options.list.read_text().splitlines() if line.strip() and line[0] != "#"]
    rows, refused = [], []
    for name in names:
        try:
            rows.append(row(name))
        except PatchlearnError as error:
            refused.append((name, str(error).removeprefix(f"backbone: {name} cannot be cut: ")))
    facts = f"timm {timm.__version__}, torch {torch.__version__.split('+')[0]}"
    print(INTRODUCTION.format(accepted=len(rows), count=len(names), facts=facts))
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    print("\n".join("| " + " | ".join(cells) + " |" for cells in rows))
    print("\n## Refused\n\n| architecture | why, and what to take |\n|---|---|")
    print("\n".join(f"| {name} | {reason} |" for name, reason in refused))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path, help="a file with the name of an architecture in each line")
    return parser.parse_args()


def row(name: str) -> list[str]:
    stages = create_stages(name, None).eval()
    size = stages.fixed_size
    return [
        f"`{name}`",
        str(len(stages)),
        ", ".join(map(str, stages.strides)),
        equality(name, None),
        equality(name, 16),
        equality(name, 8),
        "yes" if size is None else f"{size[0]}×{size[1]}",
        patches_after(stages),
        f"{1e6 * 1000 * seconds_per_pixel(stages):.0f}",
        offset(name),
    ]


@torch.no_grad()
def equality(name: str, output_stride: int | None) -> str:
    """How far the last map is from timm's, for the same weights."""
    options = {} if output_stride is None else {"output_stride": output_stride}
    try:
        network = timm.create_model(name, **options).eval()
    except (AssertionError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return "–"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        torch.save(network.state_dict(), path)
        try:
            stages = create_stages(name, output_stride, path).eval()
        except PatchlearnError:
            return "–"
    images = noise(1, network.pretrained_cfg["input_size"][1])
    found, expected = stages(images), map_of_timm(network, images)
    if found.shape != expected.shape:  # timm's MobileNetV3 has no dilated form but `features_only`
        return "–"
    difference = float((found - expected).abs().max())
    return "yes" if torch.equal(found, expected) else f"{difference:.0e}"


def map_of_timm(network: nn.Module, images: Tensor) -> Tensor:
    """timm's own features as B×C×h×w."""
    features: Tensor = network.forward_features(images)  # type: ignore[operator]
    if features.ndim == 4:
        return features.permute(0, 3, 1, 2) if getattr(network, "output_fmt", "NCHW") == "NHWC" else features
    prefix = int(getattr(network, "num_prefix_tokens", 0))
    tokens = features[:, prefix:].transpose(1, 2)
    side = round(tokens.shape[2] ** 0.5)
    return tokens.unflatten(2, (side, side))


@torch.no_grad()
def patches_after(stages: Stages) -> str:
    """The stages after which a map of odd size can be cut, each tried."""
    if not stages.takes_patches:
        return "–"
    places = range(len(stages) - 1)
    for stage in places:
        PatchNetwork(stages, 2, "progressive", [(stage, (2, 2))]).eval()(noise(1, 150, 203))
    return ", ".join(map(str, places)) or "–"


@torch.no_grad()
def seconds_per_pixel(stages: Stages) -> float:
    side = stages.fixed_size[0] if stages.fixed_size else 224
    images = noise(1, side).contiguous(memory_format=torch.channels_last)
    stages.to(memory_format=torch.channels_last)
    stages(images)
    seconds = []
    for _ in range(3):
        started = time.process_time()
        stages(images)
        seconds.append(time.process_time() - started)
    return sorted(seconds)[1] / side**2


def offset(name: str) -> str:
    """(down, right) in pixels."""
    found = []
    for seed in range(2):
        torch.manual_seed(seed)
        found.append(centre_of_gradient(create_stages(name, None).eval(), seed))
    down, right = (mean(values) for values in zip(*found))
    return f"{down:+.1f}, {right:+.1f}"


def centre_of_gradient(stages: Stages, seed: int) -> tuple[float, float]:
    side = stages.fixed_size[0] if stages.fixed_size else 8 * stages.strides[-1]
    images = noise(2, side, seed=seed).requires_grad_()
    features = stages(images)
    first, last = features.shape[2] // 2 - 1, features.shape[2] // 2 + 1
    direction = torch.randn(features.shape[1], generator=torch.Generator().manual_seed(seed))
    (features[:, :, first:last, first:last].mean((2, 3)) * direction).sum().backward()
    assert images.grad is not None
    weight = images.grad.abs().sum((0, 1)).double()
    places = torch.arange(side) + 0.5
    middle = (first + 1) * stages.strides[-1]
    down, right = ((weight.sum(axis) * places).sum() / weight.sum() - middle for axis in (1, 0))
    return float(down), float(right)


def noise(images: int, height: int, width: int | None = None, seed: int = 0) -> Tensor:
    return torch.randn(images, 3, height, width or height, generator=torch.Generator().manual_seed(seed))


if __name__ == "__main__":
    main()
