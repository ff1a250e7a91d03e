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
Work = Callable[[Namespace, Console], list[str]]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One verb.

    Args:
        help: a line in the list of verbs.
        module: below `patchlearn.cli`.
        description: name in the module, of the text for the verb's own --help.
        add_arguments: likewise, of what declares the verb's options.
        work: likewise, of what does it; returns what went wrong with single files, a sentence each.
    """

    help: str
    module: str
    description: str = "DESCRIPTION"
    add_arguments: str = "add_arguments"
    work: str = "work"

    def declare(self, verb: ArgumentParser) -> None:
        """Give the verb its options and its description."""
        module = import_module(f"patchlearn.cli.{self.module}")
        verb.description = getattr(module, self.description)
        cast(AddArguments, getattr(module, self.add_arguments))(verb)

    def use(self, options: Namespace, console: Console) -> list[str]:
        """Do it."""
        module = import_module(f"patchlearn.cli.{self.module}")
        return cast(Work, getattr(module, self.work))(options, console)


TOOLS = {
    "predict": Tool(help="Segment pictures with a trained model.", module="predict"),
    "export": Tool(help="Write a trained model for other programs.", module="export"),
    "refine": Tool(help="Refine score maps or masks of any program.", module="refine"),
    "convert": Tool(help="Write masks for other tools.", module="convert"),
    "submit": Tool(
        help="Pack masks for PASCAL VOC's evaluation server.",
        module="voc_server",
        description="SUBMIT",
        add_arguments="add_submit",
        work="submit",
    ),
    "check-submission": Tool(
        help="Check what submit has packed.",
        module="voc_server",
        description="CHECK",
        add_arguments="add_check",
        work="check",
    ),
}
