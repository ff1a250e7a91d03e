"""What a run would stumble over after hours, found out before its first step.

Wrong options and damaged files are refused where they are read; here is what only shows when the steps of a recipe are
held against each other and against the data.
"""

from patchlearn.training.affinity import OFF
from patchlearn.core.manifest import is_complete
from patchlearn.training.classifier import check_classifier
from patchlearn.core.errors import PatchlearnError
from patchlearn.runs.recipe import Variant
from patchlearn.core.types import Dataset
from patchlearn.training.segmenter import check_batch, create_network
from patchlearn.steps.step import Run, affinity_folder, affinity_key, classifier_folder, classifier_key, is_reference, segmented_splits, segmenter_folder, segmenter_key, segmenter_samples
from patchlearn.training.batches import check_shares


def check_splits(variant: Variant, dataset: Dataset) -> None:
    """Raise `PatchlearnError` unless there are the splits that the steps name, with the maps and labels they read."""
    readers = dict.fromkeys(variant.pseudo.splits, "pseudo masks need")
    if variant.affinity.kind != OFF:
        readers |= {variant.affinity.train_split: "affinities are learned from"}
    relearned = {variant.relearn.train_split} if variant.relearn.rounds else set()
    for name in {*variant.cams.splits, *readers, *relearned}:
        dataset.split(name)
    missing = sorted(set(readers) - set(variant.cams.splits))
    if missing or not variant.cams.splits:
        wanted = missing[0] if missing else "train"
        why = readers.get(wanted, "every step reads")
        raise PatchlearnError(f"variant {variant.name}: cams.splits lacks {wanted!r}, which {why}. Add it.")
    _check_labels(variant, dataset)


def _check_labels(variant: Variant, dataset: Dataset) -> None:
    """Maps of given labels would all be empty where nobody gave any, and the masks made from them background."""
    for name in variant.cams.splits if variant.cams.labels == "given" else ():
        if not any(sample.labels for sample in dataset.split(name)):
            raise PatchlearnError(
                f"variant {variant.name}: cams.labels is 'given', but no image of split {name!r} has a label. Label "
                f"its images, set cams.labels to predicted, or take {name!r} out of cams.splits."
            )


def check_classifiers(run: Run) -> None:
    """What step 1 would stumble over in one variant, before those ahead of it are trained."""
    for variant in run.variants:
        if not is_complete(classifier_folder(run, variant), classifier_key(run, variant)):
            check_classifier(run.dataset, variant.classifier, run.runtime, seed=run.recipe.seed)


def check_affinities(run: Run) -> None:
    """What step 3 would stumble over, before the hours that the classifier takes."""
    for variant in run.variants:
        settings = variant.affinity
        if settings.kind != OFF and not is_complete(affinity_folder(run, variant), affinity_key(run, variant)):
            images = len(run.dataset.split(settings.train_split))
            check_shares("affinity", images, settings.optimisation, run.runtime.accelerator)


def check_segmenters(run: Run) -> None:
    """What step 5 would stumble over, before the hours that the others take."""
    for variant in run.variants:
        check_segmenter_splits(run, variant)
        if not is_complete(segmenter_folder(run, variant), segmenter_key(run, variant)):
            check_batch(segmenter_samples(run, variant), variant.segmenter, run.runtime.accelerator)
            create_network(variant.segmenter, len(run.dataset.classes), variant.segmenter.weights)


def check_segmenter_splits(run: Run, variant: Variant) -> None:
    """Raise `PatchlearnError` unless there are the splits of step 5, with the pseudo masks that it learns from."""
    split = variant.segmenter.train_split
    for name in (split, *segmented_splits(run, variant)):
        run.dataset.split(name)
    if not is_reference(run) and split not in variant.pseudo.splits:
        raise PatchlearnError(
            f"variant {variant.name}: pseudo.splits lacks {split!r}, which the segmenter learns from. Add it."
        )
