from dataclasses import replace
from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import ClassSize
from patchlearn.data.formats.collected import write_listing
from patchlearn.data.open import open_dataset


def test_what_is_listed_is_read_back(folder_data: Path, tmp_path: Path) -> None:
    data = open_dataset("folder", folder_data)
    samples = (replace(data.split("train")[0], unknown=(1,)), *data.split("train")[1:])
    data = replace(data, splits={**data.splits, "train": samples})
    write_listing(tmp_path / "run", data)
    read = open_dataset("collected", tmp_path / "run")
    assert replace(read, root=data.root) == data
    coloured = replace(data, mask_colours={(255, 0, 0): 1, (0, 0, 255): 2})
    write_listing(tmp_path / "run", coloured)
    assert open_dataset("collected", tmp_path / "run").mask_colours == coloured.mask_colours
    known = replace(data, sizes=(None, ClassSize(least=3, unit="pixels", count="one")))
    write_listing(tmp_path / "run", known)
    assert open_dataset("collected", tmp_path / "run").sizes == known.sizes


@pytest.mark.parametrize("id", ["../../escaped", "/tmp/escaped", "a\\\\b", "..", ""])
def test_an_id_never_leaves_the_run_folder(tmp_path: Path, id: str) -> None:
    sample = f'{{"id": "{id}", "image": "a.png", "labels": [0], "unknown": []}}'
    head = '"classes": ["a"], "mask_values": [1], "masks_are_closed": true, "mask_colours": null'
    (tmp_path / "collected.json").write_text(f'{{{head}, "splits": {{"train": [{sample}]}}}}')
    with pytest.raises(PatchlearnError, match="not a list of images"):
        open_dataset("collected", tmp_path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"classes": ["a"], "splits": {"train": [{}]}}', '{"classes": "a"}'])
def test_a_damaged_list_is_explained(tmp_path: Path, content: str) -> None:
    (tmp_path / "collected.json").write_text(content)
    with pytest.raises(PatchlearnError, match=r"collected\.json"):
        open_dataset("collected", tmp_path)
