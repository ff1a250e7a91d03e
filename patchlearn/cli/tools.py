"""The verbs that need no recipe: what the parts of the package do with the files of any program.

A tool's module is imported when its verb runs, so that `--help` loads none of them.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from rich.console import Console

AddArguments = Callable[[ArgumentParser], None]
Work = Callable[[Namespace, Console], list[str] | int]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One verb.

    Args:
        help: a line in the list of verbs.
        example: a command, for the verb's own --help.
        module: below `patchlearn.cli`.
        description: name in the module, of the text for the verb's own --help.
        add_arguments: likewise, of what declares the verb's options.
        work: likewise, of what does it; returns what went wrong with single files, a sentence each, or an exit code.
    """

    help: str
    example: str
    module: str
    description: str = "DESCRIPTION"
    add_arguments: str = "add_arguments"
    work: str = "work"

    def declare(self, verb: ArgumentParser) -> None:
        """Give the verb its options and its description."""
        module = import_module(f"patchlearn.cli.{self.module}")
        verb.description, verb.epilog = getattr(module, self.description), f"example: {self.example}"
        cast(AddArguments, getattr(module, self.add_arguments))(verb)

    def use(self, options: Namespace, console: Console) -> list[str] | int:
        """Do it; returns what went wrong with single files, or the exit code."""
        module = import_module(f"patchlearn.cli.{self.module}")
        return cast(Work, getattr(module, self.work))(options, console)


TOOLS = {
    "recipes": Tool(
        help="List the built-in recipes.",
        example="patchlearn recipes",
        module="recipes",
        description="LIST",
        add_arguments="add_list",
        work="print_list",
    ),
    "init": Tool(
        help="Write a recipe for a folder of images.",
        example="patchlearn init photos --recipe defects",
        module="recipes",
        description="INIT",
        add_arguments="add_init",
        work="init",
    ),
    "settings": Tool(
        help="List every setting of a recipe.", example="patchlearn settings classifier", module="settings"
    ),
    "predict": Tool(
        help="Segment pictures with a trained model.",
        example="patchlearn predict runs/photos new/ --out masks --table results.csv",
        module="predict",
    ),
    "serve": Tool(
        help="Open a page to try a run or a model on.",
        example="patchlearn serve runs/photos",
        module="serve",
    ),
    "operating-point": Tool(
        help="Choose thresholds for a wished rate of false alarms or misses.",
        example="patchlearn operating-point runs/photos --false-alarms 0.01",
        module="operating_point",
    ),
    "suggest": Tool(
        help="Propose pixels of a run's images that a person should label.",
        example="patchlearn suggest runs/photos -n 30 --out points.csv",
        module="suggest",
    ),
    "audit": Tool(
        help="Measure pseudo masks with pixels that were drawn by suggest --audit.",
        example="patchlearn audit runs/photos audit.csv",
        module="audit",
    ),
    "export": Tool(
        help="Write a trained model for other programs.",
        example="patchlearn export runs/photos --format onnx --out photos.onnx",
        module="export",
    ),
    "refine": Tool(
        help="Refine score maps or masks of any program.",
        example="patchlearn refine --images photos --scores maps --out refined",
        module="refine",
    ),
    "prepare": Tool(
        help="Say what of VOC 2012 or COCO 2014 is there, and what is missing.",
        example="patchlearn prepare voc12 downloads --out VOC2012-train_aug",
        module="prepare",
    ),
    "convert": Tool(
        help="Write masks for other tools.",
        example="patchlearn convert masks --images photos --format coco --out masks.json",
        module="convert",
    ),
    "submit": Tool(
        help="Pack masks for PASCAL VOC's evaluation server.",
        example="patchlearn submit masks --list VOC2012/ImageSets/Segmentation/test.txt --out test.tgz",
        module="voc_server",
        description="SUBMIT",
        add_arguments="add_submit",
        work="submit",
    ),
    "check-submission": Tool(
        help="Check what submit has packed.",
        example="patchlearn check-submission test.tgz",
        module="voc_server",
        description="CHECK",
        add_arguments="add_check",
        work="check",
    ),
    "completion": Tool(
        help="Print what completes verbs, options and settings in your shell.",
        example="patchlearn completion bash > ~/.local/share/bash-completion/completions/patchlearn",
        module="completion",
    ),
}
