"""Memory and time of `patchlearn predict` on one large photograph.

    python benchmarks/large_image.py [--width 4000 --height 3000 --classes 20 --json]

The network has random weights: what it says does not matter here. First with the longer side brought to 384 pixels,
then at the full size of the photograph, in windows.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from patchlearn.inference.segmenter import Segmenter
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.runs.load import write_model_folder

LONG_SIDE = 384


def main() -> None:
    options = _options()
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_files(options, folder)
        # The largest resident set of all children so far: the smaller need comes first.
        figures = {
            f"longer side {LONG_SIDE}": measure(folder, ["--long-side", str(LONG_SIDE)]),
            "whole size, windows": measure(folder, []),
        }
    if options.json:
        print(json.dumps(figures))
        return
    for title, figure in figures.items():
        print(f"{title:22} {figure['seconds']:7.1f} s   {figure['peak_bytes'] / 2**30:.2f} GiB at most")


def make_files(options: argparse.Namespace, folder: Path) -> None:
    network = SegmentationNetwork(options.backbone, "deeplabv3plus", options.classes)
    names = tuple(f"class{index}" for index in range(options.classes))
    write_model_folder(Segmenter(network=network.eval(), classes=names), folder / "model")
    noise = np.random.default_rng(0).integers(0, 255, (options.height // 8, options.width // 8, 3), np.uint8)
    Image.fromarray(noise).resize((options.width, options.height), Image.Resampling.BICUBIC).save(folder / "large.jpg")


def measure(folder: Path, more: list[str]) -> dict[str, float]:
    words = [sys.executable, "-m", "patchlearn", "predict", str(folder / "model"), str(folder / "large.jpg")]
    started = time.perf_counter()
    subprocess.run([*words, "--out", str(folder / "masks"), "--device", "cpu", *more], check=True, capture_output=True)
    seconds = time.perf_counter() - started
    with Image.open(folder / "masks" / "large.png") as mask, Image.open(folder / "large.jpg") as picture:
        assert mask.size == picture.size
    return {"seconds": seconds, "peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
