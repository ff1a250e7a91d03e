"""Which columns of a Hugging Face data set are used."""

from typing import Any

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.huggingface.columns import choose_columns, class_names, has_images, names_images

IMAGE = {"_type": "Image"}
TEXT = {"_type": "Value", "dtype": "string"}
NUMBER = {"_type": "Value", "dtype": "int64"}
BYTES = {"_type": "Value", "dtype": "binary"}
STRUCT = {"bytes": BYTES, "path": TEXT}
CLASSES = {"_type": "ClassLabel", "names": ["cat", "dog"]}


def listed(feature: Any) -> dict[str, Any]:
    return {"_type": "List", "feature": feature}


@pytest.mark.parametrize(
    ("features", "image", "labels", "names"),
    [
        ({"image": IMAGE, "label": CLASSES}, "image", "label", ("cat", "dog")),
        ({"Picture": STRUCT, "Tags": listed(TEXT)}, "Picture", "Tags", None),
        ({"img": BYTES, "category": TEXT, "caption": TEXT}, "img", "category", None),
        ({"pixels": IMAGE, "kind": listed(CLASSES), "id": NUMBER}, "pixels", "kind", ("cat", "dog")),
        ({"image": IMAGE, "labels": {"_type": "Sequence", "feature": CLASSES}}, "image", "labels", ("cat", "dog")),
        ({"image": IMAGE, "labels": [CLASSES], "label": NUMBER}, "image", "labels", ("cat", "dog")),
        ({"image": IMAGE, "right": IMAGE, "label": CLASSES}, "image", "label", ("cat", "dog")),
    ],
)
def test_columns_are_found(features: dict[str, Any], image: str, labels: str, names: tuple[str, ...] | None) -> None:
    columns = choose_columns(features, None, "data")
    assert (columns.image, columns.labels, columns.names, columns.mask) == (image, labels, names, None)
    assert set(columns.unused) == set(features) - {image, labels}


BOX = {"bbox": listed(NUMBER), "category": CLASSES}


@pytest.mark.parametrize("objects", [listed(BOX), [BOX], {"bbox": NUMBER, "category": listed(CLASSES)}])
def test_objects_hold_the_labels_where_no_column_does(objects: Any) -> None:
    columns = choose_columns({"image": IMAGE, "objects": objects, "id": NUMBER}, None, "data")
    assert (columns.labels, columns.key, columns.names) == ("objects", "category", ("cat", "dog"))
    columns = choose_columns({"image": IMAGE, "objects": objects, "label": TEXT}, None, "data")
    assert (columns.labels, columns.key) == ("label", None)
    columns = choose_columns({"image": IMAGE, "objects": objects, "label": TEXT}, "objects", "data")
    assert (columns.labels, columns.key) == ("objects", "category")


def test_paths_are_images_where_no_column_holds_images() -> None:
    assert choose_columns({"file_name": TEXT, "label": CLASSES}, None, "data").image == "file_name"
    assert choose_columns({"pixels": IMAGE, "path": TEXT, "label": CLASSES}, None, "data").image == "pixels"
    assert names_images({"path": TEXT, "tags": listed(TEXT)})
    assert not names_images({"path": TEXT, "caption": TEXT})


def test_masks_are_a_column_of_images_with_such_a_name() -> None:
    features = {"image": IMAGE, "annotation": IMAGE, "scene": CLASSES}
    assert choose_columns(features, None, "data").mask == "annotation"
    assert choose_columns({"pixel_values": IMAGE, "label": IMAGE, "kind": CLASSES}, None, "data").mask == "label"
    two = choose_columns({"image": IMAGE, "mask": IMAGE, "annotation": IMAGE, "label": CLASSES}, None, "data")
    assert (two.mask, two.unused) == (None, ("mask", "annotation"))
    assert choose_columns({"image": IMAGE, "mask": TEXT, "label": CLASSES}, None, "data").mask is None


def test_the_column_of_the_labels_can_be_chosen() -> None:
    features = {"image": IMAGE, "fine": CLASSES, "coarse": CLASSES}
    with pytest.raises(PatchlearnError, match=r"data: several .*: fine, coarse\. Choose one: --data.labels fine"):
        choose_columns(features, None, "data")
    assert choose_columns(features, "coarse", "data").labels == "coarse"
    with pytest.raises(PatchlearnError, match=r"labels: 'corse' is not an option; did you mean 'coarse'"):
        choose_columns(features, "corse", "data")
    with pytest.raises(PatchlearnError, match=r"'image' is not an option"):
        choose_columns(features, "image", "data")


@pytest.mark.parametrize(
    ("features", "complaint"),
    [
        ({"url": TEXT, "label": CLASSES}, "no column of images among url, label"),
        ({"path": TEXT, "file": TEXT, "label": CLASSES}, "several columns hold images: path, file"),
        ({"image": IMAGE, "boxes": listed({"category": NUMBER})}, "'boxes' holds neither class names nor a ClassLabel"),
        ({"blob": BYTES, "label": CLASSES}, "no column of images"),
        ({"left": IMAGE, "right": IMAGE, "label": CLASSES}, "several columns hold images: left, right"),
        ({"image": IMAGE, "img": IMAGE, "label": CLASSES}, "several columns hold images: image, img"),
        ({"image": IMAGE, "caption": TEXT}, r"no column of labels among caption\. Name the column"),
        ({"image": IMAGE, "label": NUMBER}, r"'label' holds neither class names nor a ClassLabel\. Cast it"),
        ({"image": IMAGE, "label": {"_type": "ClassLabel"}}, "the ClassLabel has no names"),
        ({"image": IMAGE, "label": {"_type": "ClassLabel", "names": ["a", "b", "a"]}}, "'a' occurs more than once"),
    ],
)
def test_what_is_missing_is_explained(features: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        choose_columns(features, None, "data")


def test_background_first_is_no_class() -> None:
    features = {"image": IMAGE, "label": {"_type": "ClassLabel", "names": ["Background", "cat"]}}
    columns = choose_columns(features, None, "data")
    assert (columns.names, columns.classes) == (("Background", "cat"), ("cat",))


def test_bytes_are_images_by_the_name_of_their_column_only() -> None:
    assert has_images({"photo": BYTES})
    assert not has_images({"blob": BYTES})
    assert has_images({"blob": IMAGE})
    assert class_names(TEXT, "x") is None
