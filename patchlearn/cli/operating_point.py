"""`patchlearn operating-point`: thresholds on a class's score of an image, from held-out images."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from patchlearn.cli.predict import add_reading, loaded_segmenter
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.data.names import counted, tell
from patchlearn.evaluate.operating_point import OperatingPoint, Rate, check_rates
from patchlearn.inference.operating_point import operating_points, score_images
from patchlearn.runs.held_out import open_held_out

if TYPE_CHECKING:
    from patchlearn.runs.held_out import HeldOut

DESCRIPTION = (
    "Choose a threshold for every class on its score of an image (the column `score` of predict --table), from images "
    "that the model did not learn and whose tags are known. A false alarm is an image without the class whose score is "
    "at or above the threshold; a miss is an image with the class whose score is below it. The lowest threshold that "
    "keeps the wished rate of false alarms is taken; without one, the highest that keeps the misses. Every rate has "
    "its 95 % interval. The thresholds hold for the same --scales, --flip, --long-side and --window."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    verb.add_argument("model", help="a run folder, or a variant's folder; with --data, any model that predict takes")
    verb.add_argument("--false-alarms", type=float, metavar="RATE", help="the wished rate, such as 0.01")
    verb.add_argument(
        "--misses", type=float, metavar="RATE", help="likewise; beside --false-alarms it is only reported"
    )
    verb.add_argument("--data", type=Path, help="a folder of held-out images with tags (default: the data of the run)")
    verb.add_argument("--split", help="of the data (default: val, or the only one that the model did not learn)")
    verb.add_argument("--json", action="store_true", help="print the figures as JSON")
    verb.add_argument("--out", type=Path, help="a JSON file of class and threshold, for predict --image-threshold")
    add_reading(verb)
    verb.epilog = "example: patchlearn operating-point runs/photos --false-alarms 0.01 --out thresholds.json"


def work(options: Namespace, console: Console) -> list[str]:
    """Returns what is wrong with images that could not be read, a sentence each."""
    check_rates(options.false_alarms, options.misses)
    _check_out(options.out)
    segmenter = loaded_segmenter(options, console)
    with open_held_out(options.model, options.data, options.split, segmenter.bands) as held_out:
        tell(console, held_out.notes)
        images = score_images(segmenter, held_out.samples, held_out.classes, console)
    found = operating_points(images, false_alarms=options.false_alarms, misses=options.misses)
    points = dict(zip(segmenter.classes, found))
    if options.json:
        facts = _facts(points, held_out, len(images.scores), options)
        sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    else:
        for name, point in points.items():
            Console().print(line_of(name, point, options), markup=False, highlight=False, soft_wrap=True)
    if options.out is not None:
        write_json(options.out, {name: point.threshold for name, point in points.items()})
    return list(images.failures)


def line_of(name: str, point: OperatingPoint, options: Namespace) -> str:
    """One class: its threshold, both rates with their intervals, and how many images it takes to be sure."""
    alarms = "false alarms", "without", point.false_alarms, point.more_without, options.false_alarms
    missed = "misses", "with", point.misses, point.more_with, options.misses
    chosen = "no threshold" if point.threshold is None else f"threshold {point.threshold:.4g}"
    # Without a threshold, the other rate says nothing.
    both = (alarms, missed) if point.threshold is not None else (missed if options.false_alarms is None else alarms,)
    words = [_words(what, kind, rate) for what, kind, rate, _, _ in both]
    advice = [_advice(name, *facts, has_threshold=point.threshold is not None) for facts in both]
    return " ".join([f"{name}: {'; '.join([chosen, *words])}.", *(sentence for sentence in advice if sentence)])


def _words(what: str, kind: str, rate: Rate) -> str:
    if rate.share is None:
        return f"{what} unknown, for no held-out image is {kind} the class"
    low, high = (100 * end for end in rate.interval)
    return f"{what} {rate.count} of {rate.of}, {100 * rate.share:.2f} % (95 %: {low:.2f} to {high:.2f} %)"


def _advice(
    name: str, what: str, kind: str, rate: Rate, more: int | None, wished: float | None, *, has_threshold: bool
) -> str:
    if wished is None or more == 0:
        return ""
    if more is None and not has_threshold:
        return f"No threshold keeps the {what} at {100 * wished:g} %, for so many of these images have the score 1."
    if more is None:
        return f"The {what} are above the wished {100 * wished:g} %."
    limit = f"that the {what} are below {200 * wished:g} %"
    if rate.share is None:
        return f"It takes at least {counted(more, 'image')} {kind} {name} to show {limit}."
    share = f"with the same share of {what}" if rate.count else f"without any {what} at this threshold"
    return f"{counted(more, 'more image')} {kind} {name}, {share}, would show {limit}."


def _facts(points: dict[str, OperatingPoint], held_out: "HeldOut", images: int, options: Namespace) -> dict[str, Any]:
    return {
        "false_alarms": options.false_alarms,
        "misses": options.misses,
        "split": held_out.split,
        "images": images,
        "left_out": held_out.left_out,
        "classes": {
            name: {
                "threshold": point.threshold,
                "false_alarms": _rate_facts(point.false_alarms),
                "misses": _rate_facts(point.misses),
                "more_without": point.more_without,
                "more_with": point.more_with,
            }
            for name, point in points.items()
        },
    }


def _rate_facts(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {"count": rate.count, "of": rate.of, "share": rate.share, "low": low, "high": high}


def _check_out(out: Path | None) -> None:
    """Fail before the work; a JSON file that holds something else is not replaced."""
    if out is None:
        return
    if out.suffix.lower() != ".json":
        raise PatchlearnError(f"{out}: the thresholds are written as JSON. Name it {out.stem}.json.")
    if out.exists() and not _holds_thresholds(out):
        raise PatchlearnError(f"{out}: is there, and holds no thresholds. Name another --out.")


def _holds_thresholds(path: Path) -> bool:
    try:
        known = read_json(path)
    except PatchlearnError:
        return False
    return isinstance(known, dict) and all(value is None or type(value) in (int, float) for value in known.values())
