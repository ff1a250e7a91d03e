"""Submissions for VOC's evaluation server, good and bad ones."""

import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from patchlearn.core.masks_io import PALETTE, encode_mask, write_mask
from patchlearn.core.types import UInt8

FOLDER = "results/VOC2012/Segmentation/comp6_test_cls"
NAMES = ["2008_000006", "2008_000011", "2008_000012"]
SIZES = {"2008_000006": (5, 7), "2008_000011": (6, 4), "2008_000012": (3, 3)}  # (H, W)
SECOND, SIZE = f"{FOLDER}/{NAMES[1]}.png", SIZES[NAMES[1]]
ANIMALS = ("cat", "cow", "dog", "horse", "person", "sheep")

Files = dict[str, bytes]


def png(mask: UInt8, mode: str = "P", colours: int = 256) -> bytes:
    """With 16 colours or fewer, Pillow writes indices of 4 bits or fewer."""
    file = BytesIO()
    image = Image.fromarray(mask.astype(np.uint8))
    if mode == "P":
        image.putpalette(PALETTE[:colours].tobytes())
    image.convert(mode).save(file, "PNG")
    return file.getvalue()


def mask_of(name: str, value: int = 0) -> UInt8:
    mask = np.zeros(SIZES[name], np.uint8)
    mask[1] = value
    return mask


def write_images(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, (height, width) in SIZES.items():
        Image.new("RGB", (width, height)).save(folder / f"{name}.jpg")
    return folder


def write_animal_masks(folder: Path) -> Path:
    """Of a model of six animals: its value 2 is a cow, its 5 a person."""
    for name, value in zip(NAMES, (0, 5, 2)):
        write_mask(folder / f"{name}.png", mask_of(name, value))
    (folder / "classes.txt").write_text("\n".join(ANIMALS) + "\n")
    return folder


def write_list(path: Path) -> Path:
    path.write_text("\n".join(NAMES) + "\n")
    return path


def good_files() -> Files:
    return {f"{FOLDER}/{name}.png": encode_mask(mask_of(name, value)) for name, value in zip(NAMES, (0, 15, 20))}


def pack(path: Path, files: Files, mode: str = "w:gz", odd: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
        for member in odd:
            archive.addfile(member)
    return path


def odd_member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member
