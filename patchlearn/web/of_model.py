"""A trained model answers: its probabilities are the maps, and the threshold is that of a pixel."""

from dataclasses import dataclass
from functools import cached_property

from patchlearn.core.types import BACKGROUND, UInt8
from patchlearn.inference.segmenter import Segmenter
from patchlearn.inference.thresholds import image_scores
from patchlearn.web.answers import Answer, Facts, Question


@dataclass(frozen=True)
class SeenByModel:
    """An image before a model."""

    image: UInt8
    segmenter: Segmenter

    @cached_property
    def scores(self) -> tuple[float, ...]:
        """How much speaks for each class where nobody says what is in the image; the network reads it once more."""
        return tuple(map(float, image_scores(self.segmenter.probabilities(self.image))))


@dataclass(frozen=True)
class ModelReader:
    """Reads images with a segmenter.

    Args:
        segmenter: on any device.
        title: shown on the page.
    """

    segmenter: Segmenter
    title: str

    @property
    def facts(self) -> Facts:
        """One variant, the model."""
        return Facts(
            kind="model",
            title=self.title,
            classes=self.segmenter.classes,
            variants=("model",),
            threshold="least probability of a pixel",
            explained="A pixel whose label is less probable is undecided.",
        )

    def see(self, image: UInt8) -> SeenByModel:
        """Nothing is computed before a question."""
        return SeenByModel(image, self.segmenter)

    def answer(self, seen: SeenByModel, question: Question) -> Answer:
        """The mask is that of `patchlearn predict`, pixel for pixel."""
        given = question.tags
        found = self.segmenter.segment(seen.image, present=given, pixel_threshold=question.threshold)
        tags = given if given is not None else tuple(range(len(self.segmenter.classes)))
        own = self.segmenter.settings.undecided
        return Answer(
            scores=tuple(map(float, found.scores)) if given is None else seen.scores,
            tags=tags,
            maps=found.probabilities[BACKGROUND + 1 :][list(tags)],
            mask=found.mask,
            threshold=own if question.threshold is None else question.threshold,
        )
