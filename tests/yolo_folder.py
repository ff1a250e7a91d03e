"""Tiny YOLO data sets: images of 8×4 pixels (width × height), and their label files."""

from pathlib import Path

from PIL import Image

LEFT = "0 0.0 0.0 0.5 0.0 0.5 1.0 0.0 1.0"  # a polygon of class 0: the left half
RIGHT_TOP = "2 0.5 0.0 1.0 0.0 1.0 0.5 0.5 0.5"
BOX = "2 0.5 0.5 0.25 0.5"


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 4)).save(path)
    return path


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + ("\n" if lines else ""), encoding="utf-8")
    return path


def labelled(root: Path, name: str, *lines: str) -> None:
    """`images/NAME.jpg` and `labels/NAME.txt`, where the name has the folder `images`: `train/images/a`."""
    image(root / f"{name}.jpg")
    before, found, after = f"/{name}".rpartition("/images/")
    assert found
    write(root / f"{before}/labels/{after}.txt".lstrip("/"), *lines)
