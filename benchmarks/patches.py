"""What Patch Learning costs.

1. Patches folded into the batch, against a loop over them (the same results).
2. A training step of the progressive and the explicit network against a plain one, beside the arithmetic: the prefix
   once, the suffix once for the whole and once for each patch branch.
3. On a CPU, forwards and backwards through a dilated depthwise convolution of EfficientNet-Lite0's last stage, over
   whole maps and over patches of them, against torch's own (the same results).

Every figure is a ratio of medians of interleaved runs in one process.

    python benchmarks/patches.py [--backbone tf_efficientnet_lite0] [--size 256] [--batch 8] [--json]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.dilated import quicken_dilated
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.patches import merge, split

GRIDS = ((2, 2), (4, 4))
SPLIT_STAGE = 1


def main() -> None:
    options = parse()
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    stages = create_stages(options.backbone, output_stride=16).to(device, memory_format=torch.channels_last).eval()
    images = torch.randn(options.batch, 3, options.size, options.size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    results = [folded_against_loop(stages, images, grid, options.repeats) for grid in GRIDS]
    results += step_against_plain(stages, images, options.repeats)
    results += [] if device.type == "cuda" else [dilated_against_torch(grid, options.repeats) for grid in (1, 2, 4)]
    facts = {"backbone": options.backbone, "size": options.size, "batch": options.batch, "device": str(device)}
    show(facts, results, as_json=options.json)


def folded_against_loop(stages: Stages, images: Tensor, grid: tuple[int, int], repeats: int) -> dict[str, object]:
    suffix = nn.Sequential(*list(stages)[SPLIT_STAGE + 1 :])
    with torch.no_grad():
        prefix = nn.Sequential(*list(stages)[: SPLIT_STAGE + 1])(images)

    def folded() -> Tensor:
        return merge(suffix(split(prefix, grid).contiguous(memory_format=torch.channels_last)), grid)

    def looped() -> Tensor:
        rows = []
        for band in prefix.chunk(grid[0], dim=2):
            tiles = [tile.contiguous(memory_format=torch.channels_last) for tile in band.chunk(grid[1], dim=3)]
            rows.append(torch.cat([suffix(tile) for tile in tiles], dim=3))
        return torch.cat(rows, dim=2)

    with torch.no_grad():
        # The ten bits of TF32, which a GPU rounds convolutions to by default, would hide whether they agree.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            torch.testing.assert_close(folded(), looped(), atol=1e-4, rtol=1e-3)
        times = medians({"folded": folded, "loop": looped}, repeats)
    name = f"folded ÷ loop, {grid[0]}×{grid[1]}"
    return {"name": name, "ratio": times["folded"] / times["loop"], "milliseconds": times}


def step_against_plain(stages: Stages, images: Tensor, repeats: int) -> list[dict[str, object]]:
    networks = {
        "plain": PatchNetwork(stages, 20),
        "progressive 2×2": PatchNetwork(stages, 20, "progressive", [(SPLIT_STAGE, (2, 2))]),
        "progressive 4×4": PatchNetwork(stages, 20, "progressive", [(SPLIT_STAGE, (4, 4))]),
        "explicit 2×2 twice": PatchNetwork(stages, 20, "explicit", [(1, (2, 2)), (2, (2, 2))]),
    }
    labels = torch.randint(0, 2, (len(images), 20), device=images.device).float()
    steps = {name: training_step(network.to(images.device), images, labels) for name, network in networks.items()}
    times = medians(steps, repeats)
    work = {name: flops(network, images, labels) for name, network in networks.items()}
    return [
        {
            "name": f"{name} step ÷ plain step",
            "ratio": times[name] / times["plain"],
            "arithmetic": work[name] / work["plain"],
            "milliseconds": {name: times[name], "plain": times["plain"]},
        }
        for name in networks
        if name != "plain"
    ]


def dilated_against_torch(grid: int, repeats: int) -> dict[str, object]:
    """8 maps of 16×16 cells in grid×grid patches each, 1152 channels, 5×5 taps, dilation 2."""
    convolution = nn.Conv2d(1152, 1152, 5, padding=4, dilation=2, groups=1152, bias=False)
    quick = nn.Sequential(convolution)
    quicken_dilated(quick)
    patches = torch.randn(8 * grid * grid, 1152, 16 // grid, 16 // grid).contiguous(memory_format=torch.channels_last)
    patches.requires_grad_()
    pull = torch.randn_like(patches)

    def step(module: nn.Module) -> Callable[[], list[Tensor]]:
        def forward_and_backward() -> list[Tensor]:
            output: Tensor = module(patches)
            return [output, *torch.autograd.grad(output, [patches, convolution.weight], pull)]

        return forward_and_backward

    steps = {"quick": step(quick), "torch": step(convolution)}
    torch.testing.assert_close(steps["quick"](), steps["torch"](), atol=1e-3, rtol=1e-3)
    times = medians(steps, repeats)
    name = f"dilated depthwise, quick ÷ torch's own, {grid}×{grid} patches"
    return {"name": name, "ratio": times["quick"] / times["torch"], "milliseconds": times}


def training_step(network: PatchNetwork, images: Tensor, labels: Tensor) -> Callable[[], None]:
    def step() -> None:
        network.zero_grad()
        F.multilabel_soft_margin_loss(network(images), labels).backward()

    return step


def flops(network: PatchNetwork, images: Tensor, labels: Tensor) -> int:
    """Counted where nothing is computed, and every convolution is torch's own: the counter knows no other."""
    network, images, labels = deepcopy(network).to("meta"), images.to("meta"), labels.to("meta")
    counter = FlopCounterMode(display=False)
    with counter:
        training_step(network, images, labels)()
    return counter.get_total_flops()


def medians(functions: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Milliseconds; the functions take turns, so that a disturbance hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(repeats + 1):
        for name, function in functions.items():
            synchronise()
            started = time.perf_counter()
            function()
            synchronise()
            if turn:  # the first turn warms up
                times[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in times.items()}


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def show(facts: dict[str, object], results: list[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**facts, "results": results}, indent=2, ensure_ascii=False))
        return
    print(", ".join(f"{key} {value}" for key, value in facts.items()))
    for result in results:
        times = ", ".join(f"{name} {value:.0f} ms" for name, value in result["milliseconds"].items())  # type: ignore[attr-defined]
        arithmetic = f" (arithmetic {result['arithmetic']:.2f})" if "arithmetic" in result else ""
        print(f"{result['name']}: {result['ratio']:.2f}{arithmetic}   [{times}]")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
