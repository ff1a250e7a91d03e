"""The steps in order, resumable: data → classifier → maps → affinity → pseudo masks → segmenter → evaluation → report.

Steps hand each other files in one run folder:

    RUN/recipe.yaml                          the settings, complete
    RUN/data/                                scenes, where they were drawn
    RUN/evaluation.json, RUN/report.html     all variants
    RUN/VARIANT/classifier/                  model.safetensors, log.csv, epochs.csv
    RUN/VARIANT/cams/SPLIT/ID.npz            soft score maps
    RUN/VARIANT/affinity/                    labels/ID.png, model.safetensors, log.csv
    RUN/VARIANT/pseudo/SPLIT/ID.png          pseudo masks
    RUN/VARIANT/pseudo/SPLIT/confident/      what of them is sure enough to teach a segmenter
    RUN/VARIANT/segmenter/                   model.safetensors, log.csv, epochs.csv
    RUN/VARIANT/segmented/SPLIT/ID.png       the segmenter's masks
    RUN/VARIANT/evaluation/                  entries.json, curves.json

A segmenter that learned from true masks stands in segmenter-masks/, segmented-masks/ and evaluation-masks/.
A step is complete when the hash of its own settings and of its inputs matches the one in its step.json.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from rich.console import Console

from patchlearn.affinity import MODEL as AFFINITY_MODEL
from patchlearn.affinity import OFF, load_affinity, train_affinity, write_affinity_labels
from patchlearn.affinity import VERSION as AFFINITY_VERSION
from patchlearn.artifacts import (
    adopt,
    begin,
    commit,
    file_digest,
    fingerprint,
    finish,
    is_complete,
    read_json,
    write_class_names,
    write_json,
    write_text,
)
from patchlearn.cams import VERSION as CAMS_VERSION
from patchlearn.cams import write_cams
from patchlearn.classifier import MODEL, load_classifier, train_classifier
from patchlearn.datasets import open_dataset, read_mask
from patchlearn.datasets.check import check_dataset
from patchlearn.errors import PatchlearnError, require_one_of
from patchlearn.evaluate import Entry, EntryFacts, ScoreEvaluation, curve_table, evaluate_masks, evaluate_scores
from patchlearn.inference import MODEL as SEGMENTER_MODEL
from patchlearn.inference import load_segmenter, save_segmenter
from patchlearn.pseudo import CONFIDENT, write_pseudo_masks
from patchlearn.pseudo import VERSION as PSEUDO_VERSION
from patchlearn.recipe import Recipe, Variant, dump_recipe, load_recipe, variants_of
from patchlearn.refine import background_threshold
from patchlearn.report import write_report
from patchlearn.runtime import share, start
from patchlearn.samples import Dataset, Sample
from patchlearn.segmenter import VERSION as SEGMENTER_VERSION
from patchlearn.segmenter import ReadLabels, read_mask_of, train_segmenter, true_labels_only, write_masks

RECIPE = "recipe.yaml"
EVALUATION = "evaluation.json"
VAL = "val"
REFERENCE = "-masks"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run folder with everything the steps need; `open_run` makes one.

    Args:
        folder: where files go.
        recipe: every setting.
        dataset: the opened data.
        variants: those this call works on.
        accelerator: device and processes.
        console: where progress is shown.
    """

    folder: Path
    recipe: Recipe
    dataset: Dataset
    variants: tuple[Variant, ...]
    accelerator: Accelerator
    console: Console


def open_run(target: Path, out: Path | None, overrides: Sequence[str], only: Sequence[str], console: Console) -> Run:
    """Open a recipe, or a run folder that has one.

    Args:
        target: a recipe file, or a run folder.
        out: the run folder; by default the target if it is one, else `runs/STEM`.
        overrides: options such as `--seed=1`.
        only: names of variants to work on; all of them if empty.
        console: where progress is shown.

    Raises:
        PatchlearnError: a wrong recipe, option or variant, or data that cannot be opened.
    """
    recipe_file = target / RECIPE if target.is_dir() else target
    folder = out or (target if target.is_dir() else Path("runs") / target.stem)
    recipe = load_recipe(recipe_file, overrides)
    variants = variants_of(recipe, str(recipe_file))
    for name in only:
        require_one_of("--variant", name, [variant.name for variant in variants])
    accelerator = start(recipe.runtime)
    with accelerator.main_process_first():
        dataset = _open_data(recipe, folder)
    console.quiet = console.quiet or not accelerator.is_main_process
    for variant in variants:
        check_splits(variant, dataset)
    return Run(
        folder=folder,
        recipe=recipe,
        dataset=dataset,
        variants=tuple(variant for variant in variants if not only or variant.name in only),
        accelerator=accelerator,
        console=console,
    )


