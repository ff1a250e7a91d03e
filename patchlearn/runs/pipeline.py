"""The steps in order, resumable: data → classifier → maps → affinity → pseudo masks → segmenter → evaluation → report.

Steps hand each other files in one run folder:

    RUN/recipe.yaml                          the settings, complete; recipe.by-hand.yaml, if one lay there with comments
    RUN/data/                                scenes, where they were drawn
    RUN/evaluation.json, RUN/report.html     all variants
    RUN/VARIANT/classifier/                  model.safetensors, log.csv, epochs.csv
    RUN/VARIANT/relearn/                     round-N.safetensors: the discriminants, if maps are relearned
    RUN/VARIANT/cams/SPLIT/ID.npz            soft score maps
    RUN/VARIANT/affinity/                    labels/ID.png, model.safetensors, log.csv; earlier rounds in round-N/
    RUN/VARIANT/pseudo/SPLIT/ID.png          pseudo masks
    RUN/VARIANT/pseudo/SPLIT/sure/           what of them is sure enough to teach a segmenter
    RUN/VARIANT/segmenter/                   model.safetensors, log.csv, epochs.csv
    RUN/VARIANT/segmented/SPLIT/ID.png       the segmenter's masks
    RUN/VARIANT/evaluation/                  entries.json, curves.json

A segmenter that learned from true masks stands in segmenter-masks/, segmented-masks/ and evaluation-masks/.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from patchlearn.training.affinity import MODEL as AFFINITY_MODEL
from patchlearn.training.affinity import OFF, train_affinity, write_affinity_labels
from patchlearn.models.affinity_network import AffinityNetwork, load_affinity
from patchlearn.core.manifest import commit, file_digest, fingerprint, is_complete, is_of_another
from patchlearn.core.files import read_json, write_json
from patchlearn.core.masks_io import write_class_names
from patchlearn.steps.cams import write_cams
from patchlearn.runs.checks import check_affinities, check_classifiers, check_segmenter_splits, check_segmenters, check_splits
from patchlearn.models.classifier import MODEL, load_classifier
from patchlearn.training.classifier import train_classifier
from patchlearn.data.open import open_dataset
from patchlearn.data.images import read_mask
from patchlearn.data.check import check_dataset
from patchlearn.models.lda import load_discriminant
from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.evaluate.judge import Entry, EntryFacts, ScoreEvaluation, curve_table, evaluate_masks, evaluate_scores
from patchlearn.inference.segmenter import MODEL as SEGMENTER_MODEL
from patchlearn.inference.segmenter import load_segmenter, save_segmenter
from patchlearn.maps.pseudo_mask import SURE
from patchlearn.maps.walk import read_walked
from patchlearn.steps.pseudo_masks import write_pseudo_masks
from patchlearn.runs.recipe import SUPERVISIONS, Recipe, Variant, load_recipe, variants_of
from patchlearn.refine import background_threshold
from patchlearn.steps.self_training import learn_discriminant, round_path
from patchlearn.report.page import write_report
from patchlearn.core.runtime import share, start
from patchlearn.core.types import Dataset
from patchlearn.training.segmenter import ReadLabels, read_mask_of, train_segmenter, true_labels_only, write_masks
from patchlearn.steps.step import RECIPE, Run, affinity_folder, affinity_key, cams_folder, cams_key, classifier_folder, classifier_key, common_key, evaluation_key, is_reference, judged_masks, mask_sizes, named_folder, pseudo_folder, pseudo_key, relearn_folder, relearn_key, require_step, segmented_folder, segmented_key, segmented_splits, segmenter_folder, segmenter_key, segmenter_samples, take_step

EVALUATION = "evaluation.json"


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
    runtime = start(recipe.runtime, console)
    with runtime.accelerator.main_process_first():
        dataset = _open_data(recipe, folder)
    for variant in variants:
        check_splits(variant, dataset)
    return Run(
        folder=folder,
        recipe=recipe,
        dataset=dataset,
        variants=tuple(variant for variant in variants if not only or variant.name in only),
        runtime=runtime,
    )


def run_all(run: Run) -> None:
    """Every step of every variant, in order; what is complete is left alone."""
    weak = (train, cams, affinity, pseudo)
    steps = (segment,) if is_reference(run) else (*weak, segment) if run.recipe.with_segmenter else weak
    if train in steps:
        check_classifiers(run)
        check_affinities(run)
    if segment in steps:
        check_segmenters(run)
    check(run)
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
    masks = [mask_sizes(sample) for samples in run.dataset.splits.values() for sample in samples]
    key = fingerprint("check", run.data_key, masks)
    take_step(
        run,
        run.folder / "check",
        key,
        lambda: check_dataset(run.dataset) if run.runtime.accelerator.is_main_process else 0,
    )


def train(run: Run, variant: Variant) -> None:
    """Step 1: the classifier."""
    folder = classifier_folder(run, variant)
    work = partial(
        train_classifier,
        run.dataset,
        variant.classifier,
        folder,
        run.runtime,
        seed=run.recipe.seed,
    )
    take_step(run, folder, classifier_key(run, variant), work)


def cams(run: Run, variant: Variant) -> None:
    """Step 2: the score maps of every split that the settings name, relearned first if the settings say so."""
    require_step(classifier_folder(run, variant), classifier_key(run, variant), "train")
    if variant.relearn.rounds:
        folder = relearn_folder(run, variant)
        take_step(run, folder, relearn_key(run, variant), partial(_relearn, run, variant, folder))
    for split in variant.cams.splits:
        folder = cams_folder(run, variant, split)
        take_step(run, folder, cams_key(run, variant, split), partial(_write_cams, run, variant, split, folder))


def _relearn(run: Run, variant: Variant, folder: Path) -> None:
    learn_discriminant(
        run.dataset.split(variant.relearn.train_split),
        load_classifier(classifier_folder(run, variant) / MODEL),
        variant.cams,
        variant.pseudo.background,
        variant.relearn,
        folder,
        run.runtime,
    )


def _write_cams(run: Run, variant: Variant, split: str, folder: Path) -> None:
    classifier = load_classifier(classifier_folder(run, variant) / MODEL)
    rounds, discriminant = variant.relearn.rounds, None
    if rounds:
        discriminant = load_discriminant(round_path(relearn_folder(run, variant), rounds))
    write_cams(
        run.dataset.split(split),
        classifier,
        variant.cams,
        folder,
        run.runtime,
        discriminant=discriminant,
    )


def affinity(run: Run, variant: Variant) -> None:
    """Step 3: labels of what the maps are sure of, and the network that learns from them what belongs together."""
    if variant.affinity.kind == OFF:
        return
    require_step(classifier_folder(run, variant), classifier_key(run, variant), "train")
    split = variant.affinity.train_split
    require_step(cams_folder(run, variant, split), cams_key(run, variant, split), "cams")
    folder = affinity_folder(run, variant)
    take_step(run, folder, affinity_key(run, variant), partial(_train_affinity, run, variant, folder))


def _train_affinity(run: Run, variant: Variant, folder: Path) -> None:
    """Round after round; those before the last stand in `round-N/` below."""
    earlier: AffinityNetwork | None = None
    for number in range(1, variant.affinity.rounds):
        model = _earlier_round(folder, number) / AFFINITY_MODEL
        if not model.exists():
            _learn_affinity(run, variant, model.parent, earlier)
        earlier = load_affinity(model).to(run.runtime.accelerator.device)
    _learn_affinity(run, variant, folder, earlier)


def _learn_affinity(run: Run, variant: Variant, folder: Path, earlier: AffinityNetwork | None) -> None:
    """From what the score maps are sure of, after a walk along the affinities learned earlier, if there are any."""
    settings, labels = variant.affinity, folder / "labels"
    samples = run.dataset.split(settings.train_split)
    scores = cams_folder(run, variant, settings.train_split)
    write_affinity_labels(
        share(samples, run.runtime.accelerator),
        partial(read_walked, scores, variant.pseudo.walk, earlier),
        variant.pseudo.background,
        settings.confident,
        labels,
        run.runtime,
        title=variant.name,
    )
    run.runtime.accelerator.wait_for_everyone()
    stages = load_classifier(classifier_folder(run, variant) / MODEL).network.stages
    train_affinity(samples, labels, stages, settings, folder, run.runtime, seed=run.recipe.seed)


def pseudo(run: Run, variant: Variant) -> None:
    """Step 4: pseudo masks of every split that the settings name."""
    if variant.affinity.kind != OFF:
        require_step(affinity_folder(run, variant), affinity_key(run, variant), "affinity")
    for split in variant.pseudo.splits:
        scores, folder = cams_folder(run, variant, split), pseudo_folder(run, variant, split)
        require_step(scores, cams_key(run, variant, split), "cams")
        take_step(run, folder, pseudo_key(run, variant, split), partial(_write_pseudo, run, variant, split, folder))


def _write_pseudo(run: Run, variant: Variant, split: str, folder: Path) -> None:
    write_class_names(folder, run.dataset.classes)
    network, earlier = _affinities(run, variant)
    write_pseudo_masks(
        share(run.dataset.split(split), run.runtime.accelerator),
        cams_folder(run, variant, split),
        variant.pseudo,
        folder,
        run.runtime,
        affinity=network,
        second=earlier,
    )


def _affinities(run: Run, variant: Variant) -> tuple[AffinityNetwork | None, AffinityNetwork | None]:
    """The last round's network and, if two walks are to be compared, that of the round before, if there are any."""
    if variant.affinity.kind == OFF:
        return None, None
    folder, device = affinity_folder(run, variant), run.runtime.accelerator.device
    last = load_affinity(folder / AFFINITY_MODEL).to(device)
    if variant.affinity.rounds == 1 or variant.pseudo.sure == "confident":
        return last, None
    return last, load_affinity(_earlier_round(folder, variant.affinity.rounds - 1) / AFFINITY_MODEL).to(device)


