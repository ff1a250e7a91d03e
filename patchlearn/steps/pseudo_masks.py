"""Step 4: score maps → refined pseudo masks with an ignore band: walk → background → dense CRF → local refinement."""

from collections.abc import Sequence
from pathlib import Path

from patchlearn.core.masks_io import read_scores, write_mask
from patchlearn.core.runtime import Runtime, write_missing
from patchlearn.core.types import Sample
from patchlearn.data.images import read_image
from patchlearn.maps.pseudo_mask import SURE, PseudoSettings, check_pseudo, pseudo_labels
from patchlearn.models.affinity_network import AffinityNetwork


def write_pseudo_masks(
    samples: Sequence[Sample],
    scores: Path,
    settings: PseudoSettings,
    folder: Path,
    runtime: Runtime,
    *,
    affinity: AffinityNetwork | None = None,
    second: AffinityNetwork | None = None,
) -> None:
    """Write `folder/ID.png` and `folder/sure/ID.png` for every sample from `scores/ID.npz`, unless they are there.

    Raises:
        PatchlearnError: score maps or images are missing, or a setting is out of range.
    """
    check_pseudo(settings)

    def write(sample: Sample, path: Path) -> None:
        maps = read_scores(scores / f"{sample.id}.npz")
        mask, sure = pseudo_labels(read_image(sample.image), maps, settings, affinity, second)
        write_mask(folder / SURE / f"{sample.id}.png", sure)
        write_mask(path, mask)

    title = f"masks {folder.parent.parent.name} {folder.name}"
    write_missing(samples, lambda sample: folder / f"{sample.id}.png", write, title=title, runtime=runtime)
