"""`patchlearn submit` and `check-submission`: the archive for PASCAL VOC's evaluation server."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from patchlearn.cli.options import add_classes, classes_of_masks
from patchlearn.core.errors import listed
from patchlearn.data.formats.voc import read_list
from patchlearn.export.voc_server import FOLDERS, check_submission, write_submission

SUBMIT = (
    "Pack a folder of masks (0 background, i + 1 the i-th class; no 255) into the archive that PASCAL "
    "VOC's evaluation server takes: results/VOC2012/Segmentation/comp6_test_cls/NAME.png, with VOC's own class "
    "values, found by name."
)
CHECK = (
    "Report what is wrong with an archive for PASCAL VOC's evaluation server, or with the folder it "
    "is to be packed from. Nothing is unpacked on the disk."
)


def add_submit(verb: ArgumentParser) -> None:
    """What `submit` takes."""
    verb.add_argument("masks", type=Path, help="a folder of palette PNGs, named as the images")
    verb.add_argument("--list", type=Path, required=True, help="VOC's ImageSets/Segmentation/test.txt")
    verb.add_argument("--out", type=Path, required=True, help="the archive, .tgz or .tar.gz")
    add_classes(verb)
    verb.add_argument("--images", type=Path, help="VOC's JPEGImages, to compare sizes with")
    verb.add_argument(
        "--competition",
        default="comp6",
        help=f"{' or '.join(FOLDERS)}: with nothing but VOC's data, or with other data too (default: %(default)s)",
    )


def submit(options: Namespace, console: Console) -> list[str]:
    """Pack the masks."""
    names, classes = read_list(options.list), classes_of_masks(options)
    more = {"images": options.images, "competition": options.competition}
    write_submission(options.masks, names, options.out, classes, **more)
    console.print(f"{options.out}: {len(names)} masks for {options.competition}", soft_wrap=True, markup=False)
    return []


def add_check(verb: ArgumentParser) -> None:
    """What `check-submission` takes."""
    verb.add_argument("submission", type=Path, help="the archive, or the folder that holds results/")
    verb.add_argument("--list", type=Path, help="VOC's ImageSets/Segmentation/test.txt, to see what is missing")
    verb.add_argument("--images", type=Path, help="VOC's JPEGImages, to compare sizes with")


def check(options: Namespace, console: Console) -> list[str]:
    """Returns what is wrong with the archive."""
    names = read_list(options.list) if options.list else None
    problems = check_submission(options.submission, names, options.images)
    if problems:
        return [listed(problems)]
    console.print(f"{options.submission}: nothing is wrong with it", soft_wrap=True, markup=False)
    return []