def _earlier_round(folder: Path, number: int) -> Path:
    return folder / f"round-{number}"


def segment(run: Run, variant: Variant) -> None:
    """Step 5: the segmenter, and its masks of every split that the settings name."""
    check_segmenter_splits(run, variant)
    if not is_reference(run):
        split = variant.segmenter.train_split
        require_step(pseudo_folder(run, variant, split), pseudo_key(run, variant, split), "pseudo")
    folder = segmenter_folder(run, variant)
    take_step(run, folder, segmenter_key(run, variant), partial(_train_segmenter, run, variant, folder))
    _keep_inference(run, variant)
    for split in segmented_splits(run, variant):
        masks = segmented_folder(run, variant, split)
        take_step(run, masks, segmented_key(run, variant, split), partial(_write_segmented, run, variant, split, masks))


def _train_segmenter(run: Run, variant: Variant, folder: Path) -> None:
    settings = variant.segmenter
    masks = pseudo_folder(run, variant, settings.train_split)
    read_labels: ReadLabels = partial(read_mask_of, masks / SURE if settings.noise.labels == SURE else masks)
    if is_reference(run):
        settings, read_labels = true_labels_only(settings), partial(read_mask, run.dataset)
    train_segmenter(
        segmenter_samples(run, variant),
        read_labels,
        run.dataset.classes,
        settings,
        folder,
        run.runtime,
        seed=run.recipe.seed,
    )


