"""The one error that users are meant to read: what is wrong, where, and what to do."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

SHOWN = 10
NO_SYNONYMS: Mapping[str, str] = MappingProxyType({})


class PatchlearnError(ValueError):
    """Something the user can mend. The command line prints the message alone, without a traceback."""


def require_one_of(option: str, value: str, choices: Iterable[str], synonyms: Mapping[str, str] = NO_SYNONYMS) -> None:
    """Raise `PatchlearnError` naming the right choices unless `value` is one of them.

    `synonyms` maps words that people try to the choice that they mean, for the message.

    >>> require_one_of("fusion", "plain", ["plain", "explicit"])
    >>> require_one_of("fusion", "plane", ["plain", "explicit"])
    Traceback (most recent call last):
    patchlearn.core.errors.PatchlearnError: fusion: 'plane' is not an option; did you mean 'plain'? Choose one of: ...
    """
    known = sorted(choices)
    if value not in known:
        hint = did_you_mean(synonyms.get(value, str(value)), known)
        raise PatchlearnError(f"{option}: {value!r} is not an option{hint} Choose one of: {', '.join(known)}.")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about a wrong word: '; did you mean ...?' with the closest known one, or '.'.

    >>> did_you_mean("plane", ["plain", "explicit"]), did_you_mean("xyz", ["plain"])
    ("; did you mean 'plain'?", '.')
    """
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else "."


def listed(problems: Sequence[str]) -> str:
    """The first ten problems, a line each, and how many more there are.

    >>> print(listed([f"{number}.png: missing." for number in range(12)]).splitlines()[-1])
    … and 2 more
    """
    more = [f"… and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    return "\n".join([*problems[:SHOWN], *more])
