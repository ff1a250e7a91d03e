"""Peak memory, time and agreement of the dense CRF, `refine` and `predict` on large images, as a Markdown table.

    python benchmarks/memory.py crf [--photos FOLDER] [--sizes 2000x1500 4000x3000] [--labels 3 21 81] [--whole]
    python benchmarks/memory.py refine [--photos FOLDER] [--sizes 4000x3000] [--count 1] [--memory 2]
    python benchmarks/memory.py predict [--photos FOLDER] [--sizes 4000x3000] [--crf segmenter] [--memory 2]

Every row is measured in a process of its own: the largest resident set, in MB of 10^6 bytes. Images are noise, and a
photograph of the folder (or a drawn one), enlarged, with noise of 4 grey levels. `crf` gives what the CRF adds to the
process beside `crf_bytes`, its estimate; with `--whole` the image is refined as one part too (up to 3 megapixels for
noise), and the masks are compared. The probabilities are smooth random fields, in which all labels are plausible.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from patchlearn.core.memory import used_bytes
from patchlearn.core.types import Float32, UInt8
from patchlearn.refine import crf_bytes, dense_crf_parts
from patchlearn.refine.crf import memory
from patchlearn.refine.settings import PRESETS

GRID = (24, 32)
MOST_WHOLE_NOISE = 3_000_000  # pixels; a full CRF of 12 megapixels of noise takes over 21 GB
HUGE = 10**15


def main() -> None:
    options = parse()
    if options.row:
        print(json.dumps(ROWS[options.what](options)))
        return
    header, cells = None, list(rows(options))
    for row in cells:
        if header is None:
            header = list(row)
            print(f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", sep="\n")
        print(f"| {' | '.join(str(value) for value in row.values())} |", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=list(ROWS))
    parser.add_argument("--photos", type=Path, help="a folder of JPEG files")
    parser.add_argument("--sizes", nargs="+", default=["4000x3000"])
    parser.add_argument("--labels", nargs="+", type=int, default=[21])
    parser.add_argument("--kinds", nargs="+", default=["photo", "noise"])
    parser.add_argument("--preset", default="irn", choices=list(PRESETS))
    parser.add_argument("--crf", default="none")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--memory", type=float)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--whole", action="store_true", help="refine as one part too, and compare")
    parser.add_argument("--row", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def rows(options: argparse.Namespace) -> Any:
    """Each from a process of its own."""
    for kind in options.kinds:
        for size in options.sizes:
            for labels in options.labels:
                changed = ["--row", "--kinds", kind, "--sizes", size, "--labels", str(labels)]
                words = [sys.executable, __file__, *sys.argv[1:], *changed]
                yield json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def crf_row(options: argparse.Namespace) -> dict[str, Any]:
    (kind,), (size,), (labels,) = options.kinds, sizes(options), options.labels
    image, probabilities = picture(kind, size, options.photos), fields(labels, size)
    mask_of(np.zeros((20, 30, 3), np.uint8), fields(labels, (30, 20)), options.preset)  # compiles
    held = used_bytes()
    started = time.perf_counter()
    mask, parts = mask_of(image, probabilities, options.preset)
    seconds, added = time.perf_counter() - started, peak() - held
    row = {"image": kind, "size": name(size), "labels": labels, "preset": options.preset, "parts": parts}
    row |= {"added MB": added // 10**6, "estimate MB": crf_bytes(image.shape[:2], labels) // 10**6}
    row |= {"s": round(seconds, 1)}
    if options.whole:
        row |= whole(kind, image, probabilities, options.preset, mask)
    return row


def whole(kind: str, image: UInt8, probabilities: Float32, preset: str, mask: UInt8) -> dict[str, Any]:
    """Agreement with the CRF of the whole image, and what that takes."""
    if kind == "noise" and mask.size > MOST_WHOLE_NOISE:
        return {"equal": "", "whole added MB": "", "whole s": ""}
    held, before, memory.WORKING_BYTES = used_bytes(), memory.WORKING_BYTES, HUGE
    started = time.perf_counter()
    other, _ = mask_of(image, probabilities, preset)
    memory.WORKING_BYTES = before
    seconds, added = time.perf_counter() - started, peak() - held
    return {
        "equal": f"{100 * (other == mask).mean():.2f} %",
        "whole added MB": added // 10**6,
        "whole s": round(seconds, 1),
    }


def mask_of(image: UInt8, probabilities: Float32, preset: str) -> tuple[UInt8, int]:
    mask, parts = np.empty(image.shape[:2], np.uint8), 0
    for window, refined in dense_crf_parts(
        image, lambda rows, columns: probabilities[:, rows, columns], len(probabilities), preset
    ):
        mask[window] = refined.argmax(0)
        parts += 1
    return mask, parts


def refine_row(options: argparse.Namespace) -> dict[str, Any]:
    """`patchlearn refine` of coarse scores, a cell of 16 pixels."""
    (kind,), (size,), (labels,) = options.kinds, sizes(options), options.labels
    with TemporaryDirectory() as folder:
        for number in range(options.count):
            images, maps = Path(folder, "images"), Path(folder, "maps")
            images.mkdir(exist_ok=True)
            maps.mkdir(exist_ok=True)
            Image.fromarray(picture(kind, size, options.photos, number)).save(images / f"{number}.jpg", quality=95)
            np.save(maps / f"{number}.npy", fields(labels, (size[0] // 16, size[1] // 16), number)[1:])
        words = ["refine", "--images", str(images), "--scores", str(maps), "--out", f"{folder}/out"]
        figures = command(options, [*words, "--preset", options.preset])
        assert len(list(Path(folder, "out").glob("*.png"))) == options.count
    return {"image": kind, "size": name(size), "labels": labels, "preset": options.preset, **figures}


def predict_row(options: argparse.Namespace) -> dict[str, Any]:
    """`patchlearn predict` at full size, in windows; the network has random weights."""
    from patchlearn.inference.segmenter import Segmenter
    from patchlearn.models.segmentation import SegmentationNetwork
    from patchlearn.runs.load import write_model_folder

    (kind,), (size,), (labels,) = options.kinds, sizes(options), options.labels
    names = tuple(f"class{index}" for index in range(1, labels))
    with TemporaryDirectory() as folder:
        network = SegmentationNetwork(options.backbone, "deeplabv3plus", labels - 1)
        write_model_folder(Segmenter(network=network.eval(), classes=names), Path(folder, "model"))
        Image.fromarray(picture(kind, size, options.photos)).save(Path(folder, "a.jpg"), quality=95)
        del network
        words = ["predict", f"{folder}/model", f"{folder}/a.jpg", "--out", f"{folder}/out", "--device", "cpu"]
        figures = command(options, [*words, "--crf", options.crf])
        assert Path(folder, "out", "a.png").is_file()
    return {"image": kind, "size": name(size), "labels": labels, "CRF": options.crf, **figures}


def command(options: argparse.Namespace, words: list[str]) -> dict[str, Any]:
    limit = ["--memory", str(options.memory)] if options.memory else []
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "patchlearn", *words, *limit], check=True, capture_output=True)
    seconds = time.perf_counter() - started
    held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    megapixels = options.count * np.prod(sizes(options)[0]) / 1e6
    return {
        "images": options.count,
        "--memory": options.memory or "",
        "process MB": held // 10**6,
        "s": round(seconds, 1),
        "s a megapixel": round(seconds / megapixels, 2),
    }


def picture(kind: str, size: tuple[int, int], folder: Path | None, number: int = 0) -> UInt8:
    """H×W×3 of (width, height)."""
    rng = np.random.default_rng(number)
    if kind == "noise":
        return rng.integers(0, 256, (*size[::-1], 3), np.uint8)
    if folder is None:
        given = Image.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8))
    else:
        paths = sorted(folder.glob("*.jpg"))
        given = Image.open(paths[number % len(paths)]).convert("RGB")
    image = np.array(given.resize(size, Image.Resampling.BICUBIC))
    for row in image:
        row[...] = np.clip(row + rng.normal(0, 4, row.shape), 0, 255)
    return image


def fields(labels: int, size: tuple[int, int], seed: int = 2) -> Float32:
    """K×H×W probabilities: smooth random fields."""
    coarse = np.random.default_rng(seed).normal(0, 2, (labels, *GRID)).astype(np.float32)
    result = np.empty((labels, *size[::-1]), np.float32)
    for field, given in zip(result, coarse, strict=True):
        np.exp(np.asarray(Image.fromarray(given).resize(size, Image.Resampling.BICUBIC)), out=field)
    result /= result.sum(0)
    return result


def sizes(options: argparse.Namespace) -> list[tuple[int, int]]:
    pairs = [words.split("x") for words in options.sizes]
    return [(int(width), int(height)) for width, height in pairs]


def name(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def peak() -> int:
    """The largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


ROWS = {"crf": crf_row, "refine": refine_row, "predict": predict_row}

if __name__ == "__main__":
    main()
