import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from patchlearn.core.checkpoints import checkpoint_settings, load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError


def test_checkpoints_come_back(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(2, 3).t(), "b": torch.tensor(4)}
    save_checkpoint(tmp_path / "c.safetensors", tensors, {"classes": ["ä"], "rate": 0.1})
    loaded, settings = load_checkpoint(tmp_path / "c.safetensors")
    assert settings == checkpoint_settings(tmp_path / "c.safetensors") == {"classes": ["ä"], "rate": 0.1}
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04pickle", b"{}"])
def test_what_is_no_checkpoint_is_refused_by_name(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PatchlearnError, match=r"c\.safetensors: (no such|not a) checkpoint"):
        load_checkpoint(path)
    with pytest.raises(PatchlearnError, match=r"c\.safetensors: (no such|not a) checkpoint"):
        checkpoint_settings(path)


def test_others_may_read_a_checkpoint_too(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.safetensors", {"a": torch.ones(1)}, {})
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "c.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("settings", ["[]", "null", "[" * 100_000 + "]" * 100_000])
def test_settings_that_are_none_are_refused(settings: str, tmp_path: Path) -> None:
    """Also those that are nested deeper than Python counts."""
    (tmp_path / "c.safetensors").write_bytes(save({"a": torch.ones(1)}, metadata={"settings": settings}))
    for read in (load_checkpoint, checkpoint_settings):
        with pytest.raises(PatchlearnError, match=r"c\.safetensors: not a checkpoint of patchlearn"):
            read(tmp_path / "c.safetensors")


def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.safetensors")
    with pytest.raises(PatchlearnError, match=r"c\.safetensors: a pipe"):
        load_checkpoint(tmp_path / "c.safetensors")
