"""Pictures of the report: which images are chosen, and what stands beside them."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from patchlearn.core.masks_io import read_scores, write_mask, write_scores
from patchlearn.core.types import Dataset
from patchlearn.report.gallery import drawn_variants, gallery_rows, segmented_rows

VARIANTS = ("plain", "progressive")


def test_a_variant_without_maps_does_not_empty_the_gallery(run: Path, data: Dataset) -> None:
    shutil.rmtree(run / "progressive" / "cams")
    assert drawn_variants(run, "train", VARIANTS) == ["plain"]
    rows = list(gallery_rows(run, data, "train", VARIANTS, images=8))
    assert len(rows) == 8
    for row in rows:
        ((name, heat, mask),) = row["variants"]
        assert name == "plain"
        assert all(uri.startswith("data:image/jpeg") for uri in (row["image"], row["truth"], heat, mask))


def test_an_image_without_maps_of_every_variant_is_not_shown(run: Path, data: Dataset) -> None:
    (run / "progressive" / "cams" / "train" / "img03.npz").unlink()
    shown = [row["id"] for row in gallery_rows(run, data, "train", VARIANTS, images=8)]
    assert shown == [sample.id for sample in data.split("train") if sample.id != "img03"]


def test_images_are_spread_and_every_second_one_has_several_tags(run: Path, data: Dataset) -> None:
    samples = list(data.split("train"))
    for index in (0, 5):
        samples[index] = replace(samples[index], labels=(0, 1))
    several = replace(data, splits={"train": tuple(samples)})
    rows = list(gallery_rows(run, several, "train", ["plain"], images=4))
    assert [row["id"] for row in rows] == ["img01", "img03", "img05", "img07"]
    assert [row["tags"] for row in rows][2] == ["red", "blue"]
    two = [row["id"] for row in gallery_rows(run, several, "train", ["plain"], images=2)]
    assert two == ["img02", "img05"]  # the middle of the second half is img06


def test_a_mask_that_is_not_there_is_none(run: Path, data: Dataset) -> None:
    (run / "plain" / "pseudo" / "train" / "img00.png").unlink()
    first = next(gallery_rows(run, data, "train", VARIANTS, images=8))
    assert [mask is None for _, _, mask in first["variants"]] == [True, False]


def test_new_images_have_the_masks_of_all_segmenters_but_those_left_out(run: Path, data: Dataset) -> None:
    assert list(segmented_rows(run, data, VARIANTS, [], images=4)) == []
    samples, mask = data.split("val"), np.zeros((40, 48), np.uint8)
    write_mask(run / "plain" / "segmented" / "val" / f"{samples[0].id}.png", mask)
    for sample in samples:
        write_mask(run / "plain" / "segmented-masks" / "val" / f"{sample.id}.png", mask)
        write_mask(run / "progressive" / "segmented" / "val" / f"{sample.id}.png", mask)
    left_out = [run / "progressive" / "segmented" / "val"]
    rows = list(segmented_rows(run, data, VARIANTS, left_out, images=4))
    assert [row["id"] for row in rows] == [sample.id for sample in samples]
    assert [name for name, _ in rows[0]["masks"]] == ["plain", "plain, true masks"]
    assert [[uri is None for _, uri in row["masks"]] for row in rows[:2]] == [[False, False], [True, False]]


def test_classes_that_nobody_judged_are_named_and_not_in_the_heat(run: Path, data: Dataset) -> None:
    before = next(gallery_rows(run, data, "train", ["plain"], images=8))
    path = run / "plain" / "cams" / "train" / "img00.npz"
    maps = read_scores(path)
    both = np.concatenate([maps.scores, np.ones_like(maps.scores)])
    write_scores(path, replace(maps, scores=both, classes=(0, 1), unknown=(1,)))
    first, *rest = data.split("train")
    unjudged = replace(data, splits={"train": (replace(first, unknown=(1,)), *rest)})
    row = next(gallery_rows(run, unjudged, "train", ["plain"], images=8))
    assert (before["tags"], row["tags"]) == (["red"], ["red", "not judged: blue"])
    assert row["variants"] == before["variants"]
