"""Segment files: a trained segmenter's masks of pictures, folders of pictures and patterns."""

import os
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from functools import partial
from glob import glob, has_magic
from pathlib import Path

from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import refuse_overwriting, write_mask
from patchlearn.core.memory import images_at_a_time
from patchlearn.core.progress import progress
from patchlearn.core.types import UInt8
from patchlearn.data.checks.mask_values import claim_classes
from patchlearn.data.images import SUFFIXES, read_image
from patchlearn.data.labels import normal_form
from patchlearn.data.names import files_below, image_id, is_taken, not_taken, tell
from patchlearn.inference.memory import predict_need
from patchlearn.inference.outputs import Outputs
from patchlearn.inference.segmenter import Segmentation, Segmenter
from patchlearn.inference.thresholds import ImageThreshold, check_thresholds


def segment_files(
    segmenter: Segmenter,
    inputs: Sequence[str],
    out: Path | None,
    console: Console,
    *,
    outputs: Outputs | None = None,
    image_threshold: ImageThreshold | None = None,
    pixel_threshold: float | None = None,
    memory: float | None = None,
) -> list[str]:
    """Write `out/NAME.png`, a palette PNG of class indices, for every picture, and `out/classes.txt`.

    The picture `a/b.jpg` of a folder has the name `a__b`. The pattern "photos/**/*.jpg" means pictures of the folder
    `photos`, the longest part of it that exists. Images are segmented one after another, each as large as its file, so
    that memory does not grow with their number.

    Args:
        segmenter: on any device.
        inputs: pictures, folders whose pictures are meant (with those of subfolders), or patterns such as
            "photos/**/*.jpg".
        out: the folder for the masks; where it lies in a folder of pictures, it is not read. None for no masks.
        console: where progress is shown, and what in the folders is not read.
        outputs: a table and files of probabilities; they come from the same probabilities as the mask.
        image_threshold: see `Segmenter.predict`.
        pixel_threshold: likewise.
        memory: what the process may hold, in GB; None for what is free.

    Returns:
        What is wrong with the files that could not be segmented, a sentence each; all others are done.

    Raises:
        PatchlearnError: there is not a single picture, nothing is to be written, the folder holds masks of other
            classes, a threshold or a name of `outputs` is wrong, or an image alone needs more memory.
    """
    outputs = outputs or Outputs()
    check_thresholds(image_threshold, pixel_threshold, segmenter.classes)
    found = _begin(segmenter, inputs, out, outputs, console)
    needs = (predict_need(picture, segmenter, segmenter.settings) for picture in found.pictures.values())
    images_at_a_time(needs, threads=1, memory=memory)
    look = partial(segmenter.segment, image_threshold=image_threshold, pixel_threshold=pixel_threshold)
    read, failures = partial(read_image, bands=segmenter.bands), list(found.failures)
    with outputs.writing(segmenter.classes) as write, progress(console, "segment", len(found.pictures)) as advance:
        for name, picture in found.pictures.items():
            try:
                write(name, picture, _segment_file(look, read, picture, out and out / f"{name}.png", found.sources))
            except PatchlearnError as error:
                failures.append(str(error))
            advance(picture.name)
    return failures


def _begin(
    segmenter: Segmenter, inputs: Sequence[str], out: Path | None, outputs: Outputs, console: Console
) -> "Found":
    """The pictures, if there are any and everything that is to be written can be."""
    if out is None and outputs.is_nothing:
        raise PatchlearnError("nothing is to be written. Name -o FOLDER, --table FILE or --scores FOLDER.")
    found = find_pictures(inputs, out)
    tell(console, found.notes)
    if not found.pictures:
        raise PatchlearnError(" ".join(found.failures) or "no picture was named. Name files, folders or patterns.")
    outputs.check(segmenter.classes, found.pictures.values(), inputs, out)
    if out is not None:
        claim_classes(out, segmenter.classes, "the model has")
    return found


def _segment_file(
    look: Callable[[UInt8], Segmentation],
    read: Callable[[Path], UInt8],
    picture: Path,
    mask: Path | None,
    sources: Container[Path],
) -> Segmentation:
    """The segmenter's answer; its mask is written, unless no file is named for it."""
    if mask is not None:
        refuse_overwriting(mask, sources)
    answer = look(read(picture))
    if mask is not None:
        write_mask(mask, answer.mask)
    return answer


@dataclass
class Found:
    """What a list of files, folders and patterns means.

    Args:
        pictures: name of the mask → picture.
        sources: all pictures that were named, resolved; also those that have no mask because its name is taken.
        failures: a sentence for each input that names no picture, and for each picture whose name is taken.
        notes: lines about files that are not read.
    """

    pictures: dict[str, Path] = field(default_factory=dict)
    sources: set[Path] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_pictures(inputs: Sequence[str], out: Path | None = None) -> Found:
    """Find the pictures that the inputs of `segment_files` mean; what lies below `out` is not meant by a folder."""
    result = Found()
    owners: dict[str, Path] = {}
    for words in inputs:
        base, names = _expanded(words, out)
        taken = [name for name in names if is_taken(name) or not _is_several(words)]
        if not taken:
            result.failures.append(f"{words}: no picture there. Pictures end in {', '.join(SUFFIXES)}.")
        result.notes += not_taken(words, sorted(set(names).difference(taken)))
        for name in taken:
            _add(result, owners, image_id(name), base / name)
    return result


def _add(result: Found, owners: dict[str, Path], name: str, picture: Path) -> None:
    """Enter a picture, unless another one has its name."""
    result.sources.add(picture.resolve())
    twin = owners.setdefault(normal_form(name), picture)
    if twin is picture:
        result.pictures[name] = picture
    elif twin.resolve() != picture.resolve():
        result.failures.append(
            f"{picture}: its mask {name}.png would overwrite that of {twin}. Rename one, or use another --out."
        )


def _is_several(words: str) -> bool:
    """Whether a folder or pattern is named; a file is taken by its name, whatever its ending."""
    return not Path(words).is_file()


def _expanded(words: str, out: Path | None) -> tuple[Path, list[str]]:
    """(folder, names of files relative to it) that one input means; a path that exists is not read as a pattern."""
    path = Path(words)
    if path.is_dir():
        return path, list(files_below(path, [out] if out else []))
    if path.is_file():
        return path.parent, [path.name]
    base = next(folder for folder in path.parents if folder.is_dir())  # the longest part that is no pattern
    pattern = str(path.relative_to(base))
    if not has_magic(pattern):
        return base, []
    matches = {os.path.normpath(name) for name in glob(pattern, root_dir=base, recursive=True)}  # noqa: PTH207
    return base, [name for name in sorted(matches) if _is_meant(base / name, base, out)]


def _is_meant(path: Path, base: Path, out: Path | None) -> bool:
    if not path.is_file() or path.name.startswith("."):
        return False
    is_below = out is not None and out.resolve() != base.resolve() and out.resolve().is_relative_to(base.resolve())
    return not (is_below and out is not None and path.resolve().is_relative_to(out.resolve()))
