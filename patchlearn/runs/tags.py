"""Which tags of a run's images to look at again: judged by heads over its features that have not learned from them."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.runs.run import Run
from patchlearn.runs.settings import Variant
from patchlearn.steps.trust import trust_step

if TYPE_CHECKING:
    from patchlearn.core.types import Sample
    from patchlearn.evaluate.tags import Doubt

SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class RankedTags:
    """The images whose tags are contradicted, the most doubtful first.

    Args:
        doubts: of each such image; `image` is its place in `samples`.
        samples: N images that were judged.
        classes: the K names.
        compared: how many of them enough images have and lack.
    """

    doubts: "tuple[Doubt, ...]"
    samples: "tuple[Sample, ...]"
    classes: tuple[str, ...]
    compared: int

    def lines(self) -> list[str]:
        """What is printed."""
        from patchlearn.data.names import counted
        from patchlearn.evaluate.tags import LEAST, words_of

        images = counted(len(self.samples), "image")
        if not self.compared:
            return [f"tags: no class has {LEAST} images with it and {LEAST} without it, so that none can be compared"]
        if not self.doubts:
            return [f"tags: those of {images} were compared, and none is contradicted by the others"]
        more = f", of which {SHOWN} are shown" if len(self.doubts) > SHOWN else ""
        first = f"tags to look at again: {len(self.doubts)} of {images}{more}, the most doubtful first"
        found = self.doubts[:SHOWN]
        return [first, *(words_of(each, self.samples[each.image].image.name, self.classes) for each in found)]

    def as_json(self) -> list[dict[str, Any]]:
        """Every doubt, with the names of image and class."""
        return [
            asdict(each) | {"image": self.samples[each.image].id, "class": self.classes[each.index]}
            for each in self.doubts
        ]


def rank_tags(run: Run, variant: Variant) -> RankedTags:
    """Compare the tags of the images that have masks with what the other images say.

    Five heads over the features of the classifier learn from four fifths of the images each, and judge the rest.

    Args:
        run: opened.
        variant: whose features are read, stored ones where they are there.

    Raises:
        PatchlearnError: the variant makes no masks of tagged images, or its classifier is not trained yet.
    """
    from patchlearn.evaluate.tags import comparable, doubtful_tags
    from patchlearn.training.surroundings import held_out_evidence

    step = trust_step(run.steps(variant, "tags"), variant.self_training, run.recipe.seed)
    if step is None:
        raise PatchlearnError(f"variant {variant.name}: has no two images with tags whose tags could be compared.")
    step.classifier.require()
    measuring = step.measuring(run.runtime)
    found = held_out_evidence(
        measuring.trained,
        measuring.masks.samples,
        measuring.base_view,
        measuring.cams.read,
        run.runtime,
        seed=measuring.seed,
    )
    doubts, compared = doubtful_tags(found.mean, found.labels, found.judged), comparable(found.labels, found.judged)
    classes = run.dataset.classes
    return RankedTags(doubts=tuple(doubts), samples=found.samples, classes=classes, compared=len(compared))
