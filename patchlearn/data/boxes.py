"""Objects in a row, as data sets of boxes have them: `{"bbox": …, "category": …}` for each, or a list of each."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import parse_json

KEYS = ("category", "categories", "label", "labels", "class", "classes", "category_name", "name")


def category_key(names: Iterable[str]) -> str | None:
    """The field of an object that says its class; None where there is none.

    >>> category_key(["bbox", "area", "category"])
    'category'
    """
    plain = {name.lower(): name for name in names}
    return next((plain[key] for key in KEYS if key in plain), None)


def categories(objects: Any, key: str) -> list[Any]:
    """The class of each object, each class once.

    Args:
        objects: a list of mappings, or a mapping of lists.
        key: the field that says the class.

    >>> categories({"bbox": [[0, 0, 1, 1]] * 3, "category": ["cat", "dog", "cat"]}, "category")
    ['cat', 'dog']
    >>> categories([{"category": "cat"}], "category")
    ['cat']
    """
    found = objects.get(key) if isinstance(objects, Mapping) else [each[key] for each in objects]
    return list(dict.fromkeys(found if isinstance(found, list) else [] if found is None else [found]))


def listed_categories(text: str, place: str, classes: Sequence[str] | None = None) -> str:
    """The JSON of objects as a JSON list of their classes; no text says that there is no object.

    A number is an index into the classes, from 0, as in a ClassLabel and in YOLO's files, unless a class is called so.

    Args:
        text: of the objects of one image.
        place: for the message.
        classes: the names, where a list says them.

    Raises:
        PatchlearnError: the text is no JSON of objects with classes, or a number has no name.

    >>> listed_categories('[{"bbox": [0, 0, 1, 1], "category": "cat"}]', "metadata.jsonl, line 2")
    '["cat"]'
    """
    try:
        objects = parse_json(text or "[]")
        first = objects if isinstance(objects, Mapping) else next(iter(objects), {"category": None})
        found = categories(objects, str(category_key(first)))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise PatchlearnError(
            f'{place}: {text[:60]!r} is no list of objects with classes. Write [{{"category": "cat", "bbox": […]}}].'
        ) from None
    return json.dumps([_name(each, place, classes) for each in found], ensure_ascii=False)


def _name(category: Any, place: str, classes: Sequence[str] | None) -> Any:
    """The name of a class that is given as a number; what is no number is the name itself."""
    if isinstance(category, bool):
        raise PatchlearnError(f"{place}: the category {category} is neither a name nor a number. Correct the line.")
    if not isinstance(category, int | float):
        return category
    if classes and str(category) in classes:
        return str(category)
    if not classes:
        raise PatchlearnError(
            f"{place}: the category {category} is a number, and has no name. List the classes in classes.txt, one a "
            "line; the first line is the category 0."
        )
    if category not in range(len(classes)):
        raise PatchlearnError(
            f"{place}: the category {category} has no name; the list of classes names 0 to {len(classes) - 1}. Correct "
            "the line, or add the name to the list."
        )
    return classes[int(category)]
