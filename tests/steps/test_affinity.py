"""Labels of the affinity network, and what is refused before its training."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_runtime, tiny_stages
from rich.console import Console
from whole_run import tiny_run

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json
from patchlearn.core.masks_io import read_scores, write_scores
from patchlearn.core.types import ClassSize, Sample, ScoreMaps
from patchlearn.data.clicks.values import Box, Clicks, ImageClicks
from patchlearn.data.images import read_image, read_indices
from patchlearn.data.open import open_dataset
from patchlearn.maps.affinity_walk import walk_scores
from patchlearn.maps.settings import WalkSettings
from patchlearn.maps.walk_area import bounded_walk
from patchlearn.models.affinity_network import AffinityNetwork, FeatureAffinity, create_affinity
from patchlearn.models.settings import ViewSettings
from patchlearn.models.walker import StoredAffinity
from patchlearn.refine import BackgroundRule, ConfidentRegions, confident_regions
from patchlearn.steps.affinity import ReadMaps, TrainAffinity, _read_walked, walker_of, write_affinity_labels
from patchlearn.training.settings import AffinitySettings, Optimisation

WALK = WalkSettings(radius=3, steps=4)


@pytest.fixture
def samples(folder_data: Path, tmp_path: Path) -> tuple[Sample, ...]:
    """Four images, with random score maps of their classes; in the last, the other class is unknown."""
    chosen = open_dataset("folder", folder_data).split("train")[:4]
    for index, sample in enumerate(chosen):
        unknown = (1 - sample.labels[0],) if index == 3 else ()
        scores, classes = np.random.default_rng(index).random((2, 10, 12), np.float32), (*sample.labels, *unknown)
        maps = ScoreMaps(scores=scores[: len(classes)], classes=tuple(sorted(classes)), size=(40, 48), unknown=unknown)
        write_scores(tmp_path / "cams" / f"{sample.id}.npz", maps)
    return chosen


def read_walked(folder: Path, affinity: AffinityNetwork | None = None) -> ReadMaps:
    return partial(_read_walked, folder, WALK, BackgroundRule(), lambda *_: affinity)


@pytest.mark.parametrize("walks", [False, True])
def test_labels_are_the_confident_pixels_of_the_maps_after_the_walk_if_there_is_one(
    walks: bool, samples: tuple[Sample, ...], tmp_path: Path, console: Console
) -> None:
    torch.manual_seed(0)
    affinity = create_affinity(tiny_stages(), "features").eval() if walks else None
    read, folder = (
        partial(_read_walked, tmp_path / "cams", WALK, BackgroundRule(), lambda *_: affinity),
        tmp_path / "labels",
    )
    write_affinity_labels(samples, read, BackgroundRule(), ConfidentRegions(), folder, make_runtime(console))
    for sample in samples:
        image = read_image(sample.image)
        maps = read_scores(tmp_path / "cams" / f"{sample.id}.npz")
        walked = bounded_walk(maps, walk_scores(image, maps, WALK, affinity), BackgroundRule())
        expected = confident_regions(image, walked, BackgroundRule(), ConfidentRegions())
        labels = read_indices(folder / f"{sample.id}.png")
        np.testing.assert_array_equal(labels, expected)
        assert set(np.unique(labels).tolist()) <= {0, sample.labels[0] + 1, 255}


def test_labels_of_a_boxed_class_lie_in_its_box(samples: tuple[Sample, ...], tmp_path: Path, console: Console) -> None:
    boxed, rule = samples[0], BackgroundRule(growth=2.0)
    clicks = Clicks(images={boxed.id: ImageClicks(boxes=(Box(4, 4, 19, 15, index=boxed.labels[0]),))})
    read, folder = (
        partial(_read_walked, tmp_path / "cams", WALK, rule, lambda *_: None, clicks=clicks),
        tmp_path / "new",
    )
    write_affinity_labels(samples, read, rule, ConfidentRegions(), folder, make_runtime(console), clicks=clicks)
    labels = read_indices(folder / f"{boxed.id}.png")
    assert (labels == boxed.labels[0] + 1).any()
    labels[4:16, 4:20] = 0
    assert not (labels == boxed.labels[0] + 1).any()


def test_the_maps_that_walk_are_those_in_the_boxes(samples: tuple[Sample, ...], tmp_path: Path) -> None:
    boxed = samples[0]
    clicks = Clicks(images={boxed.id: ImageClicks(boxes=(Box(4, 4, 19, 15, index=boxed.labels[0]),))})
    maps = _read_walked(
        tmp_path / "cams", WALK, BackgroundRule(), lambda *_: None, boxed, read_image(boxed.image), clicks
    )
    assert (maps.scores[0, 1:4, 1:5] > 0).all()
    assert not maps.scores[0, 4:].any()


def test_labels_are_within_the_stated_sizes(samples: tuple[Sample, ...], tmp_path: Path, console: Console) -> None:
    read, rule, areas = (
        partial(_read_walked, tmp_path / "cams", WALK, BackgroundRule(), lambda *_: None),
        BackgroundRule(),
        [],
    )
    for sizes in ((), (ClassSize(most=0.01), ClassSize(most=0.01))):
        folder = tmp_path / str(len(sizes))
        write_affinity_labels(samples, read, rule, ConfidentRegions(), folder, make_runtime(console), sizes=sizes)
        labels = [read_indices(folder / f"{sample.id}.png") for sample in samples]
        areas.append(sum(int(((each > 0) & (each < 255)).sum()) for each in labels))
    assert areas[1] < areas[0] / 4


def test_a_batch_that_processes_cannot_share_is_refused_before_any_training(samples: tuple[Sample, ...]) -> None:
    settings = AffinitySettings(optimisation=Optimisation(batch_size=4))
    cams: Any = SimpleNamespace(data=SimpleNamespace(samples=samples))
    step = TrainAffinity(Path("run/plain"), settings, BackgroundRule(), WALK, cams, cams, 0)
    runtime: Any = SimpleNamespace(accelerator=SimpleNamespace(num_processes=3))
    with pytest.raises(PatchlearnError, match=r"affinity\.optimisation\.batch_size: 4 images"):
        step.check(runtime)
    one: Any = SimpleNamespace(accelerator=SimpleNamespace(num_processes=2))
    step.check(one)


def test_earlier_rounds_have_folders_of_their_own() -> None:
    cams: Any = None
    step = TrainAffinity(Path("run/plain"), AffinitySettings(rounds=3), BackgroundRule(), WALK, cams, cams, 0)
    names = [step._round_folder(number).as_posix() for number in (1, 2, 3)]
    assert names == ["run/plain/affinity/round-1", "run/plain/affinity/round-2", "run/plain/affinity"]


def test_labels_that_are_there_are_not_written_again(
    samples: tuple[Sample, ...], tmp_path: Path, console: Console
) -> None:
    read, folder = read_walked(tmp_path / "cams"), tmp_path / "labels"
    write = partial(write_affinity_labels, samples, read, BackgroundRule(), ConfidentRegions(), folder)
    write(make_runtime(console))
    first, *rest = (folder / f"{sample.id}.png" for sample in samples)
    content, times = first.read_bytes(), [path.stat().st_mtime_ns for path in rest]
    first.unlink()
    write(make_runtime(console))
    assert first.read_bytes() == content
    assert [path.stat().st_mtime_ns for path in rest] == times


def test_missing_maps_are_named(samples: tuple[Sample, ...], tmp_path: Path, console: Console) -> None:
    (tmp_path / "cams" / f"{samples[2].id}.npz").unlink()
    read = read_walked(tmp_path / "cams")
    runtime = make_runtime(console)
    with pytest.raises(PatchlearnError, match=rf"{samples[2].id}\.npz: no such score maps"):
        write_affinity_labels(samples, read, BackgroundRule(), ConfidentRegions(), tmp_path / "labels", runtime)


@pytest.mark.parametrize("is_stored", [True, False])
def test_scores_walk_over_the_largest_view_of_the_maps_stored_or_computed(
    is_stored: bool, samples: tuple[Sample, ...]
) -> None:
    affinity = FeatureAffinity(tiny_stages()).eval()
    image = read_image(samples[0].image)
    views = [affinity.read(image, long_side) for long_side in (24, 60, 30)]
    features = SimpleNamespace(stored=lambda sample: views, is_begun=is_stored)
    cams: Any = SimpleNamespace(
        features=features, settings=SimpleNamespace(views=ViewSettings(scales=(0.8, 2.0, 1.0), long_side=30))
    )
    walker = walker_of(replace(WALK, stored=True), cams, affinity, samples[0], image)
    assert isinstance(walker, StoredAffinity)
    assert walker.view.size == (50, 60)
    scores = np.random.default_rng(0).random((1, 10, 12), np.float32)
    expected = affinity.walk(image, scores, 3, 8.0, 4, 60)
    np.testing.assert_array_equal(walker.walk(image, scores, 3, 8.0, 4, None), expected)
    assert walker_of(WALK, cams, affinity, samples[0], image) is affinity
    assert walker_of(replace(WALK, stored=True), cams, None, samples[0], image) is None


@pytest.mark.parametrize(("head_only", "kind", "named"), [(False, "features", "head_only"), (True, "boundary", "kind")])
def test_a_walk_over_stored_features_needs_those_of_a_frozen_trunk(head_only: bool, kind: str, named: str) -> None:
    classifier: Any = SimpleNamespace(settings=SimpleNamespace(head_only=head_only))
    samples = [SimpleNamespace()] * 32
    cams: Any = SimpleNamespace(data=SimpleNamespace(samples=samples))
    runtime: Any = SimpleNamespace(accelerator=SimpleNamespace(num_processes=1))
    walk = WalkSettings(stored=True)
    step = TrainAffinity(Path("run/plain"), AffinitySettings(kind=kind), BackgroundRule(), walk, classifier, cams, 0)
    for refuse in (step.require_stored, partial(step.check, runtime)):
        with pytest.raises(PatchlearnError, match=rf"^walk\.stored: .*{named}"):
            refuse()


def of_kind_auto(use: str, *, is_local: bool) -> TrainAffinity:
    """A step whose reading was chosen before."""
    step: Any = TrainAffinity.__new__(TrainAffinity)
    reading = SimpleNamespace(
        is_complete=True, is_local=is_local, settings=SimpleNamespace(use=use), require=lambda: None
    )
    cams = SimpleNamespace(reading=reading if use != "classifier" else None)
    for name, value in {"settings": AffinitySettings(kind="auto"), "cams": cams, "walk": None}.items():
        object.__setattr__(step, name, value)
    return step


@pytest.mark.parametrize("use", ["classifier", "cells"])
def test_kind_auto_needs_a_reading_that_is_chosen(use: str, console: Console) -> None:
    with pytest.raises(PatchlearnError, match=r"affinity\.kind: auto follows what reading\.use: auto finds"):
        of_kind_auto(use, is_local=False).check(make_runtime(console))


def test_where_small_places_tell_the_classes_no_network_of_kind_auto_is_read() -> None:
    left_out = of_kind_auto("auto", is_local=True)
    assert left_out.is_left_out
    assert left_out.load() is None
    assert left_out.load_earlier() is None
    assert not of_kind_auto("auto", is_local=False).is_left_out
    assert AffinitySettings(kind="auto").network == "features"


@pytest.mark.parametrize("enough", [-1e9, 1e9])
def test_a_run_of_kind_auto_trains_a_network_unless_small_places_tell_the_classes(
    enough: float, folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchlearn.training.reading.ENOUGH", enough)
    monkeypatch.setattr("patchlearn.training.reading.WIDE", -1.0)  # the same maps in both runs
    run = tiny_run(
        folder_data, tmp_path / "run", "--reading.use=auto", "--affinity.kind=auto", "--affinity.rounds=1",
        "--reading.cells.stages=last", "--affinity.images=4",
    )  # fmt: skip
    is_local = read_json(run / "plain" / "reading" / "reading.json")["local"]
    assert is_local is (enough < 0)
    assert (run / "plain" / "affinity" / "model.safetensors").exists() is not is_local
    assert len(list((run / "plain" / "affinity" / "labels").glob("*.png"))) == (0 if is_local else 4)
    masks = list((run / "plain" / "pseudo" / "train").glob("*.png"))
    assert masks


def test_what_is_left_out_takes_no_time(console: Console) -> None:
    assert of_kind_auto("auto", is_local=True).estimate(make_runtime(console)).seconds == 0


def test_without_the_choice_a_network_of_kind_auto_is_neither_trained_nor_read(console: Console) -> None:
    step = of_kind_auto("auto", is_local=True)

    def require() -> None:
        raise PatchlearnError("reading: not there yet. Run first: patchlearn cams")

    reading: Any = step.cams.reading
    reading.is_complete, reading.require = False, require
    assert not step.is_left_out
    for call in (step.load, step.load_earlier, partial(step.work, make_runtime(console))):
        with pytest.raises(PatchlearnError, match="reading: not there yet"):
            call()
