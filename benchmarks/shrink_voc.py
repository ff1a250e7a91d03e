"""Re-encode a VOC folder with a shorter long side, so that it can travel: python benchmarks/shrink_voc.py FROM TO."""

import argparse
import shutil
from pathlib import Path

from PIL import Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--long-side", type=int, default=320)
    options = parser.parse_args()
    for name in ("classes.txt", "labels.csv", "ImageSets"):
        copy(options.source / name, options.target / name)
    for path in sorted((options.source / "JPEGImages").glob("*.jpg")):
        shrink(path, options.target / "JPEGImages" / path.name, options.long_side, Image.Resampling.LANCZOS)
    for path in sorted((options.source / "SegmentationClass").glob("*.png")):
        shrink(path, options.target / "SegmentationClass" / path.name, options.long_side, Image.Resampling.NEAREST)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def shrink(source: Path, target: Path, long_side: int, method: Image.Resampling) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as image:
        scale = min(1.0, long_side / max(image.size))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image.resize(size, method).save(target, quality=82)


if __name__ == "__main__":
    main()
