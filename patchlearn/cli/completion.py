"""`patchlearn completion`: a script that completes verbs, options, settings and names of recipes in a shell.

The script holds the words themselves, so that no Python starts when a key is pressed.
"""

import sys
from argparse import ArgumentParser, Namespace

from rich.console import Console

from patchlearn.cli import runs
from patchlearn.cli.prepare import DATA_SETS
from patchlearn.core.errors import require_one_of
from patchlearn.runs.builtin import builtin_recipes

DESCRIPTION = (
    "Print a script that completes verbs, options, settings and names of recipes. bash: write it to "
    '~/.local/share/bash-completion/completions/patchlearn. zsh: add to ~/.zshrc, after compinit: eval "$(patchlearn '
    'completion zsh)". fish: write it to ~/.config/fish/completions/patchlearn.fish. tcsh: add to ~/.tcshrc: '
    "patchlearn completion tcsh > ~/.patchlearn.tcsh; source ~/.patchlearn.tcsh. Print it anew after an update."
)
Words = dict[str, tuple[list[str], list[str]]]  # verb → (its options, what may stand in their place)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    verb.add_argument("shell", help=" or ".join(SHELLS))


def work(options: Namespace, console: Console) -> list[str]:
    """Print the script."""
    require_one_of("shell", options.shell, SHELLS)
    sys.stdout.write(SHELLS[options.shell](words_of_verbs()))
    return []


def words_of_verbs() -> Words:
    """What each verb takes; those of a run take settings and names of recipes."""
    from patchlearn.cli.tools import TOOLS
    from patchlearn.runs.described import leaves
    from patchlearn.runs.settings import Recipe

    settings = [f"--{name}" for name, _ in leaves(Recipe()) if name != "variants"]
    choices = {"completion": list(SHELLS), "prepare": list(DATA_SETS)}
    words: Words = {}
    for name in runs.run_verbs():
        runs.add_arguments(parser := ArgumentParser(), name)
        words[name] = ([*_options(parser), *settings], list(builtin_recipes()))
    for name, tool in TOOLS.items():
        tool.declare(parser := ArgumentParser())
        words[name] = (_options(parser), choices.get(name, []))
    return words


def _options(parser: ArgumentParser) -> list[str]:
    return [word for action in parser._actions for word in action.option_strings if word.startswith("--")]


def _bash(words: Words) -> str:
    """After a verb that takes no words of its own, the shell completes files."""
    cases = "".join(
        f'    {verb}) options="{" ".join(options)}"; others="{" ".join(others)}" ;;\n'
        for verb, (options, others) in words.items()
    )
    return (
        f'_patchlearn() {{\n  local word="${{COMP_WORDS[COMP_CWORD]}}" options="" others=""\n'
        f'  case "${{COMP_WORDS[1]}}" in\n{cases}  esac\n'
        f'  [ "$COMP_CWORD" -eq 1 ] && options="--help --version" others="{" ".join(words)}"\n'
        '  case "$word" in -*) others="$options" ;; esac\n'
        '  COMPREPLY=($(compgen -W "$others" -- "$word"))\n}\n'
        "complete -o bashdefault -o default -o plusdirs -F _patchlearn patchlearn\n"
    )


def _zsh(words: Words) -> str:
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash(words)}"


def _fish(words: Words) -> str:
    here = 'complete -c patchlearn -n "__fish_seen_subcommand_from'
    options = dict.fromkeys(option for found, _ in words.values() for option in found)
    owners = {option: [verb for verb, (found, _) in words.items() if option in found] for option in options}
    lines = [f'complete -c patchlearn -n __fish_use_subcommand -f -a "{" ".join(words)}"']
    lines += [f'{here} {" ".join(verbs)}" -l {option.removeprefix("--")}' for option, verbs in owners.items()]
    lines += [f'{here} {verb}" -a "{" ".join(others)}"' for verb, (_, others) in words.items() if others]
    return "\n".join(lines) + "\n"


def _tcsh(words: Words) -> str:
    """All options after every verb: tcsh does not look at the words before."""
    options = dict.fromkeys(option.removeprefix("--") for found, _ in words.values() for option in found)
    return f"complete patchlearn 'p/1/({' '.join(words)})/' 'c/--/({' '.join(options)})/' 'p/*/f/'\n"


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish, "tcsh": _tcsh}
