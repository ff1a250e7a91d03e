"""`patchlearn export`: write a trained model for other programs."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from patchlearn.core.errors import require_one_of
from patchlearn.export.onnx import export_onnx
from patchlearn.export.parity import parity_sentences
from patchlearn.export.torch_program import export_torch
from patchlearn.inference.segmenter import Segmenter
from patchlearn.runs.load import load, push_to_hub, write_model_folder

DESCRIPTION = (
    "Write a trained model as a folder that patchlearn and the hub read, to the hub itself, as an "
    "ONNX graph, or as a program of torch.export (.pt2). The last two run without patchlearn, for any number of "
    "images of any size: images B×3×H×W, float32 RGB in [0, 1], in; probabilities B×(K+1)×H×W, background first, "
    "out. One view of the image, without mirror images, windows or CRF. What was written is run beside the model "
    "on pictures of several sizes, and kept only if it agrees."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    verb.add_argument("model", help="a run folder, a variant's folder, an exported model, or owner/name on the hub")
    verb.add_argument("--format", required=True, help=" or ".join(EXPORTS))
    verb.add_argument("--out", required=True, help="the file (onnx, torch), the folder, or owner/name on the hub")


def work(options: Namespace, console: Console) -> list[str]:
    """Returns what went wrong with single files, a sentence each."""
    require_one_of("format", options.format, EXPORTS)
    said = EXPORTS[options.format](load(options.model), options.out)
    console.print(f"{options.format}: {said}", soft_wrap=True, markup=False, highlight=False)
    return []


def _export_folder(segmenter: Segmenter, out: str) -> str:
    write_model_folder(segmenter, Path(out))
    return out


def _export_hub(segmenter: Segmenter, out: str) -> str:
    with TemporaryDirectory() as folder:
        return push_to_hub(segmenter, out, Path(folder) / Path(out).name)


def _export_onnx(segmenter: Segmenter, out: str) -> str:
    return f"{out}, {parity_sentences(export_onnx(segmenter, Path(out)), segmenter)}"


def _export_torch(segmenter: Segmenter, out: str) -> str:
    return f"{out}, {parity_sentences(export_torch(segmenter, Path(out)), segmenter)}"


EXPORTS = {"folder": _export_folder, "hub": _export_hub, "onnx": _export_onnx, "torch": _export_torch}
