"""The verbs that need no recipe and no run: what the parts of the package do with anybody's files."""

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from patchlearn.core.errors import PatchlearnError, listed, require_one_of
from patchlearn.core.runtime import RuntimeSettings, place, start
from patchlearn.data.formats.voc import read_list
from patchlearn.data.labels import read_class_names
from patchlearn.export.annotations.regions import AnnotationSettings
from patchlearn.export.annotations.write import FORMATS, PER, SHAPES, write_annotations
from patchlearn.export.graph import Parity, export_onnx, export_torch
from patchlearn.export.voc_server import FOLDERS, check_submission, write_submission
from patchlearn.inference.files import segment_files
from patchlearn.inference.refine_files import KINDS, refine_folder
from patchlearn.inference.segmenter import Segmenter, with_settings
from patchlearn.maps.pseudo_mask import CrfSettings, PseudoSettings
from patchlearn.refine import BackgroundRule
from patchlearn.refine.background import RULES
from patchlearn.refine.crf.features import PRESETS
from patchlearn.runs.load import load, push_to_hub, write_model_folder


@dataclass(frozen=True, kw_only=True)
class Command:
    """One verb.

    Args:
        help: a line in the list of verbs.
        description: of the verb's own --help.
        add_arguments: declares what it takes.
        work: does it; returns what went wrong with single files, a sentence each.
    """

    help: str
    description: str
    add_arguments: Callable[[ArgumentParser], None]
    work: Callable[[Namespace, Console], list[str]]


# --- predict -----------------------------------------------------------------


def _add_predict(verb: ArgumentParser) -> None:
    verb.add_argument("model", help="a run folder, a variant's folder, an exported model, or owner/name on the hub")
    verb.add_argument("images", nargs="+", help="pictures, folders of pictures, patterns")
    verb.add_argument("-o", "--out", type=Path, required=True, help="the folder for the masks")
    verb.add_argument("--scales", type=float, nargs="+", help="factors on the base size (default: the model's own)")
    verb.add_argument("--flip", action=BooleanOptionalAction, help="add the mirror image")
    verb.add_argument("--long-side", type=int, help="base size, the longer side in pixels")
    verb.add_argument("--window", type=int, help="side of the windows that larger images are cut into")
    verb.add_argument("--crf", help=f"preset of the dense CRF: {', '.join(PRESETS)}, or none")
    verb.add_argument("--device", default="auto", help="auto or cpu (default: auto)")


def _predict(options: Namespace, console: Console) -> list[str]:
    changes = {name: vars(options)[name] for name in ("flip", "long_side", "window", "crf")}
    scales = tuple(options.scales) if options.scales else None
    segmenter = with_settings(load(options.model), scales=scales, **changes)
    place(segmenter.network, start(RuntimeSettings(device=options.device), console).accelerator.device)
    return segment_files(segmenter, options.images, options.out, console)


# --- export ------------------------------------------------------------------


def _add_export(verb: ArgumentParser) -> None:
    verb.add_argument("model", help="a run folder, a variant's folder, an exported model, or owner/name on the hub")
    verb.add_argument("--format", required=True, help=" or ".join(EXPORTS))
    verb.add_argument("--out", required=True, help="the file (onnx, torch), the folder, or owner/name on the hub")


def _export(options: Namespace, console: Console) -> list[str]:
    require_one_of("format", options.format, EXPORTS)
    said = EXPORTS[options.format](load(options.model), options.out)
    console.print(f"{options.format}: {said}", soft_wrap=True, markup=False, highlight=False)
    return []


def _export_folder(segmenter: Segmenter, out: str) -> str:
    write_model_folder(segmenter, Path(out))
    return out


def _export_hub(segmenter: Segmenter, out: str) -> str:
    with TemporaryDirectory() as folder:
        return push_to_hub(segmenter, out, Path(folder) / Path(out).name)


def _export_onnx(segmenter: Segmenter, out: str) -> str:
    return f"{out}, {_parity(export_onnx(segmenter, Path(out)))}"


def _export_torch(segmenter: Segmenter, out: str) -> str:
    return f"{out}, {_parity(export_torch(segmenter, Path(out)))}"


def _parity(parity: Parity) -> str:
    return (
        f"run beside the segmenter: the same class in {parity.agreement:.3%} of the pixels, probabilities within "
        f"{parity.difference:.1e}"
    )


