"""A segmenter's masks of the images of a data set: a folder with `ID.png` for each of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from patchlearn.core.masks_io import write_mask
from patchlearn.core.memory import Need
from patchlearn.core.parallel import write_missing
from patchlearn.core.runtime import Runtime, to_device
from patchlearn.core.types import IGNORE, Sample, UInt8
from patchlearn.data.images import read_image, read_indices
from patchlearn.inference.memory import predict_need
from patchlearn.inference.segmenter import Segmenter
from patchlearn.inference.settings import InferenceSettings


def write_masks(
    samples: Sequence[Sample],
    segmenter: Segmenter,
    folder: Path,
    runtime: Runtime,
    settings: InferenceSettings | None = None,
    *,
    tagged: bool = False,
    title: str = "segment",
) -> None:
    """Write `folder/ID.png`, the segmenter's mask, for every sample that has none yet; each process does its part.

    Args:
        samples: the images.
        segmenter: a trained one; it is moved to the accelerator's device.
        folder: for the masks.
        runtime: device, precision, processes and threads.
        settings: how images are segmented; None for the segmenter's own settings.
        tagged: whether only the classes of a sample's tags may occur. Where a class that nobody judged wins over them
            and the background, the mask is 255.
        title: shown beside the progress bar.

    Raises:
        PatchlearnError: an image cannot be read.
    """
    accelerator = runtime.accelerator
    to_device(segmenter.network, accelerator.device)

    def write(sample: Sample, path: Path) -> None:
        present = (*sample.labels, *sample.unknown) if tagged else None
        with accelerator.autocast():
            mask = segmenter.predict(read_image(sample.image), settings, present)
        if tagged and sample.unknown:
            mask[np.isin(mask, [index + 1 for index in sample.unknown])] = IGNORE
        write_mask(path, mask)

    def need(sample: Sample) -> Need:
        return predict_need(sample.image, segmenter, settings or segmenter.settings)

    files = [(sample, folder / f"{sample.id}.png") for sample in samples]
    write_missing(
        files, write, title=title, runtime=runtime, needs=[need(sample) for sample, path in files if not path.exists()]
    )


def read_mask_of(folder: Path, sample: Sample) -> UInt8:
    """H×W: the mask of a sample that a step wrote into a folder.

    Raises:
        PatchlearnError: there is none, or it is damaged.
    """
    return read_indices(folder / f"{sample.id}.png")
