"""The command line: the verbs of a run, of which those of single steps are declared by the steps, and the tools.

Exit codes: 0 done; 1 `check` has found faults in the data, or `prepare` misses some of it; 2 an error, or files that
could not be worked on; 130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import is_dataclass

from rich.console import Console

from patchlearn.cli import runs
from patchlearn.cli.tools import TOOLS
from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.runs.settings import Recipe

SUCCESS, FAILURE, INTERRUPTED = 0, 2, 130
EPILOG = """\
examples:
  patchlearn run photos                     masks, report and model from images and their labels
  patchlearn check photos                   look at the data first
  patchlearn predict runs/photos new/ -o masks
Any setting can be changed on the command line: --seed 1. `patchlearn settings` lists them all.
exit codes: 0 done; 1 faults in the data (check), or files missing (prepare); 2 an error; 130 interrupted"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. A `PatchlearnError` is printed as one sentence, without a traceback."""
    console = Console(stderr=True)
    words, overrides = split_overrides(sys.argv[1:] if arguments is None else arguments)
    options = _parsed(words)
    try:
        if options.verb in TOOLS:
            return _use_tool(options, overrides, console)
        return runs.work(options, overrides, console)
    except PatchlearnError as error:
        return _fail(console, str(error))
    except OSError as error:
        what = str(error) if error.filename is None else f"{error.filename}: {error.strerror}"
        return _fail(console, f"{what}. Check the path, its permissions and the space on the disk.")
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here")
        return INTERRUPTED


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """The verb with its options; where one of them is not known, those of a similar name are listed."""
    parser, verbs = _parser(words[0] if words else ""), [*runs.run_verbs(), *TOOLS]
    if words and not words[0].startswith("-") and words[0] not in verbs:
        parser.error(f"{words[0]!r} is no verb{did_you_mean(words[0], verbs)} Choose one of: {', '.join(verbs)}.")
    options, rest = parser.parse_known_args(words)
    if rest:
        parser.error(
            f"unrecognized arguments: {' '.join(rest)}{_meant(rest[0], options.verb)} See patchlearn {options.verb} "
            "--help."
        )
    return options


def _meant(word: str, verb: str) -> str:
    """The end of the sentence about an option that is not known: settings of this name, or a similar word.

    >>> _meant("--min_steps=2", "run")
    '. Settings have the names of their sections: --classifier.optimisation.min_steps, ...'
    >>> _meant("--jsn", "check")
    "; did you mean '--json'?"
    """
    from patchlearn.cli.completion import words_of_verbs
    from patchlearn.runs.described import described_settings

    given = word.partition("=")[0]
    last = given.removeprefix("--").replace("-", "_")
    found = [f"--{name}" for name in described_settings() if name.rpartition(".")[2] == last]
    if found:
        return f". Settings have the names of their sections: {', '.join(found)}."
    return did_you_mean(given, words_of_verbs()[verb][0] if given.startswith("--") else ())


def _use_tool(options: argparse.Namespace, overrides: Sequence[str], console: Console) -> int:
    if overrides:
        raise PatchlearnError(
            f"{overrides[0]}: a setting of recipes, which {options.verb} does not read. See {options.verb} --help."
        )
    failures = TOOLS[options.verb].use(options, console)
    if isinstance(failures, int):
        return failures
    for failure in failures:
        _fail(console, failure)
    return FAILURE if failures else SUCCESS


def _fail(console: Console, sentence: str) -> int:
    console.print("error:", style="bold red", end=" ")
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return FAILURE


def split_overrides(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """(the verb's own words, the overrides of settings); a setting is `--SECTION.KEY` or a top-level one.

    >>> split_overrides(["run", "my.yaml", "--data.root", "photos", "--seed=1", "--out", "runs/a"])
    (['run', 'my.yaml', '--out', 'runs/a'], ['--data.root=photos', '--seed=1'])
    """
    words: list[str] = []
    overrides: list[str] = []
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if not _is_setting(word, words):
            words.append(word)
        elif "=" in word or not queue or queue[0].startswith("--"):
            overrides.append(word)
        else:
            overrides.append(f"{word}={queue.pop(0)}")
    return words, overrides


def _is_setting(word: str, before: Sequence[str]) -> bool:
    name = word.removeprefix("--").split("=")[0]
    if not word.startswith("--") or "." in name:
        return word.startswith("--")
    is_tool = bool(before) and before[0] in TOOLS  # whose --background is an option of its own, and no group
    default = Recipe()
    return hasattr(default, name) and not (is_tool and is_dataclass(getattr(default, name)))


class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"patchlearn {version('patchlearn')}")
        parser.exit()


def _parser(wanted: str) -> argparse.ArgumentParser:
    """The parser of all verbs; of the tools, only the wanted one is loaded."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="patchlearn", description="Segmentation masks from image tags.", epilog=EPILOG, formatter_class=plain
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    parsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (words, _) in runs.run_verbs().items():
        verb = parsers.add_parser(name, help=words, description=words, formatter_class=plain)
        runs.add_arguments(verb, name)
    for name, tool in TOOLS.items():
        verb = parsers.add_parser(name, help=tool.help)
        if name == wanted:
            tool.declare(verb)
    return parser
