"""A run: where the files of each step lie, what they depend on, and whether they are complete.

A step is complete when the hash of its own settings and of its inputs matches the one in its step.json.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import write_text
from patchlearn.core.manifest import adopt, begin, commit, file_digest, fingerprint, finish, is_complete
from patchlearn.core.runtime import Runtime
from patchlearn.core.types import Dataset, Sample
from patchlearn.maps.cam import VERSION as CAMS_VERSION
from patchlearn.maps.pseudo_mask import VERSION as PSEUDO_VERSION
from patchlearn.maps.self_training import VERSION as RELEARN_VERSION
from patchlearn.runs.recipe import Recipe, Variant, dump_recipe
from patchlearn.training.affinity import OFF
from patchlearn.training.affinity import VERSION as AFFINITY_VERSION
from patchlearn.training.classifier import ClassifierSettings
from patchlearn.training.optimisation import Optimisation
from patchlearn.training.segmenter import VERSION as SEGMENTER_VERSION
from patchlearn.training.segmenter import NoiseSettings

RECIPE = "recipe.yaml"
BY_HAND = "recipe.by-hand.yaml"
VAL = "val"
REFERENCE = "-masks"
YOUNGER_OPTIONS = ("border", "detach", "keep_epochs", "pooling_power")
EVALUATION_VERSION = 2  # of what an entry of evaluation.json holds


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run folder with everything the steps need; `open_run` makes one.

    Args:
        folder: where files go.
        recipe: every setting.
        dataset: the opened data.
        variants: those this call works on.
        runtime: device, processes, threads, and where progress is shown.
    """

    folder: Path
    recipe: Recipe
    dataset: Dataset
    variants: tuple[Variant, ...]
    runtime: Runtime

    @cached_property
    def data_key(self) -> str:
        """`data_key` of the data set, which every other key holds: on a slow disk, asking each image takes minutes."""
        return data_key(self.dataset)


def segmented_splits(run: Run, variant: Variant) -> tuple[str, ...]:
    """The splits whose images the segmenter segments."""
    if variant.segmenter.splits is None:
        return (VAL,) if VAL in run.dataset.splits else ()
    return variant.segmenter.splits


def segmenter_samples(run: Run, variant: Variant) -> tuple[Sample, ...]:
    """The images that the segmenter learns from: as a reference, those that have true masks."""
    samples = run.dataset.split(variant.segmenter.train_split)
    return tuple(sample for sample in samples if sample.mask or not is_reference(run))


# --- folders -----------------------------------------------------------------


def classifier_folder(run: Run, variant: Variant) -> Path:
    """Of step 1."""
    return run.folder / variant.name / "classifier"


def relearn_folder(run: Run, variant: Variant) -> Path:
    """Of step 2: what its maps are read with."""
    return run.folder / variant.name / "relearn"


def cams_folder(run: Run, variant: Variant, split: str) -> Path:
    """Of step 2."""
    return run.folder / variant.name / "cams" / split


def affinity_folder(run: Run, variant: Variant) -> Path:
    """Of step 3."""
    return run.folder / variant.name / "affinity"


def pseudo_folder(run: Run, variant: Variant, split: str) -> Path:
    """Of step 4."""
    return run.folder / variant.name / "pseudo" / split


def segmenter_folder(run: Run, variant: Variant) -> Path:
    """Of step 5: the model."""
    return named_folder(run, variant, "segmenter")


def segmented_folder(run: Run, variant: Variant, split: str) -> Path:
    """Of step 5: its masks."""
    return named_folder(run, variant, "segmented") / split


def named_folder(run: Run, variant: Variant, step: str) -> Path:
    """The fully supervised reference keeps its files apart."""
    return run.folder / variant.name / (f"{step}{REFERENCE}" if is_reference(run) else step)


def is_reference(run: Run) -> bool:
    """Whether the segmenter learns from true masks."""
    return run.recipe.supervision == "masks"


# --- keys --------------------------------------------------------------------


def data_key(dataset: Dataset) -> str:
    """Changes with classes, lists, labels, and the size of any image file."""
    listing = {
        split: [(sample.id, sample.labels, sample.image.stat().st_size) for sample in samples]
        for split, samples in dataset.splits.items()
    }
    return fingerprint(dataset.classes, listing)