def _keep_inference(run: Run, variant: Variant) -> None:
    """A change of these settings trains nothing again, but whoever loads the model is to use it as it is judged."""
    model = segmenter_folder(run, variant) / SEGMENTER_MODEL
    segmenter = load_segmenter(model)
    if segmenter.settings != variant.segmenter.inference and run.runtime.accelerator.is_main_process:
        save_segmenter(model, replace(segmenter, settings=variant.segmenter.inference))
    run.runtime.accelerator.wait_for_everyone()


def _write_segmented(run: Run, variant: Variant, split: str, folder: Path) -> None:
    segmenter = load_segmenter(segmenter_folder(run, variant) / SEGMENTER_MODEL)
    write_class_names(folder, run.dataset.classes)
    write_masks(
        share(run.dataset.split(split), run.runtime.accelerator),
        segmenter,
        folder,
        run.runtime,
        variant.segmenter.inference,
    )


def evaluate(run: Run) -> list[dict[str, Any]]:
    """Judge what there is of every split that has masks: seeds, pseudo masks, the segmenter's masks.

    The figures are gathered in `evaluation.json`.
    """
    for variant in run.variants:
        for split in () if is_reference(run) else variant.cams.splits:
            require_step(cams_folder(run, variant, split), cams_key(run, variant, split), "cams")
        for split in () if is_reference(run) else variant.pseudo.splits:
            require_step(pseudo_folder(run, variant, split), pseudo_key(run, variant, split), "pseudo")
        folder = named_folder(run, variant, "evaluation")
        take_step(run, folder, evaluation_key(run, variant), partial(_evaluate_variant, run, variant, folder))
    entries = _gathered_entries(run)
    if run.runtime.accelerator.is_main_process:
        write_json(run.folder / EVALUATION, entries)
    return entries