EXPORTS = {"folder": _export_folder, "hub": _export_hub, "onnx": _export_onnx, "torch": _export_torch}

# --- refine ------------------------------------------------------------------


def _add_refine(verb: ArgumentParser) -> None:
    settings = PseudoSettings()
    verb.add_argument("--images", type=Path, required=True, help="a folder of pictures")
    verb.add_argument("--scores", type=Path, required=True, help="a folder of .npz, .npy or .png, named as the images")
    verb.add_argument("--out", type=Path, required=True, help="the folder for the masks")
    verb.add_argument("--kind", default="scores", help=f"of .npy files: {' or '.join(KINDS)} (default: scores)")
    verb.add_argument("--preset", default=settings.crf.preset, help="of the dense CRF, or none (default: %(default)s)")
    verb.add_argument("--iterations", type=int, default=settings.crf.iterations, help="of it (default: %(default)s)")
    verb.add_argument("--confidence", type=float, default=settings.crf.confidence, help="of a label, for the CRF")
    verb.add_argument(
        "--background",
        help=f"rule for the background's threshold: {', '.join(RULES)} (default: {settings.background.rule})",
    )
    verb.add_argument("--threshold", type=float, help="of the rule fixed, which it implies")
    verb.add_argument("--local", type=int, default=settings.local, help="iterations of pixel-adaptive refinement")
    verb.add_argument("--ignore-band", type=float, default=settings.ignore_band, help="how close a call is undecided")
    _add_threads(verb)


def _refine(options: Namespace, console: Console) -> list[str]:
    settings = PseudoSettings(
        crf=CrfSettings(preset=options.preset, iterations=options.iterations, confidence=options.confidence),
        background=_background(options),
        local=options.local,
        ignore_band=options.ignore_band,
    )
    folders = options.images, options.scores, options.out
    return refine_folder(*folders, settings, kind=options.kind, threads=options.threads, console=console)


def _background(options: Namespace) -> BackgroundRule:
    default = PseudoSettings().background
    if options.threshold is None:
        return replace(default, rule=options.background or default.rule)
    if options.background not in (None, "fixed"):
        raise PatchlearnError(
            f"--threshold: the rule {options.background!r} finds its own. Leave one of the two out, or name fixed."
        )
    return replace(default, rule="fixed", threshold=options.threshold)


# --- convert -----------------------------------------------------------------


def _add_convert(verb: ArgumentParser) -> None:
    settings = AnnotationSettings()
    verb.add_argument("masks", type=Path, help="a folder of palette or grey PNGs")
    verb.add_argument("--images", type=Path, required=True, help="a folder of pictures, named as the masks")
    verb.add_argument("--format", required=True, help=" or ".join(FORMATS))
    verb.add_argument("--out", type=Path, required=True, help="the file (coco, cvat, label-studio) or folder (voc)")
    _add_classes(verb)
    verb.add_argument("--per", default=settings.per, help=f"an annotation: {' or '.join(PER)} (default: %(default)s)")
    verb.add_argument("--shapes", default=settings.shapes, help=f"{' or '.join(SHAPES)} (default: %(default)s)")
    verb.add_argument("--images-at", default=settings.images_at, help="their address in Label Studio (%(default)s)")
    _add_threads(verb)


def _convert(options: Namespace, console: Console) -> list[str]:
    return write_annotations(
        options.masks,
        options.images,
        _classes_of_masks(options),
        options.out,
        options.format,
        AnnotationSettings(per=options.per, shapes=options.shapes, images_at=options.images_at),
        threads=options.threads,
        console=console,
    )


# --- submit, check-submission ------------------------------------------------


def _add_submit(verb: ArgumentParser) -> None:
    verb.add_argument("masks", type=Path, help="a folder of palette PNGs, named as the images")
    verb.add_argument("--list", type=Path, required=True, help="VOC's ImageSets/Segmentation/test.txt")
    verb.add_argument("--out", type=Path, required=True, help="the archive, .tgz or .tar.gz")
    _add_classes(verb)
    verb.add_argument("--images", type=Path, help="VOC's JPEGImages, to compare sizes with")
    verb.add_argument(
        "--competition",
        default="comp6",
        help=f"{' or '.join(FOLDERS)}: with nothing but VOC's data, or with other data too (default: %(default)s)",
    )


