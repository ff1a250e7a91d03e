"""The view of trust over a whole tiny run: once computed, and then read."""

import json
from pathlib import Path

import pytest
from whole_run import RECIPE

from patchlearn.cli.main import main
from patchlearn.core.files import read_json

CPU = "--runtime.device=cpu"
SHORT = [CPU, "--with_segmenter=false", "--affinity.kind=none"]
VARIANTS = "{plain: null, cells: {reading: {use: cells}, self_training: {rounds: 1}}}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from conftest import make_folder

    folder = tmp_path_factory.mktemp("trust")
    data = make_folder(folder / "data", lambda index: f"img{index:02}.png")
    (folder / "tiny.yaml").write_text(RECIPE)
    out = folder / "run"
    given = ["run", str(folder / "tiny.yaml"), "--data.root", str(data), "--out", str(out), "--variants", VARIANTS]
    assert main([*given, *SHORT]) == 0
    return out


def said(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    capfd.readouterr()
    assert main(["trust", *words, CPU]) == 0
    return capfd.readouterr().out


def test_the_json_has_what_it_promises(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capfd, str(run), "--json"))
    assert found["variant"] == "cells"
    assert 0 <= found["interval"][0] <= found["estimated_miou"] <= found["interval"][1] <= 1
    assert found["flagged"] in (True, False)
    assert list(found["classes"]) == ["red", "blue"]
    assert all(set(each) == {"kind", "text"} for findings in found["classes"].values() for each in findings)
    assert {"halves", "again", "cells", "mirror"} <= set(found["measures"]["agreement"])
    assert found["measures"]["classes"]["red"]["areas"]["images"] == 4
    assert found == read_json(run / "cells" / "trust" / "trust.json")


def test_run_has_judged_its_last_variant_and_nothing_is_computed_twice(
    run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not (run / "plain" / "trust").exists()
    manifest = (run / "cells" / "trust" / "step.json").read_bytes()
    assert "masks of cells: about " in said(capfd, str(run))
    assert (run / "cells" / "trust" / "step.json").read_bytes() == manifest
    assert "How far to trust the masks" in (run / "report.html").read_text()


def test_another_variant_can_be_named_and_its_features_need_not_be_stored(
    run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(said(capfd, str(run), "--json", "--variant", "plain"))
    assert found["variant"] == "plain"
    assert not list((run / "plain").glob("features"))
    assert found["measures"]["images"] == 8


def test_true_masks_play_no_part(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = read_json(run / "cells" / "trust" / "trust.json")
    key = read_json(run / "cells" / "trust" / "step.json")["key"]
    for mask in (run.parent / "data" / "masks").glob("*.png"):
        mask.write_bytes((run.parent / "data" / "masks" / "img00.png").read_bytes())
    assert json.loads(said(capfd, str(run), "--json")) == before
    assert read_json(run / "cells" / "trust" / "step.json")["key"] == key


def test_without_masks_there_is_nothing_to_judge(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", str(run), CPU, "--seed", "1"]) == 2
    assert "Run first: patchlearn" in capfd.readouterr().err
