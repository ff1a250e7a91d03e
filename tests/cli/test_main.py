from pathlib import Path
from unittest.mock import Mock

import pytest

from patchlearn.cli.main import main, split_overrides


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


def test_settings_are_listed_with_their_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    shown = capsys.readouterr().out
    assert "--classifier.optimisation.learning_rate" in shown
    assert "default: 0.0003" in shown.replace("\n", " ").replace("  ", "")


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
