"""A segmenter as an ONNX file, which runs without patchlearn and torch."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic
from patchlearn.export.graph import INPUT, OUTPUT, SIDES, export_facts, traced_program
from patchlearn.export.parity import SIZES, Parity, Size, measure_parity, read_exported, require_parity
from patchlearn.export.refusals import exporting, running
from patchlearn.inference.segmenter import Segmenter


def export_onnx(segmenter: Segmenter, path: Path, sizes: Iterable[Size] = SIZES) -> Parity:
    """Write an ONNX file; its `metadata_props` name the classes, the input and the output.

    Args:
        segmenter: in evaluation mode, on any device.
        path: the file. It is written or replaced only if it agrees with the segmenter.
        sizes: (B, H, W) of the pictures on which the two are compared.

    Returns:
        How well the file agrees with the segmenter.

    Raises:
        PatchlearnError: `patchlearn[export]` is not installed, the exporter does not support a part of the network, or
            the file disagrees with the segmenter.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        _package(name)
    with exporting(segmenter, "onnx"):
        graph = torch.onnx.export(
            traced_program(segmenter),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=(SIDES,),
        )
        assert graph is not None
        graph.model.metadata_props.update(export_facts(segmenter))
        content = graph.model_proto.SerializeToString()
    parity = require_parity(_parity(content, path, segmenter, sizes), path)
    with atomic(path) as partial:
        partial.write_bytes(content)
    return parity


def check_onnx(path: Path, segmenter: Segmenter, sizes: Iterable[Size] = SIZES) -> Parity:
    """Compare an ONNX file, run by ONNX Runtime, with a segmenter on the same pictures.

    Args:
        path: an ONNX file.
        segmenter: what the file should compute, in evaluation mode.
        sizes: (B, H, W) of the pictures.

    Raises:
        PatchlearnError: ONNX Runtime is not installed, or it cannot run the file at one of the sizes.
    """
    return _parity(read_exported(path), path, segmenter, sizes)


def _parity(content: bytes, path: Path, segmenter: Segmenter, sizes: Iterable[Size]) -> Parity:
    runtime = _package("onnxruntime")
    failures = _package("onnxruntime.capi.onnxruntime_pybind11_state")
    names = "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented"
    refusals = tuple(vars(failures)[name] for name in (*names, "RuntimeException"))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()  # the two are compared, and tests may run side by side
    with running(path, refusals):
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])

    return measure_parity(run, path, segmenter, sizes, refusals)


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise PatchlearnError(f"export: {name} is not installed. Run: pip install 'patchlearn[export]'") from None
