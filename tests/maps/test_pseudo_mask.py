from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_runtime, tiny_stages
from PIL import Image
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_scores
from patchlearn.core.types import Sample, ScoreMaps, UInt8, enlarge
from patchlearn.data.images import read_indices
from patchlearn.maps.pseudo_mask import (
    CrfSettings,
    PseudoSettings,
    check_pseudo,
    check_walks,
    pseudo_labels,
    pseudo_mask,
)
from patchlearn.maps.walk import WalkSettings, _resized, _scaled, walked_scores
from patchlearn.models.affinity_network import AffinityNetwork, affinity_features, boundary_map
from patchlearn.refine import (
    BackgroundRule,
    ConfidentRegions,
    confident_regions,
    random_walk,
    random_walk_features,
)
from patchlearn.steps.pseudo_masks import write_pseudo_masks

FIXED = BackgroundRule(rule="fixed", threshold=0.3)
OFF = CrfSettings(preset="none")
PLAIN = PseudoSettings(background=FIXED, crf=OFF)


def black(height: int, width: int) -> UInt8:
    return np.zeros((height, width, 3), np.uint8)


def test_background_classes_and_both_kinds_of_doubt() -> None:
    scores = np.array([[[0.1, 0.32, 0.9, 0.50, 0.1]], [[0.0, 0.1, 0.2, 0.52, 0.8]]], np.float32)
    maps = ScoreMaps(scores=scores, classes=(2, 6), size=(1, 5))
    assert pseudo_mask(black(1, 5), maps, PLAIN).tolist() == [[0, 255, 3, 255, 7]]
    assert pseudo_mask(black(1, 5), maps, replace(PLAIN, ignore_band=0.0)).tolist() == [[0, 3, 3, 7, 7]]


def test_no_class_is_all_background() -> None:
    maps = ScoreMaps(scores=np.zeros((0, 2, 2), np.float32), classes=(), size=(3, 4))
    assert pseudo_mask(black(3, 4), maps, PseudoSettings()).tolist() == [[0] * 4] * 3


@pytest.mark.parametrize("unary", ["soft", "hard"])
def test_maps_without_any_score_are_background_or_undecided(unary: str) -> None:
    maps = ScoreMaps(scores=np.zeros((2, 2, 2), np.float32), classes=(1, 3), size=(8, 8))
    mask = pseudo_mask(black(8, 8), maps, PseudoSettings(crf=CrfSettings(unary=unary)))
    assert set(np.unique(mask)) <= {0, 255}


def test_the_last_class_that_fits_a_palette_is_kept() -> None:
    maps = ScoreMaps(scores=np.ones((1, 1, 1), np.float32), classes=(253,), size=(2, 2))
    assert np.unique(pseudo_mask(black(2, 2), maps, PLAIN)).tolist() == [254]


def half_bright() -> tuple[UInt8, ScoreMaps]:
    """An object of columns 12 to 31, of which the score map knows columns 16 to 31."""
    image = black(32, 32)
    image[:, 12:] = (200, 180, 40)
    scores = np.where(np.arange(8) >= 4, 0.9, 0.1) * np.ones((1, 8, 1))
    return image, ScoreMaps(scores=scores.astype(np.float32), classes=(0,), size=(32, 32))


@pytest.mark.parametrize("unary", ["soft", "hard"])
def test_the_crf_moves_the_mask_to_the_edge(unary: str) -> None:
    image, maps = half_bright()
    # A Gaussian of 10 pixels and strong colours: the mask's edge lies four pixels off.
    refined = pseudo_mask(image, maps, PseudoSettings(background=FIXED, crf=CrfSettings(unary=unary, confidence=0.7)))
    np.testing.assert_array_equal(refined == 1, np.broadcast_to(np.arange(32) >= 12, (32, 32)))


def test_local_refinement_is_an_option_of_its_own() -> None:
    image, maps = half_bright()
    rough = (pseudo_mask(image, maps, replace(PLAIN, ignore_band=0.0)) == 1)[:, :16].sum()
    refined = (pseudo_mask(image, maps, replace(PLAIN, ignore_band=0.0, local=10)) == 1)[:, :16].sum()
    assert refined != rough


def affinity(kind: str = "boundary") -> AffinityNetwork:
    torch.manual_seed(0)
    return AffinityNetwork(tiny_stages(), kind).eval()


