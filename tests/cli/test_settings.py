import json
from pathlib import Path

import pytest
import yaml

from patchlearn.cli.main import main
from patchlearn.runs.recipe import load_recipe


def test_the_sections_fit_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    shown = capsys.readouterr().out
    assert "self_training" in shown
    assert len(shown.splitlines()) < 40


def test_a_section_has_defaults_and_meanings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "classifier.optimisation", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classifier.optimisation.learning_rate"]["default"] == 0.0003
    assert found["classifier.optimisation.epochs"]["meaning"].startswith("passes over the images")
    assert main(["settings", "classifier.optimisation"]) == 0
    assert "0.0003" in capsys.readouterr().out


def test_names_are_shown_whole_on_a_narrow_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["settings", "classifier.optimisation"]) == 0
    assert "classifier.optimisation.head_multiplier" in capsys.readouterr().out


def test_all_settings_have_a_meaning_and_are_a_recipe(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["settings", "all", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [name for name, row in found.items() if not row["meaning"]] == []
    assert main(["settings", "all", "--yaml"]) == 0
    path = tmp_path / "all.yaml"
    path.write_text(capsys.readouterr().out)
    assert load_recipe(path).recipe.seed == 0


def test_what_a_recipe_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--changed", "scenes", "--yaml"]) == 0
    found = yaml.safe_load(capsys.readouterr().out)
    assert found["classifier"]["weights"] == "demo"
    assert "seed" not in found


def test_a_wrong_section_names_the_right_ones(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "clasifier"]) == 2
    assert "no such section; did you mean 'classifier'" in " ".join(capfd.readouterr().err.split())
