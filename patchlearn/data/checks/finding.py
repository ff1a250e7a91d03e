"""A finding about a data set, in one sentence with its remedy, and the words that all findings share."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One fault, which makes figures wrong, or one hint.

    Args:
        kind: one word or two, the same in every version, for programs that read the JSON.
        text: what, where, and what to do.
    """

    kind: str
    text: str


def spoken(names: Sequence[str]) -> str:
    """The names as people list them.

    >>> spoken(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
