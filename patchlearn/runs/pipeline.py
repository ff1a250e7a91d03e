"""The steps of a run, in order: a table of contents.

data → features → classifier → reading → maps → affinity → pseudo masks → segmenter → evaluation → report

Each step is a value that is given the steps it needs, and exactly the values that its result depends on
(`patchlearn.steps.step`). `patchlearn.core.run_folder` says where the files lie.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.settings import ClickSettings
from patchlearn.maps.settings import WalkSettings
from patchlearn.models.settings import LOWER_STAGES
from patchlearn.runs.settings import Variant
from patchlearn.steps.affinity import TrainAffinity
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.data_splits import DataSplits, TrueMasks
from patchlearn.steps.features import Trunk, WriteFeatures
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.reading import TrainReading
from patchlearn.steps.segmenter import TrainSegmenter, WriteSegmented, learned_sizes, learning_settings
from patchlearn.steps.self_training import SelfTrain
from patchlearn.steps.step import Step
from patchlearn.training.settings import NO_AFFINITY, ClassifierSettings, of_head

VAL = "val"


def steps_of(variant: Variant, data: DataSplits, home: Path, seed: int, supervision: str = "tags") -> Iterator[Step]:
    """The steps of one variant in order; adding one is a file in `patchlearn.steps` and a line here.

    Args:
        variant: its settings.
        data: every split.
        home: the variant's folder.
        seed: of the run.
        supervision: "tags"; or "masks" for the fully supervised reference, which needs no step before the segmenter.

    Raises:
        PatchlearnError: a split that the data lack, or maps or masks of a split that another setting leaves out.
    """
    if supervision == "masks":
        yield from _segmenter_steps(variant, data, home, seed, TrueMasks(data[variant.segmenter.train_split]))
        return
    sizes, boxes = data.dataset.sizes, _boxes(variant.clicks)
    classifier, cams = yield from _steps_to_maps(variant, data, home, seed)
    affinity = None
    if variant.affinity.kind != NO_AFFINITY:
        maps = _of(cams, variant.affinity.train_split, variant, "the affinity network learns from")
        walk = variant.walk if variant.affinity.rounds > 1 else None
        rule = variant.background
        yield (affinity := TrainAffinity(home, variant.affinity, rule, walk, classifier, maps, seed, sizes, boxes))
    masks = {}
    for name in variant.pseudo.splits:
        maps = _of(cams, name, variant, "pseudo masks are made from")
        walk = variant.walk if affinity else WalkSettings()  # without affinities there is no walk
        masks[name] = WritePseudoMasks(home, variant.pseudo, variant.background, walk, maps, affinity, sizes, boxes)
    yield from masks.values()
    if variant.segmenter.train_split in masks:
        yield from _segmenter_steps(variant, data, home, seed, masks[variant.segmenter.train_split])


def _steps_to_maps(
    variant: Variant, data: DataSplits, home: Path, seed: int
) -> Generator[Step, None, tuple[TrainClassifier, dict[str, WriteCams]]]:
    """Features, classifier, reading, self-training and maps; returns the classifier and the maps of each split."""
    learned, held_out = data[variant.classifier.train_split], data.find(variant.classifier.held_out_split)
    views, read = replace(variant.cams.views, flip=False), variant.cams.read
    learn, settings, lower = variant.self_training, variant.classifier, _lower(variant)
    features = reading = lda = None
    if settings.head_only:
        settings, read = of_head(settings), "whole"
        yield (features := WriteFeatures(home, variant.features, views, read, learned, _trunk(settings), lower))
    yield (classifier := TrainClassifier(home, settings, learned, held_out, seed, features))
    if learn.rounds or variant.reading.has_head:
        tagged, source = data[learn.train_split], _trunk(settings) if settings.head_only else classifier
        if not features or tagged is not learned:
            yield (features := WriteFeatures(home, variant.features, views, read, tagged, source, lower))
        if variant.reading.has_head:
            yield (reading := TrainReading(home, variant.reading, classifier, features, seed))
        if learn.rounds:
            rule, clicks, method = variant.background, variant.clicks, variant.cams.method
            known = data.dataset.sizes, reading, clicks, _boxes(clicks), method
            yield (lda := SelfTrain(home, learn, views, read, rule, classifier, tagged, features, *known))
    cams = {
        name: WriteCams(home, variant.cams, data[name], classifier, lda, _of_split(features, name), reading)
        for name in variant.cams.splits
    }
    yield from cams.values()
    return classifier, cams


def _boxes(clicks: ClickSettings) -> ClickSettings:
    """The table of clicks if it has boxes, which hold wherever maps become labels; points move LDA alone."""
    from patchlearn.data.clicks.read import has_boxes

    return ClickSettings(points=clicks.points) if clicks.points and has_boxes(Path(clicks.points)) else ClickSettings()


def _lower(variant: Variant) -> int:
    """Of how many stages before the last the maps are stored."""
    learn, walks_on_stored = variant.self_training, variant.walk.stored and variant.affinity.kind != NO_AFFINITY
    is_read = variant.reading.has_head or (learn.rounds and learn.stages != "last") or walks_on_stored
    return LOWER_STAGES if is_read else 0


def _trunk(settings: ClassifierSettings) -> Trunk:
    return Trunk(settings.backbone, settings.output_stride, settings.weights)


def _of_split(features: WriteFeatures | None, split: str) -> WriteFeatures | None:
    return features if features and features.data.name == split else None


def _segmenter_steps(
    variant: Variant, data: DataSplits, home: Path, seed: int, masks: WritePseudoMasks | TrueMasks
) -> Iterator[Step]:
    settings, inference = variant.segmenter, variant.segmenter.inference
    learned, sizes = learning_settings(settings, masks), learned_sizes(settings, masks)
    yield (segmenter := TrainSegmenter(home, learned, masks, seed, inference, sizes))
    for name in dict.fromkeys(_segmented_splits(variant, data)):
        yield WriteSegmented(home, inference, segmenter, data[name])


def _segmented_splits(variant: Variant, data: DataSplits) -> tuple[str, ...]:
    if variant.segmenter.splits is None:
        return (VAL,) if data.find(VAL) else ()
    return variant.segmenter.splits


def _of(cams: Mapping[str, WriteCams], split: str, variant: Variant, reader: str) -> WriteCams:
    """The maps of a split that a later step reads."""
    if split not in cams:
        raise PatchlearnError(f"variant {variant.name}: cams.splits lacks {split!r}, which {reader}. Add it.")
    return cams[split]


def verbs() -> dict[str, str]:
    """Verb → its line in `--help`, in the order of the steps; nothing is read or made."""
    blank = Dataset(root=Path(), classes=(), splits={"train": (), VAL: ()}, mask_values=(), masks_are_closed=False)
    steps = list(steps_of(Variant(), DataSplits(blank, str), Path(), seed=0))
    return {step.verb: "".join(each.help for each in steps if each.verb == step.verb) for step in steps}
