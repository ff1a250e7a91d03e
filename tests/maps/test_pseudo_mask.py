from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from conftest import tiny_stages
from sam_models import answering_sam, whole_box
from torch import Tensor

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import ClassSize, Float32, ScoreMaps, UInt8
from patchlearn.data.scenes.surfaces import SURFACE_CLASSES, draw_surface
from patchlearn.data.settings import SceneSettings
from patchlearn.maps.affinity_walk import walk_scores
from patchlearn.maps.label_maps import of_array
from patchlearn.maps.pseudo_mask import pseudo_labels, pseudo_mask, refined_mask, require_two_walks
from patchlearn.maps.settings import PseudoSettings, WalkSettings
from patchlearn.models.affinity_network import (
    AffinityNetwork,
    create_affinity,
)
from patchlearn.refine import (
    BackgroundRule,
    ConfidentRegions,
    confident_regions,
)
from patchlearn.refine.settings import CrfSettings, SamSettings

module = import_module("patchlearn.maps.pseudo_mask")  # the room has a function of this name
FIXED = BackgroundRule(rule="fixed", threshold=0.3, growth=2.0)
OFF = CrfSettings(preset="none")
PLAIN = PseudoSettings(crf=OFF)
OTSU, WALK = BackgroundRule(growth=2.0), WalkSettings()
UNBOUNDED = BackgroundRule(growth=None)


def black(height: int, width: int) -> UInt8:
    return np.zeros((height, width, 3), np.uint8)


def test_background_classes_and_both_kinds_of_doubt() -> None:
    scores = np.array([[[0.1, 0.32, 0.9, 0.50, 0.1]], [[0.0, 0.1, 0.2, 0.52, 0.8]]], np.float32)
    maps = ScoreMaps(scores=scores, classes=(2, 6), size=(1, 5))
    assert pseudo_mask(black(1, 5), maps, PLAIN, FIXED).tolist() == [[0, 255, 3, 255, 7]]
    assert pseudo_mask(black(1, 5), maps, replace(PLAIN, ignore_band=0.0), FIXED).tolist() == [[0, 3, 3, 7, 7]]


@pytest.mark.parametrize(("sure", "walks"), [("confident", False), ("confident", True), ("agreed", True)])
def test_masks_and_sure_labels_are_within_the_stated_sizes(sure: str, walks: bool) -> None:
    scores = np.random.default_rng(0).random((1, 10, 10), np.float32)
    maps, settings = ScoreMaps(scores=scores, classes=(1,), size=(40, 40)), replace(PLAIN, sure=sure, ignore_band=0.0)
    found = [
        pseudo_labels(black(40, 40), maps, settings, FIXED, WALK, affinity() if walks else None, None, sizes)
        for sizes in ((), (None, ClassSize(most=0.2)), (None, ClassSize(least=1490, most=1500, unit="pixels")))
    ]
    areas = [[int((each == 2).sum()) for each in labels] for labels in found]
    assert areas[0][0] > 320 >= areas[1][0] > 310
    assert 1490 <= areas[2][0] <= 1500
    assert areas[1][1] < areas[0][1]


def test_no_class_is_all_background() -> None:
    maps = ScoreMaps(scores=np.zeros((0, 2, 2), np.float32), classes=(), size=(3, 4))
    assert pseudo_mask(black(3, 4), maps, PseudoSettings(), OTSU).tolist() == [[0] * 4] * 3


@pytest.mark.parametrize("unary", ["soft", "hard"])
def test_maps_without_any_score_are_background_or_undecided(unary: str) -> None:
    maps = ScoreMaps(scores=np.zeros((2, 2, 2), np.float32), classes=(1, 3), size=(8, 8))
    mask = pseudo_mask(black(8, 8), maps, PseudoSettings(crf=CrfSettings(unary=unary)), OTSU)
    assert set(np.unique(mask)) <= {0, 255}


def test_the_last_class_that_fits_a_palette_is_kept() -> None:
    maps = ScoreMaps(scores=np.ones((1, 1, 1), np.float32), classes=(253,), size=(2, 2))
    assert np.unique(pseudo_mask(black(2, 2), maps, PLAIN, FIXED)).tolist() == [254]


