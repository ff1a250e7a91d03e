"""The folder of a run: one process at a time writes into it.

RUN/run.json                        marks the run folder, and names the data
RUN/recipe.yaml                     the settings, complete
RUN/recipe.by-hand.yaml             the recipe with comments that lay there before, if there was one
RUN/data/                           drawn scenes; images and masks that are no files in the data
RUN/evaluation.json, report.html    all variants
RUN/image-lists.json                lists of images that were judged beside the splits
RUN/VARIANT/STEP/                   the files of a step, with its manifest step.json
RUN/.replaced/STEP-KEY/             a trained model whose settings have changed since, one generation
RUN/.digests.json                   the content of the data's files, by size and time of change
RUN/.lock, .owner.json              which process writes
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json

RUN_MARKER = "run.json"
RECIPE = "recipe.yaml"
BY_HAND = "recipe.by-hand.yaml"
EVALUATION = "evaluation.json"
IMAGE_LISTS = "image-lists.json"
REPORT = "report.html"
DIGESTS = ".digests.json"
MODEL = "model.safetensors"  # in the folder of every training
LOCK = ".lock"
OWNER = ".owner.json"


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Hold the run folder while a block writes into it. The lock ends with the process, however that ends.

    Raises:
        PatchlearnError: another process holds it; the message names its host and its process id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise PatchlearnError(
            f"{folder}: {_owner(folder)} is working in this run folder. Wait until it has ended, or name another --out."
        ) from None
    try:
        write_json(folder / OWNER, {"host": socket.gethostname(), "pid": os.getpid()})
        yield
    finally:
        lock.release()


def _owner(folder: Path) -> str:
    try:
        owner = read_json(folder / OWNER)
        return f"process {owner['pid']} on {owner['host']}"
    except (PatchlearnError, KeyError, TypeError):  # it has only just begun
        return "another process"