def run_all(run: Run) -> None:
    """Every step of every variant, in order; what is complete is left alone."""
    check(run)
    weak = (train, cams, affinity, pseudo)
    steps = (segment,) if _is_reference(run) else (*weak, segment) if run.recipe.with_segmenter else weak
    for step in steps:
        for variant in run.variants:
            step(run, variant)
    evaluate(run)
    report(run)


def check(run: Run) -> None:
    """Decode every image and mask once, before time is spent on training.

    Raises:
        PatchlearnError: the first ten files that are damaged or do not fit.
    """
    masks = [_mask_sizes(sample) for samples in run.dataset.splits.values() for sample in samples]
    key = fingerprint("check", data_key(run.dataset), masks)
    _step(run, run.folder / "check", key, lambda: check_dataset(run.dataset) if run.accelerator.is_main_process else 0)


def train(run: Run, variant: Variant) -> None:
    """Step 1: the classifier."""
    folder = _classifier_folder(run, variant)
    work = partial(
        train_classifier,
        run.dataset,
        variant.classifier,
        folder,
        run.accelerator,
        seed=run.recipe.seed,
        workers=run.recipe.runtime.workers,
        console=run.console,
    )
    _step(run, folder, classifier_key(run, variant), work)


def cams(run: Run, variant: Variant) -> None:
    """Step 2: the score maps of every split that the settings name."""
    _require(_classifier_folder(run, variant), classifier_key(run, variant), "train")
    for split in variant.cams.splits:
        folder = _cams_folder(run, variant, split)
        _step(run, folder, cams_key(run, variant, split), partial(_write_cams, run, variant, split, folder))


def _write_cams(run: Run, variant: Variant, split: str, folder: Path) -> None:
    classifier = load_classifier(_classifier_folder(run, variant) / MODEL)
    write_cams(run.dataset.split(split), classifier, variant.cams, folder, run.accelerator, run.console)


def affinity(run: Run, variant: Variant) -> None:
    """Step 3: labels of what the maps are sure of, and the network that learns from them what belongs together."""
    if variant.affinity.kind == OFF:
        return
    _require(_classifier_folder(run, variant), classifier_key(run, variant), "train")
    split = variant.affinity.train_split
    _require(_cams_folder(run, variant, split), cams_key(run, variant, split), "cams")
    folder = _affinity_folder(run, variant)
    _step(run, folder, affinity_key(run, variant), partial(_train_affinity, run, variant, folder))


def _train_affinity(run: Run, variant: Variant, folder: Path) -> None:
    settings, labels = variant.affinity, folder / "labels"
    samples = run.dataset.split(settings.train_split)
    write_affinity_labels(
        share(samples, run.accelerator),
        _cams_folder(run, variant, settings.train_split),
        variant.pseudo.background,
        settings.confident,
        labels,
        threads=run.recipe.runtime.threads,
        console=run.console,
    )
    run.accelerator.wait_for_everyone()
    stages = load_classifier(_classifier_folder(run, variant) / MODEL).network.stages
    seed, workers = run.recipe.seed, run.recipe.runtime.workers
    train_affinity(
        samples, labels, stages, settings, folder, run.accelerator, seed=seed, workers=workers, console=run.console
    )


def pseudo(run: Run, variant: Variant) -> None:
    """Step 4: pseudo masks of every split that the settings name."""
    if variant.affinity.kind != OFF:
        _require(_affinity_folder(run, variant), affinity_key(run, variant), "affinity")
    for split in variant.pseudo.splits:
        scores, folder = _cams_folder(run, variant, split), _pseudo_folder(run, variant, split)
        _require(scores, cams_key(run, variant, split), "cams")
        _step(run, folder, pseudo_key(run, variant, split), partial(_write_pseudo, run, variant, split, folder))


def _write_pseudo(run: Run, variant: Variant, split: str, folder: Path) -> None:
    write_class_names(folder, run.dataset.classes)
    network = None
    if variant.affinity.kind != OFF:
        network = load_affinity(_affinity_folder(run, variant) / AFFINITY_MODEL).to(run.accelerator.device)
    write_pseudo_masks(
        share(run.dataset.split(split), run.accelerator),
        _cams_folder(run, variant, split),
        variant.pseudo,
        folder,
        run.console,
        affinity=network,
        threads=run.recipe.runtime.threads,
    )


