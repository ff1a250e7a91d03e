"""A run says of its own training images what its files say."""

from pathlib import Path

import numpy as np
import pytest
import timm
from conftest import make_folder
from rich.console import Console
from safetensors.torch import save_file
from whole_run import RECIPE

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import read_scores
from patchlearn.core.types import Sample
from patchlearn.data.images import read_image, read_indices
from patchlearn.runs.run import open_run, take_all
from patchlearn.runs.target import find_target
from patchlearn.web.answers import Question
from patchlearn.web.of_run import RunReader, read_run

VARIANTS = """{
  merged: {classifier: {fusion: progressive, splits: [[1, [2, 2]]]}, cams: {read: merged}, affinity: {kind: none}},
  stored: {
    classifier: {head_only: true, weights: FILE}, walk: {stored: true}, affinity: {rounds: 1},
    self_training: {rounds: 1, stages: lower, centred: true}},
}"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    data = make_folder(folder / "data", lambda index: f"img{index:02}.png")
    (folder / "tiny.yaml").write_text(RECIPE)
    weights = folder / "weights.safetensors"
    save_file(timm.create_model("mobilenetv3_small_050").state_dict(), weights)
    words = [f"--variants={VARIANTS.replace('FILE', str(weights))}", "--with_segmenter=false", "--background.rule=otsu"]
    target = find_target(folder / "tiny.yaml", folder / "run", [f"--data.root={data}", "--runtime.device=cpu", *words])
    with open_run(target, (), Console(quiet=True)) as opened:
        take_all(opened)
    return folder / "run"


@pytest.fixture(scope="module")
def read(run: Path) -> tuple[RunReader, list[Sample]]:
    with open_run(find_target(run, None, ()), (), Console(quiet=True)) as opened:
        return read_run(opened, "tiny"), list(opened.dataset.splits["train"])


@pytest.mark.parametrize("variant", ["merged", "stored"])
def test_maps_and_masks_are_those_of_the_run(run: Path, read: tuple[RunReader, list[Sample]], variant: str) -> None:
    reader, samples = read
    for sample in samples:
        seen = reader.see(read_image(sample.image))
        answer = reader.answer(seen, Question(variant=variant, tags=sample.labels))
        maps = read_scores(run / variant / "cams" / "train" / f"{sample.id}.npz")
        np.testing.assert_allclose(answer.maps, maps.scores, atol=2e-3)  # files hold half precision
        mask = read_indices(run / variant / "pseudo" / "train" / f"{sample.id}.png")
        assert (answer.mask == mask).mean() > 0.99


def test_tags_and_threshold_change_the_answer_and_the_scores_stay(read: tuple[RunReader, list[Sample]]) -> None:
    reader, samples = read
    seen = reader.see(read_image(samples[0].image))
    both, none, high = (
        reader.answer(seen, Question(variant="merged", tags=tags, threshold=threshold))
        for tags, threshold in (((0, 1), None), ((), None), ((0, 1), 0.99))
    )
    assert (both.tags, none.tags, len(none.maps)) == ((0, 1), (), 0)
    assert not none.mask.any()
    assert np.isin(high.mask, (0, 255)).mean() > np.isin(both.mask, (0, 255)).mean()
    assert both.scores == none.scores == high.scores
    assert high.threshold == 0.99
    assert 0 < both.threshold < 1


def test_without_tags_the_classes_are_predicted(read: tuple[RunReader, list[Sample]]) -> None:
    reader, samples = read
    answer = reader.answer(reader.see(read_image(samples[0].image)), Question(variant="merged"))
    assert int(np.argmax(answer.scores)) in answer.tags


def test_a_variant_is_looked_at_once(read: tuple[RunReader, list[Sample]], monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a slider is answered at once."""
    reader, samples = read
    seen = reader.see(read_image(samples[0].image))
    reader.answer(seen, Question(variant="stored"))
    monkeypatch.setattr(reader.variants["stored"], "look", lambda image: pytest.fail("looked again"))
    reader.answer(seen, Question(variant="stored", threshold=0.4))


def test_a_run_without_masks_is_refused(folder_data: Path, tmp_path: Path, console: Console) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    words = (f"--data.root={folder_data}", "--runtime.device=cpu")
    target = find_target(tmp_path / "tiny.yaml", tmp_path / "run", words)
    with open_run(target, (), console) as opened, pytest.raises(PatchlearnError, match="has no pseudo masks yet"):
        read_run(opened, "tiny")
