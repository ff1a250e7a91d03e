"""Objects in a row, as data sets of boxes have them: `{"bbox": …, "category": …}` for each, or a list of each."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from patchlearn.core.errors import PatchlearnError

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


def listed_categories(text: str, place: str) -> str:
    """The JSON of objects as a JSON list of their classes; no text says that there is no object.

    Args:
        text: of the objects of one image.
        place: for the message.

    Raises:
        PatchlearnError: the text is no JSON of objects with classes.

    >>> listed_categories('[{"bbox": [0, 0, 1, 1], "category": "cat"}]', "metadata.jsonl, line 2")
    '["cat"]'
    """
    try:
        objects = json.loads(text or "[]")
        first = objects if isinstance(objects, Mapping) else next(iter(objects), {"category": None})
        return json.dumps(categories(objects, str(category_key(first))), ensure_ascii=False)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise PatchlearnError(
            f'{place}: {text[:60]!r} is no list of objects with classes. Write [{{"category": "cat", "bbox": […]}}].'
        ) from None
