"""Limits of what a file may unpack to. An environment variable changes each: worker processes have it as well."""

import os

from patchlearn.core.errors import PatchlearnError

PIXELS = "PATCHLEARN_MAX_PIXELS"
NPZ_BYTES = "PATCHLEARN_MAX_NPZ_BYTES"


def limit(variable: str, usual: int) -> int:
    """What an environment variable says, or the usual limit.

    Args:
        variable: its name.
        usual: the limit where it is not set.

    Raises:
        PatchlearnError: it is no whole number from 1 on.

    >>> limit("PATCHLEARN_NOT_SET", 7)
    7
    """
    words = os.environ.get(variable, "")
    if not words:
        return usual
    if not (words.isascii() and words.isdecimal() and int(words)):
        raise PatchlearnError(f"{variable}: {words!r} is no whole number from 1 on. Correct the environment variable.")
    return int(words)
