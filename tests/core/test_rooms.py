import importlib
import pkgutil

import pytest

import patchlearn

ROOMS = ["patchlearn", *(info.name for info in pkgutil.walk_packages(patchlearn.__path__, "patchlearn.") if info.ispkg)]


@pytest.mark.parametrize("name", ROOMS)
def test_every_public_name_of_a_room_is_there_and_every_room_says_what_it_is(name: str) -> None:
    room = importlib.import_module(name)
    assert room.__doc__
    for public in dir(room) if hasattr(room, "__getattr__") else ():
        assert getattr(room, public) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'patchlearn' has no attribute 'nosuch'"):
        patchlearn.nosuch  # noqa: B018
