"""Splits in the names of files and folders: `instances_val2017.json`, `valid/`."""

import re

from patchlearn.data.formats.records import SYNONYMS

WORDS = re.compile(r"(?<![a-z])(train(?:ing|set)?|(?:mini)?val(?:id(?:ation)?)?|test(?:ing)?)(?![a-z])")


def split_word(name: str) -> re.Match[str] | None:
    """The word of the name that says a split, if there is one.

    >>> split_word("instances_val2017").group()
    'val'
    >>> split_word("trainer") is None
    True
    """
    return WORDS.search(name.lower())


def split_of(word: str) -> str:
    """The usual name of the split that a word says.

    >>> split_of("valid"), split_of("train")
    ('val', 'train')
    """
    plain = word.lower().removeprefix("mini")
    return SYNONYMS.get(plain, plain)


def starts_with_split(name: str) -> str | None:
    """The split that a folder's name begins with.

    >>> starts_with_split("train2017"), starts_with_split("cats")
    ('train', None)
    """
    word = split_word(name)
    return split_of(word.group()) if word and word.start() == 0 else None
