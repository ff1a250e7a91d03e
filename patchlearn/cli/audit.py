"""`patchlearn audit`: how good pseudo masks are, from pixels that were drawn at random and labelled by a person."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from patchlearn.cli.suggest import add_run, opened, variant_of

if TYPE_CHECKING:
    from patchlearn.evaluate.audit import AuditScores, Estimated

DESCRIPTION = (
    "Estimate IoU, mIoU and pixel accuracy of the pseudo masks, each with a 95 % interval, from a table of "
    "patchlearn suggest --audit in which somebody has labelled every pixel. No true mask is needed. The masks are "
    "those of now: the same table also judges other variants, and masks that were made again."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    add_run(verb)
    verb.add_argument("table", type=Path, metavar="FILE", help="the table of suggest --audit, filled in")
    verb.add_argument("--json", action="store_true", help="print the figures as JSON")


def work(options: Namespace, console: Console) -> list[str]:
    """Print the estimates."""
    from patchlearn.runs.audit import audit

    with opened(options.run, options.variant, console) as run:
        variant = variant_of(run, options.variant)
        scores, names = audit(run, variant, options.table), ("background", *run.dataset.classes)
    if options.json:
        sys.stdout.write(json.dumps(_facts(scores, names), indent=2, ensure_ascii=False) + "\n")
    else:
        for line in lines_of(scores, names):
            Console().print(line, markup=False, highlight=False, soft_wrap=True)
    return []


def lines_of(scores: "AuditScores", names: Sequence[str]) -> Iterator[str]:
    """What is printed: the means, then each class.

    Args:
        scores: of the masks.
        names: of the background and of each class.
    """
    yield f"mIoU: {_words(scores.miou)}"
    yield f"pixel accuracy: {_words(scores.accuracy)}"
    for name, share in zip(names, scores.iou, strict=True):
        yield f"IoU of {name}: {_words(share) if share else 'not known; no pixel shows it, nor do the masks there'}"
    unsure = f"; of {scores.unsure} more nobody could tell" if scores.unsure else ""
    yield f"estimated from {scores.judged} labelled pixels{unsure}"


def _words(share: "Estimated") -> str:
    return f"{100 * share.value:.1f} % (95 %: {100 * share.low:.1f} to {100 * share.high:.1f} %)"


def _facts(scores: "AuditScores", names: Sequence[str]) -> dict[str, Any]:
    return {
        "miou": asdict(scores.miou),
        "accuracy": asdict(scores.accuracy),
        "iou": {name: asdict(share) if share else None for name, share in zip(names, scores.iou, strict=True)},
        "judged": scores.judged,
        "unsure": scores.unsure,
    }
