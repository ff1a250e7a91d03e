"""Errors of exporters and runtimes become one sentence."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.export.refusals import exporting, running
from patchlearn.inference.segmenter import Segmenter


@pytest.mark.parametrize("error", [RuntimeError("no such operator\nand much more"), AssertionError()])
def test_an_exporters_error_names_the_network_and_keeps_its_first_line(error: Exception, segmenter: Segmenter) -> None:
    said = "no such operator" if str(error) else "AssertionError"
    expected = rf"^export, onnx: deeplabv3plus over test_resnet cannot be written \({said}\)\. Choose another format"
    with pytest.raises(PatchlearnError, match=expected) as caught, exporting(segmenter, "onnx"):
        raise error
    assert "much more" not in str(caught.value)


def test_other_errors_are_not_hidden(segmenter: Segmenter) -> None:
    with pytest.raises(KeyboardInterrupt), exporting(segmenter, "onnx"):
        raise KeyboardInterrupt
    with pytest.raises(KeyError), running(Path("a.onnx"), (ValueError,)):
        raise KeyError


def test_a_runtimes_error_names_the_file_and_is_short() -> None:
    with (
        pytest.raises(PatchlearnError, match=r"^a\.onnx: does not run at noon \(x{200}\)\. Choose"),
        running(Path("a.onnx"), (ValueError,), " at noon"),
    ):
        raise ValueError("x" * 300)
