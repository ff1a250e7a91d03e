from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from rich.console import Console
from torch import nn

from patchlearn.core.files import read_json
from patchlearn.core.runtime import Runtime
from patchlearn.core.types import Sample, ScoreMaps, UInt8
from patchlearn.data.clicks.values import Box, Clicks, ImageClicks, Point
from patchlearn.data.images import read_image
from patchlearn.data.open import open_dataset
from patchlearn.data.subset import balanced_subset
from patchlearn.data.transforms import as_tensor, resize_long_side
from patchlearn.maps.cam import class_activation_maps, maps_of_features
from patchlearn.maps.features import features_of_views
from patchlearn.maps.self_training import RoundSettings, confident_moments_of
from patchlearn.maps.settings import CamSettings, SelfTrainingSettings
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.classifier import Classifier
from patchlearn.models.lda import LinearDiscriminant, Moments, cell_labels, load_lda, save_lda
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.settings import ViewSettings
from patchlearn.refine import BackgroundRule, ConfidentRegions, confident_regions
from patchlearn.steps.self_training import round_path, self_train

RULE = BackgroundRule()
CAMS = CamSettings(views=ViewSettings(scales=(1.0, 0.5)))


@pytest.fixture
def samples(folder_data: Path) -> tuple[Sample, ...]:
    return open_dataset("folder", folder_data).split("train")


@pytest.fixture
def accelerator() -> Accelerator:
    return Accelerator(cpu=True)


def make(read: str | None = None) -> Classifier:
    """Its features are the colours of a cell and, with less weight, of its right neighbour."""
    looks_right = nn.Conv2d(3, 3, (1, 3), padding=(0, 1), groups=3, bias=False)
    looks_right.weight.data = torch.tensor([0.0, 0.8, 0.2]).expand(3, 1, 1, 3).clone()
    stages = Stages("colours", [nn.AvgPool2d(2), nn.AvgPool2d(2), nn.AvgPool2d(2), looks_right], (0.5,) * 3, (0.5,) * 3)
    splits = [] if read is None else [(1, (2, 2))]
    network = PatchNetwork(stages, 2, "explicit" if splits else "plain", splits)
    weight = torch.tensor([[1.0, -0.5, 0.2], [-0.3, 0.0, 1.0]]).repeat(1, network.branches)
    network.classifier.weight.data = weight[:, :, None, None]
    return Classifier(network=network.eval(), classes=("red", "blue"))


def learn(
    samples: tuple[Sample, ...],
    folder: Path,
    accelerator: Accelerator,
    rounds: int,
    read: str | None = None,
    threads: int = 2,
    cams: CamSettings = CAMS,
    clicks: Clicks | None = None,
    rule: BackgroundRule = RULE,
    **settings: Any,
) -> Path | None:
    return self_train(
        samples,
        make(read),
        cams if read is None else replace(cams, read=read),
        rule,
        SelfTrainingSettings(rounds=rounds, **settings),
        folder,
        Runtime(accelerator=accelerator, threads=threads, console=Console(quiet=True)),
        clicks=clicks,
    )


@torch.no_grad()
def by_hand(
    samples: tuple[Sample, ...], earlier: LinearDiscriminant | None, cams: CamSettings = CAMS
) -> LinearDiscriminant:
    """One round, an image and a scale at a time; labels at the base size of the maps."""
    classifier, moments = make(), Moments(channels=3, classes=2)
    for sample in samples:
        image = read_image(sample.image)
        base = cams.views.long_side or max(image.shape[:2])
        small = resize_long_side(as_tensor(image), base).permute(1, 2, 0).contiguous().numpy()
        unmirrored = replace(cams, views=replace(cams.views, flip=False))
        views = list(features_of_views(classifier.network, image, unmirrored))
        maps = maps_of_features(classifier.network, views, small, "whole", sample.labels, earlier)
        labels = torch.from_numpy(confident_regions(small, maps, BackgroundRule(), ConfidentRegions()))
        for view in views:
            rows, columns = view.features.shape[2:]
            moments.add(view.features[0], cell_labels(labels, view.size, (rows, columns), 8))
    return moments.solve(0.1)


