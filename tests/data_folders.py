"""Folders of data as people have them; each function writes one."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import UInt8

Write = Callable[[Path], None]
FOUR = ("garden.jpg", "sea.jpg", "street.jpg", "roof.jpg")
SIZE = (20, 24)  # height, width
TAGS = {"garden.jpg": "cat", "sea.jpg": "dog", "street.jpg": "cat;dog", "roof.jpg": ""}
VOC = {"garden.jpg": "aeroplane", "sea.jpg": "bicycle", "street.jpg": "aeroplane;bicycle", "roof.jpg": ""}


def photo(path: Path, mode: str = "RGB") -> None:
    """Noise that depends on the path, so that no two are alike."""
    seed = list(str(path).encode())
    depth = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(seed).integers(0, 255, (*SIZE, *depth), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def photos(root: Path, names: Iterable[str] = FOUR) -> None:
    for name in names:
        photo(root / name)


def table(path: Path, *lines: str, encoding: str = "utf-8", end: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(end.join([*lines, ""]).encode(encoding))


def tagged(root: Path, tags: Mapping[str, str] = TAGS) -> None:
    """Photographs and a table with a line for each."""
    photos(root, tags)
    table(root / "labels.csv", "image,labels", *(f"{name},{words}" for name, words in tags.items()))


def halves(values: list[int]) -> UInt8:
    """Stripes of the values below a stripe of 0."""
    mask = np.zeros(SIZE, np.uint8)
    for row, value in enumerate(values):
        mask[5 + 5 * row : 10 + 5 * row] = value
    return mask


def masks(root: Path, codes: Mapping[str, int], tags: Mapping[str, str] = TAGS) -> None:
    """The masks of some tagged photographs, with these values of the classes."""
    tagged(root, tags)
    for name, words in tags.items():
        write_mask(
            root / "masks" / f"{Path(name).stem}.png", halves([codes[word] for word in words.split(";") if word])
        )


def coloured(root: Path, colours: Mapping[str, tuple[int, int, int]], tags: Mapping[str, str] = TAGS) -> None:
    """The same with colours."""
    masks(root, {name: place for place, name in enumerate(colours, 1)}, tags)
    palette = np.array([(0, 0, 0), *colours.values()], np.uint8)
    for path in (root / "masks").iterdir():
        Image.fromarray(palette[np.asarray(Image.open(path))]).save(path)


without_split: Write = tagged
images_alone: Write = photos
black_and_white_masks: Write = partial(masks, codes={"cat": 255, "dog": 255})
masks_in_another_order: Write = partial(masks, codes={"cat": 2, "dog": 1})
unknown_colours: Write = partial(coloured, colours={"cat": (250, 1, 2), "dog": (3, 4, 240)})
vocs_colours: Write = partial(coloured, colours={"aeroplane": (128, 0, 0), "bicycle": (0, 128, 0)}, tags=VOC)
# Cat and dog are the eighth and the twelfth class of VOC.
vocs_colours_of_other_numbers: Write = partial(coloured, colours={"cat": (64, 0, 0), "dog": (64, 0, 128)})


def of_a_spreadsheet(root: Path) -> None:
    photos(root / "images")
    rows = ("image;labels", "garden.jpg;cat, dog", "sea.jpg;dog", "street.jpg;cat", "roof.jpg;")
    table(root / "labels.csv", *rows, encoding="utf-16", end="\r\n")


def in_windows_encoding(root: Path) -> None:
    photos(root, ["Käse.jpg", "b.jpg", "c.jpg"])
    table(root / "labels.csv", "image,labels", "Käse.jpg,Brötchen", "b.jpg,Tasse", "c.jpg,", encoding="cp1252")


def as_tsv(root: Path) -> None:
    photos(root)
    table(root / "tags.tsv", "File Name\tTags", "garden.jpg\tcat, red car", "sea.jpg\tred car", "roof.jpg\t")


def as_jsonl(root: Path) -> None:
    photos(root)
    rows = [{"file_name": name, "labels": [word for word in TAGS[name].split(";") if word]} for name in FOUR]
    table(root / "metadata.jsonl", *(json.dumps(row) for row in rows))


def without_header(root: Path) -> None:
    photos(root)
    table(root / "labels.csv", "garden.jpg,cat", "sea.jpg,dog", "roof.jpg,")


def of_zeros_and_ones(root: Path) -> None:
    photos(root)
    table(root / "train.csv", ",image,cat,dog", "0,garden.jpg,1,0", "1,sea.jpg,,1", "2,street.jpg,1,", "3,roof.jpg,0,0")


def a_line_for_each_label(root: Path) -> None:
    photos(root)
    table(root / "labels.csv", "image,label", "street.jpg,cat", "street.jpg,dog", "sea.jpg,dog", "roof.jpg,")


def names_written_otherwise(root: Path) -> None:
    photos(root / "images", ["garden.JPG", "Sea.jpg", "deep/street.jpeg"])
    table(root / "labels.csv", "image,labels", "garden,cat", "sea.JPG,dog", "images/deep/street,cat;dog")


def accents_of_a_mac(root: Path) -> None:
    photos(root, ["e\u0301te\u0301.jpg", "b.jpg"])
    table(root / "labels.csv", "image,labels", "\u00e9t\u00e9.jpg,caf\u00e9", "b.jpg,tea")
    table(root / "classes.txt", "tea", "cafe\u0301")


def absolute_paths(root: Path) -> None:
    photos(root)
    rows = (f"{root.resolve() / name},{words}" for name, words in TAGS.items())
    table(root / "labels.csv", "path,labels", *rows)


def names_of_two_words(root: Path) -> None:
    tagged(root, {"garden.jpg": "adhesive tape", "sea.jpg": "scissors", "roof.jpg": ""})


def names_of_two_words_listed(root: Path) -> None:
    names_of_two_words(root)
    table(root / "classes.txt", "scissors", "adhesive tape")


def joined_by_a_slash(root: Path) -> None:
    tagged(root, {"garden.jpg": "cat/dog", "sea.jpg": "cat"})


def printed_lists(root: Path) -> None:
    photos(root)
    rows = ("garden.jpg,\"['cat', 'dog']\"", "sea.jpg,['dog']", "roof.jpg,[]")
    table(root / "labels.csv", "image,labels", *rows)


def names_that_differ_by_case(root: Path) -> None:
    tagged(root, {"garden.jpg": "cat", "sea.jpg": "Cat", "street.jpg": "dog", "roof.jpg": ""})


def class_folders(root: Path) -> None:
    photos(root, ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "readme.jpg"])


def of_an_inspection(root: Path) -> None:
    """The same names in every folder."""
    photos(root, [f"{folder}/{name}.png" for folder in ("good", "scratch", "dent") for name in ("000", "001")])


def as_mvtec_has_it(root: Path) -> None:
    photos(root, [f"{folder}/000.png" for folder in ("train/good", "test/good", "test/scratch", "test/dent")])
    for name in ("scratch", "dent"):
        write_mask(root / "ground_truth" / name / "000_mask.png", halves([255]))


def folders_of_splits(root: Path) -> None:
    photos(root, [f"{split}/{name}/1.jpg" for split in ("train", "valid", "test") for name in ("cat", "dog")])


def copies_in_two_splits(root: Path) -> None:
    photos(root)
    (root / "copy.jpg").write_bytes((root / "sea.jpg").read_bytes())
    rows = ("garden.jpg,train,cat", "sea.jpg,train,dog", "copy.jpg,val,dog", "roof.jpg,val,cat")
    table(root / "labels.csv", "image,split,labels", *rows)


def missing_images(root: Path) -> None:
    photos(root, FOUR[:1])
    table(root / "labels.csv", "image,labels", *(f"{name},{words}" for name, words in TAGS.items()))


def every_image_missing(root: Path) -> None:
    tagged(root)
    for name in FOUR:
        (root / name).unlink()


def addresses(root: Path) -> None:
    photos(root)
    table(root / "labels.csv", "image,labels", "https://example.org/garden.jpg,cat")


def of_a_competition(root: Path) -> None:
    photos(root / "train_images")
    table(
        root / "train.csv", "image_id,labels", "garden.jpg,healthy", "sea.jpg,scab frog", "street.jpg,scab", "roof,frog"
    )
    table(root / "sample_submission.csv", "image_id,labels", "x.jpg,healthy")


def splits_in_capitals(root: Path) -> None:
    photos(root)
    rows = ("garden.jpg,cat,TRAIN", "sea.jpg,dog,Train", "street.jpg,cat,Validation", "roof.jpg,,VALIDATION")
    table(root / "labels.csv", "image,labels,Split", *rows)


def words_for_nothing(root: Path) -> None:
    tagged(root, {"garden.jpg": "cat", "sea.jpg": "dog", "roof.jpg": "none"})


def a_spreadsheet(root: Path) -> None:
    photos(root)
    (root / "labels.xlsx").write_bytes(b"PK\3\4")


def masks_of_other_kinds(root: Path) -> None:
    tagged(root)
    for name in ("garden.jpg", "sea_mask.png"):
        photo(root / "masks" / name, "L")


def a_truncated_image(root: Path) -> None:
    tagged(root)
    content = (root / "sea.jpg").read_bytes()
    (root / "sea.jpg").write_bytes(content[: len(content) // 2])


def own_colours(root: Path) -> None:
    coloured(root, {"cat": (255, 0, 0), "dog": (0, 0, 255)})
    table(root / "classes.csv", "name,colour", "background,#000000", "cat,#ff0000", "dog,0 0 255")


def masks_from_zero(root: Path) -> None:
    """0 is the cat and 1 the dog; there is no background."""
    tagged(root, {**TAGS, "roof.jpg": "cat"})
    for stem, rows in {"garden": [0, 0], "sea": [1, 1], "street": [0, 1], "roof": [0, 0]}.items():
        write_mask(root / "masks" / f"{stem}.png", np.repeat(rows, 10)[:, None].repeat(24, axis=1).astype(np.uint8))


def numbers_as_labels(root: Path) -> None:
    masks(root, {str(number): number for number in range(1, 13)}, {f"{n}.jpg": str(n) for n in range(1, 13)})


def too_many_classes(root: Path) -> None:
    photos(root, ["a.jpg"])
    table(root / "labels.csv", "image,labels", f"a.jpg,{';'.join(f'c{number}' for number in range(255))}")


def other_kinds_of_images(root: Path) -> None:
    tagged(root)
    Image.new("RGB", (4, 4)).save(root / "film.gif")
    (root / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic")


def transparent_images(root: Path) -> None:
    for name in ("a.png", "b.png"):
        photo(root / name, "RGBA")
    photo(root / "c.png", "L")
    table(root / "labels.csv", "image,labels", "a.png,cat", "b.png,dog", "c.png,")


def nothing(root: Path) -> None:
    """An empty folder."""


def coco_with_gaps(root: Path) -> None:
    photos(root / "images")
    content = {
        "images": [{"id": id, "file_name": name, "height": 20, "width": 24} for id, name in zip((3, 8, 90, 91), FOUR)],
        "annotations": [
            {"id": 1, "image_id": 3, "category_id": 90, "bbox": [1, 1, 4, 4]},
            {"id": 7, "image_id": 90, "category_id": 17, "bbox": [1, 1, 4, 4]},
        ],
        "categories": [{"id": 17, "name": "cat"}, {"id": 90, "name": "traffic light"}],
    }
    table(root / "annotations.json", json.dumps(content))


def yolo(root: Path) -> None:
    photos(root / "images" / "train", FOUR[:2])
    photos(root / "images" / "val", FOUR[2:])
    for name, lines in {"train/garden": ["0 .5 .5 .2 .2"], "train/sea": [], "val/street": ["1 .5 .5 .2 .2"]}.items():
        table(root / "labels" / f"{name}.txt", *lines)
    table(root / "data.yaml", "train: images/train", "val: images/val", "nc: 2", "names: [cat, dog]")
