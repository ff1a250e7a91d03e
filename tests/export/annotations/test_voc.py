"""VOC folders come back, pixel for pixel, from Datumaro."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from annotated_masks import CLASSES, MASKS, convert, of_readers, write

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.images import read_indices


@of_readers
def test_voc_is_read_back_by_datumaro(root: Path, datumaro: ModuleType) -> None:
    assert convert(root, "voc", "voc") == 0
    dataset = datumaro.Dataset.import_from(str(root / "voc"), "voc_segmentation")
    labels = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    assert labels == ["background", *CLASSES, "ignored"]
    assert sorted(item.id for item in dataset) == sorted(MASKS)
    for item in dataset:
        again = np.zeros_like(MASKS[item.id])
        for annotation in item.annotations:
            value = 255 if labels[annotation.label] == "ignored" else annotation.label
            again[np.asarray(annotation.image, bool)] = value
        np.testing.assert_array_equal(again, MASKS[item.id])


@pytest.mark.parametrize("name", ["a:b", "#cat", "ignored"])
def test_voc_refuses_classes_that_its_label_map_cannot_hold(root: Path, name: str) -> None:
    with pytest.raises(PatchlearnError, match="labelmap"):
        write(root, "voc", [name, "dog", "bird"], "voc")
    assert not (root / "voc").exists()


def test_voc_does_not_write_over_the_masks_that_it_reads(root: Path) -> None:
    (root / "masks").rename(root / "SegmentationClass")
    (root / "masks").symlink_to(root / "SegmentationClass")
    with pytest.raises(PatchlearnError, match="contains the masks that are read"):
        write(root, "voc", CLASSES, ".")


def test_voc_refuses_names_that_its_list_cannot_hold(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for folder in ("images", "masks"):
        (root / folder / "a.png").rename(root / folder / "#a.png")
    assert convert(root, "voc", "voc") == 2
    assert "#a.png: VOC's lists cannot hold a name" in capfd.readouterr().err
    assert "#a" not in (root / "voc" / "ImageSets" / "Segmentation" / "default.txt").read_text(encoding="utf-8")


@of_readers
def test_images_in_subfolders_keep_them(root: Path, datumaro: ModuleType) -> None:
    (root / "images" / "cam").mkdir()
    (root / "images" / "a.png").rename(root / "images" / "cam" / "a.png")
    (root / "masks" / "a.png").rename(root / "masks" / "cam__a.png")
    assert convert(root, "voc", "voc") == 0
    names = (root / "voc" / "ImageSets" / "Segmentation" / "default.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(names) == sorted({*MASKS, "cam/a"} - {"a"})
    np.testing.assert_array_equal(read_indices(root / "voc" / "SegmentationClass" / "cam" / "a.png"), MASKS["a"])
    dataset = datumaro.Dataset.import_from(str(root / "voc"), "voc_segmentation")
    assert len(dataset.get("cam/a", "default").annotations) > 0
