"""`patchlearn prepare`: what of a public data set is in a folder, and what is missing."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from shlex import quote

from rich.console import Console

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.data.prepare import coco14, voc12
from patchlearn.data.prepare.parts import Part, is_complete

COMPLETE, INCOMPLETE = 0, 1
DATA_SETS = {"voc12": voc12, "coco14": coco14}
DESCRIPTION = (
    "Say what of PASCAL VOC 2012 (voc12) or COCO 2014 (coco14) is in a folder, what is missing, and where its owners "
    "publish it. Nothing is downloaded, and nothing is written into the folder. VOC 2012 needs one list more: --out "
    "writes a folder with it, whose images are links. Exit code: 0 all is there, 1 something is missing."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    verb.add_argument("data", help=" or ".join(DATA_SETS))
    verb.add_argument("folder", type=Path, help="the folder in which the files of the data set lie")
    verb.add_argument("--out", type=Path, help="voc12: the folder to write")
    verb.add_argument("--json", action="store_true", help="print what was found as JSON")


def work(options: Namespace, console: Console) -> int:
    """The exit code."""
    require_one_of("data set", options.data, DATA_SETS)
    if not options.folder.is_dir():
        raise PatchlearnError(f"{options.folder}: no such folder. Name the one with the files of {options.data}.")
    if options.out is not None and options.data == "coco14":
        raise PatchlearnError("--out: coco14 needs no conversion; its folder is read as it is. Leave --out out.")
    parts = DATA_SETS[options.data].look(options.folder)
    complete = is_complete(parts)
    if complete and options.out is not None:
        voc12.convert(options.folder, options.out)
    following = _next(options) if complete else ""
    if options.json:
        facts = {
            "data": options.data,
            "complete": complete,
            "next": following or None,
            "parts": list(map(asdict, parts)),
        }
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        _tell(parts, following, console)
    return COMPLETE if complete else INCOMPLETE


def _next(options: Namespace) -> str:
    """The command that goes on from a complete data set."""
    if options.data == "coco14":
        return coco14.command(options.folder)
    if options.out is None:
        return f"patchlearn prepare voc12 {quote(str(options.folder))} --out VOC2012-train_aug"
    return voc12.command(options.out)


def _tell(parts: Sequence[Part], following: str, console: Console) -> None:
    for part in parts:
        lines = [f"found {part.found}"]
        if not part.is_there:
            lines += [f"wanted: {part.wanted}", f"from {part.source}"]
        word = "there" if part.is_there else "missing" if part.is_needed else "missing, not needed"
        _say(console, f"{word}: {part.name}", *(f"  {line}" for line in lines))
    _say(console, f"next: {following}" if following else "Get what is missing, then run the same command again.")


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
