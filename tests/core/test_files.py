from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import append_row, atomic, read_rows
from patchlearn.core.manifest import adopt, begin, fingerprint, finish, is_complete
from patchlearn.core.masks_io import read_scores, voc_palette, write_mask, write_scores
from patchlearn.core.types import ScoreMaps


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic(target) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_fingerprint_changes_with_every_value() -> None:
    assert len({fingerprint({"a": 1}), fingerprint({"a": 2}), fingerprint({"b": 1}), fingerprint({"a": 1}, 0)}) == 4


def test_a_folder_is_complete_for_its_own_key_alone(tmp_path: Path) -> None:
    begin(tmp_path, "one")
    assert not is_complete(tmp_path, "one")
    finish(tmp_path, "one", seconds=1)
    assert is_complete(tmp_path, "one")
    assert not is_complete(tmp_path, "two")


def test_begin_keeps_its_own_files_and_deletes_those_of_another_key(tmp_path: Path) -> None:
    begin(tmp_path, "one")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text("half done")
    begin(tmp_path, "one")
    assert (tmp_path / "deep" / "file").exists()
    begin(tmp_path, "two")
    assert [path.name for path in tmp_path.iterdir()] == ["step.json"]


def test_begin_leaves_a_folder_with_files_of_others_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(PatchlearnError, match="holds files that no step has written"):
        begin(tmp_path, "one")
    assert (tmp_path / "thesis.txt").exists()


def test_a_kill_while_a_folder_is_cleared_leaves_it_complete_for_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(tmp_path, "one")
    for name in ("a", "t", "z"):
        (tmp_path / name).write_text("done")
    finish(tmp_path, "one")
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        begin(tmp_path, "two")
    monkeypatch.undo()
    assert not is_complete(tmp_path, "one")
    assert not is_complete(tmp_path, "two")
    begin(tmp_path, "two")
    assert [path.name for path in tmp_path.iterdir()] == ["step.json"]


def test_what_is_adopted_is_not_complete_before_it_is_finished(tmp_path: Path) -> None:
    begin(tmp_path / "a", "key")
    (tmp_path / "a" / "file").write_text("x")
    (tmp_path / "a" / ".file.1.partial").write_text("half")
    finish(tmp_path / "a", "key")
    adopt(tmp_path / "a", tmp_path / "b")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["file"]


def test_checkpoints_come_back(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(2, 3).t(), "b": torch.tensor(4)}
    save_checkpoint(tmp_path / "c.safetensors", tensors, {"classes": ["ä"], "rate": 0.1})
    loaded, settings = load_checkpoint(tmp_path / "c.safetensors")
    assert settings == {"classes": ["ä"], "rate": 0.1}
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04pickle", b"{}"])
def test_what_is_no_checkpoint_is_refused_by_name(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PatchlearnError, match=r"c\.safetensors: (no such|not a) checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize("classes", [(), (3,), (0, 253)])
def test_score_maps_come_back_in_half_precision(classes: tuple[int, ...], tmp_path: Path) -> None:
    scores = np.random.default_rng(0).random((len(classes), 5, 7), dtype=np.float32)
    maps = ScoreMaps(scores=scores, classes=classes, size=(20, 27), labels="predicted")
    write_scores(tmp_path / "ü.npz", maps)
    loaded = read_scores(tmp_path / "ü.npz")
    assert (loaded.classes, loaded.size, loaded.labels) == (classes, (20, 27), "predicted")
    np.testing.assert_allclose(loaded.scores, scores, atol=5e-4)
    assert loaded.full_size().shape == (len(classes), 20, 27)


def test_others_may_read_a_checkpoint_too(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.safetensors", {"a": torch.ones(1)}, {})
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "c.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


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
    ],
)
def test_arrays_that_are_no_score_maps_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    sound = {"scores": np.ones((1, 5, 7)), "classes": np.array([3]), "size": np.array([20, 28]), "labels": "given"}
    np.savez(tmp_path / "s.npz", **{**sound, **change})
    with pytest.raises(PatchlearnError, match=r"s\.npz: not score maps"):
        read_scores(tmp_path / "s.npz")


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


def test_rows_come_back(tmp_path: Path) -> None:
    append_row(tmp_path / "log.csv", {"step": 1, "loss": 0.5})
    append_row(tmp_path / "log.csv", {"step": 2, "loss": 0.25})
    assert read_rows(tmp_path / "log.csv") == [{"step": "1", "loss": "0.5"}, {"step": "2", "loss": "0.25"}]
    assert read_rows(tmp_path / "none.csv") == []
