"""Files found by the end of a path that was written on another machine."""

from collections.abc import Iterable

from patchlearn.data.labels import normal_form


class PathEnds:
    """Names of files, to be found by the end of an address.

    Args:
        names: paths below one folder.

    >>> PathEnds(["a/1.jpg", "b/1.jpg"]).find("s3://bucket/b/1.jpg")
    ['b/1.jpg']
    """

    def __init__(self, names: Iterable[str]):
        self._by_last: dict[str, list[str]] = {}
        for name in names:
            self._by_last.setdefault(_parts(name)[0], []).append(name)

    def find(self, path: str) -> list[str]:
        """The names that have the longest end in common with the path, the last part at least.

        Of two with equally long ends, the one that is such an end as a whole is found alone.
        """
        wanted = _parts(path)
        scores = {name: _score(wanted, _parts(name)) for name in self._by_last.get(wanted[0], ())}
        best = max(scores.values(), default=(0, False))
        return [name for name, score in scores.items() if score == best]


def _parts(path: str) -> list[str]:
    """The parts of a path, the last one first."""
    return normal_form(path).replace("\\", "/").split("/")[::-1]


def _score(wanted: list[str], parts: list[str]) -> tuple[int, bool]:
    """(how many parts are equal before the first that differ, whether these are all parts of the name)."""
    length = next((i for i, (a, b) in enumerate(zip(wanted, parts)) if a != b), min(len(wanted), len(parts)))
    return length, length == len(parts)
