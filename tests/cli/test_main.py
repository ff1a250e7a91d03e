import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import Mock

import pytest

from patchlearn.__main__ import start
from patchlearn.cli.main import main, split_overrides
from patchlearn.cli.runs import run_verbs
from patchlearn.cli.tools import TOOLS


@pytest.mark.parametrize(
    ("words", "kept", "overrides"),
    [
        (["run", "a.yaml", "--data.root", "x"], ["run", "a.yaml"], ["--data.root=x"]),
        (["run", "--data.root", "x", "a.yaml"], ["run", "a.yaml"], ["--data.root=x"]),
        (["run", "a.yaml", "--seed=1", "--out", "r"], ["run", "a.yaml", "--out", "r"], ["--seed=1"]),
        (["run", "a.yaml", "--variant", "plain"], ["run", "a.yaml", "--variant", "plain"], []),
        (["run", "a.yaml", "--cams.flip"], ["run", "a.yaml"], ["--cams.flip"]),
    ],
)
def test_settings_are_told_from_the_verbs_own_words(words: list[str], kept: list[str], overrides: list[str]) -> None:
    assert split_overrides(words) == (kept, overrides)


def test_an_error_of_the_system_without_a_file_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A full disk shows when something is written, not when it is opened."""
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("patchlearn.runs.run.open_run", Mock(side_effect=full))
    assert main(["run", str(tmp_path / "a.yaml")]) == 2
    assert "[Errno 28] No space left on device. Check" in capfd.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("words", [[], ["rum", "a.yaml"], ["run"], ["run", "a.yaml", "--sed", "1"]])
def test_a_wrong_command_shows_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: patchlearn" in capsys.readouterr().err


def test_a_setting_without_its_section_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "a.yaml", "--epochs", "3"])
    said = " ".join(capsys.readouterr().err.split())
    assert "unrecognized arguments: --epochs 3. Settings have the names of their sections: --classifier." in said
    assert "--segmenter.optimisation.epochs. See patchlearn run --help." in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runn", "photos"], "'runn' is no verb; did you mean 'run'? Choose one of: run, check, "),
        (["predct"], "'predct' is no verb; did you mean 'predict'?"),
        (["xyz"], "'xyz' is no verb. Choose one of: run, "),
        (["check", "photos", "--jsno"], "unrecognized arguments: --jsno; did you mean '--json'? See patchlearn check"),
        (["run", "photos", "--sed", "1"], "unrecognized arguments: --sed 1; did you mean '--seed'?"),
        (["run", "photos", "--ponits=a.csv"], "--ponits=a.csv; did you mean '--points'?"),
        (["recipes", "--sed", "1"], "unrecognized arguments: --sed 1. See patchlearn recipes"),
        (["recipes", "--jsno"], "unrecognized arguments: --jsno; did you mean '--json'?"),
        (["recipes", "jsno"], "unrecognized arguments: jsno. See"),
    ],
)
def test_a_wrong_verb_or_option_names_the_closest_one(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "kept", "overrides"),
    [
        (["run", "a.yaml", "--walk=3"], ["run", "a.yaml"], ["--walk=3"]),
        (["refine", "--background", "otsu"], ["refine", "--background", "otsu"], []),
        (["run", "a.yaml", "--with_segmenter", "--seed", "1"], ["run", "a.yaml"], ["--with_segmenter", "--seed=1"]),
    ],
)
def test_groups_are_settings_of_runs_and_options_of_tools(
    words: list[str], kept: list[str], overrides: list[str]
) -> None:
    assert split_overrides(words) == (kept, overrides)


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert re.fullmatch(r"patchlearn \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("verb", ["", *run_verbs(), *TOOLS])
def test_every_help_fits_a_screen_and_has_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*([verb] if verb else []), "--help"])
    shown = capsys.readouterr().out
    assert "example" in shown
    assert len(shown.splitlines()) <= 60


@pytest.mark.parametrize("words", ["--help", "--version", "run --help"])
def test_help_loads_nothing_heavy(words: str) -> None:
    code = f"import sys; from patchlearn.cli.main import main\ntry: main({words.split()})\nexcept SystemExit: pass\n"
    code += "sys.exit(bool({'torch', 'numba', 'timm'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0


def test_ctrl_c_while_the_command_is_loaded_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "patchlearn.cli.main", Interrupted("main"))
    assert start() == 130
    assert capsys.readouterr().err == "interrupted; the same command goes on from here\n"
