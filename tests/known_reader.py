"""A reader whose answers are known: each class is in the image as much as one channel says."""

import numpy as np

from patchlearn.core.types import UInt8
from patchlearn.web.answers import Answer, Facts, Question


class KnownReader:
    """The classes red and green; a map is a channel, and a pixel above the threshold has the class."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    @property
    def facts(self) -> Facts:
        return Facts(
            kind="run",
            title="known",
            classes=("red", "green"),
            variants=("plain", "other"),
            threshold="background threshold",
            explained="Pixels below it are background.",
        )

    def see(self, image: UInt8) -> UInt8:
        return image

    def answer(self, seen: UInt8, question: Question) -> Answer:
        self.asked.append(question)
        maps = np.moveaxis(seen[..., :2], 2, 0).astype(np.float32) / 255
        tags = (0, 1) if question.tags is None else question.tags
        threshold = 0.5 if question.threshold is None else question.threshold
        mask = np.zeros(seen.shape[:2], np.uint8)
        for index in tags:
            mask[maps[index] > threshold] = index + 1
        scores = tuple(float(each.max()) for each in maps)
        return Answer(scores=scores, tags=tags, maps=maps[list(tags)], mask=mask, threshold=threshold)
