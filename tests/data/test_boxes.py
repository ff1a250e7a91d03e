import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.boxes import categories, category_key, listed_categories


def test_the_field_is_found_in_either_case() -> None:
    assert category_key(["bbox", "Category"]) == "Category"
    assert category_key(["bbox", "id"]) is None


def test_a_lone_class_and_none_are_lists() -> None:
    assert categories({"category": "cat"}, "category") == ["cat"]
    assert categories({"category": None}, "category") == []


@pytest.mark.parametrize(("text", "found"), [("", "[]"), ("[]", "[]"), ('{"label": ["a", "a"]}', '["a"]')])
def test_text_becomes_a_list(text: str, found: str) -> None:
    assert listed_categories(text, "t, line 2") == found


@pytest.mark.parametrize(
    ("text", "classes", "found"),
    [
        ('[{"category": 1}, {"category": 0}]', ("cat", "dog"), '["dog", "cat"]'),
        ('{"category": [1.0]}', ("cat", "dog"), '["dog"]'),
        ('{"category": [1]}', ("1", "2"), '["1"]'),
        ('{"category": ["1"]}', ("cat", "dog"), '["1"]'),
        ('{"category": ["1"]}', None, '["1"]'),
        ('{"category": []}', None, "[]"),
    ],
)
def test_a_number_is_the_place_of_a_class(text: str, classes: tuple[str, ...] | None, found: str) -> None:
    assert listed_categories(text, "t, line 2", classes) == found


@pytest.mark.parametrize(
    ("number", "classes", "words"),
    [
        ("0", None, "the category 0 is a number, and has no name. List the classes in classes.txt, one a line; the"),
        ("2", ("cat", "dog"), "the category 2 has no name; the list of classes names 0 to 1. Correct the line, or"),
        ("-1", ("cat", "dog"), "the category -1 has no name"),
        ("0.5", ("cat", "dog"), "the category 0.5 has no name"),
    ],
)
def test_a_number_without_a_name_is_refused(number: str, classes: tuple[str, ...] | None, words: str) -> None:
    with pytest.raises(PatchlearnError) as caught:
        listed_categories(f'[{{"category": {number}}}]', "t, line 2", classes)
    assert str(caught.value).startswith(f"t, line 2: {words}")


@pytest.mark.parametrize("text", ["[1]", "3", '[{"bbox": []}]', "[{", '"cat"'])
def test_what_has_no_classes_is_explained(text: str) -> None:
    with pytest.raises(PatchlearnError, match=r"t, line 2: .* is no list of objects with classes\. Write \["):
        listed_categories(text, "t, line 2")
