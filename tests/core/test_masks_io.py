import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import read_scores, voc_palette, write_mask, write_scores
from patchlearn.core.types import ScoreMaps


@pytest.mark.parametrize("classes", [(), (3,), (0, 253)])
def test_score_maps_come_back_in_half_precision(classes: tuple[int, ...], tmp_path: Path) -> None:
    scores = np.random.default_rng(0).random((len(classes), 5, 7), dtype=np.float32)
    maps = ScoreMaps(scores=scores, classes=classes, size=(20, 27), labels="predicted")
    write_scores(tmp_path / "ü.npz", maps)
    loaded = read_scores(tmp_path / "ü.npz")
    assert (loaded.classes, loaded.size, loaded.labels) == (classes, (20, 27), "predicted")
    np.testing.assert_allclose(loaded.scores, scores, atol=5e-4)
    assert loaded.full_size().shape == (len(classes), 20, 27)


@pytest.mark.parametrize(
    "change",
    [
        {"scores": np.ones((5, 7))},
        {"scores": np.ones((2, 5, 7))},
        {"scores": np.full((1, 5, 7), 1.5)},
        {"scores": np.full((1, 5, 7), np.nan)},
        {"classes": np.array(3)},
        {"classes": np.array([254])},
        {"classes": np.array([-1])},
        {"size": np.array(20)},
        {"size": np.array([0, 28])},
        {"unknown": np.array([4])},
        {"unknown": np.array(3)},
    ],
)
def test_arrays_that_are_no_score_maps_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    sound = {"scores": np.ones((1, 5, 7)), "classes": np.array([3]), "size": np.array([20, 28]), "labels": "given"}
    np.savez(tmp_path / "s.npz", **{**sound, **change})
    with pytest.raises(PatchlearnError, match=r"s\.npz: not score maps"):
        read_scores(tmp_path / "s.npz")


def test_what_unpacks_to_more_than_the_limit_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the maps are small and another array is not."""
    sound = {"scores": np.ones((1, 5, 7)), "classes": np.array([3]), "size": np.array([20, 28]), "labels": "given"}
    path = tmp_path / "s.npz"
    np.savez_compressed(path, **sound, unknown=np.zeros(10**6, np.int64))
    monkeypatch.setenv("PATCHLEARN_MAX_NPZ_BYTES", "1000000")
    with pytest.raises(PatchlearnError, match=r"s\.npz: unpacks to 8,00.* bytes, and the limit is 1,000,000"):
        read_scores(path)
    np.savez_compressed(path, **sound)
    assert read_scores(path).classes == (3,)


def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(PatchlearnError, match=r"a\.npz: a pipe"):
        read_scores(tmp_path / "a.npz")


def test_unknown_classes_come_back_and_files_without_any_are_what_they_were(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).random((2, 5, 7), dtype=np.float32)
    maps = ScoreMaps(scores=scores, classes=(0, 4), size=(20, 27))
    write_scores(tmp_path / "two.npz", replace(maps, unknown=(4,)))
    assert read_scores(tmp_path / "two.npz").unknown == (4,)
    write_scores(tmp_path / "none.npz", maps)
    assert read_scores(tmp_path / "none.npz").unknown == ()
    arrays = {"classes": np.array([0, 4]), "size": np.array([20, 27]), "labels": np.array("given")}
    np.savez_compressed(tmp_path / "before.npz", scores=scores.astype(np.float16), **arrays)
    assert (tmp_path / "none.npz").read_bytes() == (tmp_path / "before.npz").read_bytes()


def test_no_damage_to_score_maps_is_more_than_a_sentence(tmp_path: Path) -> None:
    maps = ScoreMaps(scores=np.random.default_rng(0).random((2, 9, 9), np.float32), classes=(0, 4), size=(36, 36))
    write_scores(tmp_path / "s.npz", maps)
    whole, random = (tmp_path / "s.npz").read_bytes(), np.random.default_rng(1)
    for _ in range(400):
        broken = bytearray(whole)
        broken[random.integers(len(broken))] ^= 1 << random.integers(8)
        (tmp_path / "s.npz").write_bytes(broken)
        with suppress(PatchlearnError):
            read_scores(tmp_path / "s.npz")


def test_pickled_scores_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", scores=np.array([{}], dtype=object))
    with pytest.raises(PatchlearnError, match=r"s\.npz: not score maps"):
        read_scores(tmp_path / "s.npz")


def test_truncated_scores_are_refused(tmp_path: Path) -> None:
    maps = ScoreMaps(scores=np.ones((1, 5, 7), np.float32), classes=(0,), size=(20, 28))
    write_scores(tmp_path / "s.npz", maps)
    whole = (tmp_path / "s.npz").read_bytes()
    (tmp_path / "s.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PatchlearnError, match="run patchlearn cams again"):
        read_scores(tmp_path / "s.npz")


def test_masks_are_palette_pngs_in_vocs_colours(tmp_path: Path) -> None:
    mask = np.array([[0, 1, 15], [20, 254, 255]], np.uint8)
    write_mask(tmp_path / "m.png", mask)
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), mask)
        assert image.convert("RGB").getpixel((2, 0)) == (192, 128, 128)


def test_vocs_palette() -> None:
    known = {0: (0, 0, 0), 1: (128, 0, 0), 8: (64, 0, 0), 20: (0, 64, 128), 255: (224, 224, 192)}
    assert {index: tuple(voc_palette()[index].tolist()) for index in known} == known
