"""Step 2, before the maps are written: from what the maps are sure of, a discriminant learns to make better ones.

Round after round: read maps, sharpen them with a dense CRF, keep what they are sure of, learn from it what a cell
shows, and read the maps anew. The classifier and its features stay what they are. (That maps can teach a second, better
reader is an old habit of the field: IRN's affinities and SEAM's, AFA's and ToCo's second branches learn from theirs.)
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from patchlearn.core.runtime import Runtime, place, results_of, share
from patchlearn.core.types import Sample
from patchlearn.maps.cam import CamSettings
from patchlearn.maps.self_training import RelearnSettings, _check_cells, _Lesson, _moments_of, _total, check_relearn
from patchlearn.models.classifier import Classifier
from patchlearn.models.lda import load_discriminant, save_discriminant
from patchlearn.refine import BackgroundRule


def learn_discriminant(
    samples: Sequence[Sample],
    classifier: Classifier,
    cams: CamSettings,
    rule: BackgroundRule,
    settings: RelearnSettings,
    folder: Path,
    runtime: Runtime,
) -> Path:
    """Learn and write `folder/round-1.safetensors` and so on; rounds that are there are not learned again.

    Args:
        samples: images whose given labels say what is in them.
        classifier: whose features are used.
        cams: at which scales, and how, maps are read; mirror images are left out while learning.
        rule: what is background in a map.
        settings: how many rounds.
        folder: where the discriminants go.
        runtime: device, precision, processes and threads.

    Returns:
        The last round's file.

    Raises:
        PatchlearnError: a wrong setting, or a class of which no cell is sure.
    """
    check_relearn(settings)
    accelerator = runtime.accelerator
    network = place(classifier.network, accelerator.device)
    lesson = _Lesson(network, replace(cams, flip=False), rule, settings.confident, len(classifier.classes), accelerator)
    discriminant, path = None, folder
    for number in range(1, settings.rounds + 1):
        path = round_path(folder, number)
        if not path.exists():
            title = f"relearn {folder.parent.name}, round {number}"
            work = partial(_moments_of, replace(lesson, discriminant=discriminant))
            mine = share(samples, accelerator)
            moments = _total(lesson, results_of(mine, work, title, runtime.threads, runtime.console))
            _check_cells(moments, samples, classifier.classes)
            if accelerator.is_main_process:
                save_discriminant(path, moments.solve(settings.shrinkage))
        accelerator.wait_for_everyone()
        discriminant = load_discriminant(path).to(accelerator.device)
    return path


def round_path(folder: Path, number: int) -> Path:
    """The file of one round, counted from 1."""
    return folder / f"round-{number}.safetensors"
