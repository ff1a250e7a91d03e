"""CVAT files come back, pixel for pixel, from Datumaro."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from annotated_masks import CLASSES, MASKS, both_ways, convert, known, of_readers


@of_readers
@both_ways
@pytest.mark.parametrize("shapes", ["masks", "polygons"])
def test_cvat_is_read_back_by_datumaro(
    root: Path, datumaro: ModuleType, cocoapi: ModuleType, per: str, shapes: str
) -> None:
    assert convert(root, "cvat", "a.xml", "--per", per, "--shapes", shapes) == 0
    dataset = datumaro.Dataset.import_from(str(root / "a.xml"), "cvat")
    labels = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    assert labels == list(CLASSES)
    assert sorted(item.id for item in dataset) == sorted(MASKS)
    for item in dataset:
        again = np.zeros_like(MASKS[item.id])
        for annotation in item.annotations:
            again[cvat_pixels(annotation, again.shape, cocoapi)] += annotation.label + 1
        np.testing.assert_array_equal(again, known(MASKS[item.id]))


def cvat_pixels(annotation: Any, size: tuple[int, ...], cocoapi: ModuleType) -> Any:
    if annotation.type.name == "mask":
        return annotation.image.astype(bool)
    coder = cocoapi.maskUtils
    return coder.decode(coder.merge(coder.frPyObjects([list(annotation.points)], *size))).astype(bool)


@of_readers
def test_pieces_of_one_region_are_a_group_in_cvat(root: Path, datumaro: ModuleType) -> None:
    assert convert(root, "cvat", "a.xml", "--shapes", "polygons") == 0
    dataset = datumaro.Dataset.import_from(str(root / "a.xml"), "cvat")
    groups = [(shape.label, shape.group) for shape in dataset.get("a", "a").annotations]
    assert len(groups) > len(set(groups)) == 4
    assert {group for label, group in groups if label > 0} == {0}