def half_bright() -> tuple[UInt8, ScoreMaps]:
    """An object of columns 12 to 31; the score map covers columns 16 to 31."""
    image = black(32, 32)
    image[:, 12:] = (200, 180, 40)
    scores = np.where(np.arange(8) >= 4, 0.9, 0.1) * np.ones((1, 8, 1))
    return image, ScoreMaps(scores=scores.astype(np.float32), classes=(0,), size=(32, 32))


@pytest.mark.parametrize("unary", ["soft", "hard"])
def test_the_crf_moves_the_mask_to_the_edge(unary: str) -> None:
    image, maps = half_bright()
    # A Gaussian of 10 pixels and strong colours: the mask's edge lies four pixels off.
    refined = pseudo_mask(image, maps, PseudoSettings(crf=CrfSettings(unary=unary, confidence=0.7)), FIXED)
    np.testing.assert_array_equal(refined == 1, np.broadcast_to(np.arange(32) >= 12, (32, 32)))


def test_local_refinement_is_an_option_of_its_own() -> None:
    image, maps = half_bright()
    rough = (pseudo_mask(image, maps, replace(PLAIN, ignore_band=0.0), FIXED) == 1)[:, :16].sum()
    refined = (pseudo_mask(image, maps, replace(PLAIN, ignore_band=0.0, local=10), FIXED) == 1)[:, :16].sum()
    assert refined != rough


def affinity(kind: str = "boundary") -> AffinityNetwork:
    torch.manual_seed(0)
    return create_affinity(tiny_stages(), kind).eval()


@pytest.mark.parametrize("kind", ["boundary", "features"])
def test_masks_change_with_the_affinities(kind: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (22, 30, 3), dtype=np.uint8)
    maps = ScoreMaps(scores=np.random.default_rng(1).random((2, 6, 8), np.float32), classes=(1, 4), size=(22, 30))
    walked = walk_scores(image, maps, WALK, affinity(kind))
    assert (pseudo_mask(image, walked, PLAIN, FIXED) != pseudo_mask(image, maps, PLAIN, FIXED)).any()


def test_the_iterations_of_the_crf_are_those_of_the_settings() -> None:
    image, maps = half_bright()
    settings = PseudoSettings(crf=CrfSettings(iterations=0))
    np.testing.assert_array_equal(pseudo_mask(image, maps, settings, FIXED)[0] == 1, maps.full_size()[0, 0] > 0.3)


def test_maps_of_another_image_or_without_numbers_are_refused() -> None:
    image, maps = half_bright()
    with pytest.raises(PatchlearnError, match="of 32×32 pixels, but this one has 31×32"):
        pseudo_mask(image[:, 1:], maps, PseudoSettings(), OTSU)
    with pytest.raises(PatchlearnError, match="64 values are infinite or not a number"):
        pseudo_mask(image, replace(maps, scores=maps.scores * np.nan), PseudoSettings(), OTSU)


def test_confident_pixels_are_those_after_the_walk() -> None:
    image, maps = half_bright()
    settings, network = PseudoSettings(sure="confident"), affinity("features")
    mask, confident = pseudo_labels(image, maps, settings, UNBOUNDED, WALK, network)
    walked = walk_scores(image, maps, WALK, network)
    np.testing.assert_array_equal(mask, pseudo_mask(image, walked, settings, UNBOUNDED))
    np.testing.assert_array_equal(confident, confident_regions(image, walked, UNBOUNDED, settings.confident))


def test_what_two_walks_disagree_about_teaches_nothing() -> None:
    image, maps = half_bright()
    settings, network = PseudoSettings(second_anchor=0.9), affinity("features")
    mask, agreed = pseudo_labels(image, maps, settings, UNBOUNDED, WALK, network)
    walks = [walk_scores(image, maps, WalkSettings(anchor=anchor), network) for anchor in (0.0, 0.9)]
    first, other = (pseudo_mask(image, walked, settings, UNBOUNDED) for walked in walks)
    np.testing.assert_array_equal(mask, first)
    assert (mask != other).any()
    np.testing.assert_array_equal(agreed, np.where(mask == other, mask, 255))


