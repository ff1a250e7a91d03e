"""A view of a run: how good its score maps and masks are, where there are true masks.

    RUN/VARIANT/evaluation/           entries.json (for evaluation.json), curves.json (for the report)
    RUN/VARIANT/evaluation-of/NAME/   the same of the images of a list

The reference's lies in evaluation-masks/ and evaluation-of-masks/.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from patchlearn.core.manifest import commit, file_digest
from patchlearn.core.settings import OUTSIDE_KEY
from patchlearn.refine.settings import BackgroundRule
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.data_splits import DataSplit, TrueMasks
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.segmenter import WriteSegmented
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sample
    from patchlearn.evaluate.judge import Entry, EntryFacts

ENTRIES = "entries.json"
CURVES = "curves.json"


@dataclass(frozen=True, eq=False)
class Evaluate(Step):
    """Judge the maps and masks of one variant; splits without true masks are left out."""

    verb: ClassVar[str] = "evaluate"
    version: ClassVar[int] = 3

    variant: str
    rule: BackgroundRule
    cams: tuple[WriteCams, ...]
    masks: tuple[WritePseudoMasks, ...]
    segmented: tuple[WriteSegmented, ...]
    truth: tuple[TrueMasks, ...]
    supervision: str
    recipe: str = field(metadata=OUTSIDE_KEY)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The reference has a folder of its own."""
        return f"evaluation{self._suffix}"

    @property
    def _suffix(self) -> str:
        return "" if self.supervision == "tags" else TrueMasks.SUFFIX

    def work(self, runtime: "Runtime") -> None:
        """Write entries and curves."""
        from patchlearn.core.files import write_json

        if not runtime.accelerator.is_main_process:
            return
        curves: dict[str, Any] = {}
        entries = [*self._entries_of_tags(curves), *map(self._segmenter_entry, self.segmented)]
        write_json(self.folder / ENTRIES, [{**entry, **self._more_facts()} for entry in entries])
        write_json(self.folder / CURVES, {"seed": curves})

    def _entries_of_tags(self, curves: dict[str, Any]) -> Iterator["Entry"]:
        from patchlearn.evaluate.thresholds import curve_table

        masks = {step.data.name: step for step in self.masks}
        for step in self.cams:
            if step.data.has_truth:
                seeds = self._seed_evaluation(step)
                curves[self._judged_name(step.data)] = curve_table(seeds.curve)
                yield from (seeds.oracle, seeds.label_free)
                if step.data.name in masks:
                    yield self._pseudo_entry(masks[step.data.name], step.settings.labels)

    def _seed_evaluation(self, step: WriteCams) -> Any:
        from patchlearn.evaluate.judge import evaluate_scores
        from patchlearn.refine.background import background_threshold

        data, facts = step.data, self._entry_facts("seed", step.data, step.settings.labels)
        rule = partial(background_threshold, settings=self.rule)
        return evaluate_scores(data.dataset, self._judged(data), step.folder, facts=facts, label_free=rule)

    def _pseudo_entry(self, step: WritePseudoMasks, labels: str) -> "Entry":
        from patchlearn.evaluate.judge import evaluate_masks

        data, facts = step.data, self._entry_facts("pseudo", step.data, labels)
        return evaluate_masks(data.dataset, self._judged(data), step.folder, facts=facts, rule="label_free")

    def _segmenter_entry(self, step: WriteSegmented) -> "Entry":
        from patchlearn.evaluate.judge import evaluate_masks

        data, segmenter = step.data, step.segmenter
        facts = replace(self._entry_facts("segmenter", data, "predicted"), supervision=self.supervision)
        entry = evaluate_masks(data.dataset, self._judged(data), step.folder, facts=facts, rule="argmax")
        return {**entry, "model": file_digest(segmenter.model), "settings": segmenter.comparable_key}

    def _judged(self, data: DataSplit) -> "Sequence[Sample]":
        return data.samples

    def _judged_name(self, data: DataSplit) -> str:
        return data.name

    def _more_facts(self) -> dict[str, Any]:
        return {}

    def _entry_facts(self, artefact: str, data: DataSplit, labels: str) -> "EntryFacts":
        from patchlearn.evaluate.judge import EntryFacts

        return EntryFacts(
            artefact=artefact,
            variant=self.variant,
            split=self._judged_name(data),
            labels=labels,
            commit=commit(),
            recipe=self.recipe,
        )


@dataclass(frozen=True, eq=False)
class EvaluateListed(Evaluate):
    """Judge the maps and masks of some images of one split.

    Args:
        listed: the name of the list, which its entries call their split.
        split: of the data set, which has the images; the entries call it "part_of".
        images: their ids.
    """

    listed: str
    split: str
    images: tuple[str, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        """Each list has a folder."""
        return f"evaluation-of{self._suffix}/{self.listed}"

    def _judged(self, data: DataSplit) -> "Sequence[Sample]":
        wanted = set(self.images)
        return [sample for sample in data.samples if sample.id in wanted]

    def _judged_name(self, data: DataSplit) -> str:
        return self.listed

    def _more_facts(self) -> dict[str, Any]:
        return {"part_of": self.split}
