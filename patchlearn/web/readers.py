"""What answers for the target of `patchlearn serve`."""

from pathlib import Path
from typing import TYPE_CHECKING

from patchlearn.core.runtime import start, to_device
from patchlearn.core.settings import RuntimeSettings
from patchlearn.core.types import Bands
from patchlearn.runs.load import load
from patchlearn.runs.run import open_run
from patchlearn.runs.target import find_target, is_run
from patchlearn.web.answers import Reader
from patchlearn.web.of_model import ModelReader
from patchlearn.web.of_run import read_run

if TYPE_CHECKING:
    from rich.console import Console


def read_target(target: str, console: "Console") -> tuple[Reader, Bands | None]:
    """(what answers for a run folder or a model, the bands that it reads images from).

    Args:
        target: a run folder; or a variant's folder, an exported model, a file, or owner/name on the hub.
        console: where the run says what it opens.

    Raises:
        PatchlearnError: there is neither a run nor a model, or the run has no masks yet.
    """
    path = Path(target)
    if is_run(path):
        with open_run(find_target(path, None, ()), (), console) as run:
            return read_run(run, path.resolve().name), run.recipe.data.bands
    segmenter = load(target)
    to_device(segmenter.network, start(RuntimeSettings(), console).accelerator.device)
    return ModelReader(segmenter, path.name), segmenter.bands
