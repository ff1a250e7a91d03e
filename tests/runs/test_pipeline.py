"""Which steps a variant has, in which order."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.settings import AugmentSettings, ClickSettings
from patchlearn.maps.settings import CamSettings, PseudoSettings, SelfTrainingSettings
from patchlearn.runs.pipeline import steps_of, verbs
from patchlearn.runs.settings import Variant
from patchlearn.steps.affinity import TrainAffinity
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.data_splits import DataSplits, TrueMasks
from patchlearn.steps.features import Trunk, WriteFeatures
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.segmenter import TrainSegmenter, WriteSegmented
from patchlearn.steps.self_training import SelfTrain
from patchlearn.steps.step import Step
from patchlearn.training.settings import AffinitySettings, ClassifierSettings, SegmenterSettings

HOME = Path("run") / "plain"
WHOLE = [
    "classifier", "features/train", "relearn", "cams/train", "affinity", "pseudo/train", "segmenter", "segmented/val"
]  # fmt: skip


def steps(variant: Variant, splits: tuple[str, ...] = ("train", "val"), supervision: str = "tags") -> list[Step]:
    samples = {name: (Sample(id=name, image=Path(name), labels=(0,), mask=Path(name)),) for name in splits}
    dataset = Dataset(root=Path("photos"), classes=("cat",), splits=samples, mask_values=(1,), masks_are_closed=True)
    return list(steps_of(variant, DataSplits(dataset, str), HOME, seed=0, supervision=supervision))


def folders(made: list[Step]) -> list[str]:
    return [step.folder.relative_to(HOME).as_posix() for step in made]


def test_a_variant_has_every_step_in_order_and_each_reads_those_before_it() -> None:
    made = steps(Variant())
    assert folders(made) == WHOLE
    *kinds, last = WriteCams, TrainAffinity, WritePseudoMasks, TrainSegmenter, WriteSegmented
    assert [type(step) for step in made] == [TrainClassifier, WriteFeatures, SelfTrain, *kinds, last]
    assert [{WHOLE[made.index(needed)] for needed in step.needs} for step in made] == [
        set(),
        {"classifier"},
        {"classifier", "features/train"},
        {"classifier", "features/train", "relearn"},
        {"classifier", "cams/train"},
        {"cams/train", "affinity"},
        {"pseudo/train"},
        {"segmenter"},
    ]


@pytest.mark.parametrize(
    ("variant", "left_out"),
    [
        (Variant(affinity=AffinitySettings(kind="none")), {"affinity"}),
        (Variant(self_training=SelfTrainingSettings(rounds=0)), {"features/train", "relearn"}),
        (Variant(segmenter=SegmenterSettings(splits=())), {"segmented/val"}),
        (Variant(segmenter=SegmenterSettings(train_split="val")), {"segmenter", "segmented/val"}),
    ],
)
def test_a_setting_leaves_out_its_step_and_no_other(variant: Variant, left_out: set[str]) -> None:
    made = steps(variant)
    assert folders(made) == [name for name in WHOLE if name not in left_out]
    for number, step in enumerate(made):
        assert set(step.needs) <= set(made[:number])


def test_a_head_learns_from_features_that_the_rounds_and_the_maps_read_too() -> None:
    made = steps(Variant(classifier=ClassifierSettings(head_only=True)))
    assert folders(made) == ["features/train", "classifier", *WHOLE[2:]]
    features, classifier, rounds, maps, *_ = made
    assert isinstance(features, WriteFeatures)
    assert isinstance(features.source, Trunk)
    assert features.needs == ()
    assert classifier.needs == (features,)
    assert rounds.needs == (classifier, features)
    assert maps.needs == (classifier, rounds, features)
    without = steps(
        Variant(classifier=ClassifierSettings(head_only=True), self_training=SelfTrainingSettings(rounds=0))
    )
    assert folders(without)[:3] == ["features/train", "classifier", "cams/train"]


def test_the_features_of_one_split_are_no_features_of_another() -> None:
    variant = Variant(cams=CamSettings(splits=("train", "val")), self_training=SelfTrainingSettings(train_split="val"))
    read = {step.folder.name: step.features for step in steps(variant) if isinstance(step, WriteCams)}
    assert read["train"] is None
    assert read["val"] is not None
    assert read["val"].data.name == "val"


def test_maps_masks_and_segmented_images_have_a_step_for_every_split() -> None:
    both = ("train", "val")
    variant = Variant(
        cams=CamSettings(splits=both), pseudo=PseudoSettings(splits=both), segmenter=SegmenterSettings(splits=both)
    )
    assert folders(steps(variant)) == [
        *(
            "classifier",
            "features/train",
            "relearn",
            "cams/train",
            "cams/val",
            "affinity",
            "pseudo/train",
            "pseudo/val",
        ),
        *("segmenter", "segmented/train", "segmented/val"),
    ]


def test_the_reference_learns_from_true_masks_and_needs_no_other_step() -> None:
    trained, written = steps(Variant(), supervision="masks")
    assert folders([trained, written]) == ["segmenter-masks", "segmented-masks/val"]
    assert isinstance(trained, TrainSegmenter)
    assert isinstance(trained.masks, TrueMasks)
    assert (trained.needs, written.needs) == ((), (trained,))


def test_without_a_split_val_nothing_is_segmented() -> None:
    assert folders(steps(Variant(), splits=("train",))) == WHOLE[:-1]


def test_the_walk_is_part_of_the_affinity_network_only_where_a_round_reads_it() -> None:
    for rounds in (1, 2):
        affinity = steps(Variant(affinity=AffinitySettings(rounds=rounds)))[4]
        assert isinstance(affinity, TrainAffinity)
        assert (affinity.walk is None) == (rounds == 1)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"pseudo": PseudoSettings(splits=("train", "val"))},
            r"variant default: cams\.splits lacks 'val', which pseudo masks are made from\. Add it",
        ),
        (
            {"affinity": AffinitySettings(train_split="val")},
            r"variant default: cams\.splits lacks 'val', which the affinity network learns from\. Add it",
        ),
        ({"cams": CamSettings(splits=("train", "test"))}, r"photos: no split 'test'\. It has: train, val"),
        ({"segmenter": SegmenterSettings(splits=("test",))}, "no split 'test'"),
        ({"self_training": SelfTrainingSettings(train_split="test")}, "no split 'test'"),
    ],
)
def test_a_split_that_is_not_there_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        steps(Variant(**changes))


def test_verbs_come_in_the_order_of_the_steps_with_a_line_of_help_each() -> None:
    assert list(verbs()) == ["train", "cams", "affinity", "pseudo", "segment"]
    assert [line.split(":")[0] for line in verbs().values()] == [f"Step {number}" for number in range(1, 6)]
    assert all(line.count("Step") == 1 for line in verbs().values())


def test_what_a_head_does_not_read_changes_nothing_of_its_steps() -> None:
    head = ClassifierSettings(head_only=True)
    other = replace(head, frozen_stages=2, freeze_statistics=False, augment=AugmentSettings(crop=64))
    alike, changed = (steps(Variant(classifier=settings))[1] for settings in (head, other))
    assert isinstance(alike, TrainClassifier)
    assert isinstance(changed, TrainClassifier)
    assert alike.settings == changed.settings
    whole = [steps(Variant(classifier=replace(each, head_only=False)))[0] for each in (head, other)]
    assert isinstance(whole[0], TrainClassifier)
    assert isinstance(whole[1], TrainClassifier)
    assert whole[0].settings != whole[1].settings


def test_boxes_enter_the_keys_of_the_steps_that_read_them_and_of_no_other(tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("image,x,y,label,x2,y2\ntrain,0,0,cat,3,3\n", encoding="utf-8")
    alone = tmp_path / "alone.csv"
    alone.write_text("image,x,y,label\ntrain,0,0,cat\n", encoding="utf-8")
    rounds = SelfTrainingSettings(rounds=0)
    without, again = (
        {step.name: step for step in steps(Variant(self_training=rounds, clicks=clicks))}
        for clicks in (ClickSettings(), ClickSettings(points=str(alone), scribbles=str(tmp_path), weight=3.0))
    )
    found = {step.name: step for step in steps(Variant(self_training=rounds, clicks=ClickSettings(points=str(points))))}
    differ = {name for name, step in without.items() if step.key != found[name].key}
    assert differ == {"affinity", "pseudo", "segmenter", "segmented"}
    assert all("boxes" not in step.inputs for step in without.values())
    (learned,) = (step for step in steps(Variant(clicks=ClickSettings(points=str(points)))) if step.name == "relearn")
    assert "boxes" in learned.inputs
    assert all(step.key == again[name].key for name, step in without.items())


def test_a_method_is_in_the_keys_of_what_reads_it_and_without_one_no_key_knows_of_it() -> None:
    plain, other = (steps(Variant(cams=CamSettings(method=name))) for name in (None, "layer-cam"))
    assert not any("method" in str(step.inputs) for step in plain)
    changed = {mine.name for mine, others in zip(plain, other, strict=True) if mine.key != others.key}
    assert changed == {"relearn", "cams", "affinity", "pseudo", "segmenter", "segmented"}