def test_every_round_learns_from_the_maps_of_the_one_before(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    """The first round is replaced by one that is wrong everywhere; the second learns from its maps."""
    first = by_hand(samples, None)
    torch.testing.assert_close(load_lda(learn(samples, tmp_path, accelerator, rounds=1)).weight, first.weight)
    wrong = LinearDiscriminant(channels=3, classes=2)
    wrong.weight.copy_(torch.tensor([[0.0, 0.0, 0.0], [-9.0, 0.0, 0.0], [0.0, 0.0, -9.0]]))
    save_lda(round_path(tmp_path, 1), wrong)
    last = learn(samples, tmp_path, accelerator, rounds=2)
    assert last == round_path(tmp_path, 2)
    torch.testing.assert_close(load_lda(last).weight, by_hand(samples, wrong).weight)
    assert not torch.allclose(load_lda(last).weight, first.weight, rtol=0.1)


def test_the_first_round_learns_from_the_maps_of_a_method(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A method that answers with the maps of the classifier changes nothing; one of other maps does."""
    asked: list[tuple[int, ...]] = []

    def same(classifier: Classifier, image: UInt8, classes: tuple[int, ...]) -> ScoreMaps:
        asked.append(classes)
        return class_activation_maps(classifier, image, replace(CAMS, views=replace(CAMS.views, flip=False)), classes)

    def mirrored(*given: Any) -> Any:
        return same(*given).scores[:, :, ::-1]

    cams = replace(CAMS, method="mine")
    found = {}
    for function in (same, mirrored):
        monkeypatch.setattr("patchlearn.maps.methods.load_method", lambda name, function=function: function)
        learn(samples, tmp_path / function.__name__, accelerator, rounds=2, cams=cams)
        found[function] = load_lda(round_path(tmp_path / function.__name__, 1))
        assert sorted(asked) == sorted(sample.labels for sample in samples)  # the second round reads LDA's maps
        asked.clear()
    plain = load_lda(learn(samples, tmp_path / "plain", accelerator, rounds=1))
    torch.testing.assert_close(found[same].weight, plain.weight, rtol=1e-2, atol=1e-2)
    assert not torch.allclose(found[mirrored].weight, plain.weight, rtol=0.1)


def test_labels_are_made_at_the_base_size_of_the_maps(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    """A dense CRF at the photograph's own size would take most of the time."""
    cams = replace(CAMS, views=replace(CAMS.views, long_side=24))
    learned = load_lda(learn(samples, tmp_path / "24", accelerator, rounds=1, cams=cams))
    torch.testing.assert_close(learned.weight, by_hand(samples, None, cams).weight)


def test_rounds_that_are_there_are_not_learned_again(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    undisturbed = learn(samples, tmp_path / "a", accelerator, rounds=2).read_bytes()
    learn(samples, tmp_path / "b", accelerator, rounds=1)
    written = round_path(tmp_path / "b", 1).stat().st_mtime_ns
    assert learn(samples, tmp_path / "b", accelerator, rounds=2).read_bytes() == undisturbed
    assert round_path(tmp_path / "b", 1).stat().st_mtime_ns == written


def test_threads_change_no_digit(samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator) -> None:
    one, four = (learn(samples, tmp_path / str(n), accelerator, rounds=1, threads=n) for n in (1, 4))
    assert one.read_bytes() == four.read_bytes()


def test_processes_learn_from_everybodys_images(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    """Two processes with half the images each: what the other one gathered comes by way of `reduce`."""
    samples = tuple(samples[index] for index in (0, 2, 1, 3, 4, 6, 5, 7))  # so that each has both classes
    learn(samples, tmp_path / "one", accelerator, rounds=1)
    gathered: list[torch.Tensor] = []

    def process(index: int, reduce: object) -> Accelerator:
        return SimpleNamespace(  # type: ignore[return-value]
            process_index=index,
            num_processes=2,
            is_main_process=True,
            device=torch.device("cpu"),
            autocast=accelerator.autocast,
            wait_for_everyone=lambda: None,
            reduce=reduce,
        )

    def note(mine: torch.Tensor, _: str) -> torch.Tensor:
        gathered.append(mine)
        return mine

    learn(samples, tmp_path / "half", process(1, note), rounds=1)
    learn(samples, tmp_path / "both", process(0, lambda mine, _: mine + gathered.pop(0)), rounds=1)
    alone, both = (load_lda(round_path(tmp_path / name, 1)).weight for name in ("one", "both"))
    torch.testing.assert_close(both, alone)


@pytest.mark.parametrize(("read", "channels"), [("whole", 6), ("unsplit", 3), ("merged", 3)])
def test_the_lda_classifier_reads_the_features_that_the_classifier_reads(
    read: str, channels: int, samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    lda = load_lda(learn(samples, tmp_path, accelerator, rounds=1, read=read))
    assert lda.weight.shape == (3, channels)
    image = read_image(samples[0].image)
    maps = class_activation_maps(make(read), image, replace(CAMS, read=read), samples[0].labels, lda)
    assert maps.scores.max() == pytest.approx(1, abs=1e-3)


def black(folder: Path) -> Path:
    """An image in which no tag is true."""
    path = folder / "black.png"
    Image.new("RGB", (48, 40)).save(path)
    return path


def test_a_class_without_a_confident_cell_keeps_its_own_maps_and_is_named(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    """The other class is learned in every round, as if the first one were not there."""
    blue = tuple(sample for sample in samples if sample.labels == (1,))
    wrong = replace(samples[0], id="wrong", image=black(tmp_path))
    last = learn((*blue, wrong), tmp_path / "run", accelerator, rounds=2)
    assert last == round_path(tmp_path / "run", 2)
    facts = read_json(tmp_path / "run" / "own-maps.json")
    assert (facts["without_confident_cells"], facts["images"]) == (["red"], {"red": ["wrong"]})
    lda, red = load_lda(last), read_image(samples[0].image)
    assert lda.lacking == [0]
    own, mixed = (class_activation_maps(make(), red, CAMS, (0, 1), found) for found in (None, lda))
    assert np.array_equal(mixed.scores[0], own.scores[0])
    assert np.array_equal(mixed.scores[1], class_activation_maps(make(), red, CAMS, (1,), lda).scores[0])


def test_rounds_end_where_no_class_has_a_confident_cell(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    wrong = replace(samples[0], image=black(tmp_path))
    assert learn((wrong,), tmp_path / "run", accelerator, rounds=2) is None
    assert read_json(tmp_path / "run" / "stopped.json")["without_confident_cells"] == ["red"]
    assert not list((tmp_path / "run").glob("*.safetensors"))


def clicked(sample: Sample, value: int, *places: tuple[int, int]) -> Clicks:
    points = tuple(Point(x, y, value) for x, y in places)
    return Clicks(images={sample.id: ImageClicks(points=points)})


@torch.no_grad()
def test_clicks_move_the_mean_of_their_class_towards_their_cells(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    """Red is clicked on a grey corner: what looks like it becomes more red than before, and no other mean moves."""
    red = next(sample for sample in samples if sample.labels == (0,))
    without = load_lda(learn(samples, tmp_path / "without", accelerator, rounds=1))
    clicks = clicked(red, 1, (1, 1), (1, 2))
    found = {}
    for weight in (0.1, 10.0):
        path = learn(samples, tmp_path / str(weight), accelerator, rounds=1, clicks=replace(clicks, weight=weight))
        found[weight] = load_lda(path)
    torch.testing.assert_close(found[10.0].weight[[0, 2]], without.weight[[0, 2]])
    corner = next(iter(features_of_views(make().network, read_image(red.image), CAMS))).features[:1, :, :1, :1]
    scores = [float(lda(corner, [0])) for lda in (without, found[0.1], found[10.0])]
    assert scores == sorted(scores)
    assert scores[-1] > 100 * scores[0]


def test_clicks_name_a_class_of_which_no_cell_is_confident(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    blue = [sample for sample in samples if sample.labels == (1,)]
    dark = replace(samples[0], id="dark", image=black(tmp_path))
    clicks = clicked(dark, 1, (20, 20))
    assert learn((*blue, dark), tmp_path / "run", accelerator, rounds=1, clicks=clicks) is not None


def test_labels_are_bounded_only_in_a_round_in_which_a_class_would_have_none(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def moments(settings: RoundSettings, sample: Sample) -> Moments:
        seen.append(settings.rule.growth)
        found = confident_moments_of(settings, sample)
        if erased and settings.rule.growth is None:
            found.counts[1] = 0
        return found

    monkeypatch.setattr("patchlearn.maps.self_training.confident_moments_of", moments)
    for erased, growth, expected in ((False, 2.0, {None}), (True, 2.0, {None, 2.0}), (True, None, {None})):
        seen.clear()
        path = learn(samples, tmp_path / f"{erased} {growth}", accelerator, 1, rule=BackgroundRule(growth=growth))
        assert set(seen) == expected
        assert load_lda(path).lacking == ([0] if erased and growth is None else [])
    erased = True
    last = learn(samples, tmp_path / "two rounds", accelerator, 2, rule=BackgroundRule(growth=2.0))
    assert load_lda(last).lacking == [0]  # a later round is not done again


def test_rounds_learn_from_no_more_images_than_wanted_but_from_all_clicks(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    few = balanced_subset(samples, 2)
    outside = next(sample for sample in samples if sample not in few and sample.labels == (0,))
    clicks = clicked(outside, 1, (1, 1), (1, 2))
    wanted = load_lda(learn(few, tmp_path / "few", accelerator, rounds=1))
    learned = load_lda(learn(samples, tmp_path / "two", accelerator, rounds=1, images=2))
    moved = load_lda(learn(samples, tmp_path / "clicked", accelerator, rounds=1, images=2, clicks=clicks))
    assert torch.equal(learned.weight, wanted.weight)
    assert not torch.equal(moved.weight[1], wanted.weight[1])


def test_lower_stages_are_learned_from_on_their_own_grid(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    lda = load_lda(learn(samples, tmp_path, accelerator, rounds=2, stages="lower", centred=True))
    assert lda.cells is not None
    assert (lda.cells.stages, lda.cells.stride, lda.cells.centred) == ("lower", 4, True)
    maps = class_activation_maps(make(), read_image(samples[0].image), CAMS, samples[0].labels, lda)
    assert maps.scores.max() == pytest.approx(1, abs=1e-3)


def test_boxes_bound_the_maps_that_are_learned_from(
    samples: tuple[Sample, ...], tmp_path: Path, accelerator: Accelerator
) -> None:
    red = next(sample for sample in samples if sample.labels == (0,))
    clicks = Clicks(images={red.id: ImageClicks(boxes=(Box(0, 0, 9, 9, index=0),))})
    without = load_lda(learn(samples, tmp_path / "without", accelerator, rounds=1))
    found = load_lda(learn(samples, tmp_path / "with", accelerator, rounds=1, clicks=clicks))
    assert not torch.equal(found.weight, without.weight)
