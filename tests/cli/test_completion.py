"""Scripts that complete words in shells."""

import shutil
import subprocess

import pytest

from patchlearn.cli.completion import SHELLS, words_of_verbs
from patchlearn.cli.main import main
from patchlearn.cli.runs import run_verbs
from patchlearn.cli.tools import TOOLS

BASH = """
complete_words() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _patchlearn; echo "${{COMPREPLY[*]}}"; }}
complete_words {words}
"""


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def test_thewords_of_verbs_are_those_of_the_parsers() -> None:
    words = words_of_verbs()
    assert set(words) == {*run_verbs(), *TOOLS}
    assert {"--out", "--seed", "--classifier.optimisation.epochs"} <= set(words["run"][0])
    assert "standard" in words["run"][1]
    assert "--per" in words["convert"][0]
    assert "--seed" not in words["convert"][0]
    assert words["prepare"][1] == ["voc12", "coco14"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_itswords_of_verbs(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    for word in ("predict", "check-submission", "classifier.optimisation.epochs", "per"):
        assert word in text
    if shell != "tcsh":
        assert "voc12-ppl" in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("chec", "check check-submission"),
        ("--v", "--version"),
        ("run voc-animals-f", "voc-animals-full"),
        ("run photos --segmenter.he", "--segmenter.head"),
        ("predict --tab", "--table"),
        ("predict --classifier.b", ""),
        ("completion z", "zsh"),
        ("convert mas", ""),
    ],
)
def test_bash_completes(typed: str, completed: str, capsys: pytest.CaptureFixture[str]) -> None:
    program = script("bash", capsys) + BASH.format(words=f"patchlearn {typed}")
    done = subprocess.run(["bash", "-c", program], check=True, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (completed, "")


@pytest.mark.parametrize("shell", ["zsh", "fish", "tcsh"])
def test_other_shells_read_their_script_without_a_word(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    before = {"zsh": "autoload -U compinit; compinit -u -D\n"}.get(shell, "")
    command = {"tcsh": ["tcsh", "-f"], "zsh": ["zsh", "-f"], "fish": ["fish", "--no-config"]}[shell]
    done = subprocess.run(command, input=before + script(shell, capsys), check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_an_unknown_shell_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zhs"]) == 2
    assert "shell: 'zhs' is not an option; did you mean 'zsh'?" in capfd.readouterr().err