def segment(run: Run, variant: Variant) -> None:
    """Step 5: the segmenter, and its masks of every split that the settings name."""
    split = variant.segmenter.train_split
    if not _is_reference(run):
        if split not in variant.pseudo.splits:
            raise PatchlearnError(f"variant {variant.name}: pseudo.splits lacks {split!r}, which the segmenter learns.")
        _require(_pseudo_folder(run, variant, split), pseudo_key(run, variant, split), "pseudo")
    folder = _segmenter_folder(run, variant)
    _step(run, folder, segmenter_key(run, variant), partial(_train_segmenter, run, variant, folder))
    for split in segmented_splits(run, variant):
        masks = _segmented_folder(run, variant, split)
        _step(run, masks, segmented_key(run, variant, split), partial(_write_segmented, run, variant, split, masks))


def segmented_splits(run: Run, variant: Variant) -> tuple[str, ...]:
    """The splits whose images the segmenter segments."""
    if variant.segmenter.splits is None:
        return (VAL,) if VAL in run.dataset.splits else ()
    return variant.segmenter.splits


def _train_segmenter(run: Run, variant: Variant, folder: Path) -> None:
    settings, samples = variant.segmenter, run.dataset.split(variant.segmenter.train_split)
    masks = _pseudo_folder(run, variant, settings.train_split)
    read_labels: ReadLabels = partial(read_mask_of, masks / CONFIDENT if settings.noise.labels == CONFIDENT else masks)
    if _is_reference(run):
        settings, read_labels = true_labels_only(settings), partial(read_mask, run.dataset)
        samples = tuple(sample for sample in samples if sample.mask)
    train_segmenter(
        samples,
        read_labels,
        run.dataset.classes,
        settings,
        folder,
        run.accelerator,
        seed=run.recipe.seed,
        workers=run.recipe.runtime.workers,
        threads=run.recipe.runtime.threads,
        console=run.console,
    )


def _write_segmented(run: Run, variant: Variant, split: str, folder: Path) -> None:
    model = _segmenter_folder(run, variant) / SEGMENTER_MODEL
    segmenter = load_segmenter(model)
    if segmenter.settings != variant.segmenter.inference and run.accelerator.is_main_process:
        # A change of these trains nothing again, but whoever loads the model is to use it as it was judged.
        save_segmenter(model, replace(segmenter, settings=variant.segmenter.inference))
    write_class_names(folder, run.dataset.classes)
    write_masks(
        share(run.dataset.split(split), run.accelerator),
        segmenter,
        folder,
        run.accelerator,
        variant.segmenter.inference,
        threads=run.recipe.runtime.threads,
        console=run.console,
    )


def evaluate(run: Run) -> list[dict[str, Any]]:
    """Judge what there is of every split that has masks: seeds, pseudo masks, the segmenter's masks.

    The figures are gathered in `evaluation.json`.
    """
    for variant in run.variants:
        for split in () if _is_reference(run) else variant.pseudo.splits:
            _require(_pseudo_folder(run, variant, split), pseudo_key(run, variant, split), "pseudo")
        folder = _named(run, variant, "evaluation")
        _step(run, folder, _evaluation_key(run, variant), partial(_evaluate_variant, run, variant, folder))
    entries = _gathered_entries(run)
    if run.accelerator.is_main_process:
        write_json(run.folder / EVALUATION, entries)
    return entries


def report(run: Run) -> Path:
    """Write `report.html`."""
    names = [variant.name for variant in variants_of(run.recipe) if (run.folder / variant.name).is_dir()]
    split = run.variants[0].cams.splits[0]
    path = run.folder / "report.html"
    if run.accelerator.is_main_process:
        path = write_report(run.folder, run.dataset, names, split=split, title=run.recipe.title)
    run.accelerator.wait_for_everyone()
    return path


def check_splits(variant: Variant, dataset: Dataset) -> None:
    """Raise `PatchlearnError` unless there are the splits that the steps name, with the maps and labels they read."""
    readers = dict.fromkeys(variant.pseudo.splits, "pseudo masks need")
    if variant.affinity.kind != OFF:
        readers |= {variant.affinity.train_split: "affinities are learned from"}
    for name in {*variant.cams.splits, *readers}:
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
    return fingerprint("classifier", asdict(variant.classifier), content, run.recipe.seed, data_key(run.dataset))