def test_the_second_walk_goes_along_the_second_network() -> None:
    image = np.random.default_rng(0).integers(0, 256, (22, 30, 3), dtype=np.uint8)
    maps = ScoreMaps(scores=np.random.default_rng(1).random((2, 6, 8), np.float32), classes=(1, 4), size=(22, 30))
    settings, walk = replace(PLAIN, second_anchor=0.0), WalkSettings(steps=4)
    networks = affinity("features"), affinity("boundary")
    masks = [pseudo_mask(image, walk_scores(image, maps, walk, each), settings, UNBOUNDED) for each in networks]
    assert (masks[0] != masks[1]).any()
    mask, agreed = pseudo_labels(image, maps, settings, UNBOUNDED, walk, *networks)
    np.testing.assert_array_equal(mask, masks[0])
    np.testing.assert_array_equal(agreed, np.where(masks[0] == masks[1], mask, 255))


@pytest.mark.parametrize(
    ("settings", "anchor", "rounds", "message"),
    [
        (PseudoSettings(), 0.5, 1, "second_anchor: 0.5 is also walk.anchor"),
        (PseudoSettings(sure="agreed"), 0.0, 0, "there is no affinity network"),
    ],
)
def test_walks_that_cannot_differ_are_refused(
    settings: PseudoSettings, anchor: float, rounds: int, message: str
) -> None:
    walk = WalkSettings(anchor=anchor)
    with pytest.raises(PatchlearnError, match=message):
        require_two_walks(settings, walk, rounds)
    require_two_walks(settings, walk, 2)
    require_two_walks(replace(settings, sure="confident"), walk, rounds)


def test_nothing_walks_in_an_image_without_objects() -> None:
    maps = ScoreMaps(scores=np.zeros((0, 6, 8), np.float32), classes=(), size=(22, 30))
    for labels in pseudo_labels(black(22, 30), maps, PseudoSettings(), OTSU, WALK, affinity("features")):
        np.testing.assert_array_equal(labels, np.zeros((22, 30)))


def test_without_affinities_the_confident_pixels_teach_unless_walks_are_asked_for() -> None:
    image, maps = half_bright()
    settings = (PseudoSettings(), PseudoSettings(sure="confident"))
    chosen, confident = (pseudo_labels(image, maps, each, OTSU, WALK)[1] for each in settings)
    np.testing.assert_array_equal(chosen, confident)
    with pytest.raises(PatchlearnError, match=r"no affinity network\. Set pseudo\.sure to confident"):
        pseudo_labels(image, maps, PseudoSettings(sure="agreed"), OTSU, WALK)


def test_a_wider_band_of_doubt_leaves_fewer_pixels() -> None:
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None, None].repeat(64, 1)
    maps = ScoreMaps(scores=ramp, classes=(0,), size=(64, 64))
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    shares = []
    for low, high in ((1.0, 1.0), (0.8, 1.1), (0.5, 1.3)):
        settings = PseudoSettings(confident=ConfidentRegions(low=low, high=high))
        shares.append((pseudo_labels(image, maps, settings, OTSU, WALK)[1] != 255).mean())
    assert shares[0] == 1
    assert shares[0] > shares[1] > shares[2] > 0


def test_where_an_unknown_class_wins_the_mask_is_255_and_background_stays() -> None:
    scores = np.array([[[0.1, 0.9, 0.2, 0.1]], [[0.0, 0.6, 0.8, 0.0]], [[0.2, 0.1, 0.1, 0.9]]], np.float32)
    maps = ScoreMaps(scores=scores, classes=(2, 4, 6), size=(1, 4), unknown=(4, 6))
    assert pseudo_mask(black(1, 4), maps, PLAIN, FIXED).tolist() == [[0, 3, 255, 255]]
    nothing_known = replace(maps, unknown=(2, 4, 6))
    assert pseudo_mask(black(1, 4), nothing_known, PLAIN, FIXED).tolist() == [[0, 255, 255, 255]]


