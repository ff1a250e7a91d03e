"""How SAM's weights are found, and what is said where they are not."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from safetensors.torch import load_file, save_file
from sam_models import write_sam2

from patchlearn.core.errors import PatchlearnError
from patchlearn.models import promptable
from patchlearn.models.promptable import pretrained, require_model

KIND = ("Sam2Model", "Sam2Processor", ["sam2"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_sam2(tmp_path / "sam2")


def test_a_folder_is_read_in_evaluation_mode(folder: Path) -> None:
    network, processor = pretrained(str(folder), *KIND)
    assert (type(network).__name__, type(processor).__name__, network.training) == (*KIND[:2], False)
    weights = load_file(folder / "model.safetensors")
    assert all((weights[name] == value).all() for name, value in network.state_dict().items() if name in weights)


def test_without_the_library_the_command_of_pip_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promptable, "find_spec", lambda name: None)
    for model in ("sam2", "owner/sam2"):
        with pytest.raises(PatchlearnError, match=r"^SAM: transformers is not installed\. Run: pip install 'patch"):
            require_model(model)


def test_an_old_library_is_named_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promptable, "find_spec", lambda name: object())
    monkeypatch.setattr(promptable, "import_module", lambda name: SimpleNamespace(__version__="4.50.0"))
    with pytest.raises(PatchlearnError, match=r"^SAM: transformers 4\.50\.0 has no Sam2Model\. Run: pip install"):
        pretrained("owner/sam2", *KIND)


@pytest.mark.parametrize("name", ["sam2", "weights/of/sam2", "/nowhere/sam2", "sam 2"])
def test_what_is_neither_a_folder_nor_a_name_on_the_hub_is_not_looked_up(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promptable, "find_spec", lambda name: object())
    with pytest.raises(PatchlearnError, match=r"no such folder\. Name one, or a repository on the hub"):
        pretrained(name, *KIND)


def test_a_model_of_another_family_is_refused_and_not_filled_up(folder: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"of the type 'sam2', not of sam3 or sam3_video\. Name another\."):
        pretrained(str(folder), "Sam3Model", "Sam3Processor", ["sam3_video", "sam3"])


def test_missing_weights_are_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    del weights["no_memory_embedding"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(PatchlearnError, match="1 weights of Sam2Model are missing or of another size, such as no_mem"):
        pretrained(str(folder), *KIND)


def test_a_pickled_file_is_not_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(PatchlearnError, match=r"no file named model\.safetensors found.*Name a folder that save_pre"):
        pretrained(str(folder), *KIND)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "processor_config.json"])
@pytest.mark.parametrize("content", [b"broken", None])
def test_damaged_and_missing_files_are_one_sentence(folder: Path, name: str, content: bytes | None) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(PatchlearnError, match=r"sam2: .*\. Name a folder that save_pretrained has written") as caught:
        pretrained(str(folder), *KIND)
    assert "\n" not in str(caught.value)


def test_weights_of_another_size_are_named(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["mask_decoder_config"]["iou_head_hidden_dim"] = 48
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        PatchlearnError, match="5 weights of Sam2Model are missing or of another size, such as mask_dec"
    ):
        pretrained(str(folder), *KIND)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("You are trying to access a gated repo.\nMake sure to have access to it", "Accept its licence on its page"),
        ("We couldn't connect to the hub", "Name a folder, or a repository on the hub (owner/name), and check"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(words: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(model: str, **options: object) -> None:
        raise OSError(words)

    library = SimpleNamespace(**dict.fromkeys((*KIND[:2], "AutoConfig"), SimpleNamespace(from_pretrained=refuse)))
    monkeypatch.setattr(promptable, "find_spec", lambda name: object())
    monkeypatch.setattr(promptable, "import_module", lambda name: library)
    with pytest.raises(PatchlearnError) as caught:
        pretrained("owner/sam", *KIND)
    first = words.splitlines()[0].removesuffix(".")
    assert str(caught.value).startswith(f"owner/sam: {first}. {advice}")
