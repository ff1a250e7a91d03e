"""A view of a run: how good its score maps and masks are, where there are true masks.

    RUN/VARIANT/evaluation/   entries.json (for evaluation.json), curves.json (for the report)

The reference's lies in evaluation-masks/.
"""

from collections.abc import Iterator
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
        return "evaluation" if self.supervision == "tags" else f"evaluation{TrueMasks.SUFFIX}"

    def work(self, runtime: "Runtime") -> None:
        """Write entries and curves."""
        from patchlearn.core.files import write_json

        if not runtime.accelerator.is_main_process:
            return
        curves: dict[str, Any] = {}
        entries = [*self._entries_of_tags(curves), *map(self._segmenter_entry, self.segmented)]
        write_json(self.folder / ENTRIES, entries)
        write_json(self.folder / CURVES, {"seed": curves})

    def _entries_of_tags(self, curves: dict[str, Any]) -> Iterator["Entry"]:
        from patchlearn.evaluate.thresholds import curve_table

        masks = {step.data.name: step for step in self.masks}
        for step in self.cams:
            if step.data.has_truth:
                seeds = self._seed_evaluation(step)
                curves[step.data.name] = curve_table(seeds.curve)
                yield from (seeds.oracle, seeds.label_free)
                if step.data.name in masks:
                    yield self._pseudo_entry(masks[step.data.name], step.settings.labels)

    def _seed_evaluation(self, step: WriteCams) -> Any:
        from patchlearn.evaluate.judge import evaluate_scores
        from patchlearn.refine.background import background_threshold

        data, facts = step.data, self._entry_facts("seed", step.data, step.settings.labels)
        rule = partial(background_threshold, settings=self.rule)
        return evaluate_scores(data.dataset, data.samples, step.folder, facts=facts, label_free=rule)

    def _pseudo_entry(self, step: WritePseudoMasks, labels: str) -> "Entry":
        from patchlearn.evaluate.judge import evaluate_masks

        data, facts = step.data, self._entry_facts("pseudo", step.data, labels)
        return evaluate_masks(data.dataset, data.samples, step.folder, facts=facts, rule="label_free")

    def _segmenter_entry(self, step: WriteSegmented) -> "Entry":
        from patchlearn.evaluate.judge import evaluate_masks

        data, segmenter = step.data, step.segmenter
        facts = replace(self._entry_facts("segmenter", data, "predicted"), supervision=self.supervision)
        entry = evaluate_masks(data.dataset, data.samples, step.folder, facts=facts, rule="argmax")
        return {**entry, "model": file_digest(segmenter.model), "settings": segmenter.comparable_key}

    def _entry_facts(self, artefact: str, data: DataSplit, labels: str) -> "EntryFacts":
        from patchlearn.evaluate.judge import EntryFacts

        return EntryFacts(
            artefact=artefact,
            variant=self.variant,
            split=data.name,
            labels=labels,
            commit=commit(),
            recipe=self.recipe,
        )