def cams_key(run: Run, variant: Variant, split: str) -> str:
    """Changes with the classifier and with how its maps are read."""
    settings = {**asdict(variant.cams), "splits": split}
    return fingerprint("cams", CAMS_VERSION, settings, classifier_key(run, variant))


def affinity_key(run: Run, variant: Variant) -> str:
    """Changes with the score maps of the images it learns from, what they are sure of, and the training's settings."""
    settings = asdict(variant.affinity), asdict(variant.pseudo.background)
    scores = cams_key(run, variant, variant.affinity.train_split)
    return fingerprint("affinity", AFFINITY_VERSION, settings, run.recipe.seed, scores)


def pseudo_key(run: Run, variant: Variant, split: str) -> str:
    """Changes with the score maps, the affinities and the rules for masks."""
    settings = {**asdict(variant.pseudo), "splits": split}
    learned = affinity_key(run, variant) if variant.affinity.kind != OFF else None
    return fingerprint("pseudo", PSEUDO_VERSION, settings, cams_key(run, variant, split), learned)


def segmenter_key(run: Run, variant: Variant) -> str:
    """Changes with the masks it learns, the network and its training, the seed, and the content of a weights file."""
    settings = asdict(variant.segmenter)
    for name in ("splits", "inference"):
        settings.pop(name)
    split = variant.segmenter.train_split
    if _is_reference(run):
        settings.pop("noise")
        masks: Any = data_key(run.dataset), [_mask_sizes(sample) for sample in run.dataset.split(split)]
    else:
        masks = pseudo_key(run, variant, split)
    weights = _weights_content(variant.segmenter.weights)
    return fingerprint("segmenter", SEGMENTER_VERSION, settings, weights, run.recipe.seed, masks)


def segmented_key(run: Run, variant: Variant, split: str) -> str:
    """Changes with the segmenter and with how it is used."""
    return fingerprint("segmented", split, asdict(variant.segmenter.inference), segmenter_key(run, variant))


def _weights_content(weights: str | None) -> str | None:
    return file_digest(Path(weights)) if weights and Path(weights).is_file() else weights


def _judged_masks(run: Run, variant: Variant) -> list[str]:
    """The splits whose masks the segmenter has written, from the present settings, and which have true ones."""
    return [
        split
        for split in segmented_splits(run, variant)
        if is_complete(_segmented_folder(run, variant, split), segmented_key(run, variant, split))
        and any(sample.mask for sample in run.dataset.split(split))
    ]


def _evaluation_key(run: Run, variant: Variant) -> str:
    judged = [segmented_key(run, variant, split) for split in _judged_masks(run, variant)]
    if _is_reference(run):
        truth = [_mask_sizes(sample) for split in segmented_splits(run, variant) for sample in run.dataset.split(split)]
        return fingerprint("evaluation-masks", variant.name, judged, truth)
    seeds = [cams_key(run, variant, split) for split in variant.cams.splits]
    masks = [pseudo_key(run, variant, split) for split in variant.pseudo.splits]
    truth = [_mask_sizes(sample) for split in variant.cams.splits for sample in run.dataset.split(split)]
    return fingerprint("evaluation", variant.name, seeds, masks, judged, truth, asdict(variant.pseudo))


def _mask_sizes(sample: Sample) -> tuple[str, int, int]:
    mask, parts = (path.stat().st_size if path else 0 for path in (sample.mask, sample.parts))
    return sample.id, mask, parts


def _evaluate_variant(run: Run, variant: Variant, folder: Path) -> None:
    if not run.accelerator.is_main_process:
        return
    entries: list[Entry] = []
    curves: dict[str, dict[str, list[float]]] = {}
    for split in () if _is_reference(run) else variant.cams.splits:
        if any(sample.mask for sample in run.dataset.split(split)):
            seeds = _evaluate_seeds(run, variant, split)
            entries += [seeds.oracle, seeds.label_free]
            curves[split] = curve_table(seeds.curve)
            entries += [_evaluate_pseudo(run, variant, split)] if split in variant.pseudo.splits else []
    entries += [_evaluate_segmented(run, variant, split) for split in _judged_masks(run, variant)]
    write_json(folder / "entries.json", entries)
    write_json(folder / "curves.json", {"seed": curves})


