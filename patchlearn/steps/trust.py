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
    from patchlearn.evaluate.areas import ClassAreas
    from patchlearn.evaluate.estimate import ClassEvidence
    from patchlearn.evaluate.findings import Finding
    from patchlearn.evaluate.outlines import ClassOutlines
    from patchlearn.evaluate.surroundings import Surroundings
    from patchlearn.steps.trust_inputs import Measuring

FACTS = "trust.json"
LEAST = 2  # images with tags: one to learn from, one to judge


@dataclass(frozen=True, eq=False)
class JudgeTrust(Step):
    """Judge the maps and masks of one split by tags and images alone."""

    name: ClassVar[str] = "trust"
    verb: ClassVar[str] = "trust"
    version: ClassVar[int] = 2
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

        if not runtime.accelerator.is_main_process:
            return
        write_json(self.folder / FACTS, self._facts(self.measuring(runtime)))

    def measuring(self, runtime: "Runtime") -> "Measuring":
        """What the measures read."""
        from patchlearn.steps.trust_inputs import Measuring

        return Measuring(runtime=runtime, **{name: getattr(self, name) for name in OWN})

    def read(self) -> dict[str, Any]:
        """What was written."""
        from patchlearn.core.files import read_json

        facts: dict[str, Any] = read_json(self.folder / FACTS)
        return facts

    def _facts(self, measuring: "Measuring") -> dict[str, Any]:
        from patchlearn.evaluate.areas import class_areas, covered_share, found_share
        from patchlearn.evaluate.estimate import estimate
        from patchlearn.evaluate.outlines import class_outlines
        from patchlearn.evaluate.surroundings import missed_share, told_share
        from patchlearn.steps.trust_measures import agreements, areas_of, outlines_of, surroundings_of

        names, images = self.masks.data.classes, areas_of(measuring)
        agreed, told = agreements(measuring), surroundings_of(measuring)
        areas = [class_areas(images, index) for index in range(len(names))]
        missed, by_surroundings, covered = missed_share(told), told_share(told), covered_share(images)
        stability = agreed["halves"]["iou"][1:]
        shown = outlines_of(measuring)
        outlines = [class_outlines(shown, index) for index in range(len(names))]
        compared = {label for sample in measuring.compared for label in sample.labels}
        halves = [(stability[index] or 0.0) if index in compared else None for index in range(len(names))]
        evidence = [_evidence(*each) for each in zip(areas, outlines, halves, strict=True)]
        expected = estimate([each for each in evidence if each], covered, missed, by_surroundings)
        findings = _findings(names, areas, outlines, told, stability, measuring)
        measures = {
            name: {
                "expected_iou": own.iou if (own := evidence[place]) else None,
                "areas": _facts_of(areas[place]),
                "outlines": _facts_of(outlines[place]),
                "surroundings": _facts_of(told[place]),
                "halves": stability[place],
            }
            for place, name in enumerate(names)
        }
        return {
            "variant": self.home.name,
            "split": self.masks.data.name,
            "estimated_miou": expected.miou,
            "interval": [expected.low, expected.high],
            "flagged": expected.is_flagged,
            "classes": {name: [each.facts for each in found] for name, found in zip(names, findings, strict=True)},
            "measures": {
                "images": len(images),
                "found": found_share(images),
                "covered": covered,
                "missed": missed,
                "told_by_surroundings": by_surroundings,
                "agreement": {kind: facts["miou"] for kind, facts in agreed.items()},
                "classes": measures,
            },
        }


def _findings(
    names: Sequence[str],
    areas: "Sequence[ClassAreas | None]",
    outlines: "Sequence[ClassOutlines | None]",
    told: "Sequence[Surroundings | None]",
    stability: Sequence[float | None],
    measuring: "Measuring",
) -> "list[list[Finding]]":
    from patchlearn.evaluate.findings import Circumstances, findings_of

    small = measuring.last_lda is not None and measuring.learn.stages != "last"
    views, use = measuring.cams.views, measuring.first_reading.use
    chosen = measuring.reading is not None and measuring.reading.settings.use == "auto"
    around = Circumstances(use=use, chosen=chosen, long_side=views.long_side, small=small)
    return [findings_of(*facts, around) for facts in zip(names, areas, outlines, told, stability, strict=True)]


def _evidence(
    areas: "ClassAreas | None", outlines: "ClassOutlines | None", halves: float | None
) -> "ClassEvidence | None":
    """What speaks for the masks of one class; None where no image is tagged with it."""
    from patchlearn.evaluate.estimate import ClassEvidence

    if areas is None or outlines is None:
        return None
    return ClassEvidence(
        halves=halves,
        contrast=outlines.contrast,
        thickness=outlines.thickness,
        found=1 - areas.nothing,
    )


def _facts_of(found: "ClassAreas | ClassOutlines | Surroundings | None") -> dict[str, Any] | None:
    return asdict(found) if found else None


def trust_step(steps: Sequence[Step], learn: SelfTrainingSettings, seed: int) -> JudgeTrust | None:
    """The view of a variant with these steps; None where it makes no masks, or none of at least two tagged images."""
    masks = next((step for step in steps if isinstance(step, WritePseudoMasks)), None)
    if masks is None or sum(bool(sample.labels) for sample in masks.samples) < LEAST:
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
