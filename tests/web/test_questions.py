"""Questions as they are written in addresses and forms."""

import pytest

pytest.importorskip("starlette", reason="the page needs patchlearn[web]")

from patchlearn.web.answers import Facts
from patchlearn.web.questions import Fields, question_of

FACTS = Facts(
    kind="run", title="", classes=("cat", "big, dog", "a|b"), variants=("plain", "other"), threshold="", explained=""
)


@pytest.mark.parametrize(
    ("fields", "tags"),
    [
        ([], None),
        ([("tags", "")], ()),
        ([("tags", "given")], ()),
        ([("tags", "cat")], (0,)),
        ([("tags", "big, dog")], (1,)),  # a name that holds a comma
        ([("tag", "a|b"), ("tag", "cat"), ("tag", "cat")], (0, 2)),
        ([("tags", "given"), ("tag", "big, dog")], (1,)),
    ],
)
def test_tags_are_names_of_classes(fields: list[tuple[str, str]], tags: tuple[int, ...] | None) -> None:
    assert question_of(Fields(fields), FACTS).tags == tags


def test_nothing_said_is_the_first_variant_and_its_own_threshold() -> None:
    question = question_of(Fields([("threshold", " "), ("variant", "")]), FACTS)
    assert (question.variant, question.threshold) == ("plain", None)