def classifier_key(run: Run, variant: Variant) -> str:
    """Changes with the training's settings, the seed, the data, and the content of a weights file."""
    content = _weights_content(variant.classifier.weights)
    classifier = replace(variant.classifier, optimisation=_what_learns(variant.classifier.optimisation))
    settings = _without_defaults(asdict(classifier), ClassifierSettings(), YOUNGER_OPTIONS)
    return fingerprint("classifier", settings, content, run.recipe.seed, run.data_key)


def _what_learns(optimisation: Optimisation) -> Optimisation:
    """Whoever saves more often after a kill goes on from where the training stood."""
    return replace(optimisation, save_seconds=Optimisation().save_seconds)


def _without_defaults(settings: dict[str, Any], defaults: object, names: Sequence[str]) -> dict[str, Any]:
    """An option that came later leaves the runs of before complete, as long as nobody sets it."""
    return {name: value for name, value in settings.items() if name not in names or value != getattr(defaults, name)}


def relearn_key(run: Run, variant: Variant) -> str:
    """Changes with the classifier, how its maps are read, what they are sure of, and how often they are relearned."""
    read = {name: value for name, value in asdict(variant.cams).items() if name in ("scales", "long_side", "read")}
    settings = read, asdict(variant.relearn), asdict(variant.pseudo.background)
    return fingerprint("relearn", RELEARN_VERSION, CAMS_VERSION, settings, classifier_key(run, variant))


def cams_key(run: Run, variant: Variant, split: str) -> str:
    """Changes with the classifier, with how its maps are read and, if they are relearned, with what from."""
    settings = {**asdict(variant.cams), "splits": split}
    reader = relearn_key(run, variant) if variant.relearn.rounds else classifier_key(run, variant)
    return fingerprint("cams", CAMS_VERSION, settings, reader)


def affinity_key(run: Run, variant: Variant) -> str:
    """Changes with the score maps of the images it learns from, what they are sure of, and the training's settings."""
    walk = asdict(variant.pseudo.walk) if variant.affinity.rounds > 1 else None
    learner = replace(variant.affinity, optimisation=_what_learns(variant.affinity.optimisation))
    settings = asdict(learner), asdict(variant.pseudo.background), walk
    scores = cams_key(run, variant, variant.affinity.train_split)
    return fingerprint("affinity", AFFINITY_VERSION, settings, run.recipe.seed, scores)


def pseudo_key(run: Run, variant: Variant, split: str) -> str:
    """Changes with the score maps, the affinities and the rules for masks."""
    settings = {**asdict(variant.pseudo), "splits": split}
    learned = affinity_key(run, variant) if variant.affinity.kind != OFF else None
    return fingerprint("pseudo", PSEUDO_VERSION, settings, cams_key(run, variant, split), learned)


def segmenter_key(run: Run, variant: Variant) -> str:
    """Changes with the masks it learns, the network and its training, the seed, and the content of a weights file."""
    settings = asdict(replace(variant.segmenter, optimisation=_what_learns(variant.segmenter.optimisation)))
    settings.pop("splits")
    if variant.segmenter.noise.rounds == 1 or is_reference(run):  # no round reads what an earlier one segmented
        settings.pop("inference")
        settings["noise"] |= {name: getattr(NoiseSettings(), name) for name in ("relabel_crf", "undecided")}
    split = variant.segmenter.train_split
    if is_reference(run):
        settings.pop("noise")
        masks: Any = run.data_key, [mask_sizes(sample) for sample in run.dataset.split(split)]
    else:
        masks = pseudo_key(run, variant, split)
    weights = _weights_content(variant.segmenter.weights)
    return fingerprint("segmenter", SEGMENTER_VERSION, settings, weights, run.recipe.seed, masks)


def segmented_key(run: Run, variant: Variant, split: str) -> str:
    """Changes with the segmenter and with how it is used."""
    return fingerprint("segmented", split, asdict(variant.segmenter.inference), segmenter_key(run, variant))


def _weights_content(weights: str | None) -> str | None:
    return file_digest(Path(weights)) if weights and Path(weights).is_file() else weights


def common_key(run: Run, variant: Variant) -> str:
    """Changes with whatever a segmenter and its fully supervised reference must share for the one to be measured by
    the other: everything but their labels, and what is done about noisy ones.
    """
    learner = replace(variant.segmenter, optimisation=_what_learns(variant.segmenter.optimisation))
    settings = {name: value for name, value in asdict(learner).items() if name not in ("noise", "splits")}
    weights = _weights_content(variant.segmenter.weights)
    return fingerprint("common", SEGMENTER_VERSION, settings, weights, run.recipe.seed, run.data_key)


