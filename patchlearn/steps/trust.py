"""A view of a run: how far its masks can be trusted, where there are no true masks.

    RUN/VARIANT/trust/trust.json   the estimated mIoU, what was measured, and a sentence for everything that looks wrong

Images, tags and stored features are read, never a true mask.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from patchlearn.core.settings import NEW_IN_KEY
from patchlearn.maps.settings import SelfTrainingSettings
from patchlearn.refine.settings import BackgroundRule
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.features import WriteFeatures
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.reading import TrainReading
from patchlearn.steps.self_training import SelfTrain
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sizes
    from patchlearn.evaluate.areas import ImageAreas
    from patchlearn.steps.trust_inputs import Measuring

FACTS = "trust.json"


@dataclass(frozen=True, eq=False)
class JudgeTrust(Step):
    """Judge the maps and masks of one split by tags and images alone."""

    name: ClassVar[str] = "trust"
    verb: ClassVar[str] = "trust"
    promised: ClassVar[tuple[str, ...]] = (FACTS,)

    rule: BackgroundRule
    learn: SelfTrainingSettings
    classifier: TrainClassifier
    masks: WritePseudoMasks
    features: WriteFeatures | None
    reading: TrainReading | None
    lda: SelfTrain | None
    seed: int
    sizes: "Sizes" = field(default=(), metadata=NEW_IN_KEY)

    def work(self, runtime: "Runtime") -> None:
        """Measure, estimate, and write it down."""
        from patchlearn.core.files import write_json
        from patchlearn.steps.trust_inputs import Measuring

        if not runtime.accelerator.is_main_process:
            return
        own = {name: getattr(self, name) for name in OWN}
        write_json(self.folder / FACTS, self._facts(Measuring(runtime=runtime, **own)))

    def read(self) -> dict[str, Any]:
        """What was written."""
        from patchlearn.core.files import read_json

        facts: dict[str, Any] = read_json(self.folder / FACTS)
        return facts

    def _facts(self, measuring: "Measuring") -> dict[str, Any]:
        from patchlearn.evaluate.areas import found_share
        from patchlearn.evaluate.estimate import estimate
        from patchlearn.steps.trust_measures import agreements, areas_of, surroundings_of

        names, areas = self.masks.data.classes, areas_of(measuring)
        agreed, told = agreements(measuring), surroundings_of(measuring)
        expected = estimate(agreed["halves"]["miou"], found_share(areas))
        return {
            "variant": self.home.name,
            "estimated_miou": expected.miou,
            "interval": [expected.low, expected.high],
            "flagged": expected.is_flagged,
            "classes": {name: [] for name in names},
            "agreement": {kind: facts["miou"] for kind, facts in agreed.items()},
            "surroundings": {name: asdict(each) if each else None for name, each in zip(names, told, strict=True)},
            "areas": {name: _class_areas(areas, index) for index, name in enumerate(names)},
            "agreement_of_classes": {kind: facts["iou"] for kind, facts in agreed.items()},
        }


def trust_step(steps: Sequence[Step], learn: SelfTrainingSettings, seed: int) -> JudgeTrust | None:
    """The view of a variant with these steps; None where no masks are made of given tags."""
    masks = next((step for step in steps if isinstance(step, WritePseudoMasks)), None)
    if masks is None:
        return None
    cams = masks.cams
    stored = [step for step in steps if isinstance(step, WriteFeatures) and step.data.name == masks.data.name]
    return JudgeTrust(
        masks.home,
        rule=masks.rule,
        learn=learn,
        classifier=cams.classifier,
        masks=masks,
        features=stored[-1] if stored else None,
        reading=cams.reading,
        lda=cams.lda,
        seed=seed,
        sizes=masks.sizes,
    )


OWN = ("rule", "learn", "classifier", "masks", "features", "reading", "lda", "seed", "sizes")


def _class_areas(areas: "Sequence[ImageAreas]", index: int) -> dict[str, Any] | None:
    from patchlearn.evaluate.areas import class_areas

    found = class_areas(areas, index)
    return asdict(found) if found else None
