"""Tags of a run that its own features contradict."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import make_runtime, tiny_classifier
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Sample
from patchlearn.models.views import ViewFeatures
from patchlearn.runs import tags as module
from patchlearn.runs.tags import RankedTags, rank_tags

TRUE, WRONG = [(at % 2,) for at in range(40)], (4, 17, 30)


def opened(monkeypatch: pytest.MonkeyPatch, console: Console) -> Any:
    """A run of forty images; of three, the tag is that of the other class."""
    given = [(1 - labels[0],) if at in WRONG else labels for at, labels in enumerate(TRUE)]
    samples = tuple(Sample(id=f"i{at}", image=Path(f"i{at}.png"), labels=labels) for at, labels in enumerate(given))
    classifier, runtime = tiny_classifier(classes=2), make_runtime(console)
    channels = classifier.network.stages.channels[-1]

    def view(sample: Sample) -> ViewFeatures:
        at = int(sample.id[1:])
        features = 0.3 * torch.randn(1, channels, 3, 3, generator=torch.Generator().manual_seed(at))
        features[:, TRUE[at][0]] += 1
        return ViewFeatures(features, (24, 24))

    measuring = SimpleNamespace(
        trained=classifier,
        masks=SimpleNamespace(samples=samples),
        base_view=view,
        cams=SimpleNamespace(read="whole"),
        seed=0,
    )
    step = SimpleNamespace(classifier=SimpleNamespace(require=lambda: None), measuring=lambda _: measuring)
    monkeypatch.setattr(module, "trust_step", lambda *_: step)
    data = SimpleNamespace(classes=("red", "blue"))
    return SimpleNamespace(dataset=data, runtime=runtime, steps=lambda *_: (), recipe=SimpleNamespace(seed=0))


def test_planted_wrong_tags_rank_high(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    variant: Any = SimpleNamespace(name="plain", self_training=None)
    found = rank_tags(opened(monkeypatch, console), variant)
    assert {each["image"] for each in found.as_json()[:3]} == {f"i{at}" for at in WRONG}
    lines = found.lines()
    assert lines[0].startswith(f"tags to look at again: {len(found.doubts)} of 40 images")
    assert any(line.startswith("i4.png: ") and "the tag" in line for line in lines)


def test_without_tags_nothing_is_compared(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    run = opened(monkeypatch, console)
    monkeypatch.setattr(module, "trust_step", lambda *_: None)
    variant: Any = SimpleNamespace(name="plain", self_training=None)
    with pytest.raises(PatchlearnError, match="variant plain: has no two images with tags"):
        rank_tags(run, variant)


def test_nothing_to_compare_with_is_no_praise() -> None:
    assert "none can be compared" in RankedTags(doubts=(), samples=(), classes=("red",), compared=0).lines()[0]
    assert "none is contradicted" in RankedTags(doubts=(), samples=(), classes=("red",), compared=1).lines()[0]
