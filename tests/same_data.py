"""Eight images with the same tags, written in every format that can be read."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog")
SIDEWAYS = 6  # EXIF orientation


@dataclass(frozen=True)
class Photo:
    """One image, its split and its tags."""

    name: str
    split: str
    labels: tuple[str, ...]

    @property
    def stem(self) -> str:
        return Path(self.name).stem


# Neither the names nor the tags are sorted, and the splits alternate.
PHOTOS = (
    Photo("sea.png", "train", ("dog",)),
    Photo("lake.jpg", "val", ("cat",)),
    Photo("garden.jpg", "train", ("cat", "dog")),
    Photo("Street.png", "train", ()),
    Photo("attic.png", "val", ("dog", "cat")),
    Photo("roof.jpg", "train", ("cat",)),
    Photo("barn.png", "val", ("dog",)),
    Photo("10.png", "train", ("cat",)),
)


def of_split(split: str) -> list[Photo]:
    return [photo for photo in PHOTOS if photo.split == split]


def paint(path: Path, number: int) -> Path:
    """Noise; a JPEG lies on its side, a third of the images are grey."""
    pixels = np.random.default_rng(number).integers(0, 255, (24, 30, 3), np.uint8)
    image = Image.fromarray(pixels if number % 3 else pixels[..., 0])
    exif = Image.Exif()
    exif[0x0112] = SIDEWAYS
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, exif=exif if path.suffix == ".jpg" else b"")
    return path


def place(root: Path, where: Callable[[Photo], str]) -> None:
    """The image of each photo at `root/where(photo)/NAME`."""
    for number, photo in enumerate(PHOTOS):
        paint(root / where(photo) / photo.name, number)


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def as_csv(root: Path, photos: Sequence[Photo] = PHOTOS) -> None:
    place(root, lambda photo: "images")
    rows = [f"{photo.name},{photo.split},{'; '.join(photo.labels)}" for photo in photos]
    text(root / "labels.csv", "\n".join(["image,split,labels", *rows]))


def as_columns(root: Path) -> None:
    place(root, lambda photo: ".")
    rows = [f"{photo.stem}\t{photo.split}\t{'cat' in photo.labels:d}\t{'dog' in photo.labels:d}" for photo in PHOTOS]
    text(root / "tags.tsv", "\n".join(["File Name\tSubset\tcat\tdog", *rows]))


def as_jsonl(root: Path) -> None:
    for split in ("train", "val"):
        place(root, lambda photo: photo.split)
        rows = [json.dumps({"file_name": photo.name, "tags": photo.labels}) for photo in of_split(split)]
        text(root / split / "metadata.jsonl", "\n".join(rows))


def as_voc(root: Path) -> None:
    place(root, lambda photo: "JPEGImages")
    for photo in PHOTOS:
        objects = "".join(f"<object><name>{name}</name></object>" for name in photo.labels)
        annotation = f"<annotation><filename>{photo.name}</filename>{objects}</annotation>"
        text(root / "Annotations" / f"{photo.stem}.xml", annotation)
    for split in ("train", "val"):
        stems = [photo.stem for photo in of_split(split)]
        text(root / "ImageSets" / "Main" / f"{split}.txt", "\n".join(stems))
    text(root / "classes.txt", "\n".join(CLASSES))  # without it, the classes are VOC's


def as_coco(root: Path) -> None:
    place(root, lambda photo: f"{photo.split}2017")
    numbers = {"dog": 18, "cat": 17}
    for split in ("train", "val"):
        photos = dict(enumerate(of_split(split), 7))
        boxes = [
            {"image_id": id, "category_id": numbers[name], "bbox": [1, 1, 3, 2]}
            for id, photo in photos.items()
            for name in photo.labels
        ]
        content = {
            "images": [{"id": id, "file_name": each.name, "height": 24, "width": 30} for id, each in photos.items()],
            "annotations": [{"id": id, **box} for id, box in enumerate(boxes)],
            "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        }
        text(root / "annotations" / f"instances_{split}2017.json", json.dumps(content))


def as_yolo(root: Path) -> None:
    place(root, lambda photo: "images")
    for photo in PHOTOS:
        lines = [f"{CLASSES.index(name)} 0.5 0.5 0.2 0.2\n" for name in photo.labels]
        text(root / "labels" / f"{photo.stem}.txt", "".join(lines))
    for split in ("train", "val"):
        text(root / f"{split}.txt", "\n".join(f"./images/{photo.name}" for photo in of_split(split)))
    text(root / "data.yaml", "train: train.txt\nval: val.txt\nnames: [cat, dog]\n")


def as_label_studio(root: Path) -> None:
    place(root, lambda photo: "images")
    tasks = [
        {
            "id": number,
            "data": {"image": f"/data/upload/1/ab12cd34-{photo.name}"},
            "annotations": [{"result": [{"from_name": "animal", "value": {"choices": list(photo.labels)}}]}],
        }
        for number, photo in enumerate(PHOTOS, 1)
    ]
    text(root / "project-1.json", json.dumps(tasks))


def as_cvat(root: Path) -> None:
    place(root, lambda photo: f"images/{photo.split}")
    labels = "".join(f"<label><name>{name}</name></label>" for name in CLASSES)
    images = "".join(
        f'<image id="{number}" name="{photo.name}" subset="{photo.split}">'
        + "".join(f'<tag label="{name}"></tag>' for name in photo.labels)
        + "</image>"
        for number, photo in enumerate(PHOTOS)
    )
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    text(root / "annotations.xml", f'<?xml version="1.0" encoding="utf-8"?><annotations>{meta}{images}</annotations>')


def as_open_images(root: Path) -> None:
    place(root, lambda photo: f"images/{photo.split}")
    codes = {"cat": "/m/01yrx", "dog": "/m/0bt9lr"}
    for split, word in {"train": "train", "val": "validation"}.items():
        rows = [
            f"{photo.stem},verification,{code},{name in photo.labels:d}"
            for photo in of_split(split)
            for name, code in codes.items()
        ]
        header = "ImageID,Source,LabelName,Confidence"
        text(root / f"{word}-annotations-human-imagelabels.csv", "\n".join([header, *rows]))
    text(root / "class-descriptions.csv", "".join(f"{code},{name}\n" for name, code in codes.items()))


def as_class_folders(root: Path) -> None:
    """Those of one tag or none."""
    place(root, lambda photo: f"{photo.split}/{photo.labels[0] if photo.labels else 'good'}")
    for photo in PHOTOS:
        if len(photo.labels) > 1:
            (root / photo.split / photo.labels[0] / photo.name).unlink()


def as_parquet(root: Path) -> None:
    for split, rows in _tables(root).items():
        rows.to_parquet(root / f"{split}-00000-of-00001.parquet")


def as_saved(root: Path) -> None:
    """What `save_to_disk` writes."""
    import datasets

    datasets.DatasetDict(_tables(root)).save_to_disk(str(root))


def _tables(root: Path) -> dict[str, Any]:
    import datasets

    place(root, lambda photo: "outside")
    names = datasets.Sequence(datasets.ClassLabel(names=list(CLASSES)))
    features = datasets.Features({"image": datasets.Image(), "tags": names})
    found = {split: datasets.Dataset.from_list(_rows(root, split), features=features) for split in ("train", "val")}
    shutil.rmtree(root / "outside")
    return found


def _rows(root: Path, split: str) -> list[dict[str, object]]:
    return [
        {
            "image": {"bytes": (root / "outside" / photo.name).read_bytes(), "path": photo.name},
            "tags": [CLASSES.index(name) for name in photo.labels],
        }
        for photo in of_split(split)
    ]