def test_the_walk_goes_along_the_boundary_map_and_keeps_one_scale() -> None:
    image = np.random.default_rng(0).integers(0, 256, (22, 30, 3), dtype=np.uint8)
    scores = np.random.default_rng(1).random((2, 6, 8), np.float32)
    maps = ScoreMaps(scores=scores, classes=(1, 4), size=(22, 30))
    network, settings = affinity(), WalkSettings(radius=3, beta=4, steps=16, anchor=0.0, balance=0.0)
    walked = walked_scores(image, maps, settings, network)
    expected = random_walk(scores, boundary_map(network, image), radius=3, beta=4, steps=16)
    np.testing.assert_allclose(walked.scores, expected / expected.max(), rtol=1e-6)
    assert (walked.classes, walked.size) == (maps.classes, maps.size)
    assert walked.scores.max() == 1


@pytest.mark.parametrize("kind", ["boundary", "features"])
def test_the_anchor_lets_the_scores_before_the_walk_object(kind: str) -> None:
    """With all the say they are what they were; with half of it, nothing comes to where they were nought."""
    image = np.random.default_rng(0).integers(0, 256, (22, 30, 3), dtype=np.uint8)
    scores = np.random.default_rng(1).random((2, 6, 8), np.float32)
    scores[1, :3] = 0
    maps = ScoreMaps(scores=scores, classes=(1, 4), size=(22, 30))
    plain = WalkSettings(radius=3, beta=4, steps=16, balance=0.0)
    free, half, whole = (
        walked_scores(image, maps, replace(plain, anchor=anchor), affinity(kind)).scores for anchor in (0.0, 0.5, 1.0)
    )
    np.testing.assert_allclose(whole, scores / scores.max(), rtol=1e-5)
    product = np.sqrt(enlarge(free, (6, 8)) * scores)
    np.testing.assert_allclose(half, product / product.max(), rtol=1e-4, atol=1e-6)
    assert free[1, 0].any()
    assert not half[1, :3].any()


def test_a_small_object_is_measured_half_by_its_own_maximum() -> None:
    """The large one's is 1 whatever the balance; of the small one's tenth, a third is left between the two."""
    image, scores = np.zeros((24, 32, 3), np.uint8), np.zeros((3, 6, 8), np.float32)
    scores[0, 2:4, 2:4], scores[1, 5, 7] = 1.0, 0.1
    maps = ScoreMaps(scores=scores, classes=(1, 4, 6), size=(24, 32))
    largest = [
        walked_scores(image, maps, WalkSettings(steps=0, anchor=1.0, balance=balance), affinity()).scores.max((1, 2))
        for balance in (0.0, 0.5, 1.0)
    ]
    np.testing.assert_allclose(largest, [[1, 0.1, 0], [1, np.sqrt(0.1), 0], [1, 1, 0]], rtol=1e-5)


def test_no_score_is_above_one_after_the_walk() -> None:
    """Where many cells have the largest, Otsu's rule would not count them, nor the object that they are."""
    scores = np.random.default_rng(0).random((400, 1, 1), np.float32)
    walked = [_scaled(ScoreMaps(scores=one, classes=(0,), size=(4, 4)), one, WalkSettings()) for one in scores[:, None]]
    assert max(maps.scores.max() for maps in walked) == 1


