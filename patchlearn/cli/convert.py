"""`patchlearn convert`: write masks for other tools."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from patchlearn.cli.options import add_classes, add_threads, classes_of_masks
from patchlearn.export.annotations.write import FORMATS, write_annotations
from patchlearn.export.settings import PER, SHAPES, AnnotationSettings

DESCRIPTION = (
    "Write a folder of masks (0 background, 1, 2, … the classes, 255 undecided) as annotations that "
    "other tools read: COCO JSON; an XML for CVAT; tasks for Label Studio with masks to correct, and the labelling "
    "configuration beside them; or VOC's layout of folders. The mask of the image a/b.jpg is a__b.png or a/b.png."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    settings = AnnotationSettings()
    verb.add_argument("masks", type=Path, help="a folder of palette or grey PNGs")
    verb.add_argument("--images", type=Path, required=True, help="a folder of pictures, with subfolders")
    verb.add_argument("--format", required=True, help=" or ".join(FORMATS))
    verb.add_argument("--out", type=Path, required=True, help="the file (coco, cvat, label-studio) or folder (voc)")
    add_classes(verb)
    verb.add_argument("--binary", action="store_true", help="255 in the masks is class 1, and not undecided")
    verb.add_argument("--per", default=settings.per, help=f"an annotation: {' or '.join(PER)} (default: %(default)s)")
    verb.add_argument("--shapes", default=settings.shapes, help=f"{' or '.join(SHAPES)} (default: %(default)s)")
    verb.add_argument("--images-at", default=settings.images_at, help="their address in Label Studio (%(default)s)")
    add_threads(verb)


def work(options: Namespace, console: Console) -> list[str]:
    """Returns what went wrong with single files, a sentence each."""
    return write_annotations(
        options.masks,
        options.images,
        classes_of_masks(options),
        options.out,
        options.format,
        AnnotationSettings(per=options.per, shapes=options.shapes, images_at=options.images_at),
        binary=options.binary,
        threads=options.threads,
        console=console,
    )
