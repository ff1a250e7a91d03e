"""What is asked about an image, and what is answered; the same for a run and for a trained model."""

from dataclasses import dataclass
from typing import Any, Protocol

from patchlearn.core.types import Float32, UInt8


@dataclass(frozen=True, kw_only=True)
class Question:
    """How an image is to be read.

    Args:
        variant: of a run; one of `Reader.variants`.
        tags: class indices that are in the image; None where nobody says so.
        threshold: in [0, 1]; None for the run's or the model's own.
    """

    variant: str
    tags: tuple[int, ...] | None = None
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a run or a model says.

    Args:
        scores: K numbers in [0, 1]: how much speaks for each class.
        tags: class indices whose maps follow, in increasing order.
        maps: P×h×w in [0, 1], one for each of `tags`; they cover the whole image.
        mask: H×W; 0 background, i + 1 class i, 255 undecided.
        threshold: that the mask was made with.
    """

    scores: tuple[float, ...]
    tags: tuple[int, ...]
    maps: Float32
    mask: UInt8
    threshold: float


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the page shows about a run or a model.

    Args:
        kind: "run" or "model".
        title: its name.
        classes: K names.
        variants: of a run, in the order of the recipe; of a model, one.
        threshold: what the threshold is called.
        explained: in one sentence, what it does.
    """

    kind: str
    title: str
    classes: tuple[str, ...]
    variants: tuple[str, ...]
    threshold: str
    explained: str


class Reader(Protocol):
    """Answers questions about images. One question at a time: the networks are shared."""

    @property
    def facts(self) -> Facts:
        """What the page shows about it."""

    def see(self, image: UInt8) -> Any:
        """What is kept of an image, so that several questions about it need little time.

        Args:
            image: H×W×3, RGB.
        """

    def answer(self, seen: Any, question: Question) -> Answer:
        """What it says about the image that was seen."""
