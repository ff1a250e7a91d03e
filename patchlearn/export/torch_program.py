"""A segmenter as a program of torch.export, which runs without patchlearn."""

import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import torch

from patchlearn.core.files import atomic
from patchlearn.export.graph import export_facts, traced_program
from patchlearn.export.parity import SIZES, Parity, Size, measure_parity, read_exported, require_parity
from patchlearn.export.refusals import REFUSALS, exporting, running
from patchlearn.inference.segmenter import Segmenter

FACTS = "patchlearn.json"  # a file beside the program in the archive


def export_torch(segmenter: Segmenter, path: Path, sizes: Iterable[Size] = SIZES) -> Parity:
    """Write a `.pt2` file, which `torch.export.load` reads; the file `patchlearn.json` in it names the classes.

    Args:
        segmenter: in evaluation mode, on any device.
        path: the file. It is written or replaced only if it agrees with the segmenter.
        sizes: (B, H, W) of the pictures on which the two are compared.

    Returns:
        How well the file agrees with the segmenter.

    Raises:
        PatchlearnError: torch.export does not support a part of the network, or the file disagrees with the segmenter.
    """
    facts = {FACTS: json.dumps(export_facts(segmenter), indent=2, ensure_ascii=False)}
    archive = BytesIO()
    with exporting(segmenter, "torch"):
        torch.export.save(traced_program(segmenter), archive, extra_files=facts)
    parity = require_parity(_parity(archive.getvalue(), path, segmenter, sizes), path)
    with atomic(path) as partial:
        partial.write_bytes(archive.getvalue())
    return parity


def check_torch(path: Path, segmenter: Segmenter, sizes: Iterable[Size] = SIZES) -> Parity:
    """Compare a program of torch.export with a segmenter on the same pictures.

    Args:
        path: a `.pt2` file.
        segmenter: what the file should compute, in evaluation mode.
        sizes: (B, H, W) of the pictures.

    Raises:
        PatchlearnError: torch cannot run the file at one of the sizes.
    """
    return _parity(read_exported(path), path, segmenter, sizes)


def _parity(content: bytes, path: Path, segmenter: Segmenter, sizes: Iterable[Size]) -> Parity:
    with running(path, REFUSALS):
        run = torch.export.load(BytesIO(content)).module()
    return measure_parity(run, path, segmenter, sizes, REFUSALS)
