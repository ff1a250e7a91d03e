"""The verb `refine`."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from patchlearn.cli.main import main
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import UInt8
from patchlearn.data.images import read_indices
from patchlearn.maps.settings import PseudoSettings
from patchlearn.refine.settings import BackgroundRule, CrfSettings, SamSettings

SIZE = (32, 40)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "images" / "a.png")
    return tmp_path / "images"


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    (tmp_path / "scores").mkdir()
    return tmp_path / "scores"


def refine(images: Path, maps: Path, *options: str) -> int:
    out = maps.parent / "out"
    return main(["refine", "--images", str(images), "--scores", str(maps), "--out", str(out), *options])


def refined(maps: Path, stem: str) -> UInt8:
    return read_indices(maps.parent / "out" / f"{stem}.png")


def test_a_threshold_means_the_rule_that_has_one(images: Path, maps: Path, capfd: pytest.CaptureFixture[str]) -> None:
    np.save(maps / "a.npy", np.broadcast_to(np.linspace(0, 1, SIZE[1], dtype=np.float32), (1, *SIZE)))
    shares = []
    for options in ((), ("--threshold", "0.9"), ("--background", "fixed", "--threshold", "0.9")):
        assert refine(images, maps, "--preset", "none", *options) == 0
        shares.append((refined(maps, "a") == 1).mean())
    assert shares[1] == shares[2] < 0.2 < shares[0]
    assert refine(images, maps, "--background", "otsu", "--threshold", "0.9") == 2
    assert "the rule 'otsu' finds its own" in capfd.readouterr().err


@pytest.mark.parametrize("threads", ["0", "-1"])
def test_threads_are_at_least_one(threads: str, images: Path, maps: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_mask(maps / "a.png", np.zeros(SIZE, np.uint8))
    assert refine(images, maps, "--threads", threads) == 2
    assert f"threads: {threads} is out of range" in capfd.readouterr().err


def test_options_become_settings(images: Path, maps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, load = Mock(return_value=[]), Mock(return_value="loaded")
    monkeypatch.setattr("patchlearn.cli.refine.refine_folder", work)
    monkeypatch.setattr("patchlearn.models.sam2.load_sam2", load)
    assert refine(images, maps) == 0
    crf = ("--preset", "psa", "--iterations", "3", "--confidence", "0.6")
    others = ("--local", "4", "--ignore-band", "0.2", "--kind", "probabilities", "--threads", "2")
    (maps / "names.txt").write_text("cat\ntraffic light\n")
    of_files = ("--layout", "hwc", "--binary", "--classes", str(maps / "names.txt"), "--sam", "sam2")
    assert refine(images, maps, *crf, *others, *of_files, "--threshold", "0.3") == 0
    plain, changed = work.call_args_list
    assert plain.args == (images, maps, maps.parent / "out", PseudoSettings(), BackgroundRule())
    assert (plain.kwargs["kind"], plain.kwargs["threads"]) == ("scores", None)
    crf_settings, sam = CrfSettings(preset="psa", iterations=3, confidence=0.6), SamSettings(model="sam2")
    settings = PseudoSettings(crf=crf_settings, local=4, ignore_band=0.2, sam=sam)
    assert changed.args[3:] == (settings, BackgroundRule(rule="fixed", threshold=0.3))
    assert (changed.kwargs["kind"], changed.kwargs["threads"]) == ("probabilities", 2)
    assert (plain.kwargs["sam"], changed.kwargs["sam"], load.call_args.args[0]) == (None, "loaded", "sam2")
    names = ("layout", "binary", "classes")
    assert [plain.kwargs[name] for name in names] == [None, False, None]
    assert [changed.kwargs[name] for name in names] == ["hwc", True, ("cat", "traffic light")]


def test_the_list_beside_the_maps_is_read_and_a_missing_one_is_named(
    images: Path, maps: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    work = Mock(return_value=[])
    monkeypatch.setattr("patchlearn.cli.refine.refine_folder", work)
    (maps / "classes.txt").write_text("hen\n")
    assert refine(images, maps) == 0
    assert work.call_args.kwargs["classes"] == ("hen",)
    assert refine(images, maps, "--classes", str(maps / "none.txt")) == 2
    assert "none.txt: no such file. Name a file with the classes" in capfd.readouterr().err.replace("\n", " ")


def test_what_went_wrong_with_a_file_is_printed_and_the_exit_code_is_2(
    images: Path, maps: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("patchlearn.cli.refine.refine_folder", Mock(return_value=["a.npy: [bad]", "b.npy: worse"]))
    assert refine(images, maps) == 2
    assert [line for line in capfd.readouterr().err.splitlines() if line] == [
        "error: a.npy: [bad]",
        "error: b.npy: worse",
    ]


def test_a_sam_that_is_not_there_is_named_before_anything_is_written(
    images: Path, maps: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_mask(maps / "a.png", np.zeros(SIZE, np.uint8))
    monkeypatch.setattr("patchlearn.models.promptable.find_spec", lambda name: object())
    assert refine(images, maps, "--sam", "nowhere") == 2
    assert "error: nowhere: no such folder. Name one" in capfd.readouterr().err
    monkeypatch.setattr("patchlearn.models.promptable.find_spec", lambda name: None)
    assert refine(images, maps, "--sam", "owner/sam2") == 2
    assert "Run: pip install 'patchlearn[sam]'" in capfd.readouterr().err
    assert not (maps.parent / "out").exists()


def test_a_limit_of_memory_is_kept_by_an_error_before_anything_is_written(
    images: Path, maps: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_mask(maps / "a.png", np.ones(SIZE, np.uint8))
    assert refine(images, maps, "--memory", "0.001") == 2
    assert "a.png needs about 0.0 GB beside the" in (error := capfd.readouterr().err)
    assert "the limit is 0.001 GB. Raise the limit (--memory, runtime.memory)" in error
    assert not list(maps.parent.glob("out/*.png"))
    assert refine(images, maps, "--memory", "-1") == 2
    assert "--memory: -1.0 is out of range" in capfd.readouterr().err
    assert refine(images, maps, "--memory", "64") == 0
    assert (refined(maps, "a") == 1).all()