@pytest.mark.parametrize("unknown", [(1,), (4,), (1, 4)])
@pytest.mark.parametrize("walks", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        PseudoSettings(),
        PseudoSettings(sure="confident", crf=CrfSettings(unary="soft"), local=2),
        PseudoSettings(crf=OFF, ignore_band=0.0),
    ],
)
def test_no_unknown_class_becomes_a_label(settings: PseudoSettings, walks: bool, unknown: tuple[int, ...]) -> None:
    """Class 1 lies at the left, class 4 at the right, background between them."""
    image, scores = black(32, 32), np.zeros((2, 8, 8), np.float32)
    image[:, :12], image[:, 20:] = (200, 180, 40), (30, 60, 220)
    scores[0, :, :3], scores[1, :, 5:] = 1, 0.9
    maps = ScoreMaps(scores=scores, classes=(1, 4), size=(32, 32), unknown=unknown)
    for labels in pseudo_labels(image, maps, settings, OTSU, WalkSettings(steps=4), affinity() if walks else None):
        values = set(np.unique(labels).tolist())
        assert 255 in values
        assert values <= {0, 2, 5, 255} - {index + 1 for index in unknown}
        assert (labels[:, 2] == (255 if 1 in unknown else 2)).all()
        assert (labels[:, 29] == (255 if 4 in unknown else 5)).all()
        assert (labels[:, 15:17] == 0).all()


def exact_maps(truth: UInt8, cell: int = 1) -> ScoreMaps:
    """Maps that know every pixel of a true mask, or the share of each cell of the stored maps."""
    labels = [int(value) - 1 for value in np.unique(truth) if value]
    full = np.stack([truth == label + 1 for label in labels]).astype(np.float32)
    rows, columns = truth.shape[0] // cell, truth.shape[1] // cell
    cells: Float32 = full.reshape(len(labels), rows, cell, columns, cell).mean((2, 4))
    return ScoreMaps(scores=cells / cells.max((1, 2), keepdims=True), classes=tuple(labels), size=truth.shape)


def require_supported(mask: UInt8, truth: UInt8, slack: float = 1.0) -> None:
    for value in np.unique(truth)[1:]:
        found, real = mask == value, truth == value
        assert (found & real).sum() >= 0.5 * real.sum() / slack, f"class {value} is lost"
        assert found.sum() <= 2 * real.sum() * slack, f"class {value} has grown"


SURFACES = SceneSettings(kind="surfaces", size=96, normal=0.0)


@pytest.mark.parametrize("index", range(2 * len(SURFACE_CLASSES)))
@pytest.mark.parametrize("walks", [False, True])
def test_exact_maps_of_drawn_surfaces_stay_what_they_are(index: int, walks: bool) -> None:
    """Of ten surfaces in a row, two are of each class. The untrained affinities join everything."""
    surface = draw_surface(SURFACES, "train", index)
    network = affinity("features") if walks else None
    maps = exact_maps(surface.mask)
    for labels in pseudo_labels(surface.image, maps, PseudoSettings(), OTSU, WALK, network):
        require_supported(np.where(labels == 255, 0, labels).astype(np.uint8), surface.mask)
    coarse = pseudo_mask(surface.image, exact_maps(surface.mask, 4), PseudoSettings(), OTSU)
    require_supported(coarse, surface.mask, slack=2.0)


def test_without_a_bound_the_same_surfaces_are_flooded_and_lost() -> None:
    sizes = []
    for index in range(5):
        surface = draw_surface(SURFACES, "train", index)
        for network in (None, affinity("features")):
            maps = exact_maps(surface.mask)
            mask = pseudo_labels(surface.image, maps, PseudoSettings(), UNBOUNDED, WALK, network)[0]
            sizes += [(mask == label + 1).sum() / (surface.mask == label + 1).sum() for label in surface.labels]
    assert min(sizes) == 0
    assert max(sizes) > 10


def thing(name: str) -> UInt8:
    truth = np.zeros((48, 64), np.uint8)
    if name == "line":
        truth[20, 4:60] = 3
    elif name == "diagonal":
        truth[np.arange(4, 44), np.arange(4, 44)] = 3
    elif name == "square":
        truth[30:35, 11:16] = 3
    elif name == "touching":
        truth[10:30, 10:30], truth[10:30, 30:50] = 3, 5
    elif name == "inside":
        truth[4:44, 4:60], truth[20:25, 30:35] = 3, 5
    else:
        truth[:] = 3
    return truth


