"""SAM 3: how probable a word is in an image."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import noise_image
from PIL import Image
from safetensors.torch import load_file, save_file
from sam_models import write_sam3

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.sam3 import load_sam3

WORDS = ["cat", "traffic light", "tv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sam3(tmp_path_factory.mktemp("weights") / "sam3")


def test_presence_is_that_of_the_librarys_own_call(folder: Path) -> None:
    sam, found = load_sam3(str(folder)), []
    for image in (noise_image(30, 50), np.full((50, 30, 3), 200, np.uint8)):
        found.append(sam.presence(image, WORDS))
        for word, presence in zip(WORDS, found[-1], strict=True):
            inputs = sam.processor(images=Image.fromarray(image), text=word, return_tensors="pt")
            del inputs["original_sizes"]
            with torch.no_grad():
                logit = sam.network(**inputs).presence_logits
            assert presence == pytest.approx(float(logit.sigmoid()), abs=1e-6)
    assert found[0].dtype == np.float32
    assert len(np.unique(np.concatenate(found).round(5))) == 6  # each word in each image has its own


def test_the_hubs_model_for_videos_gives_the_same_presence(folder: Path, tmp_path: Path) -> None:
    """Its weights of the network for images have a prefix, and its config.json names this network as the detector."""
    library = pytest.importorskip("transformers")
    detector = json.loads((folder / "config.json").read_text())
    library.Sam3VideoConfig(detector_config=detector).save_pretrained(tmp_path)
    library.Sam3Processor.from_pretrained(folder).save_pretrained(tmp_path)
    weights = load_file(folder / "model.safetensors")
    named = {f"detector_model.{name}": value for name, value in weights.items()}
    save_file(named, tmp_path / "model.safetensors", metadata={"format": "pt"})
    first, second = (load_sam3(str(each)).presence(noise_image(30, 50), WORDS) for each in (folder, tmp_path))
    assert (first == second).all()


def test_a_word_that_is_too_long_is_named(folder: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"'a{31}' has more than 32 tokens\. Choose a shorter word"):
        load_sam3(str(folder)).presence(noise_image(30, 50), ["a" * 31])
    assert load_sam3(str(folder)).presence(noise_image(30, 50), ["a" * 30]).shape == (1,)