@pytest.mark.parametrize("kind", ["boundary", "features"])
def test_the_affinity_network_sees_no_longer_side_than_the_settings_allow(kind: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    maps = ScoreMaps(scores=np.random.default_rng(1).random((2, 16, 24), np.float32), classes=(1, 4), size=(64, 96))
    network, walk = affinity(kind), WalkSettings(radius=3, steps=4)
    free, roomy, bounded = (
        walked_scores(image, maps, replace(walk, long_side=side), network).scores for side in (None, 96, 48)
    )
    np.testing.assert_array_equal(free, roomy)
    assert bounded.shape == free.shape
    assert (bounded != free).any()


@pytest.mark.parametrize("kind", ["boundary", "features"])
def test_masks_change_with_the_affinities(kind: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (22, 30, 3), dtype=np.uint8)
    maps = ScoreMaps(scores=np.random.default_rng(1).random((2, 6, 8), np.float32), classes=(1, 4), size=(22, 30))
    assert (pseudo_mask(image, maps, PLAIN, affinity(kind)) != pseudo_mask(image, maps, PLAIN)).any()


def test_maps_come_to_the_grid_of_the_features_where_they_stood() -> None:
    """125 cells of a 500-pixel image and 63 cells of the same image: a ramp stays a ramp."""
    ramp = ((np.arange(125) + 0.5) / 125 * np.ones((1, 94, 1))).astype(np.float32)
    resized = _resized(ramp, (47, 63))
    np.testing.assert_allclose(resized[0, 20, 2:-2], (np.arange(63) + 0.5)[2:-2] / 63, atol=1e-3)


def test_the_features_are_not_mirrored_against_the_maps() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    scores = np.random.default_rng(1).random((1, 6, 10), np.float32)
    network = affinity("features")
    maps = ScoreMaps(scores=scores, classes=(1,), size=(24, 40))
    settings = WalkSettings(radius=3, beta=2, steps=4, anchor=0.0)
    features, coarse = affinity_features(network, image), _resized(scores, (3, 5))
    walked = walked_scores(image, maps, settings, network).scores
    expected = random_walk_features(coarse, features, radius=3, beta=2, steps=4)
    np.testing.assert_allclose(walked, expected / expected.max(), rtol=1e-5)


def test_the_iterations_of_the_crf_are_those_of_the_settings() -> None:
    image, maps = half_bright()
    settings = PseudoSettings(background=FIXED, crf=CrfSettings(iterations=0))
    np.testing.assert_array_equal(pseudo_mask(image, maps, settings)[0] == 1, maps.full_size()[0, 0] > 0.3)


def test_maps_of_another_image_or_without_numbers_are_refused() -> None:
    image, maps = half_bright()
    with pytest.raises(PatchlearnError, match="of 32×32 pixels, but this one has 31×32"):
        pseudo_mask(image[:, 1:], maps, PseudoSettings())
    with pytest.raises(PatchlearnError, match="64 values are infinite or not a number"):
        pseudo_mask(image, replace(maps, scores=maps.scores * np.nan), PseudoSettings())


def test_a_walk_over_nothing_stays_nothing() -> None:
    maps = ScoreMaps(scores=np.zeros((1, 6, 8), np.float32), classes=(1,), size=(22, 30))
    assert not walked_scores(black(22, 30), maps, WalkSettings(), affinity()).scores.any()


def test_what_is_confident_is_sure_after_the_walk() -> None:
    image, maps = half_bright()
    settings, network = PseudoSettings(sure="confident"), affinity("features")
    mask, confident = pseudo_labels(image, maps, settings, network)
    np.testing.assert_array_equal(mask, pseudo_mask(image, maps, settings, network))
    walked = walked_scores(image, maps, WalkSettings(), network)
    np.testing.assert_array_equal(confident, confident_regions(image, walked, BackgroundRule(), settings.confident))


def test_what_two_walks_disagree_about_teaches_nothing() -> None:
    image, maps = half_bright()
    settings, network = PseudoSettings(second_anchor=0.9), affinity("features")
    mask, agreed = pseudo_labels(image, maps, settings, network)
    np.testing.assert_array_equal(mask, pseudo_mask(image, maps, settings, network))
    other = pseudo_mask(image, maps, replace(settings, walk=WalkSettings(anchor=0.9)), network)
    assert (mask != other).any()
    np.testing.assert_array_equal(agreed, np.where(mask == other, mask, 255))


def test_the_second_walk_goes_along_the_second_network() -> None:
    image = np.random.default_rng(0).integers(0, 256, (22, 30, 3), dtype=np.uint8)
    maps = ScoreMaps(scores=np.random.default_rng(1).random((2, 6, 8), np.float32), classes=(1, 4), size=(22, 30))
    settings = replace(PLAIN, walk=WalkSettings(steps=4), second_anchor=0.0)
    first, second = affinity("features"), affinity("boundary")
    masks = [pseudo_mask(image, maps, settings, network) for network in (first, second)]
    assert (masks[0] != masks[1]).any()
    mask, agreed = pseudo_labels(image, maps, settings, first, second)
    np.testing.assert_array_equal(mask, masks[0])
    np.testing.assert_array_equal(agreed, np.where(masks[0] == masks[1], mask, 255))


@pytest.mark.parametrize(
    ("settings", "rounds", "message"),
    [
        (PseudoSettings(walk=WalkSettings(anchor=0.5)), 1, "second_anchor: 0.5 is walk.anchor too"),
        (PseudoSettings(sure="agreed"), 0, "nothing walks"),
    ],
)
def test_walks_that_cannot_differ_are_refused(settings: PseudoSettings, rounds: int, message: str) -> None:
    with pytest.raises(PatchlearnError, match=message):
        check_walks(settings, rounds)
    check_walks(settings, 2)
    check_walks(replace(settings, sure="confident"), rounds)


def test_nothing_walks_in_an_image_without_objects() -> None:
    maps = ScoreMaps(scores=np.zeros((0, 6, 8), np.float32), classes=(), size=(22, 30))
    for labels in pseudo_labels(black(22, 30), maps, PseudoSettings(), affinity("features")):
        np.testing.assert_array_equal(labels, np.zeros((22, 30)))


def test_without_affinities_the_confident_pixels_teach_unless_walks_are_asked_for() -> None:
    image, maps = half_bright()
    chosen, confident = (pseudo_labels(image, maps, PseudoSettings(sure=sure))[1] for sure in (None, "confident"))
    np.testing.assert_array_equal(chosen, confident)
    with pytest.raises(PatchlearnError, match=r"nothing walks\. Set pseudo.sure to confident"):
        pseudo_labels(image, maps, PseudoSettings(sure="agreed"))


def test_wider_doubt_leaves_fewer_pixels_sure() -> None:
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None, None].repeat(64, 1)
    maps = ScoreMaps(scores=ramp, classes=(0,), size=(64, 64))
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    shares = []
    for low, high in ((1.0, 1.0), (0.8, 1.1), (0.5, 1.3)):
        settings = PseudoSettings(confident=ConfidentRegions(low=low, high=high))
        shares.append((pseudo_labels(image, maps, settings)[1] != 255).mean())
    assert shares[0] == 1
    assert shares[0] > shares[1] > shares[2] > 0


