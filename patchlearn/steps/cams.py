"""Step 2: multi-scale, flipped class activation maps, kept as soft score maps."""

from collections.abc import Sequence
from pathlib import Path

from patchlearn.core.masks_io import write_scores
from patchlearn.core.runtime import Runtime, place, share, write_missing
from patchlearn.core.types import Sample
from patchlearn.data.images import read_image
from patchlearn.maps.cam import CamSettings, check_cams, class_activation_maps
from patchlearn.models.classifier import Classifier
from patchlearn.models.lda import Discriminant


def write_cams(
    samples: Sequence[Sample],
    classifier: Classifier,
    settings: CamSettings,
    folder: Path,
    runtime: Runtime,
    *,
    discriminant: Discriminant | None = None,
) -> None:
    """Write `folder/ID.npz` for every sample that has none yet; each process does its share.

    Args:
        samples: the images.
        classifier: it is moved to the accelerator's device.
        settings: how to read the maps.
        folder: for the maps.
        runtime: device, precision, processes and threads.
        discriminant: see `class_activation_maps`.

    Raises:
        PatchlearnError: a wrong setting, or an image that cannot be read.
    """
    check_cams(settings, patches=bool(classifier.network.splits))
    accelerator = runtime.accelerator
    place(classifier.network, accelerator.device)
    if discriminant is not None:
        discriminant.to(accelerator.device)

    def write(sample: Sample, path: Path) -> None:
        given = sample.labels if settings.labels == "given" else None
        with accelerator.autocast():
            maps = class_activation_maps(classifier, read_image(sample.image), settings, given, discriminant)
        write_scores(path, maps)

    # Shares first: what other processes have written by now must not shift them.
    mine, title = share(samples, accelerator), f"maps {folder.parent.parent.name} {folder.name}"
    write_missing(mine, lambda sample: folder / f"{sample.id}.npz", write, title=title, runtime=runtime)
    accelerator.wait_for_everyone()
