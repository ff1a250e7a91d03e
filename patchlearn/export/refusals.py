"""The many errors of exporters and runtimes, as one `PatchlearnError` with one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.segmenter import Segmenter

Refusals = tuple[type[Exception], ...]

# What torch's exporters and exported programs raise if they do not support a network or a size.
REFUSALS: Refusals = (AssertionError, AttributeError, BadZipFile, RuntimeError, TypeError, ValueError)


@contextmanager
def exporting(segmenter: Segmenter, format: str) -> Iterator[None]:
    """Raise `PatchlearnError` if the exporter does not support the network."""
    try:
        yield
    except REFUSALS as error:
        network = segmenter.network
        raise PatchlearnError(
            f"export, {format}: {network.head} over {network.backbone} cannot be written ({_first_line(error)}). "
            "Choose another format, or train another head or backbone; resnet50 with deeplabv3plus works in all."
        ) from None


@contextmanager
def running(path: Path, refusals: Refusals, at: str = "") -> Iterator[None]:
    """Raise `PatchlearnError` if an exported file does not run.

    Args:
        path: the file.
        refusals: the errors of its runtime.
        at: the input for which it does not run, for the message.
    """
    try:
        yield
    except refusals as error:
        raise PatchlearnError(
            f"{path}: does not run{at} ({_first_line(error)}). Choose another format or another head."
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
