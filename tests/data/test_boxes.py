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


@pytest.mark.parametrize("text", ["[1]", "3", '[{"bbox": []}]', "[{", '"cat"'])
def test_what_has_no_classes_is_explained(text: str) -> None:
    with pytest.raises(PatchlearnError, match=r"t, line 2: .* is no list of objects with classes\. Write \["):
        listed_categories(text, "t, line 2")
