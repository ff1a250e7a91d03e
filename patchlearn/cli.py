"""The command line: one verb for each step."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from patchlearn import pipeline
from patchlearn.annotations import FORMATS, PER, SHAPES, AnnotationSettings, write_annotations
from patchlearn.datasets.check import summarise
from patchlearn.datasets.labels import read_class_names
from patchlearn.datasets.voc import read_list
from patchlearn.errors import PatchlearnError, listed
from patchlearn.external import KINDS, refine_folder
from patchlearn.inference import with_settings
from patchlearn.pipeline import Run, open_run
from patchlearn.predict import segment_files
from patchlearn.pseudo import CrfSettings, PseudoSettings
from patchlearn.recipe import Recipe, recipe_parser
from patchlearn.refine import BackgroundRule
from patchlearn.refine.crf import PRESETS
from patchlearn.results import print_results
from patchlearn.runtime import RuntimeSettings, start
from patchlearn.sharing import load
from patchlearn.submission import FOLDERS, check_submission, write_submission

REFINE = """Refine a folder of score maps, probabilities or masks that any program made, one for each image of the
same name: .npz score maps of patchlearn; .npy arrays K×h×w, scores of K classes in [0, 1] without the background, or
probabilities with the background first; .png masks of indices, 255 unknown. Writes OUT/NAME.png."""
PREDICT = """Segment pictures with a trained model: writes OUT/NAME.png, a palette PNG of class indices (0 background,
i the i-th line of OUT/classes.txt). No image labels are needed. A picture that cannot be read is named, the others are
done, and the exit code is 2."""
SUBMIT = """Pack a folder of masks (0 background, i + 1 the i-th class; no 255) into the archive that PASCAL VOC's
evaluation server takes: results/VOC2012/Segmentation/comp6_test_cls/NAME.png, with VOC's own class values, found by
name."""
CHECK_SUBMISSION = """Report what is wrong with an archive for PASCAL VOC's evaluation server, or with the folder it is
to be packed from. Nothing is unpacked on the disk."""
CONVERT = """Write a folder of masks (0 background, 1, 2, … the classes, 255 undecided) as annotations that other tools
read: COCO JSON; an XML for CVAT; tasks for Label Studio with masks to correct, and the labelling configuration beside
them; or VOC's layout of folders."""
SUCCESS, FAILURE, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. A `PatchlearnError` is printed as one sentence, without a traceback."""
    console = Console(stderr=True)
    words, overrides = split_overrides(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    try:
        if options.verb == "settings":
            recipe_parser("patchlearn run RECIPE").print_help()
        elif options.verb in ALONE:
            _refuse_settings(options.verb, overrides)
            return ALONE[options.verb](options, console)
        else:
            run = open_run(options.target, options.out, overrides, options.variant, console)
            VERBS[options.verb](run, options)
    except PatchlearnError as error:
        return _fail(console, str(error))
    except OSError as error:
        where = f"{error.filename}: {error.strerror}"
        return _fail(console, f"{where}. Check the path, its permissions and the space on the disk.")
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here")
        return INTERRUPTED
    return SUCCESS


def _fail(console: Console, sentence: str) -> int:
    console.print("error:", style="bold red", end=" ")
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return FAILURE


def split_overrides(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """(the verb's own words, the overrides of settings); a setting is `--SECTION.KEY` or a top-level one.

    >>> split_overrides(["run", "my.yaml", "--data.root", "photos", "--seed=1", "--out", "runs/a"])
    (['run', 'my.yaml', '--out', 'runs/a'], ['--data.root=photos', '--seed=1'])
    """
    words, overrides, queue = [], [], list(arguments)
    while queue:
        word = queue.pop(0)
        if not _is_setting(word):
            words.append(word)
        elif "=" in word or not queue:
            overrides.append(word)
        else:
            overrides.append(f"{word}={queue.pop(0)}")
    return words, overrides


def _is_setting(word: str) -> bool:
    name = word.removeprefix("--").split("=")[0]
    return word.startswith("--") and ("." in name or name in {entry.name for entry in fields(Recipe)})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="patchlearn",
        description="Segmentation masks from image tags.",
        epilog="Any setting can be changed on the command line: --data.root photos --seed 1. "
        "'patchlearn settings' lists them all.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, function in VERBS.items():
        verb = verbs.add_parser(name, help=(function.__doc__ or "").strip(), description=function.__doc__)
        verb.add_argument("target", type=Path, help="a recipe (*.yaml), or a run folder")
        verb.add_argument("--out", type=Path, help="the run folder (default: runs/NAME of the recipe)")
        verb.add_argument("--variant", action="append", default=[], help="only this variant; may be repeated")
        verb.add_argument("--json", action="store_true", help="print the figures as JSON (evaluate)")
    _add_predict(verbs.add_parser("predict", help="Segment pictures with a trained model.", description=PREDICT))
    _add_refine(verbs.add_parser("refine", help="Refine score maps or masks of any program.", description=REFINE))
    _add_submit(verbs.add_parser("submit", help="Pack masks for PASCAL VOC's evaluation server.", description=SUBMIT))
    check = verbs.add_parser("check-submission", help="Check what submit has packed.", description=CHECK_SUBMISSION)
    _add_check_submission(check)
    _add_convert(verbs.add_parser("convert", help="Write masks for other tools.", description=CONVERT))
    verbs.add_parser("settings", help="Every setting of a recipe, with its type and default.")
    return parser


def _add_refine(verb: argparse.ArgumentParser) -> None:
    settings = PseudoSettings()
    verb.add_argument("--images", type=Path, required=True, help="a folder of pictures")
    verb.add_argument("--scores", type=Path, required=True, help="a folder of .npz, .npy or .png, named as the images")
    verb.add_argument("--out", type=Path, required=True, help="the folder for the masks")
    verb.add_argument("--kind", default="scores", help=f"of .npy files: {' or '.join(KINDS)} (default: scores)")
    verb.add_argument("--preset", default=settings.crf.preset, help="of the dense CRF, or none (default: %(default)s)")
    verb.add_argument("--iterations", type=int, default=settings.crf.iterations, help="of it (default: %(default)s)")
    verb.add_argument("--confidence", type=float, default=settings.crf.confidence, help="of a label, for the CRF")
    verb.add_argument("--background", default=settings.background.rule, help="rule for the background's threshold")
    verb.add_argument("--threshold", type=float, default=settings.background.threshold, help="of the rule fixed")
    verb.add_argument("--local", type=int, default=settings.local, help="iterations of pixel-adaptive refinement")
    verb.add_argument("--ignore-band", type=float, default=settings.ignore_band, help="how close a call is undecided")
    verb.add_argument("--threads", type=int, help="images at a time (default: one per core)")


def _add_predict(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "model", help="a run folder, a variant's folder in it, an exported model, or owner/name on the hub"
    )
    verb.add_argument("images", nargs="+", help="pictures, folders of pictures, patterns")
    verb.add_argument("-o", "--out", type=Path, required=True, help="the folder for the masks")
    verb.add_argument("--scales", type=float, nargs="+", help="factors on the base size (default: the model's own)")
    verb.add_argument("--flip", action=argparse.BooleanOptionalAction, help="add the mirror image")
    verb.add_argument("--long-side", type=int, help="base size, the longer side in pixels")
    verb.add_argument("--window", type=int, help="side of the windows that larger images are cut into")
    verb.add_argument("--crf", help=f"preset of the dense CRF: {', '.join(PRESETS)}, or none")
    verb.add_argument("--device", default="auto", help="auto or cpu (default: auto)")


def _predict(options: argparse.Namespace, console: Console) -> int:
    scales = tuple(options.scales) if options.scales else None
    segmenter = with_settings(
        load(options.model),
        scales=scales,
        flip=options.flip,
        long_side=options.long_side,
        window=options.window,
        crf=options.crf,
    )
    segmenter.network.to(start(RuntimeSettings(device=options.device)).device)
    return _report_failures(segment_files(segmenter, options.images, options.out, console), console)


def _refuse_settings(verb: str, overrides: Sequence[str]) -> None:
    if overrides:
        raise PatchlearnError(f"{overrides[0]}: a setting of recipes, which {verb} does not read. See {verb} --help.")


def _report_failures(failures: Sequence[str], console: Console) -> int:
    for failure in failures:
        _fail(console, failure)
    return FAILURE if failures else SUCCESS


def _refine(options: argparse.Namespace, console: Console) -> int:
    settings = PseudoSettings(
        crf=CrfSettings(preset=options.preset, iterations=options.iterations, confidence=options.confidence),
        background=BackgroundRule(rule=options.background, threshold=options.threshold),
        local=options.local,
        ignore_band=options.ignore_band,
    )
    failures = refine_folder(
        options.images,
        options.scores,
        options.out,
        settings,
        kind=options.kind,
        threads=options.threads,
        console=console,
    )
    return _report_failures(failures, console)


def _add_submit(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("masks", type=Path, help="a folder of palette PNGs, named as the images")
    verb.add_argument("--list", type=Path, required=True, help="VOC's ImageSets/Segmentation/test.txt")
    verb.add_argument("--out", type=Path, required=True, help="the archive, .tgz or .tar.gz")
    verb.add_argument("--classes", type=Path, help="the masks' classes, one a line (default: MASKS/classes.txt)")
    verb.add_argument("--images", type=Path, help="VOC's JPEGImages, to compare sizes with")
    verb.add_argument(
        "--competition",
        default="comp6",
        help=f"{' or '.join(FOLDERS)}: with nothing but VOC's data, or with other data too (default: %(default)s)",
    )


def _submit(options: argparse.Namespace, console: Console) -> int:
    classes = _classes_of_masks(options)
    names = read_list(options.list)
    write_submission(
        options.masks,
        names,
        options.out,
        classes,
        images=options.images,
        competition=options.competition,
    )
    console.print(f"{options.out}: {len(names)} masks for {options.competition}", soft_wrap=True, markup=False)
    return SUCCESS


def _classes_of_masks(options: argparse.Namespace) -> tuple[str, ...]:
    classes = options.classes or options.masks / "classes.txt"
    if not classes.is_file():
        raise PatchlearnError(
            f"{classes}: no such file. Name the classes of the masks with --classes, one a line; the first is 1 in "
            "the masks."
        )
    return read_class_names(classes)


def _add_convert(verb: argparse.ArgumentParser) -> None:
    settings = AnnotationSettings()
    verb.add_argument("masks", type=Path, help="a folder of palette or grey PNGs")
    verb.add_argument("--images", type=Path, required=True, help="a folder of pictures, named as the masks")
    verb.add_argument("--format", required=True, help=" or ".join(FORMATS))
    verb.add_argument("--out", type=Path, required=True, help="the file (coco, cvat, label-studio) or folder (voc)")
    verb.add_argument("--classes", type=Path, help="one class name a line (default: MASKS/classes.txt)")
    verb.add_argument("--per", default=settings.per, help=f"an annotation: {' or '.join(PER)} (default: %(default)s)")
    verb.add_argument("--shapes", default=settings.shapes, help=f"{' or '.join(SHAPES)} (default: %(default)s)")
    verb.add_argument("--images-at", default=settings.images_at, help="their address in Label Studio (%(default)s)")
    verb.add_argument("--threads", type=int, help="images at a time (default: one per core)")


def _convert(options: argparse.Namespace, console: Console) -> int:
    failures = write_annotations(
        options.masks,
        options.images,
        _classes_of_masks(options),
        options.out,
        options.format,
        AnnotationSettings(per=options.per, shapes=options.shapes, images_at=options.images_at),
        threads=options.threads,
        console=console,
    )
    return _report_failures(failures, console)


def _add_check_submission(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("submission", type=Path, help="the archive, or the folder that holds results/")
    verb.add_argument("--list", type=Path, help="VOC's ImageSets/Segmentation/test.txt, to see what is missing")
    verb.add_argument("--images", type=Path, help="VOC's JPEGImages, to compare sizes with")


def _check_submission(options: argparse.Namespace, console: Console) -> int:
    names = read_list(options.list) if options.list else None
    problems = check_submission(options.submission, names, options.images)
    if problems:
        return _fail(console, listed(problems))
    console.print(f"{options.submission}: nothing is wrong with it", soft_wrap=True, markup=False)
    return SUCCESS


def _run(run: Run, options: argparse.Namespace) -> None:
    """All steps in order; what is complete is left alone."""
    pipeline.run_all(run)
    if run.accelerator.is_main_process:
        print_results(Console(), run.folder)
        run.console.print(f"report: {run.folder / 'report.html'}", soft_wrap=True)


def _check(run: Run, options: argparse.Namespace) -> None:
    """Decode every image and mask, and count the labels."""
    pipeline.check(run)
    table = Table("split", "images", "masks", "without label", *run.dataset.classes)
    for split in run.dataset.splits:
        facts = summarise(run.dataset, split)
        table.add_row(split, *map(str, (facts.images, facts.masks, facts.unlabelled, *facts.labels)))
    Console().print(table)


def _train(run: Run, options: argparse.Namespace) -> None:
    """Step 1: train the classifier from image labels."""
    for variant in run.variants:
        pipeline.train(run, variant)


def _cams(run: Run, options: argparse.Namespace) -> None:
    """Step 2: class activation maps."""
    for variant in run.variants:
        pipeline.cams(run, variant)


def _affinity(run: Run, options: argparse.Namespace) -> None:
    """Step 3: learn which neighbouring pixels belong together."""
    for variant in run.variants:
        pipeline.affinity(run, variant)


def _pseudo(run: Run, options: argparse.Namespace) -> None:
    """Step 4: pseudo masks."""
    for variant in run.variants:
        pipeline.pseudo(run, variant)


def _segment(run: Run, options: argparse.Namespace) -> None:
    """Step 5: train a segmentation network on the pseudo masks (or, with --supervision masks, on the true ones)."""
    for variant in run.variants:
        pipeline.segment(run, variant)


def _evaluate(run: Run, options: argparse.Namespace) -> None:
    """Judge seeds, pseudo masks and the segmenter's masks where there are true masks."""
    entries = pipeline.evaluate(run)
    if not run.accelerator.is_main_process:
        return
    if options.json:
        sys.stdout.write(json.dumps(entries, indent=2, ensure_ascii=False) + "\n")
    else:
        print_results(Console(), run.folder)


def _report(run: Run, options: argparse.Namespace) -> None:
    """Write report.html from what is in the run folder."""
    run.console.print(f"report: {pipeline.report(run)}", soft_wrap=True)


VERBS: dict[str, Callable[[Run, argparse.Namespace], None]] = {
    "run": _run,
    "check": _check,
    "train": _train,
    "cams": _cams,
    "affinity": _affinity,
    "pseudo": _pseudo,
    "segment": _segment,
    "evaluate": _evaluate,
    "report": _report,
}

ALONE: dict[str, Callable[[argparse.Namespace, Console], int]] = {
    "predict": _predict,
    "refine": _refine,
    "submit": _submit,
    "check-submission": _check_submission,
    "convert": _convert,
}
