"""What is measured: data, runs, and the tables that show them. A figure enters README, docs or a recipe from here."""

from collections.abc import Iterator
from dataclasses import dataclass

TRAIN, VAL = "train", "val"
SEEDS = (0, 1, 2)
ARTEFACTS = {
    "seed": "score maps",
    "pseudo": "pseudo masks",
    "trust": "estimate of `patchlearn trust`",
    "segmenter": "segmenter from tags",
    "full": "segmenter from true masks",
}
_TAGS, _ALL = ("seed", "pseudo", "trust"), tuple(ARTEFACTS)
BOTH_SPLITS = ("--cams.splits=[train,val]", "--pseudo.splits=[train,val]")


@dataclass(frozen=True, kw_only=True)
class Data:
    """A data set.

    Args:
        about: how many images, of what; for recipes.
        reader: the module that reads or draws it.
        settings: `--data.format=…`, and what is drawn.
        choose: of real images whose *val* is divided: the list of those that settings are chosen on. Figures of *val*
            are those of this list.
        report: the list of those that are read once, at the end.
        is_quick: whether a run takes minutes.
    """

    about: str
    reader: str
    settings: tuple[str, ...]
    choose: str | None = None
    report: str | None = None
    is_quick: bool = False

    @property
    def is_drawn(self) -> bool:
        """Whether it exists everywhere."""
        return self.settings[0] == "--data.format=scenes"

    @property
    def val(self) -> str:
        """What the entries of *val* call their split."""
        return self.choose.removesuffix(".txt") if self.choose else VAL


def _drawn(about: str, is_quick: bool = False, **scenes: str | float) -> Data:
    drawn = tuple(f"--data.scenes.{name}={value}" for name, value in scenes.items())
    settings = ("--data.format=scenes", *drawn)
    return Data(about=about, reader="patchlearn.data.scenes.folder", settings=settings, is_quick=is_quick)


_FEW: dict[str, float] = {"train": 36, "val": 12, "size": 96}
DATA = {
    "voc-animals": Data(
        about="1,037 photographs, six classes of VOC 2012",
        reader="patchlearn.data.formats.voc",
        settings=("--data.format=voc",),
        choose="val-choose.txt",
        report="val-report.txt",
    ),
    "steel": Data(
        about="600 images of steel, 200×200 pixels, three kinds of defects",
        reader="patchlearn.data.formats.folder",
        settings=("--data.format=folder",),
    ),
    "surfaces": _drawn(
        "400 drawn surfaces, five kinds of defects, 30 % without a defect",
        **{"kind": "surfaces", "train": 400, "val": 100, "size": 224, "normal": 0.3, "surroundings": 0.5},
    ),
    "cells": _drawn(
        "210 drawn views through a microscope, five kinds of cells",
        **{"kind": "cells", "train": 210, "val": 50, "size": 120},
    ),
    "animals": _drawn("360 drawn scenes of animals", **{"train": 360, "val": 60, "size": 144}),
    "few-animals": _drawn("36 drawn scenes of animals", is_quick=True, kind="animals", **_FEW),
    "few-surfaces": _drawn("36 drawn surfaces", is_quick=True, kind="surfaces", **_FEW),
    "few-cells": _drawn("36 drawn views through a microscope", is_quick=True, kind="cells", **_FEW),
}


