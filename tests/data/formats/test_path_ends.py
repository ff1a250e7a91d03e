"""Files found by the end of a path."""

import unicodedata

import pytest

from patchlearn.data.formats.path_ends import PathEnds


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("s3://bucket/2.jpg", ["a/2.jpg"]),
        ("/data/b/1.jpg", ["b/1.jpg"]),
        ("x/a/1.jpg", ["a/1.jpg"]),
        ("x/1.jpg", ["1.jpg"]),  # the whole path, where the others have other folders
        ("C:\\data\\b\\1.jpg", ["b/1.jpg"]),
        ("x/3.jpg", ["a/3.jpg", "b/3.jpg"]),
        ("4.jpg", []),
        ("11.jpg", []),
    ],
)
def test_the_longest_common_end_is_found(path: str, found: list[str]) -> None:
    assert PathEnds(["1.jpg", "a/1.jpg", "b/1.jpg", "a/2.jpg", "a/3.jpg", "b/3.jpg"]).find(path) == found


def test_both_forms_of_accents_are_one_name() -> None:
    decomposed = unicodedata.normalize("NFD", "été.jpg")
    assert PathEnds([decomposed]).find("/x/été.jpg") == [decomposed]
