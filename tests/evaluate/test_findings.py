"""The sentences about a class, and their remedies."""

import re

import pytest

from patchlearn.evaluate.areas import ClassAreas
from patchlearn.evaluate.findings import Circumstances, Finding, findings_of
from patchlearn.evaluate.outlines import ClassOutlines
from patchlearn.evaluate.surroundings import Surroundings
from patchlearn.runs.described import described_settings

FINE = {"images": 40, "map_share": 0.2, "mask_share": 0.2, "growth": 1.0, "nothing": 0.0, "whole": 0.0}
TOLD = Surroundings(weakest=0.96, mean=0.99, chance=0.4, erased=0.9, elsewhere=0.95)
MISSED = Surroundings(weakest=0.5, mean=0.99, chance=0.4, erased=0.9, elsewhere=0.95)


def found(
    told: Surroundings | None = None,
    stability: float | None = 0.9,
    contrast: float | None = 0.6,
    use: str = "classifier",
    long: int | None = 320,
    **areas: float,
) -> list[Finding]:
    shown = ClassAreas(**{**FINE, **areas})  # type: ignore[arg-type]
    outlines = ClassOutlines(contrast=contrast, thickness=0.5)
    return findings_of("pit", shown, outlines, told, stability, Circumstances(use=use, long_side=long))


def test_nothing_is_said_of_a_class_that_is_fine_or_in_no_image() -> None:
    assert found() == found(Surroundings(weakest=0.5, mean=0.99, chance=0.4)) == found(stability=None) == []
    assert findings_of("pit", None, None, TOLD, 0.0, Circumstances()) == []


EVERY = {
    "surroundings": (found(TOLD), "photographs of the same surroundings without pit"),
    "elsewhere": (found(MISSED), "--reading.use auto"),
    "nothing": (found(nothing=0.4), "in 40 % of its 40 images"),
    "whole": (found(whole=0.5), "size_max"),
    "grown": (found(growth=4.0), "4.0 times as large"),
    "shrunk": (found(growth=0.2), "size_min"),
    "plain": (found(contrast=0.15), "size_max"),
    "unstable": (found(stability=0.1), "docs/clicks.md"),
}


@pytest.mark.parametrize("kind", EVERY)
def test_each_finding_names_the_class_and_what_helps(kind: str) -> None:
    ((finding,), words) = EVERY[kind]
    assert finding.kind == kind
    assert finding.facts == {"kind": kind, "text": finding.text}
    assert finding.text.startswith("pit: ")
    assert words in finding.text


def test_masks_that_look_exactly_like_what_is_around_them_are_named_unless_nothing_could_be_compared() -> None:
    assert [each.kind for each in found(contrast=0.0)] == ["plain"]
    assert found(contrast=None) == []


@pytest.mark.parametrize("use", ["classifier", "cells"])
@pytest.mark.parametrize("told", [TOLD, MISSED])
def test_no_other_reading_is_advised_where_the_run_has_chosen_one(use: str, told: Surroundings) -> None:
    (finding,) = findings_of("pit", ClassAreas(**FINE), None, told, 0.9, Circumstances(use=use, chosen=True))  # type: ignore[arg-type]
    assert "--reading.use" not in finding.text
    assert ("A few clicks say" in finding.text) is (told is MISSED)


def test_a_remedy_is_not_what_is_done_already() -> None:
    assert "--reading.use auto" in found(TOLD)[0].text
    assert "--reading" not in found(TOLD, use="cells")[0].text
    assert "--reading.use classifier" in found(MISSED, use="cells")[0].text
    assert "--cams.views.long_side 640" in found(nothing=0.4)[0].text
    assert "--cams.views.scales" in found(nothing=0.4, long=None)[0].text


@pytest.mark.parametrize("kind", ["elsewhere", "nothing", "plain"])
def test_small_things_have_a_recipe_unless_it_is_that_of_the_run(kind: str) -> None:
    areas = ClassAreas(**{**FINE, "nothing": 0.4})  # type: ignore[arg-type]
    plain = ClassOutlines(contrast=0.1, thickness=0.5)
    for small in (False, True):
        texts = findings_of("pit", areas, plain, MISSED, 0.9, Circumstances(small=small))
        (text,) = (each.text for each in texts if each.kind == kind)
        assert ("--recipe defects" in text) != small


def test_every_option_that_is_named_is_a_setting() -> None:
    texts = [EVERY[kind][0][0].text for kind in EVERY] + [found(nothing=0.4, long=None)[0].text]
    options = {name for text in texts for name in re.findall(r"--([a-z_]+\.[a-z_.]*[a-z_])", text)}
    assert len(options) >= 4
    assert options <= set(described_settings())
