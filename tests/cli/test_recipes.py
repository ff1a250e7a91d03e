import json
from pathlib import Path

import pytest

from patchlearn.cli.main import main
from patchlearn.runs.builtin import builtin_recipes
from patchlearn.runs.recipe import load_recipe


def test_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(builtin_recipes())
    assert all({"title", "data", "cost", "score"} <= set(row) for row in found.values())
    assert all(
        found[name]["cost"] == found[name]["score"] == "not measured here"
        for name in ("voc12-ppl", "voc12-explicit-r38", "coco14-ppl", "dinov2-s")
    )
    assert main(["recipes"]) == 0
    assert "standard" in capsys.readouterr().out


def test_init_writes_a_recipe_beside_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    assert main(["init", "photos"]) == 0
    assert "patchlearn run photos.yaml" in capfd.readouterr().err.replace("\n", " ")
    assert "  root: photos\n" in (tmp_path / "photos.yaml").read_text()
    assert main(["init", "photos"]) == 2
    assert "is there already" in capfd.readouterr().err
    assert main(["init", "photos", "--out", "b.yaml"]) == 0
    assert main(["init", "photos", "--recipe", "fast", "--out", "c.yaml"]) == 0
    assert load_recipe("c.yaml").recipe.title == load_recipe(builtin_recipes()["fast"]).recipe.title
    capfd.readouterr()
    assert main(["init", "photos", "--recipe", "fasd", "--out", "d.yaml"]) == 2
    assert "fasd: no such recipe; did you mean 'fast'?" in capfd.readouterr().err
    assert not (tmp_path / "d.yaml").exists()
    assert main(["init", "fotos"]) == 2
    assert "no such folder" in capfd.readouterr().err
