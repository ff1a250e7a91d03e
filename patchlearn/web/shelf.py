"""The images that a server holds, in memory alone; the one that was not looked at for longest is dropped first."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.web.answers import Answer, Question

ANSWERS = 8  # that are kept of an image: a page asks for mask, maps and outlines of the same answer


@dataclass(frozen=True)
class Shelved:
    """An image that was uploaded.

    Args:
        id: 128 random bits, so that nobody guesses the image of somebody else.
        name: of the file.
        image: H×W×3, RGB.
        seen: what the reader keeps of it.
        answers: the last ones, by question.
    """

    id: str
    name: str
    image: UInt8
    seen: Any
    answers: "OrderedDict[Question, Answer]" = field(default_factory=OrderedDict)

    def remember(self, question: Question, answer: Answer) -> None:
        """Keep an answer, and drop the oldest of too many."""
        self.answers[question] = answer
        while len(self.answers) > ANSWERS:
            self.answers.popitem(last=False)


class Shelf:
    """The images of all visitors.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int):
        self._most = most
        self._images: OrderedDict[str, Shelved] = OrderedDict()

    def put(self, name: str, image: UInt8, seen: Any) -> Shelved:
        """Keep an image under a new id."""
        shelved = Shelved(secrets.token_urlsafe(16), name, image, seen)
        self._images[shelved.id] = shelved
        while len(self._images) > self._most:
            self._images.popitem(last=False)
        return shelved

    def get(self, id: str) -> Shelved:
        """The image with the id.

        Raises:
            PatchlearnError: it is not there, or no longer.
        """
        if id not in self._images:
            raise PatchlearnError("image: is no longer held by the server. Upload it again.")
        self._images.move_to_end(id)
        return self._images[id]
