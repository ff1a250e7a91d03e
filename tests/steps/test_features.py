"""Features that are computed once, and what reads them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import cam_settings, make_runtime, noise_image, tiny_classifier
from PIL import Image
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json
from patchlearn.core.manifest import file_digest
from patchlearn.core.masks_io import read_scores
from patchlearn.core.runtime import Runtime
from patchlearn.core.types import Dataset, Sample
from patchlearn.maps.features import features_of_views
from patchlearn.maps.settings import FeatureSettings, SelfTrainingSettings
from patchlearn.models.classifier import Classifier
from patchlearn.models.lda import load_lda
from patchlearn.models.settings import ViewSettings
from patchlearn.models.views import ViewFeatures
from patchlearn.refine import BackgroundRule
from patchlearn.steps.cams import write_cams
from patchlearn.steps.data_splits import DataSplit
from patchlearn.steps.features import Trunk, WriteFeatures, read_features, write_features
from patchlearn.steps.self_training import self_train

VIEWS = ViewSettings(scales=(1.0, 0.5), flip=False)


class Source:
    """A tiny network; it notes how often it is loaded."""

    key = "tiny"

    def __init__(self) -> None:
        self.loaded = 0

    def load(self) -> Classifier:
        self.loaded += 1
        return tiny_classifier()

    def untrained(self, runtime: Runtime) -> Classifier:
        return tiny_classifier()


def images(folder: Path) -> tuple[Sample, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for index in range(4):
        pixels = noise_image(40, 56).copy()
        pixels[8:32, 8 * index : 8 * index + 24] = (250, 20, 20 * index)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        made.append(Sample(id=f"album/{index}", image=folder / f"{index}.png", labels=(index % 3,)))
    return tuple(made)


def step(root: Path, gigabytes: float = 1.0) -> WriteFeatures:
    samples = images(root / "images")
    dataset = Dataset(
        root=root, classes=("a", "b", "c"), splits={"train": samples}, mask_values=(), masks_are_closed=False
    )
    data = DataSplit(dataset, "train", file_digest)
    settings = FeatureSettings(most_gigabytes=gigabytes)
    return WriteFeatures(root / "run" / "plain", settings, VIEWS, "whole", data, Source())


def test_every_image_has_its_features_in_fp16(tmp_path: Path, console: Console) -> None:
    made = step(tmp_path)
    made.take(make_runtime(console))
    read = made.stored
    expected = made.held(tiny_classifier(), made.data.samples)
    for sample in made.data.samples:
        for found, computed in zip(read(sample) or (), expected[sample.id], strict=True):
            assert found.size == computed.size
            assert found.features.dtype is torch.float32
            torch.testing.assert_close(found.features, computed.features, rtol=1e-3, atol=1e-4)
    facts = read_json(made.folder / "features.json")
    assert facts == {"stored": True, "bytes_each": 2 * 10 * (5 * 7 + 3 * 4)}


def test_a_run_that_was_killed_computes_what_is_missing(tmp_path: Path, console: Console) -> None:
    made = step(tmp_path)
    made.take(make_runtime(console))
    paths = sorted(made.folder.rglob("*.safetensors"))
    (made.folder / "step.json").unlink()
    paths[0].unlink()
    stamps = [path.stat().st_mtime_ns for path in paths[1:]]
    step(tmp_path)._write(tiny_classifier(), make_runtime(console))
    assert paths[0].exists()
    assert [path.stat().st_mtime_ns for path in paths[1:]] == stamps


def test_features_that_would_take_too_much_are_not_stored_and_that_is_said(tmp_path: Path) -> None:
    console = Console(record=True, width=400)
    made = step(tmp_path, gigabytes=1e-6)
    made.take(make_runtime(console))
    assert made.stored(made.data.samples[0]) is None
    assert made.is_complete
    assert list(made.folder.rglob("*.safetensors")) == []
    assert (
        "not stored, because they would take 0.0 GB, more than features.most_gigabytes (1e-06)" in console.export_text()
    )
    assert made.estimate(make_runtime(Console(quiet=True))).seconds == 0


def test_the_plan_states_time_and_bytes(tmp_path: Path, console: Console) -> None:
    estimate = step(tmp_path).estimate(make_runtime(console))
    assert estimate.bytes == 4 * 2 * 10 * (5 * 7 + 3 * 4)
    assert estimate.seconds > 0


def test_values_beyond_fp16_are_kept(tmp_path: Path) -> None:
    views = [
        ViewFeatures(torch.tensor([1.0, 1e5]).view(1, 2, 1, 1), (8, 8)),
        ViewFeatures(torch.ones(1, 2, 1, 1), (4, 4)),
    ]
    write_features(tmp_path / "a.safetensors", views)
    found = read_features(tmp_path / "a.safetensors")
    assert found[0].features.flatten().tolist() == [1.0, 1e5]
    assert [view.size for view in found] == [(8, 8), (4, 4)]


def test_a_file_that_is_gone_is_computed_again_by_who_reads_it(tmp_path: Path, console: Console) -> None:
    made, runtime = step(tmp_path), make_runtime(console)
    made.take(runtime)
    samples = made.data.samples
    (made.folder / "album" / "1.safetensors").unlink()
    assert made.stored(samples[1]) is None
    write_cams(samples, tiny_classifier(), made.cams, tmp_path / "cams", runtime, stored=made.stored)
    assert len(list((tmp_path / "cams").rglob("*.npz"))) == 4


def test_a_damaged_file_is_named(tmp_path: Path, console: Console) -> None:
    made = step(tmp_path)
    made.take(make_runtime(console))
    (made.folder / "album" / "1.safetensors").write_bytes(b"none")
    with pytest.raises(PatchlearnError, match=r"album/1\.safetensors: not a checkpoint of patchlearn"):
        made.stored(made.data.samples[1])


def test_more_room_stores_what_did_not_fit_and_changes_no_key(tmp_path: Path, console: Console) -> None:
    small, large = step(tmp_path, gigabytes=1e-6), step(tmp_path, gigabytes=1.0)
    assert small.key == large.key
    small.take(make_runtime(console))
    large.take(make_runtime(console))
    assert large.outputs.is_complete(large.key)
    assert large.stored(large.data.samples[0]) is not None
    assert read_json(large.folder / "features.json")["stored"]


def test_stored_features_go_to_the_network_s_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: what was read from a file is moved to where the weights are."""
    network, moved = tiny_classifier().network, []
    features = torch.zeros(1, 10, 2, 3)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *where, **_: (moved.append(where), tensor)[1])
    cams = cam_settings((1.0,), flip=False)
    list(features_of_views(network, noise_image(16, 24), cams, [ViewFeatures(features, (16, 24))]))
    assert moved == [(torch.device("cpu"),)]


