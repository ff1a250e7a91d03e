"""State dicts of files: containers, prefixes, and what is refused. `test_weights.py` loads them into networks."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.state_dicts import read_tensors, without_prefixes

ONE = torch.ones(1)
PICKLE = pickle.dumps(np.ones(2))
KNOWN = ["conv1.weight", "layer1.0.bias"]


def named(*names: str) -> dict[str, Tensor]:
    return dict.fromkeys(names, ONE)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (KNOWN, KNOWN),
        (["module.model.conv1.weight", "module.model.layer1.0.bias"], KNOWN),
        (["backbone.conv1.weight", "head.weight", "mask_token"], ["conv1.weight"]),
        (["teacher.backbone.conv1.weight", "student.backbone.conv1.weight"], ["conv1.weight"]),
        (["module.conv1.weight", "layer1.0.bias"], ["module.conv1.weight", "layer1.0.bias"]),  # not all have it
        (["head.weight"], ["head.weight"]),
        ([], []),
    ],
)
def test_a_prefix_goes_where_all_tensors_of_the_trunk_have_it(given: list[str], left: list[str]) -> None:
    assert list(without_prefixes(named(*given), KNOWN)) == left


def test_a_prefix_of_the_architecture_itself_stays() -> None:
    given = named("module.encoder.conv.weight")
    assert list(without_prefixes(given, ["encoder.conv.weight"])) == ["encoder.conv.weight"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"epoch": 3, "model": {"a": 3}}, r"it holds a int, 'a', among the tensors"),
        ({"a": ONE, "epoch": 3}, r"it holds a int, 'epoch', among the tensors"),
        (ONE, r"it holds a Tensor, not tensors by name"),
    ],
)
def test_other_things_than_tensors_are_named(content: object, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(PatchlearnError, match=rf"weights\.pth: cannot be read as weights \({said}\)"):
        read_tensors(tmp_path / "weights.pth")


def test_a_folder_is_no_file_of_weights(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"cannot be read as weights \(.*[Dd]irectory"):
        read_tensors(tmp_path)


class RunsCode:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("true",))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("content", [RunsCode(), {"a": ONE, "best": np.float64(3)}, {"a": {"b": RunsCode()}}])
def test_the_advice_to_run_a_file_is_never_repeated(content: object, zipped: bool, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(PatchlearnError, match=r"w\.pth: cannot be read as weights \(it (would|holds)") as caught:
        read_tensors(tmp_path / "w.pth")
    assert "weights_only" not in str(caught.value)
    assert "trust" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello world", b"<html>", b"version https://git-lfs", PICKLE])
def test_what_is_no_file_of_weights_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(PatchlearnError, match=r"w\.pth: cannot be read as weights") as caught:
        read_tensors(tmp_path / "w.pth")
    assert "weights_only" not in str(caught.value)
