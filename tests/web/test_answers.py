"""Questions are values: equal ones are answered once."""

from patchlearn.web.answers import Question


def test_equal_questions_are_one() -> None:
    assert len({Question(variant="a", tags=(0,)), Question(variant="a", tags=(0,)), Question(variant="a")}) == 2
