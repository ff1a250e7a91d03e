"""A question as it is written in an address or a form."""

from starlette.datastructures import ImmutableMultiDict

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.web.answers import Facts, Question
from patchlearn.web.uploads import shown

Fields = ImmutableMultiDict[str, str]
SEPARATORS = ",;|"
GIVEN = "given"  # `tags=given` without any `tag`: nothing is in the image


def question_of(fields: Fields, facts: Facts) -> Question:
    """The question of `variant`, `threshold`, `tags` (names between commas) and `tag` (one name each).

    Without `tags` and `tag`, nobody says what is in the image; with `tags` empty, nothing is.

    Raises:
        PatchlearnError: no such variant or class, or a threshold out of range.

    >>> facts = Facts(kind="run", title="", classes=("cat", "dog"), variants=("plain",), threshold="", explained="")
    >>> question_of(Fields([("tags", "dog, cat"), ("threshold", "0.5")]), facts)
    Question(variant='plain', tags=(0, 1), threshold=0.5)
    >>> question_of(Fields([("tags", "dgo")]), facts)
    Traceback (most recent call last):
    patchlearn.core.errors.PatchlearnError: tags: 'dgo' is no class; did you mean 'dog'? Choose from: cat, dog.
    """
    return Question(variant=_variant(fields, facts), tags=_tags(fields, facts.classes), threshold=_threshold(fields))


def _variant(fields: Fields, facts: Facts) -> str:
    name = fields.get("variant") or facts.variants[0]
    if name not in facts.variants:
        raise PatchlearnError(f"variant: {shown(name)!r} is not there. Choose one of: {', '.join(facts.variants)}.")
    return name


def _tags(fields: Fields, classes: tuple[str, ...]) -> tuple[int, ...] | None:
    if "tags" not in fields and "tag" not in fields:
        return None
    listed = fields.get("tags") or ""
    names = fields.getlist("tag")
    if listed in classes:  # a name may hold a comma
        names.append(listed)
    elif listed != GIVEN:
        for separator in SEPARATORS:
            listed = listed.replace(separator, "\n")
        names += [name.strip() for name in listed.split("\n") if name.strip()]
    return tuple(sorted({_index(name, classes) for name in names}))


def _index(name: str, classes: tuple[str, ...]) -> int:
    if name not in classes:
        raise PatchlearnError(
            f"tags: {shown(name)!r} is no class{did_you_mean(name, classes)} Choose from: {', '.join(classes)}."
        )
    return classes.index(name)


def _threshold(fields: Fields) -> float | None:
    text = (fields.get("threshold") or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise PatchlearnError(f"threshold: {shown(text)!r} is out of range. Choose a number in [0, 1).")
    return value
