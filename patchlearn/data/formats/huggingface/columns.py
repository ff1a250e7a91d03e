"""Which columns of a Hugging Face data set hold the images, the labels and the true masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import BACKGROUND
from patchlearn.data.boxes import category_key

IMAGE_NAMES = ("image", "img", "picture", "photo")
PATH_NAMES = ("file_name", "filename", "file", "image_path", "path")  # of the files of images
LABEL_NAMES = ("label", "labels", "tags", "tag", "class", "classes", "category", "categories")
MASK_NAMES = ("mask", "masks", "annotation", "segmentation", "segmentation_mask", "label", "labels")
TEXTS = ("string", "large_string", "string_view")
BYTES = ("binary", "large_binary", "binary_view")
LISTS = ("List", "LargeList", "Sequence")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns that are used.

    Args:
        image: of the images.
        labels: of the labels, or of the objects that have them.
        key: the field of an object that is its label; None where the column holds the labels themselves.
        names: of a ClassLabel, in order, as the data set has them; None where the labels are strings.
        mask: of the true masks; None where there are none.
        unused: names of all other columns.
    """

    image: str
    labels: str
    key: str | None = None
    names: tuple[str, ...] | None
    mask: str | None
    unused: tuple[str, ...]

    @property
    def has_background(self) -> bool:
        """Whether the first name stands for the background, which is no class."""
        return self.names is not None and self.names[BACKGROUND].lower() == "background"

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names without that of the background."""
        return self.names[1:] if self.names and self.has_background else self.names

    @property
    def used(self) -> list[str]:
        """The columns that have to be read."""
        return [self.image, self.labels, *([self.mask] if self.mask else [])]


def choose_columns(features: Mapping[str, Any], chosen: str | None, source: str) -> Columns:
    """The columns of a data set.

    Args:
        features: name → feature, as the JSON of the Hugging Face libraries has them (`Features.to_dict()`).
        chosen: the column of the labels, where several could be meant (`data.labels`).
        source: for messages.

    Raises:
        PatchlearnError: there is no column of images or labels, or there are several.
    """
    image = image_column(features, source)
    labels = _labels_column({name: each for name, each in features.items() if name != image}, chosen, source)
    masks = [name for name in features if name not in (image, labels) and _is_mask(name, features[name])]
    mask = masks[0] if len(masks) == 1 else None
    key, feature = label_feature(features[labels])
    return Columns(
        image=image,
        labels=labels,
        key=key,
        names=class_names(feature, f"{source}: column {labels!r}"),
        mask=mask,
        unused=tuple(name for name in features if name not in (image, labels, mask)),
    )


def has_images(features: Mapping[str, Any]) -> bool:
    """Whether a column may hold images.

    >>> has_images({"image": {"_type": "Image"}}), has_images({"file_name": {"_type": "Value", "dtype": "string"}})
    (True, False)
    """
    return any(_is_image(name, feature) for name, feature in features.items())


def names_images(features: Mapping[str, Any]) -> bool:
    """Whether a column may hold paths of images, and another one labels.

    >>> names_images({"file_name": {"_type": "Value", "dtype": "string"}})
    False
    """
    try:
        choose_columns(features, None, "")
    except PatchlearnError:
        return False
    return True


def label_feature(feature: Any) -> tuple[str | None, Any]:
    """(field of an object, the feature of the labels); (None, None) where a feature holds no labels.

    >>> text = {"_type": "Value", "dtype": "string"}
    >>> label_feature(text)[0], label_feature({"_type": "List", "feature": {"category": text}})[0]
    (None, 'category')
    """
    if _holds_labels(feature):
        return None, feature
    fields = _fields(feature)
    key = category_key(name for name in fields if _holds_labels(fields[name]))
    return (key, fields[key]) if key else (None, None)


def image_column(features: Mapping[str, Any], source: str) -> str:
    """The column of the images: by its name, else by its feature; without images that of their paths.

    Raises:
        PatchlearnError: there is none, or there are several.
    """
    images = [name for name, feature in features.items() if _is_image(name, feature)]
    named = [name for name in images if name.lower() in IMAGE_NAMES]
    others = [name for name in images if name.lower() not in MASK_NAMES]
    paths = [name for name in features if name.lower() in (*IMAGE_NAMES, *PATH_NAMES) and _is_text(features[name])]
    found = named or others or paths
    if not found:
        raise PatchlearnError(
            f"{source}: no column of images among {', '.join(features)}. Store the images as the feature Image, in a "
            "column named image."
        )
    if len(found) > 1:
        raise PatchlearnError(
            f"{source}: several columns hold images: {', '.join(found)}. Name one of them image, and no other img, "
            "picture or photo."
        )
    return found[0]


def class_names(feature: Any, place: str) -> tuple[str, ...] | None:
    """The names of a ClassLabel or of a list of them, in order; None for other features.

    Raises:
        PatchlearnError: a name occurs twice, or the names are no list.
    """
    inner = _inner(feature)
    if not _has_type(inner, "ClassLabel"):
        return None
    names = inner.get("names")
    if not isinstance(names, Sequence) or isinstance(names, str) or not names:
        raise PatchlearnError(f"{place}: the ClassLabel has no names. Cast the column to ClassLabel(names=[…]).")
    twice = [str(name) for name in names if list(names).count(name) > 1]
    if twice:
        raise PatchlearnError(f"{place}: the class {twice[0]!r} occurs more than once. Give each class its own name.")
    return tuple(str(name) for name in names)


def _labels_column(features: Mapping[str, Any], chosen: str | None, source: str) -> str:
    if chosen is not None:
        require_one_of(f"{source}: labels", chosen, features)
        if label_feature(features[chosen])[1] is None:
            raise PatchlearnError(f"{source}: {_no_labels(chosen)}")
        return chosen
    named = [name for name in features if name.lower() in LABEL_NAMES]
    found = [
        name for name in features if _holds_labels(features[name]) and (name in named or _is_coded(features[name]))
    ]
    found = found or [name for name in features if label_feature(features[name])[0]]
    if len(found) > 1:
        raise PatchlearnError(
            f"{source}: several columns may hold the labels: {', '.join(found)}. Choose one: --data.labels {found[0]} "
            f"(in Python: labels={found[0]!r})."
        )
    if found:
        return found[0]
    numbers = [name for name in named if not _is_image(name, features[name])]
    numbers += [name for name in features if category_key(_fields(features[name]))]
    if numbers:
        raise PatchlearnError(f"{source}: {_no_labels(numbers[0])}")
    raise PatchlearnError(
        f"{source}: no column of labels among {', '.join(features)}. Name the column: --data.labels COLUMN (in Python: "
        "labels='COLUMN')."
    )


def _no_labels(name: str) -> str:
    return (
        f"the column {name!r} holds neither class names nor a ClassLabel. Cast it: "
        f"dataset.cast_column({name!r}, ClassLabel(names=[…]))."
    )


def _inner(feature: Any) -> Any:
    """What a list holds; the feature itself where it is no list."""
    if isinstance(feature, list) and len(feature) == 1:
        return feature[0]
    if isinstance(feature, Mapping) and feature.get("_type") in LISTS:
        return feature.get("feature")
    return feature


def _fields(feature: Any) -> Mapping[str, Any]:
    """The features of a struct, or of a list of structs; none of others."""
    inner = _inner(feature)
    return inner if isinstance(inner, Mapping) and "_type" not in inner else {}


def _has_type(feature: Any, kind: str) -> bool:
    return isinstance(feature, Mapping) and feature.get("_type") == kind


def _is_coded(feature: Any) -> bool:
    return _has_type(_inner(feature), "ClassLabel")


def _holds_labels(feature: Any) -> bool:
    return _is_coded(feature) or _is_text(_inner(feature))


def _is_text(feature: Any) -> bool:
    return _has_type(feature, "Value") and feature.get("dtype") in TEXTS


def _is_image(name: str, feature: Any) -> bool:
    """Bytes are images only in a column of such a name; the feature Image says it itself."""
    if _has_type(feature, "Image"):
        return True
    return name.lower() in (*IMAGE_NAMES, *MASK_NAMES) and (_is_bytes(feature) or _is_struct(feature))


def _is_mask(name: str, feature: Any) -> bool:
    return name.lower() in MASK_NAMES and _is_image(name, feature)


def _is_bytes(feature: Any) -> bool:
    return _has_type(feature, "Value") and feature.get("dtype") in BYTES


def _is_struct(feature: Any) -> bool:
    return isinstance(feature, Mapping) and "_type" not in feature and _is_bytes(feature.get("bytes"))
