"""The words that findings share."""

from patchlearn.data.checks.finding import spoken
from patchlearn.data.names import counted


def test_one_is_singular() -> None:
    assert counted(1, "class", "classes") == "1 class"
    assert counted(0, "class", "classes") == "0 classes"
    assert counted(2000, "image") == "2,000 images"


def test_names_are_listed_as_people_do() -> None:
    assert [spoken(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