@pytest.mark.parametrize("noise", [0, 3, 25])
@pytest.mark.parametrize("contrast", [0, 15])
@pytest.mark.parametrize("name", ["line", "diagonal", "square", "touching", "inside", "everywhere"])
@pytest.mark.parametrize("crf", [CrfSettings(), CrfSettings(unary="soft"), CrfSettings(preset="segmenter")])
def test_small_thin_and_touching_things_survive_on_plain_and_rough_ground(
    crf: CrfSettings, name: str, contrast: int, noise: int
) -> None:
    truth = thing(name)
    ground = 120 + contrast * (truth > 0) + noise * np.random.default_rng(0).standard_normal(truth.shape)
    image = np.clip(ground, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    network = affinity("features")
    for settings in (PseudoSettings(crf=crf), PseudoSettings(crf=crf, sure="confident", local=2)):
        for labels in pseudo_labels(image, exact_maps(truth), settings, OTSU, WALK, network):
            require_supported(np.where(labels == 255, 0, labels).astype(np.uint8), truth)


def test_where_nothing_is_above_the_threshold_nothing_is_found() -> None:
    maps = ScoreMaps(scores=np.full((2, 12, 16), 0.1, np.float32), classes=(0, 3), size=(48, 64))
    maps.scores[0, 3, 3] = 0.14  # below the lower of the two thresholds of confident pixels
    for network in (None, affinity("features")):
        for labels in pseudo_labels(np.full((48, 64, 3), 90, np.uint8), maps, PseudoSettings(), FIXED, WALK, network):
            assert not labels.any()


def test_an_unknown_class_neither_floods_nor_is_flooded() -> None:
    truth = thing("touching")
    maps = replace(exact_maps(truth), unknown=(4,))
    image = np.full((48, 64, 3), 120, np.uint8)
    mask = pseudo_labels(image, maps, PseudoSettings(ignore_band=0.0), OTSU, WALK, affinity("features"))[0]
    require_supported(mask, np.where(truth == 5, 255, truth).astype(np.uint8))
    assert (mask == 0).sum() > 500


def doubled_twice() -> tuple[UInt8, ScoreMaps, ScoreMaps]:
    """Maps that find 8 of 32 columns, walked scores that find 15, and an image in which the CRF finds more."""
    image, scores = black(32, 32), np.zeros((1, 32, 32), np.float32)
    image[:, :24] = (200, 180, 40)
    scores[..., :8] = 1
    maps = ScoreMaps(scores=scores, classes=(0,), size=(32, 32))
    return image, maps, replace(maps, scores=np.roll(scores, 7, 2) * np.float32(0.5) + scores * np.float32(0.5))


@pytest.mark.parametrize("sure", ["agreed", "confident"])
def test_walk_and_crf_together_stay_within_the_bounds(sure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image, maps, walked = doubled_twice()
    for name in ("walk_scores", "scale_walked"):
        monkeypatch.setattr(module, name, lambda *_: walked)
    settings, rule = PseudoSettings(sure=sure), replace(FIXED, threshold=0.4)
    assert (pseudo_mask(image, walked, settings, rule) == 1).sum() > 16 * 32
    mask = pseudo_labels(image, maps, settings, rule, WALK, affinity("features"))[0]
    assert 8 * 16 <= (mask == 1).sum() <= 16 * 32
    np.testing.assert_array_equal(mask, pseudo_mask(image, walked, settings, rule, found=maps))


def test_what_comes_back_from_the_evidence_is_not_undecided() -> None:
    nearly = np.array([[[0.51, 0.51]], [[0.49, 0.49]]], np.float32)
    assert module._mask(nearly, np.array([[0, 1]]), (0, 5), band=0.05).tolist() == [[255, 5]]


SAM = PseudoSettings(crf=OFF, sam=SamSettings(model="owner/sam2"))


def spot() -> ScoreMaps:
    """A square of 10×10 pixels of class 4."""
    scores = np.full((1, 64, 64), 0.1, np.float32)
    scores[0, 20:30, 20:30] = 0.9
    return ScoreMaps(scores=scores, classes=(4,), size=(64, 64))


def lower(points: Tensor, box: Tensor) -> Tensor:
    """The lower half of the box, and as much below it."""
    left, top, right, bottom = box
    half = (bottom - top + 1) / 2
    return whole_box(points, torch.tensor([left, top + half, right + 1, bottom + 1 + half]))


LOWER = np.zeros((64, 64), bool)
LOWER[25:35, 20:30] = True


@pytest.mark.parametrize("settings", [SAM, replace(SAM, crf=CrfSettings()), replace(SAM, local=1)])
def test_sam_comes_after_the_other_refinements(settings: PseudoSettings) -> None:
    """Its answer replaces what they have made of the square."""
    image = np.where(spot().scores[0, :, :, None] > 0.5, 255, black(64, 64)).astype(np.uint8)
    mask = pseudo_mask(image, spot(), settings, FIXED, seen=answering_sam(lower).see(image))
    assert (mask == np.where(LOWER, 5, 0)).all()
    plain = pseudo_mask(image, spot(), replace(settings, sam=SamSettings()), FIXED)
    assert ((plain == 5) == (spot().scores[0] > 0.5)).all()


def test_sam_refines_probabilities_too() -> None:
    foreground = np.where(spot().scores[0] > 0.5, 0.8, 0.1).astype(np.float32)
    mask = refined_mask(
        black(64, 64),
        of_array(np.stack([1 - foreground, foreground]), (64, 64)),
        [0, 9],
        SAM,
        answering_sam(lower).see(black(64, 64)),
    )
    assert (mask == np.where(LOWER, 9, 0)).all()


def test_both_masks_of_two_walks_are_asked_about_with_one_look_at_the_image() -> None:
    sam = answering_sam(lower)
    walk = WalkSettings(steps=0)
    network = affinity("features")
    mask, sure = pseudo_labels(black(64, 64), spot(), SAM, FIXED, walk, network, sam=sam)
    assert (sam.network.seen, sam.network.asked) == (1, [1, 1])
    plain, _ = pseudo_labels(black(64, 64), spot(), replace(SAM, sam=SamSettings()), FIXED, walk, network)
    for labels in (mask, sure):
        assert (labels[21:23, 22:28] == 0).all()
        assert (labels[30:32, 22:28] == 5).all()
    assert (plain[21:23, 22:28] == 5).all()


def test_confident_pixels_that_sam_contradicts_are_no_longer_confident() -> None:
    before, after = (
        pseudo_labels(black(64, 64), spot(), settings, FIXED, WALK, sam=answering_sam(lower))
        for settings in (replace(SAM, sam=SamSettings()), SAM)
    )
    assert (after[0] == np.where(LOWER, 5, 0)).all()
    differs = (before[1] != 255) & (before[1] != after[0])
    assert differs.any()
    assert (after[1] == np.where(differs, 255, before[1])).all()


def test_a_model_that_is_named_but_not_loaded_is_an_error() -> None:
    for work in (
        lambda: pseudo_mask(black(64, 64), spot(), SAM, FIXED),
        lambda: pseudo_labels(black(64, 64), spot(), SAM, FIXED, WALK),
        lambda: refined_mask(black(64, 64), of_array(spot().scores, (64, 64)), [1], SAM),
    ):
        with pytest.raises(PatchlearnError, match=r"sam\.model is set, but SAM 2 is not loaded"):
            work()


@pytest.mark.parametrize(("long_side", "is_kept"), [(None, False), (500, True)])
def test_a_small_thing_in_a_small_image_outlives_kernels_that_shrink_with_it(
    long_side: int | None, is_kept: bool
) -> None:
    image, thing = np.full((60, 80, 3), 120, np.uint8), (slice(28, 31), slice(30, 50))
    image[thing] = 115
    scores = np.zeros((1, 60, 80), np.float32)
    scores[0][thing] = 0.9
    maps = ScoreMaps(scores=scores, classes=(0,), size=(60, 80))
    mask = pseudo_mask(image, maps, PseudoSettings(crf=CrfSettings(long_side=long_side)), UNBOUNDED)
    assert bool((mask[thing] == 1).mean() > 0.5) is is_kept