@dataclass(frozen=True, kw_only=True)
class Series:
    """Runs that differ in their seeds alone.

    Args:
        data: one of `DATA`.
        recipe: the name of a built-in one.
        variant: of the recipe.
        seeds: of the runs.
        artefacts: what is judged.
        settings: options of `patchlearn run` beside those of the data.
    """

    data: str
    recipe: str
    variant: str = "plain"
    seeds: tuple[int, ...] = SEEDS
    artefacts: tuple[str, ...] = _TAGS
    settings: tuple[str, ...] = ()

    def cells(self) -> "Iterator[Planned]":
        """Every figure of the series."""
        for seed in self.seeds:
            yield from (Planned(series=self, seed=seed, artefact=artefact) for artefact in self.artefacts)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One cell: an artefact of one run."""

    series: Series
    seed: int
    artefact: str

    @property
    def name(self) -> str:
        """The path of its file, without the ending."""
        each = self.series
        return f"{each.data}/{each.recipe}-{each.variant}-{self.seed}-{self.artefact}"


STANDARD = {
    data: Series(data=data, recipe="standard", settings=BOTH_SPLITS, artefacts=artefacts)
    for data, artefacts in (("voc-animals", _ALL), ("steel", _ALL), ("surfaces", _TAGS), ("cells", _TAGS))
}
QUICK = {
    data: Series(data=data, recipe="standard", settings=BOTH_SPLITS, seeds=(0,))
    for data in ("few-animals", "few-surfaces", "few-cells")
}
DEFECTS = Series(data="steel", recipe="defects")
SURFACES = Series(data="surfaces", recipe="surfaces")
SCENES = {
    variant: Series(data="animals", recipe="scenes", variant=variant)
    for variant in ("plain", "progressive", "explicit", "plain-self-trained")
}
PHOTOGRAPHS = {
    variant: Series(data="voc-animals", recipe="voc-animals", variant=variant, seeds=(0,))
    for variant in ("plain", "plain-self-trained")
}
SERIES = (
    *QUICK.values(),
    *STANDARD.values(),
    DEFECTS,
    SURFACES,
    *SCENES.values(),
    *PHOTOGRAPHS.values(),
)

# Recipe → the series that its `expected` states. `fast` has the settings of `standard` as far as the pseudo masks.
EXPECTED = {
    "standard": STANDARD["voc-animals"],
    "fast": STANDARD["voc-animals"],
    "defects": DEFECTS,
    "surfaces": SURFACES,
    "scenes": SCENES["plain-self-trained"],
    "voc-animals": PHOTOGRAPHS["plain-self-trained"],
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of figures.

    Args:
        title: its head.
        artefact: of which.
        is_val: of *val*, and not of *train*.
        rule: how the background was found.
        style: "per cent" with a decimal, "about" without one, or "affinity" (whether the run has such a network).
    """

    title: str
    artefact: str
    is_val: bool = False
    rule: str = "label_free"
    style: str = "per cent"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table between markers.

    Args:
        rows: the head of each row, and its series.
        columns: figures.
        lead: columns before them: "images" (of *train*).
        facts: columns after them: "seeds", "minutes", "machine", "commit".
    """

    rows: dict[str, Series]
    columns: tuple[Column, ...]
    lead: tuple[str, ...] = ()
    facts: tuple[str, ...] = ("seeds", "commit")


MASKS = Column(title="masks, *train*", artefact="pseudo")
MAPS = Column(title="maps, *train*", artefact="seed")
MASKS_VAL = Column(title="masks, *val*", artefact="pseudo", is_val=True)
ESTIMATE = Column(title="estimate of `trust`", artefact="trust", rule="estimate", style="about")
AFFINITY = Column(title="affinity network", artefact="pseudo", style="affinity")
_KINDS = {
    "photographs (voc-animals)": STANDARD["voc-animals"],
    "steel, three kinds of defects": STANDARD["steel"],
    "drawn surfaces, dial 0.5": STANDARD["surfaces"],
    "drawn cells under a microscope": STANDARD["cells"],
}
TABLES = {
    "four-kinds": Table(
        rows=_KINDS,
        columns=(MASKS, MASKS_VAL, MAPS, AFFINITY, ESTIMATE),
        lead=("images",),
    ),
    "four-kinds-masks": Table(rows=_KINDS, columns=(MASKS,)),
    "segmenters": Table(
        rows={name: series for name, series in _KINDS.items() if "segmenter" in series.artefacts},
        columns=(
            Column(title="segmenter from tags, *val*", artefact="segmenter", is_val=True, rule="argmax"),
            Column(title="the same from true masks, *val*", artefact="full", is_val=True, rule="argmax"),
        ),
    ),
    "quick": Table(
        rows={
            "drawn animals": QUICK["few-animals"],
            "drawn surfaces": QUICK["few-surfaces"],
            "drawn cells": QUICK["few-cells"],
        },
        columns=(MASKS, MASKS_VAL, MAPS, AFFINITY, ESTIMATE),
        lead=("images",),
        facts=("minutes", "machine", "commit"),
    ),
}
PAGES = ("README.md", "docs/results.md")