def test_rounds_and_maps_from_stored_features_are_those_from_images(tmp_path: Path, console: Console) -> None:
    made, runtime = step(tmp_path), make_runtime(console)
    made.take(runtime)
    samples, read, rule = made.data.samples, made.stored, BackgroundRule()
    lda = {}
    for name, stored in (("images", None), ("features", read)):
        settings = SelfTrainingSettings(rounds=2)
        folder = tmp_path / name
        last = self_train(samples, tiny_classifier(), made.cams, rule, settings, folder, runtime, stored=stored)
        assert last is not None
        lda[name] = load_lda(last)
        write_cams(samples, tiny_classifier(), cam_settings((1.0, 0.5)), folder, runtime, lda=lda[name], stored=stored)
    torch.testing.assert_close(lda["images"].weight, lda["features"].weight, rtol=0.05, atol=0.05)
    for sample in samples:
        maps = [read_scores(tmp_path / name / f"{sample.id}.npz").scores for name in lda]
        assert abs(maps[0] - maps[1]).max() < 0.01


def test_a_network_is_not_asked_for_what_is_stored(
    tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, runtime = step(tmp_path), make_runtime(console)
    made.take(runtime)
    classifier, samples = tiny_classifier(), made.data.samples

    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(type(classifier.network), "features", refuse)
    settings, rule = SelfTrainingSettings(rounds=1), BackgroundRule()
    self_train(samples, classifier, made.cams, rule, settings, tmp_path / "lda", runtime, stored=made.stored)
    write_cams(samples, classifier, made.cams, tmp_path / "cams", runtime, stored=made.stored)
    assert len(list((tmp_path / "cams").rglob("*.npz"))) == 4


def test_other_weights_or_scales_are_another_step(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"one")
    made = step(tmp_path)
    trunks = [Trunk("resnet10t", stride, weights) for stride, weights in ((16, None), (32, None), (16, "hub"))]
    file = Trunk("resnet10t", 16, str(tmp_path / "w.pth"))
    keys = {WriteFeatures(made.home, made.settings, VIEWS, "whole", made.data, trunk).key for trunk in [*trunks, file]}
    (tmp_path / "w.pth").write_bytes(b"two")
    keys.add(WriteFeatures(made.home, made.settings, VIEWS, "whole", made.data, file).key)
    keys.add(WriteFeatures(made.home, made.settings, ViewSettings(), "whole", made.data, file).key)
    assert len(keys) == 6


def test_a_trunk_is_a_plain_network_with_its_weights() -> None:
    trunk = Trunk("resnet10t", None, None).load().network
    assert (trunk.fusion, trunk.stages.strides[-1], trunk.training) == ("plain", 32, False)


def test_stages_before_the_last_are_stored_beside_it_and_counted(tmp_path: Path, console: Console) -> None:
    plain = step(tmp_path)
    both = replace(plain, lower=2)
    assert both.key != plain.key
    assert replace(plain, lower=0).key == plain.key
    both.take(make_runtime(console))
    network, sample = tiny_classifier().network, both.data.samples[0]
    (view, _), expected = both.stored(sample) or [], next(iter(both.held(tiny_classifier(), [sample])[sample.id]))
    assert [maps.shape[1] for maps in view.lower] == list(network.stages.channels[-3:-1])
    for found, computed in zip(view.lower, expected.lower, strict=True):
        torch.testing.assert_close(found, computed, rtol=1e-3, atol=1e-4)
    more = sum(maps.numel() for each in both.stored(sample) or [] for maps in each.lower)
    assert read_json(both.folder / "features.json")["bytes_each"] == 2 * (10 * (5 * 7 + 3 * 4) + more)
