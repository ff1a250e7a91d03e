"""`patchlearn check --concepts`: whether the words of the classes suffice, so that no tags are needed."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from patchlearn.core.errors import PatchlearnError

if TYPE_CHECKING:
    from patchlearn.runs.concepts import ConceptScores
    from patchlearn.runs.run import Run

SAM3, MOST = "facebook/sam3", 200
EXPLAINED = (
    "Average precision is 1 where the word alone puts all images with the tag before all others. Guessing gives the "
    "share of these images. A class near 1 needs no tags."
)


def add_concepts(verb: ArgumentParser) -> None:
    """What `check` takes for it."""
    verb.add_argument("--concepts", action="store_true", help="ask SAM 3 for the word of each class (docs/sam.md)")
    verb.add_argument("--sam", metavar="MODEL", help=f"SAM 3: a folder, or owner/name on the hub (default: {SAM3})")
    verb.add_argument("--word", action="append", metavar="CLASS=TEXT", help="another word for a class; may be repeated")
    verb.add_argument("--sample", type=int, metavar="N", help=f"ask on at most N images (default: {MOST})")


def concepts_to_ask(run: "Run", options: Namespace) -> "Callable[[], ConceptScores] | None":
    """What asks, with SAM 3 loaded, so that what is wrong is said before the data are read; None unless it is wanted.

    Raises:
        PatchlearnError: an option is wrong, or there is no SAM 3.
    """
    if not options.concepts:
        given = [name for name in ("sam", "word", "sample") if getattr(options, name) is not None]
        if given:
            raise PatchlearnError(f"--{given[0]}: is for --concepts. Add it, or leave --{given[0]} out.")
        return None
    from patchlearn.core.settings import require_at_least
    from patchlearn.models.sam3 import load_sam3
    from patchlearn.runs.concepts import ask_concepts, words_of

    most = MOST if options.sample is None else options.sample
    require_at_least("sample", most, 1)
    words = words_of(run.dataset.classes, options.word or ())
    sam = load_sam3(options.sam or SAM3, run.runtime.accelerator.device)
    return lambda: ask_concepts(run, sam.presence, words, most)


def print_concepts(console: Console, found: "ConceptScores") -> None:
    """On which images was asked, a line for each class, and the mean."""
    right = {"justify": "right", "no_wrap": True}
    names = {"max_width": 24, "overflow": "ellipsis", "no_wrap": True}
    table = Table(
        Column("class", **names),  # type: ignore[arg-type]
        Column("word", **names),  # type: ignore[arg-type]
        *(Column(each, **right) for each in ("tagged", "guessing", "precision")),  # type: ignore[arg-type]
    )
    for each in found.classes:
        numbers = (f"{each.tagged:,}", _shown(each.chance), _shown(each.precision))
        table.add_row(escape(each.name), escape(each.word), *numbers)
    _say(console, f"words: SAM 3 was asked for each class on {_images(found)}")
    console.print(table)
    _say(console, f"mean average precision of the words: {_shown(found.mean)}. {EXPLAINED}")


def _images(found: "ConceptScores") -> str:
    """
    >>> from patchlearn.runs.concepts import ConceptScores
    >>> _images(ConceptScores(images=200, tagged=3421, unread=0, classes=(), mean=None))
    'a sample of 200 of 3,421 tagged images, drawn evenly over the classes'
    """
    from patchlearn.data.names import counted

    if found.images + found.unread == found.tagged:
        text = counted(found.images, "tagged image")
    else:
        shown = f"a sample of {found.images:,} of {counted(found.tagged, 'tagged image')}"
        text = f"{shown}, drawn evenly over the classes"
    return f"{text}; {counted(found.unread, 'image')} cannot be read" if found.unread else text


def _shown(share: float | None) -> str:
    return "–" if share is None else f"{share:.2f}"


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