def _submit(options: Namespace, console: Console) -> list[str]:
    names, classes = read_list(options.list), _classes_of_masks(options)
    more = {"images": options.images, "competition": options.competition}
    write_submission(options.masks, names, options.out, classes, **more)
    console.print(f"{options.out}: {len(names)} masks for {options.competition}", soft_wrap=True, markup=False)
    return []


def _add_check_submission(verb: ArgumentParser) -> None:
    verb.add_argument("submission", type=Path, help="the archive, or the folder that holds results/")
    verb.add_argument("--list", type=Path, help="VOC's ImageSets/Segmentation/test.txt, to see what is missing")
    verb.add_argument("--images", type=Path, help="VOC's JPEGImages, to compare sizes with")


def _check_submission(options: Namespace, console: Console) -> list[str]:
    names = read_list(options.list) if options.list else None
    problems = check_submission(options.submission, names, options.images)
    if problems:
        return [listed(problems)]
    console.print(f"{options.submission}: nothing is wrong with it", soft_wrap=True, markup=False)
    return []


# --- what several verbs take -------------------------------------------------


def _add_threads(verb: ArgumentParser) -> None:
    verb.add_argument("--threads", type=int, help="images at a time (default: one per core)")


def _add_classes(verb: ArgumentParser) -> None:
    verb.add_argument("--classes", type=Path, help="the masks' classes, one a line (default: MASKS/classes.txt)")


def _classes_of_masks(options: Namespace) -> tuple[str, ...]:
    classes = options.classes or options.masks / "classes.txt"
    if not classes.is_file():
        raise PatchlearnError(
            f"{classes}: no such file. Name the classes of the masks with --classes, one a line; the first is 1 in "
            "the masks."
        )
    return read_class_names(classes, spaces=True)


COMMANDS = {
    "predict": Command(
        help="Segment pictures with a trained model.",
        description="Segment pictures with a trained model: writes OUT/NAME.png, a palette PNG of class indices (0 "
        "background, i the i-th line of OUT/classes.txt). No image labels are needed. A picture that cannot be read is "
        "named, the others are done, and the exit code is 2.",
        add_arguments=_add_predict,
        work=_predict,
    ),
    "export": Command(
        help="Write a trained model for other programs.",
        description="Write a trained model as a folder that patchlearn and the hub read, to the hub itself, as an "
        "ONNX graph, or as a program of torch.export (.pt2). The last two run without patchlearn, for any number of "
        "images of any size: images B×3×H×W, float32 RGB in [0, 1], in; probabilities B×(K+1)×H×W, background first, "
        "out. One view of the image, without mirror images, windows or CRF. What was written is run beside the model "
        "on pictures of several sizes, and kept only if it agrees.",
        add_arguments=_add_export,
        work=_export,
    ),
    "refine": Command(
        help="Refine score maps or masks of any program.",
        description="Refine a folder of score maps, probabilities or masks that any program made, one for each image "
        "of the same name: .npz score maps of patchlearn; .npy arrays K×h×w, scores of K classes in [0, 1] without the "
        "background, or probabilities with the background first; .png masks of indices, 255 unknown. Writes "
        "OUT/NAME.png.",
        add_arguments=_add_refine,
        work=_refine,
    ),
    "convert": Command(
        help="Write masks for other tools.",
        description="Write a folder of masks (0 background, 1, 2, … the classes, 255 undecided) as annotations that "
        "other tools read: COCO JSON; an XML for CVAT; tasks for Label Studio with masks to correct, and the labelling "
        "configuration beside them; or VOC's layout of folders.",
        add_arguments=_add_convert,
        work=_convert,
    ),
    "submit": Command(
        help="Pack masks for PASCAL VOC's evaluation server.",
        description="Pack a folder of masks (0 background, i + 1 the i-th class; no 255) into the archive that PASCAL "
        "VOC's evaluation server takes: results/VOC2012/Segmentation/comp6_test_cls/NAME.png, with VOC's own class "
        "values, found by name.",
        add_arguments=_add_submit,
        work=_submit,
    ),
    "check-submission": Command(
        help="Check what submit has packed.",
        description="Report what is wrong with an archive for PASCAL VOC's evaluation server, or with the folder it "
        "is to be packed from. Nothing is unpacked on the disk.",
        add_arguments=_add_check_submission,
        work=_check_submission,
    ),
}