def report(run: Run) -> Path:
    """Write `report.html`."""
    there = [variant for variant in variants_of(run.recipe) if (run.folder / variant.name).is_dir()]
    outdated = {variant.name: _outdated(run, variant) for variant in there}
    for folder in itertools.chain(*outdated.values()):
        _say_left_out(run, folder)
    names = [name for name, folders in outdated.items() if not folders]
    split = run.variants[0].cams.splits[0]
    path = run.folder / "report.html"
    if run.runtime.accelerator.is_main_process:
        learned = {sample.id for variant in there for sample in run.dataset.split(variant.classifier.train_split)}
        path = write_report(run.folder, run.dataset, names, split=split, title=run.recipe.title, learned=len(learned))
    run.runtime.accelerator.wait_for_everyone()
    return path


def _outdated(run: Run, variant: Variant) -> list[Path]:
    """The folders of a variant that hold what the recipe, as it is now, does not make."""
    steps = [(classifier_folder(run, variant), classifier_key(run, variant))]
    steps += [(cams_folder(run, variant, split), cams_key(run, variant, split)) for split in variant.cams.splits]
    steps += [(pseudo_folder(run, variant, split), pseudo_key(run, variant, split)) for split in variant.pseudo.splits]
    for view, split in itertools.product(_supervisions(run), segmented_splits(run, variant)):
        steps.append((segmented_folder(view, variant, split), segmented_key(view, variant, split)))
    return [folder for folder, key in steps if is_of_another(folder, key)]


def _evaluate_variant(run: Run, variant: Variant, folder: Path) -> None:
    if not run.runtime.accelerator.is_main_process:
        return
    entries: list[Entry] = []
    curves: dict[str, dict[str, list[float]]] = {}
    for split in () if is_reference(run) else variant.cams.splits:
        if any(sample.mask for sample in run.dataset.split(split)):
            seeds = _evaluate_seeds(run, variant, split)
            entries += [seeds.oracle, seeds.label_free]
            curves[split] = curve_table(seeds.curve)
            entries += [_evaluate_pseudo(run, variant, split)] if split in variant.pseudo.splits else []
    entries += [_evaluate_segmented(run, variant, split) for split in judged_masks(run, variant)]
    write_json(folder / "entries.json", entries)
    write_json(folder / "curves.json", {"seed": curves})


def _evaluate_seeds(run: Run, variant: Variant, split: str) -> ScoreEvaluation:
    return evaluate_scores(
        run.dataset,
        run.dataset.split(split),
        cams_folder(run, variant, split),
        facts=_facts(run, variant, split, "seed"),
        label_free=partial(background_threshold, settings=variant.pseudo.background),
    )


def _evaluate_pseudo(run: Run, variant: Variant, split: str) -> Entry:
    masks = pseudo_folder(run, variant, split)
    facts = _facts(run, variant, split, "pseudo")
    return evaluate_masks(run.dataset, run.dataset.split(split), masks, facts=facts, rule="label_free")


def _evaluate_segmented(run: Run, variant: Variant, split: str) -> Entry:
    facts = replace(_facts(run, variant, split, "segmenter"), labels="predicted", supervision=run.recipe.supervision)
    masks, model = segmented_folder(run, variant, split), segmenter_folder(run, variant) / SEGMENTER_MODEL
    entry = evaluate_masks(run.dataset, run.dataset.split(split), masks, facts=facts, rule="argmax")
    return {**entry, "model": file_digest(model), "settings": common_key(run, variant)}


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
    """Of every variant that was judged as the recipe is now, also those this call did not work on.

    Figures of other settings would stand in the same table, beside a recipe that is not theirs.
    """
    entries: list[dict[str, Any]] = []
    for variant, view in itertools.product(variants_of(run.recipe), _supervisions(run)):
        folder, key = named_folder(view, variant, "evaluation"), evaluation_key(view, variant)
        if is_complete(folder, key):
            entries += read_json(folder / "entries.json")
        elif is_of_another(folder, key):
            _say_left_out(run, folder)
    return entries


def _supervisions(run: Run) -> list[Run]:
    """The run as it learns from tags, and its fully supervised reference."""
    return [replace(run, recipe=replace(run.recipe, supervision=name)) for name in SUPERVISIONS]


def _say_left_out(run: Run, folder: Path) -> None:
    name = folder.relative_to(run.folder)
    words = f"{name}: made with other settings than the recipe's, and left out. Do its steps again to have it in."
    run.runtime.console.print(words, style="dim", markup=False)


def _open_data(recipe: Recipe, folder: Path) -> Dataset:
    data = recipe.data
    if data.root is None and data.format != "scenes":
        raise PatchlearnError(f"data.root: the format {data.format!r} needs a folder. Add --data.root FOLDER.")
    return open_dataset(data.format, data.root or folder / "data", data.scenes)
