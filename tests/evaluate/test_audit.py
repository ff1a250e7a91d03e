"""Scores that are estimated from a sample, against those of all pixels."""

from functools import partial

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.evaluate.audit import AuditedPixels, AuditScores, audit_scores
from patchlearn.evaluate.audit_sample import draw_pixels
from patchlearn.evaluate.confusions import confusion, iou_scores

CLASSES = 2


def made_up(seed: int = 0) -> tuple[list[UInt8], list[UInt8]]:
    """Truths with discs of two classes, and masks that miss some, move others and leave out a little."""
    generator, truths, masks = np.random.default_rng(seed), [], []
    y, x = np.mgrid[:48, :56]
    for index in range(20):
        truth, mask = np.zeros((48, 56), np.uint8), np.zeros((48, 56), np.uint8)
        row, column = generator.uniform(12, 36, 2)
        shift = generator.normal(0, 2, 2)
        truth[(y - row) ** 2 + (x - column) ** 2 < 81] = 1 + index % 2
        if index % 5:
            mask[(y - row - shift[0]) ** 2 + (x - column - shift[1]) ** 2 < 100] = 1 + index % 2
        mask[:1] = 255
        truths.append(truth)
        masks.append(mask)
    return truths, masks


TRUTHS, MASKS = made_up()


def sampled(count: int, seed: int, masks: list[UInt8] = MASKS) -> AuditedPixels:
    """Drawn from MASKS; what is judged may be other masks."""
    drawn = draw_pixels([partial(np.copy, mask) for mask in MASKS], count, seed)
    return AuditedPixels(
        truth=np.array([TRUTHS[each.image][each.y, each.x] for each in drawn], np.int64),
        prediction=np.array([masks[each.image][each.y, each.x] for each in drawn], np.int64),
        stratum=np.array([each.stratum for each in drawn]),
        pixels=np.array([each.pixels for each in drawn]),
    )


def exact(masks: list[UInt8]) -> tuple[float, tuple[float | None, ...], float]:
    table = np.sum([confusion(truth, mask, CLASSES) for truth, mask in zip(TRUTHS, masks)], axis=0)
    scores = iou_scores(table)
    return scores.miou, scores.iou, float(np.trace(table) / table.sum())


def test_of_all_pixels_the_estimate_is_the_score_and_is_sure() -> None:
    found = audit_scores(sampled(sum(mask.size for mask in MASKS), seed=0), CLASSES)
    miou, iou, accuracy = exact(MASKS)
    assert found.miou.value == pytest.approx(miou)
    assert [share.value for share in found.iou if share] == pytest.approx(iou)
    assert found.accuracy.value == pytest.approx(accuracy)
    assert found.miou.low == found.miou.value == found.miou.high
    assert (found.judged, found.unsure) == (20 * 48 * 56, 0)


def many(count: int, masks: list[UInt8], draws: int = 60) -> list[AuditScores]:
    return [audit_scores(sampled(count, seed, masks), CLASSES) for seed in range(draws)]


@pytest.mark.parametrize("others", [False, True])
def test_intervals_hold_the_true_scores_in_nearly_all_draws(others: bool) -> None:
    """Of the masks from which the pixels were drawn, and of other masks of the same images."""
    masks = [np.where(mask == 2, 1, mask).astype(np.uint8) for mask in MASKS] if others else MASKS
    miou, iou, accuracy = exact(masks)
    found = many(400, masks)
    for true, shares in (
        (miou, [each.miou for each in found]),
        (accuracy, [each.accuracy for each in found]),
        *((iou[value], [each.iou[value] for each in found]) for value in range(3)),
    ):
        assert np.mean([share.low <= true <= share.high for share in shares]) >= 0.9  # type: ignore[union-attr, operator]
        assert np.mean([share.value for share in shares]) == pytest.approx(true, abs=0.02)  # type: ignore[union-attr]


def test_more_pixels_make_intervals_narrower_and_estimates_better() -> None:
    miou = exact(MASKS)[0]
    few, more = many(60, MASKS, draws=30), many(600, MASKS, draws=30)
    width = [np.mean([each.miou.high - each.miou.low for each in found]) for found in (few, more)]
    error = [np.sqrt(np.mean([(each.miou.value - miou) ** 2 for each in found])) for found in (few, more)]
    assert width[1] < width[0] / 2
    assert error[1] < error[0] / 2


def hand(truth: list[int], prediction: list[int], stratum: list[int], pixels: list[int]) -> AuditedPixels:
    arrays = (np.array(each) for each in (truth, prediction, stratum, pixels))
    return AuditedPixels(**dict(zip(("truth", "prediction", "stratum", "pixels"), arrays)))


def test_totals_are_weighted_by_strata() -> None:
    """Stratum 1 has 1,000 pixels, of which a quarter is wrong; stratum 2 has 10, all right."""
    found = audit_scores(hand([0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1], [1] * 4 + [2] * 2, [1000] * 4 + [10] * 2), 1)
    assert found.accuracy.value == pytest.approx(760 / 1010)
    assert found.iou[0] is not None
    assert found.iou[1] is not None
    assert found.iou[0].value == pytest.approx(750 / 1000)
    assert found.iou[1].value == pytest.approx(10 / 260)
    assert found.miou.value == pytest.approx((750 / 1000 + 10 / 260) / 2)


def test_no_error_among_a_few_pixels_is_no_proof() -> None:
    found = audit_scores(hand([0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 2, 2], [10_000] * 2 + [100] * 2), 1)
    assert found.miou.value == 1
    assert found.miou.high == 1
    assert found.miou.low < 0.9


def test_a_pixel_without_a_label_is_a_miss_and_one_of_which_nobody_can_tell_is_none() -> None:
    strata = [1] * 4, [40] * 4
    missed = audit_scores(hand([1, 1, 1, 1], [1, 1, 1, 255], *strata), 1)
    assert (missed.accuracy.value, missed.miou.value, missed.iou[0]) == (0.75, 0.75, None)
    unsure = audit_scores(hand([1, 1, 255, 0], [1, 1, 0, 1], *strata), 1)
    assert unsure.accuracy.value == pytest.approx(2 / 3)
    assert (unsure.judged, unsure.unsure) == (3, 1)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (([], [], [], []), "no pixel. Draw some"),
        (([0, 0], [0, 0], [1, 1], [10, 20]), "stratum 1 has several sizes"),
        (([0, 3], [0, 0], [1, 1], [10, 10]), "the truth holds 3, but there are 2 classes"),
        (([0, 0], [0, 9], [1, 1], [10, 10]), "the prediction holds 9"),
        (([255, 255], [0, 0], [1, 1], [10, 10]), "of no pixel could anybody tell"),
    ],
)
def test_what_cannot_be_judged_is_an_error(
    sample: tuple[list[int], list[int], list[int], list[int]], message: str
) -> None:
    with pytest.raises(PatchlearnError, match=message):
        audit_scores(hand(*sample), CLASSES)
