"""Which images are used, and how training changes them."""

from dataclasses import dataclass, field, fields

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.settings import (
    FILE_IN_KEY,
    FOLDER_IN_KEY,
    NEW_IN_KEY,
    require_at_least,
    require_positive,
    require_share,
)

AUTO = "auto"
FORMATS = {  # name → what it is, in the order in which a folder is compared with them
    "voc": "the layout of PASCAL VOC: JPEGImages with ImageSets or Annotations",
    "coco": "images and a COCO JSON file, of instances or panoptic",
    "yolo": "images/ and labels/*.txt, or a data.yaml",
    "open-images": "images and CSV files as Open Images has them (ImageID, LabelName, Confidence)",
    "label-studio": "images and a Label Studio export (JSON) of choices",
    "cvat": "images and a CVAT export (XML) with tags",
    "huggingface": "a folder of Hugging Face datasets: Parquet files, or save_to_disk",
    "folder": "images and a table (CSV, TSV or JSONL) with the labels of each image",
    "class-folders": "a sub-folder of images for each class",
    "collected": "images and tags that a program has handed over (patchlearn.fit)",
    "scenes": "drawn images: animals, surfaces with small defects, or cells under a microscope",
}
OTHER_NAMES = {  # words that people try → the format that reads such data
    **dict.fromkeys(("csv", "tsv", "jsonl", "table", "labels"), "folder"),
    **dict.fromkeys(("imagefolder", "folders", "subfolders", "mvtec"), "class-folders"),
    **dict.fromkeys(("parquet", "hf", "hub", "datasets"), "huggingface"),
    **dict.fromkeys(("pascal", "xml"), "voc"),
}
SEPARATORS = {"space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}  # of the labels within one cell
SMALLEST_SCENE = 64
ANIMALS, SURFACES, CELLS = "animals", "surfaces", "cells"
SCENE_KINDS = (ANIMALS, SURFACES, CELLS)
_ONLY_FOR = {"normal": (SURFACES, CELLS), "surroundings": (SURFACES,)}  # setting → the kinds that have it


@dataclass(frozen=True, kw_only=True)
class SceneSettings:
    """What is drawn, how many images, and how large.

    Args:
        train: images of the split "train".
        val: images of the split "val".
        size: longer side in pixels, at least 64; the shorter side is 0.75 to 1 times as long, that of surfaces and
            cells as long.
        seed: each seed gives other images.
        kind: "animals" in landscapes, "surfaces" with small defects, as in industrial inspection, or "cells" under a
            microscope.
        normal: share of the images without a class, in [0, 1); only for surfaces and cells.
        surroundings: how far the surface around a defect gives its class away, in [0, 1]; only for surfaces. With this
            probability the surface is the one of the class, and otherwise any. At 0 it says nothing about the class.
    """

    train: int = 400
    val: int = 100
    size: int = 160
    seed: int = 0
    kind: str = field(default=ANIMALS, metadata=NEW_IN_KEY)
    normal: float = field(default=0.3, metadata=NEW_IN_KEY)
    surroundings: float = field(default=0.0, metadata=NEW_IN_KEY)

    def __post_init__(self) -> None:
        require_at_least("train", self.train, 1)
        require_at_least("val", self.val, 1)
        require_at_least("size", self.size, SMALLEST_SCENE)
        require_at_least("seed", self.seed, 0)
        require_one_of("kind", self.kind, SCENE_KINDS)
        require_share("normal", self.normal)
        require_share("surroundings", self.surroundings)
        if self.normal == 1:
            raise PatchlearnError("normal: 1 leaves no image with a class. Choose a number in [0, 1).")
        for name, kinds in _ONLY_FOR.items():
            if self.kind not in kinds:
                self._require_default(name, " or ".join(kinds))

    def _require_default(self, name: str, kinds: str) -> None:
        default = next(entry.default for entry in fields(self) if entry.name == name)
        if getattr(self, name) != default:
            raise PatchlearnError(
                f"{name}: is only for kind: {kinds}; the kind is {self.kind!r}. Leave it out, or choose kind: {kinds}."
            )


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The data set.

    Args:
        format: "auto" finds out what the folder is; or the name of a format (`patchlearn.data.settings.FORMATS`).
        root: folder of the data set. With the format "scenes", null draws the scenes into the run folder.
        labels: the file with the labels, below `root`, where several files could be meant.
        separator: what separates the labels in a cell of a table: "auto", "space", "comma", "semicolon" or "pipe".
        negatives: sub-folders whose images have none of the classes (format "class-folders"); [] for none.
        bands: numbers of the three bands of every image file that are red, green and blue, from 1, such as [4, 3, 2];
            null for the usual ones: colours, of a grey image the grey, of more than three bands the first three.
        scenes: what is drawn; only for the format "scenes".
    """

    format: str = AUTO
    root: str | None = None
    labels: str | None = None
    separator: str = AUTO
    negatives: tuple[str, ...] = ("good", "ok", "normal", "background")
    bands: tuple[int, int, int] | None = None
    scenes: SceneSettings = field(default_factory=SceneSettings)

    def __post_init__(self) -> None:
        require_one_of("format", self.format, [*FORMATS, AUTO], OTHER_NAMES)
        require_one_of("separator", self.separator, [*SEPARATORS, AUTO])
        for band in self.bands or ():
            require_at_least("bands", band, 1)


@dataclass(frozen=True, kw_only=True)
class ClickSettings:
    """Pixels, boxes and scribbles that a person has labelled, beside the tags.

    Args:
        points: the table of points and boxes, such as points.csv (docs/clicks.md); null for none.
        scribbles: the folder of PNGs with scribbles; null for none.
        weight: of a clicked cell. The mean of a class is that of its confident cells and of its clicked ones; with a
            weight of 1, 30 clicked cells count as much as all confident ones (`patchlearn.models.lda`).
    """

    points: str | None = field(default=None, metadata=FILE_IN_KEY)
    scribbles: str | None = field(default=None, metadata=FOLDER_IN_KEY)
    weight: float = 1.0

    def __post_init__(self) -> None:
        require_positive("weight", self.weight)


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """How training changes an image: random size, crop, mirroring and colours.

    Args:
        crop: side of the square crop in pixels; smaller images are padded with the mean colour.
        long_side: the longer side is resized to a random length between these two (PSA: 256–512 with crop 448,
            IRN: 320–640 with crop 512).
        flip: mirror the image with probability 0.5.
        jitter: change brightness, contrast, saturation and hue (PSA and SEAM do, IRN does not).
    """

    crop: int = 448
    long_side: tuple[int, int] = (320, 640)
    flip: bool = True
    jitter: bool = False

    def __post_init__(self) -> None:
        require_at_least("crop", self.crop, 1)
        shortest, longest = self.long_side
        if not 1 <= shortest <= longest:
            raise PatchlearnError(
                f"long_side: ({shortest}, {longest}) is not a range of lengths. Choose two positive numbers, the "
                "second not below the first."
            )
