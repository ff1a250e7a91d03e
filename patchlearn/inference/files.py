"""Segment files: a trained segmenter's masks of pictures, folders of pictures and patterns."""

from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path

from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import refuse_overwriting, write_class_names, write_mask
from patchlearn.core.parallel import progress
from patchlearn.data.images import SUFFIXES, read_image
from patchlearn.data.labels import read_class_names
from patchlearn.inference.segmenter import Segmenter


def segment_files(segmenter: Segmenter, inputs: Sequence[str], out: Path, console: Console) -> list[str]:
    """Write `out/STEM.png`, a palette PNG of class indices, for every picture, and `out/classes.txt`.

    Images are segmented one after another, each as large as its file, so that memory does not grow with their number.

    Args:
        segmenter: on any device.
        inputs: pictures, folders whose pictures are meant, or patterns such as "photos/**/*.jpg".
        out: the folder for the masks.
        console: where progress is shown.

    Returns:
        What is wrong with the files that could not be segmented, a sentence each; all others are done.

    Raises:
        PatchlearnError: there is not a single picture, or the folder holds masks of other classes.
    """
    pictures, failures = find_pictures(inputs)
    if not pictures:
        raise PatchlearnError(" ".join(failures) or "no picture was named. Name files, folders or patterns.")
    named = {picture.resolve() for words in inputs for picture in _expanded(words)}
    _claim(out, segmenter.classes)
    with progress(console, "segment", len(pictures)) as advance:
        for stem, picture in pictures.items():
            try:
                refuse_overwriting(out / f"{stem}.png", named)
                write_mask(out / f"{stem}.png", segmenter.predict(read_image(picture)))
            except PatchlearnError as error:
                failures.append(str(error))
            advance(picture.name)
    return failures


def _claim(out: Path, classes: tuple[str, ...]) -> None:
    """Say which classes the masks hold, unless masks or a data set with other classes are there."""
    names = out / "classes.txt"
    if names.exists() and read_class_names(names) != classes:
        raise PatchlearnError(f"{names}: names other classes than the model has. Choose another --out.")
    write_class_names(out, classes)


def find_pictures(inputs: Sequence[str]) -> tuple[dict[str, Path], list[str]]:
    """({stem: picture}, a sentence for each input that names no picture, or one whose stem is taken)."""
    pictures: dict[str, Path] = {}
    failures = []
    for words in inputs:
        found = _expanded(words)
        failures += [] if found else [f"{words}: no picture there. Pictures end in {', '.join(SUFFIXES)}."]
        for picture in found:
            twin = pictures.setdefault(picture.stem, picture)
            if twin.resolve() != picture.resolve():
                failures.append(
                    f"{picture}: its mask would overwrite that of {twin}. Rename one, or use another --out."
                )
    return pictures, failures


def _expanded(words: str) -> list[Path]:
    """The pictures that one argument means; a file that is named is taken by its name, whatever its ending."""
    path = Path(words)
    if path.is_dir():
        return sorted(each for each in path.iterdir() if _is_picture(each))
    if path.is_file():
        return [path]
    if not has_magic(words):
        return []
    found = glob(words, recursive=True)  # noqa: PTH207  (pathlib takes no absolute patterns)
    return sorted(Path(name) for name in found if _is_picture(Path(name)))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
