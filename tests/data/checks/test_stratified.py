"""A sample of tagged images in which rare classes are not missing."""

from collections import Counter
from pathlib import Path

from tagged_masks import Tagged, tagged_dataset

from patchlearn.core.types import Sample
from patchlearn.data.checks.stratified import stratified, tagged_images


def samples(*labels: tuple[int, ...]) -> list[Sample]:
    return [Sample(id=str(place), image=Path(f"{place}.png"), labels=each) for place, each in enumerate(labels)]


MANY = samples(*[(0,)] * 80, *[(1,)] * 4, *[(0, 2)], *[()] * 40)


def test_all_are_taken_where_there_are_no_more() -> None:
    assert stratified(MANY, len(MANY), seed=0) == MANY
    assert len(stratified(MANY, len(MANY) - 1, seed=0)) == len(MANY) - 1


def test_each_class_and_the_images_without_any_are_drawn_in_turn() -> None:
    drawn = stratified(MANY, 13, seed=0)
    assert Counter(sample.labels for sample in drawn) == {(0, 2): 1, (1,): 4, (0,): 4, (): 4}
    assert drawn == sorted(drawn, key=MANY.index)


def test_the_seed_chooses_the_images() -> None:
    first, same, other = (stratified(MANY, 10, seed) for seed in (0, 0, 1))
    assert first == same != other


def test_images_that_nobody_tagged_are_left_out_and_none_comes_twice(tmp_path: Path) -> None:
    images = [
        Tagged(tags=["cat"], name="a"),
        Tagged(name="b"),
        Tagged(unknown=["cat", "dog"], name="c"),
        Tagged(unknown=["dog"], name="d"),
        Tagged(tags=["cat"], split="val", name="a"),
        Tagged(split="test", name="e"),  # no image of this split has a tag
    ]
    assert [each.image.stem for each in tagged_images(tagged_dataset(tmp_path, ["cat", "dog"], images))] == [*"abd"]
