"""A cell: one measured figure with its circumstances, as one JSON file below `cells/`, and whether it is still true."""

from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from patchlearn.core.files import read_json, write_json
from patchlearn.core.manifest import fingerprint
from patchlearn.runs.builtin import recipe_file
from patchlearn.runs.expected import settings_key
from patchlearn.runs.recipe import load_recipe
from results.code_digest import code_digest
from results.plan import DATA, Planned, Series

CELLS = Path(__file__).parent / "cells"
REPORT = "val-report"  # the ending of the names of cells that are read once
_SETTINGS_OF = {"trust": "pseudo", "full": "segmenter"}  # the others have the name of their own


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What was measured.

    Args:
        name: of the planned cell.
        commit: of the code.
        digest: of the code and the settings (`digest_of`); None where it was not noted.
        settings: `patchlearn.runs.expected.settings_key`; None where it was not noted.
        data_key: `patchlearn.runs.expected.data_key`; None where it was not noted.
        made: the day, or None.
        machine: processor, and GPU if it was used; None where it was not noted.
        minutes: of the steps from the images to the artefact; None where it was not noted.
        images: of *train*.
        has_affinity: whether the run has an affinity network; None where that does not concern the artefact.
        entries: those of evaluation.json, or the estimate.
        source: where the figure stood before, if it was not made by `make results`.
    """

    name: str
    commit: str
    digest: str | None = None
    settings: str | None = None
    data_key: str | None = None
    made: str | None = None
    machine: str | None = None
    minutes: float | None = None
    images: int | None = None
    has_affinity: bool | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    source: str | None = None

    def miou(self, splits: tuple[str, ...], rule: str) -> float | None:
        """In per cent, on the first of the splits that was judged."""
        for split in splits:
            for entry in self.entries:
                if (entry["split"], entry["rule"]) == (split, rule):
                    return 100 * entry["miou"]
        return None


def read_cell(name: str, folder: Path = CELLS) -> Cell | None:
    """The cell of this name; None before it is measured."""
    path = folder / f"{name}.json"
    return Cell(**read_json(path)) if path.exists() else None


def write_cell(cell: Cell, folder: Path = CELLS) -> Path:
    """Write a finished cell; returns its file, which is to be committed."""
    path = folder / f"{cell.name}.json"
    write_json(path, asdict(cell))
    return path


def is_current(cell: Cell, planned: Planned) -> bool:
    """Whether today's code and settings are those of the cell."""
    return cell.digest is not None and cell.digest == digest_of(planned)


def digest_of(planned: Planned) -> str:
    """Changes with the code of the steps, with the settings they read, and with what is drawn; the seed is no part."""
    series, data = planned.series, DATA[planned.series.data]
    code = code_digest(planned.artefact, data.reader)
    return fingerprint(code, settings_of(series, planned.artefact), data.settings if data.is_drawn else ())


@cache
def settings_of(series: Series, artefact: str) -> str:
    """The key of the settings of a series that an artefact depends on."""
    variants = _variants(series.recipe, series.settings)
    return settings_key(variants[series.variant], _SETTINGS_OF.get(artefact, artefact))


@cache
def _variants(recipe: str, overrides: tuple[str, ...]) -> dict[str, Any]:
    """Complete settings of the variants of a recipe; half a second."""
    return {variant.name: variant for variant in load_recipe(recipe_file(recipe), overrides).variants}


def forget_settings() -> None:
    """Read the recipes anew the next time; they may have been edited."""
    settings_of.cache_clear()
    _variants.cache_clear()
