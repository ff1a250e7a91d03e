"""Evaluation of score maps and masks from files."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_public_names import loaded_by

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask, write_scores
from patchlearn.core.types import Dataset, Sample, ScoreMaps, UInt8
from patchlearn.evaluate.contours import boundary_counts, boundary_f
from patchlearn.evaluate.judge import EntryFacts, evaluate_masks, evaluate_scores
from patchlearn.evaluate.thresholds import THRESHOLDS, curve_table, predict_at

PROTOCOL_KEYS = {
    "artefact", "variant", "split", "labels", "rule", "miou", "iou", "precision", "recall", "boundary_f", "threshold",
    "images", "commit", "recipe",
}  # fmt: skip
EXTRA_KEYS = {"absent", "supervision", "foreground_precision", "foreground_recall"}
FACTS = EntryFacts(
    artefact="seed", variant="plain", split="val", labels="given", commit="0123456789", recipe="0123456789abcdef"
)


def mask(*rows: Sequence[int]) -> UInt8:
    return np.array(rows, np.uint8)


class Folder:
    """A data set of made-up images with masks and parts, and the folders of what is to be judged."""

    def __init__(self, root: Path, make_image: Callable[..., tuple[ScoreMaps, UInt8, UInt8]]) -> None:
        self.scores, self.masks, self.root = root / "scores", root / "pseudo", root
        self.images = [self._image(*make_image(seed, classes=3, size=(12, 16))) for seed in range(3)]
        self.samples = tuple(self._sample(f"image{number}", *image) for number, image in enumerate(self.images))
        self.dataset = Dataset(
            root=root,
            classes=("ape", "bee", "cat"),
            splits={"val": self.samples},
            mask_values=(1, 2, 3),
            masks_are_closed=True,
        )

    def _image(self, maps: ScoreMaps, truth: UInt8, parts: UInt8) -> tuple[ScoreMaps, UInt8, UInt8]:
        return replace(maps, scores=maps.scores[:, ::2, ::2].astype(np.float16).astype(np.float32)), truth, parts

    def _sample(self, name: str, maps: ScoreMaps, truth: UInt8, parts: UInt8) -> Sample:
        truth[truth == 3] = 0
        write_scores(self.scores / f"{name}.npz", maps)
        write_mask(self.masks / f"{name}.png", predict_at(maps, 0.5))
        write_mask(self.root / "truth" / f"{name}.png", truth)
        write_mask(self.root / "parts" / f"{name}.png", parts)
        return Sample(
            id=name,
            image=self.root / f"{name}.jpg",
            labels=(),
            mask=self.root / "truth" / f"{name}.png",
            parts=self.root / "parts" / f"{name}.png",
        )

    def judge_scores(self, samples: Sequence[Sample] | None = None, facts: EntryFacts = FACTS):
        given = self.samples if samples is None else samples
        return evaluate_scores(self.dataset, given, self.scores, facts=facts, label_free=lambda _: 0.25)

    def judge_masks(self, samples: Sequence[Sample] | None = None, **options: object):
        given = self.samples if samples is None else samples
        chosen = {"rule": "label_free", **options}
        return evaluate_masks(self.dataset, given, self.masks, facts=FACTS, **chosen)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path, made_up_image: Callable[..., tuple[ScoreMaps, UInt8, UInt8]]) -> Folder:
    return Folder(tmp_path, made_up_image)


def test_score_entries_have_the_protocols_keys(folder: Folder):
    result = folder.judge_scores()
    for entry, rule in ((result.oracle, "oracle"), (result.label_free, "label_free")):
        assert entry.keys() == PROTOCOL_KEYS | EXTRA_KEYS | {"recall_strong", "recall_weak", "peaks_inside"}
        assert entry["rule"] == rule
        assert entry["images"] == 3
        assert {key: entry[key] for key in ("artefact", "variant", "split", "labels", "commit", "recipe")} == {
            "artefact": "seed", "variant": "plain", "split": "val", "labels": "given", "commit": "0123456789",
            "recipe": "0123456789abcdef",
        }  # fmt: skip
        assert json.loads(json.dumps(entry)) == entry


def test_score_entries_agree_with_the_curve(folder: Folder):
    result = folder.judge_scores()
    assert result.oracle["threshold"] == result.curve.oracle
    assert result.label_free["threshold"] == 0.25
    table = curve_table(result.curve)
    columns = {"miou": "miou", "foreground_precision": "precision", "foreground_recall": "recall"}
    columns |= {"recall_strong": "recall_strong", "recall_weak": "recall_weak"}
    for entry in (result.oracle, result.label_free):
        at = THRESHOLDS.index(entry["threshold"])
        assert {key: entry[key] for key in columns} == pytest.approx(
            {key: table[column][at] for key, column in columns.items()}
        )
    assert result.oracle["miou"] == max(table["miou"])


def test_label_free_sees_the_maps_as_saved_and_may_differ_by_image(folder: Folder):
    seen: list[ScoreMaps] = []

    def rule(maps: ScoreMaps) -> float:
        seen.append(maps)
        return 0.1 * len(seen)

    result = evaluate_scores(folder.dataset, folder.samples, folder.scores, facts=FACTS, label_free=rule)
    for maps, (saved, _, _) in zip(seen, folder.images, strict=True):
        np.testing.assert_array_equal(maps.scores, saved.scores)
        assert maps.size == (12, 16)
    assert result.label_free["threshold"] == pytest.approx(0.2)


def test_mask_entries_by_hand(folder: Folder):
    prediction = mask([0, 1, 255, 2])
    truth = mask([0, 1, 1, 255])
    sample = replace(folder.samples[0], parts=None)
    write_mask(folder.masks / f"{sample.id}.png", prediction)
    assert sample.mask is not None
    write_mask(sample.mask, truth)
    entry = folder.judge_masks([sample], threshold=0.4)
    assert entry.keys() == PROTOCOL_KEYS | EXTRA_KEYS | {"labelled", "miou_labelled"}
    assert entry["iou"] == {"background": 1.0, "ape": 0.5}
    assert entry["absent"] == ["bee", "cat"]
    assert (entry["miou"], entry["labelled"], entry["miou_labelled"]) == (0.75, pytest.approx(2 / 3), 1.0)
    assert (entry["precision"], entry["recall"]) == (1.0, 0.5)
    assert (entry["rule"], entry["threshold"], entry["images"]) == ("label_free", 0.4, 1)


def test_masks_and_scores_at_the_same_threshold_agree(folder: Folder):
    for sample, (maps, _, _) in zip(folder.samples, folder.images):
        write_mask(folder.masks / f"{sample.id}.png", predict_at(maps, 0.25))
    by_scores, by_masks = folder.judge_scores().label_free, folder.judge_masks(threshold=0.25)
    by_scores.pop("peaks_inside")
    assert {**by_scores, "labelled": 1.0, "miou_labelled": by_scores["miou"]} == by_masks


def test_contours_are_added_over_the_images(folder: Folder):
    truths = [truth for _, truth, _ in folder.images]
    predictions = [predict_at(maps, 0.5) for maps, _, _ in folder.images]
    counts = sum(boundary_counts(truth, prediction, 3) for truth, prediction in zip(truths, predictions))
    assert folder.judge_masks()["boundary_f"] == boundary_f(np.asarray(counts))


def test_argmax_masks_have_no_threshold(folder: Folder):
    assert folder.judge_masks(rule="argmax")["threshold"] is None


def test_samples_without_a_mask_are_not_counted(folder: Folder):
    bare = replace(folder.samples[0], id="bare", mask=None)
    assert folder.judge_masks([bare, *folder.samples]) == folder.judge_masks()
    assert folder.judge_scores([bare, *folder.samples]).oracle == folder.judge_scores().oracle


def test_nothing_to_judge_is_an_error(folder: Folder):
    bare = replace(folder.samples[0], mask=None)
    with pytest.raises(PatchlearnError, match="none of the 1 images has a mask"):
        folder.judge_masks([bare])
    with pytest.raises(PatchlearnError, match="none of the 0 images has a mask"):
        folder.judge_scores([])
    assert folder.samples[0].mask is not None
    write_mask(folder.samples[0].mask, np.full((12, 16), 255, np.uint8))
    with pytest.raises(PatchlearnError, match=r"every pixel of the masks of 'val' is 255 \(ignored\)\. Add masks"):
        folder.judge_masks(folder.samples[:1])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"size": (11, 16)}, r"image1\.npz: made for an image of 11×16 pixels, but its truth has 12×16"),
        ({"classes": (0, 7), "scores": np.ones((2, 2, 2), np.float32)}, r"image1\.npz: holds classes \(0, 7\)"),
        ({"classes": (0,), "scores": np.ones((2, 2, 2), np.float32)}, r"image1\.npz: not score maps \(an array"),
        ({"classes": (0,), "scores": np.full((1, 2, 2), np.nan, np.float32)}, r"image1\.npz: not score maps \(scores"),
        ({"labels": "predicted"}, r"image1\.npz: made with predicted labels, but given labels are expected"),
    ],
)
def test_a_broken_score_file_is_named(folder: Folder, broken: dict[str, object], message: str):
    maps = replace(folder.images[1][0], **broken)  # type: ignore[arg-type]
    write_scores(folder.scores / "image1.npz", maps)
    with pytest.raises(PatchlearnError, match=message):
        folder.judge_scores()


def test_a_missing_file_is_named(folder: Folder):
    (folder.scores / "image1.npz").unlink()
    (folder.masks / "image2.png").unlink()
    with pytest.raises(PatchlearnError, match=r"image1\.npz: no such score maps"):
        folder.judge_scores()
    with pytest.raises(PatchlearnError, match=r"image2\.png: no such file"):
        folder.judge_masks()


def test_a_broken_mask_is_named(folder: Folder):
    write_mask(folder.masks / "image1.png", np.zeros((12, 15), np.uint8))
    with pytest.raises(PatchlearnError, match=r"pseudo/image1\.png: 12×15 pixels, but the truth has 12×16"):
        folder.judge_masks()
    write_mask(folder.masks / "image1.png", np.full((12, 16), 4, np.uint8))
    with pytest.raises(PatchlearnError, match=r"pseudo/image1\.png: holds the value 4"):
        folder.judge_masks()


def test_parts_of_another_size_are_named(folder: Folder):
    write_mask(folder.root / "parts" / "image1.png", mask([1, 2]))
    with pytest.raises(PatchlearnError, match=r"parts/image1\.png: 1×2 pixels"):
        folder.judge_scores()


def test_an_unknown_rule_lists_the_known_ones(folder: Folder):
    with pytest.raises(PatchlearnError, match="argmax, label_free, oracle"):
        folder.judge_masks(rule="best")


def test_evaluation_loads_neither_torch_nor_timm():
    loaded = loaded_by("import patchlearn.evaluate as evaluate; [getattr(evaluate, name) for name in dir(evaluate)]")
    assert "patchlearn.evaluate.judge" in loaded
    assert not loaded & {"torch", "timm", "accelerate", "torchvision", "numba"}