def write_maps(root: Path, count: int, size: tuple[int, int] = (11, 13)) -> list[Sample]:
    maps = ScoreMaps(scores=np.ones((1, 3, 4), np.float32), classes=(0,), size=size)
    samples = [Sample(id=f"image{index}", image=root / f"image{index}.png", labels=(0,)) for index in range(count)]
    for sample in samples:
        write_scores(root / "scores" / f"{sample.id}.npz", maps)
        Image.fromarray(black(*size)).save(sample.image)
    return samples


def test_masks_have_the_size_of_their_image_and_threads_change_nothing(tmp_path: Path, console: Console) -> None:
    samples = write_maps(tmp_path, 5)
    written = []
    for threads in (1, 3):
        folder = tmp_path / f"plain{threads}" / "pseudo" / "train"
        write_pseudo_masks(samples, tmp_path / "scores", PseudoSettings(), folder, make_runtime(console, threads))
        assert read_indices(folder / "image4.png").shape == (11, 13)
        written.append({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")})
    assert written[0] == written[1]
    assert sorted(written[0]) == [f"{place}image{index}.png" for place in ("", "sure/") for index in range(5)]


def test_missing_scores_are_explained_and_end_the_work(tmp_path: Path, console: Console) -> None:
    samples = write_maps(tmp_path, 30)
    (tmp_path / "scores" / "image0.npz").unlink()
    folder, threads = tmp_path / "x" / "y" / "z", torch.get_num_threads()
    with pytest.raises(PatchlearnError, match="Run patchlearn cams first"):
        write_pseudo_masks(samples, tmp_path / "scores", PseudoSettings(), folder, make_runtime(console))
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PseudoSettings(ignore_band=0.5), "ignore_band: 0.5 is outside"),
        (PseudoSettings(crf=CrfSettings(preset="iren")), "pseudo.crf.preset: 'iren' .* irn, none, psa, segmenter"),
        (PseudoSettings(crf=CrfSettings(unary="sft")), "did you mean 'soft'"),
        (PseudoSettings(crf=CrfSettings(confidence=0.5)), "crf.confidence: 0.5 is outside"),
        (PseudoSettings(walk=WalkSettings(beta=float("inf"))), "walk.beta: inf"),
        (PseudoSettings(walk=WalkSettings(long_side=0)), "walk.long_side: 0"),
        (PseudoSettings(crf=CrfSettings(iterations=-1)), "crf.iterations: -1 is below 0"),
        (PseudoSettings(walk=WalkSettings(radius=0)), "walk.radius: 0 is below 1"),
        (PseudoSettings(walk=WalkSettings(beta=0)), "walk.beta: 0 is not above 0"),
        (PseudoSettings(walk=WalkSettings(anchor=1.5)), "walk.anchor: 1.5 is outside"),
        (PseudoSettings(walk=WalkSettings(balance=1.5)), "walk.balance: 1.5 is outside"),
        (PseudoSettings(second_anchor=-0.5), "pseudo.second_anchor: -0.5 is outside"),
        (PseudoSettings(sure="agree"), "pseudo.sure: 'agree' .* did you mean 'agreed'"),
        (PseudoSettings(confident=ConfidentRegions(low=2.0, high=1.0)), "confident: low 2.0 and high 1.0"),
        (PseudoSettings(local=-1), "local: -1 is below 0"),
    ],
)
def test_impossible_settings_are_refused(settings: PseudoSettings, message: str) -> None:
    with pytest.raises(PatchlearnError, match=message):
        check_pseudo(settings)