def _evaluate_seeds(run: Run, variant: Variant, split: str) -> ScoreEvaluation:
    return evaluate_scores(
        run.dataset,
        run.dataset.split(split),
        _cams_folder(run, variant, split),
        facts=_facts(run, variant, split, "seed"),
        label_free=partial(background_threshold, settings=variant.pseudo.background),
    )


def _evaluate_pseudo(run: Run, variant: Variant, split: str) -> Entry:
    masks = _pseudo_folder(run, variant, split)
    facts = _facts(run, variant, split, "pseudo")
    return evaluate_masks(run.dataset, run.dataset.split(split), masks, facts=facts, rule="label_free")


def _evaluate_segmented(run: Run, variant: Variant, split: str) -> Entry:
    facts = replace(_facts(run, variant, split, "segmenter"), labels="predicted", supervision=run.recipe.supervision)
    masks = _segmented_folder(run, variant, split)
    return evaluate_masks(run.dataset, run.dataset.split(split), masks, facts=facts, rule="argmax")


def _facts(run: Run, variant: Variant, split: str, artefact: str) -> EntryFacts:
    return EntryFacts(
        artefact=artefact,
        variant=variant.name,
        split=split,
        labels=variant.cams.labels,
        commit=commit(),
        recipe=fingerprint(asdict(run.recipe)),
    )


def _gathered_entries(run: Run) -> list[dict[str, Any]]:
    """Of every variant of the recipe that has been evaluated, also those this call did not work on."""
    files = [
        run.folder / variant.name / f"evaluation{ending}" / "entries.json"
        for variant in variants_of(run.recipe)
        for ending in ("", REFERENCE)
    ]
    return [entry for file in files if file.exists() for entry in read_json(file)]


def _open_data(recipe: Recipe, folder: Path) -> Dataset:
    data = recipe.data
    if data.root is None and data.format != "scenes":
        raise PatchlearnError(f"data.root: the format {data.format!r} needs a folder. Add --data.root FOLDER.")
    return open_dataset(data.format, data.root or folder / "data", data.scenes)


def _classifier_folder(run: Run, variant: Variant) -> Path:
    return run.folder / variant.name / "classifier"


def _cams_folder(run: Run, variant: Variant, split: str) -> Path:
    return run.folder / variant.name / "cams" / split


def _affinity_folder(run: Run, variant: Variant) -> Path:
    return run.folder / variant.name / "affinity"


def _pseudo_folder(run: Run, variant: Variant, split: str) -> Path:
    return run.folder / variant.name / "pseudo" / split


def _segmenter_folder(run: Run, variant: Variant) -> Path:
    return _named(run, variant, "segmenter")


def _segmented_folder(run: Run, variant: Variant, split: str) -> Path:
    return _named(run, variant, "segmented") / split


def _named(run: Run, variant: Variant, step: str) -> Path:
    """The fully supervised reference keeps its files apart."""
    return run.folder / variant.name / (f"{step}{REFERENCE}" if _is_reference(run) else step)


def _is_reference(run: Run) -> bool:
    return run.recipe.supervision == "masks"


def _step(run: Run, folder: Path, key: str, work: Callable[[], object]) -> None:
    """Do the work unless the folder's manifest says that it is done."""
    name = folder.relative_to(run.folder)
    if is_complete(folder, key):
        run.console.print(f"[dim]{name}: complete[/dim]")
        return
    started = time.monotonic()
    if run.accelerator.is_main_process:
        write_text(run.folder / RECIPE, dump_recipe(run.recipe))
        begin(folder, key)
    run.accelerator.wait_for_everyone()
    if not _adopted(run, folder, key):
        work()
    run.accelerator.wait_for_everyone()
    seconds = round(time.monotonic() - started, 1)
    if run.accelerator.is_main_process:
        finish(folder, key, seconds=seconds, commit=commit(), **_circumstances(run))
    run.accelerator.wait_for_everyone()


def _circumstances(run: Run) -> dict[str, Any]:
    """What may change results in the last digits, and is no part of the key."""
    accelerator = run.accelerator
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
            run.console.print(f"[dim]{'/'.join([variant, *rest])}: as in {twin.relative_to(run.folder)}[/dim]")
            if run.accelerator.is_main_process:
                adopt(twin, folder)
            run.accelerator.wait_for_everyone()
            return True
    return False


def _require(folder: Path, key: str, verb: str) -> None:
    if not is_complete(folder, key):
        raise PatchlearnError(
            f"{folder}: not there yet, or made with other settings. Run first: patchlearn {verb} with the same recipe."
        )