def judged_masks(run: Run, variant: Variant) -> list[str]:
    """The splits whose masks the segmenter has written, from the present settings, and which have true ones."""
    return [
        split
        for split in segmented_splits(run, variant)
        if is_complete(segmented_folder(run, variant, split), segmented_key(run, variant, split))
        and any(sample.mask for sample in run.dataset.split(split))
    ]


def evaluation_key(run: Run, variant: Variant) -> str:
    """Changes with everything that is judged, and with the size of any true mask."""
    by_segmenter = judged_masks(run, variant)
    judged = [segmented_key(run, variant, split) for split in by_segmenter]
    splits = by_segmenter if is_reference(run) else [*variant.cams.splits, *by_segmenter]
    truth = [mask_sizes(sample) for split in dict.fromkeys(splits) for sample in run.dataset.split(split)]
    if is_reference(run):
        return fingerprint("evaluation-masks", EVALUATION_VERSION, variant.name, judged, truth)
    seeds = [cams_key(run, variant, split) for split in variant.cams.splits]
    masks = [pseudo_key(run, variant, split) for split in variant.pseudo.splits]
    return fingerprint(
        "evaluation", EVALUATION_VERSION, variant.name, seeds, masks, judged, truth, asdict(variant.pseudo)
    )


def mask_sizes(sample: Sample) -> tuple[str, int, int]:
    """(id, bytes of the mask, bytes of the parts)."""
    mask, parts = (path.stat().st_size if path else 0 for path in (sample.mask, sample.parts))
    return sample.id, mask, parts


# --- taking a step -----------------------------------------------------------


def take_step(run: Run, folder: Path, key: str, work: Callable[[], object]) -> None:
    """Do the work unless the folder's manifest says that it is done."""
    name = folder.relative_to(run.folder)
    if is_complete(folder, key):
        run.runtime.console.print(f"{name}: complete", style="dim", markup=False)
        return
    started = time.monotonic()
    if run.runtime.accelerator.is_main_process:
        _write_recipe(run)
        begin(folder, key)
    run.runtime.accelerator.wait_for_everyone()
    if not _adopted(run, folder, key):
        work()
    run.runtime.accelerator.wait_for_everyone()
    seconds = round(time.monotonic() - started, 1)
    if run.runtime.accelerator.is_main_process:
        finish(folder, key, seconds=seconds, commit=commit(), **_circumstances(run))
    run.runtime.accelerator.wait_for_everyone()


def _write_recipe(run: Run) -> None:
    """A reference is trained beside a run, whose recipe stays what it was; one written by hand is kept as well."""
    path = run.folder / RECIPE
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if before and is_reference(run):
        return
    if "#" in before:  # a comment: what we write has none
        write_text(run.folder / BY_HAND, before)
    write_text(path, dump_recipe(run.recipe))


def _circumstances(run: Run) -> dict[str, Any]:
    """What may change results in the last digits, and is no part of the key."""
    accelerator = run.runtime.accelerator
    return {
        "precision": run.recipe.runtime.precision,
        "processes": accelerator.num_processes,
        "device": accelerator.device.type,
    }


def _adopted(run: Run, folder: Path, key: str) -> bool:
    """Whether another variant had done exactly this step, so that its files could be copied."""
    variant, *rest = folder.relative_to(run.folder).parts
    for twin in run.folder.glob("/".join(["*", *rest])):
        if rest and twin != folder and is_complete(twin, key):
            words = f"{'/'.join([variant, *rest])}: as in {twin.relative_to(run.folder)}"
            run.runtime.console.print(words, style="dim", markup=False)
            if run.runtime.accelerator.is_main_process:
                adopt(twin, folder)
            run.runtime.accelerator.wait_for_everyone()
            return True
    return False


def require_step(folder: Path, key: str, verb: str) -> None:
    """Raise `PatchlearnError` unless the step that owns the folder is complete."""
    if not is_complete(folder, key):
        raise PatchlearnError(
            f"{folder}: not there yet, or made with other settings. Run first: patchlearn {verb} with the same recipe."
        )
