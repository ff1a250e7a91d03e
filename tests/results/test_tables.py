"""Tables and recipes are what the cells say: the committed ones, and some made by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from results import cells, expectations
from results.cells import Cell, digest_of, read_cell
from results.code_digest import ROOT
from results.expectations import expected_of, render_recipe
from results.plan import EXPECTED, PAGES, SERIES, STANDARD, TABLES, Column, Planned, Table
from results.tables import MARKED, NOTHING, find, render, render_page, spread

from patchlearn.core.errors import PatchlearnError
from patchlearn.runs.builtin import builtin_recipes

Read = Callable[[str], Cell | None]
PHOTOGRAPHS = STANDARD["voc-animals"]
MASKS = Column(title="masks", artefact="pseudo")
MASKS_VAL = replace(MASKS, title="val", is_val=True)
TABLE = Table(rows={"photographs": PHOTOGRAPHS}, columns=(MASKS, MASKS_VAL))


@pytest.fixture(autouse=True)
def digests(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Today's digest is "today"; the tests of what is committed compute the real one."""
    if "committed" not in request.node.name:
        monkeypatch.setattr(cells, "digest_of", lambda planned: "today")


def cell(seed: int, train: float, **changes: Any) -> Cell:
    entry = {"split": "train", "rule": "label_free", "miou": train / 100}
    keys = {"digest": "today", "settings": "s", "data_key": "d", "commit": "abc1234"}
    facts = {**keys, "entries": [entry], "minutes": 8.0, "machine": "a CPU"}
    return Cell(name=f"voc-animals/standard-plain-{seed}-pseudo", **{**facts, **changes})


def reader(*known: Cell) -> Read:
    return {each.name: each for each in known}.get


def row(*known: Cell, table: Table = TABLE) -> list[str]:
    return [text.strip() for text in render(table, reader(*known)).splitlines()[-1].strip("|").split("|")]


def test_the_committed_tables_are_what_the_cells_say() -> None:
    """Make it so: make results-tables."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert render_page(text) == text, page
        assert MARKED.search(text), page


@pytest.mark.parametrize("name", EXPECTED)
def test_the_committed_recipes_expect_what_the_cells_say(name: str) -> None:
    """Make it so: make results-tables."""
    text = builtin_recipes()[name].read_text(encoding="utf-8")
    assert render_recipe(text, name) == text


def test_every_cell_that_is_there_is_planned() -> None:
    planned = {each.name for series in SERIES for each in series.cells()}
    there = {str(path.relative_to(cells.CELLS).with_suffix("")) for path in cells.CELLS.rglob("*.json")}
    assert {name.removesuffix(f"-{cells.REPORT}") for name in there} <= planned
    assert all((found := read_cell(name)) and found.name == name for name in there)


def test_a_figure_of_todays_code() -> None:
    assert row() == ["photographs", NOTHING, NOTHING, NOTHING, NOTHING]
    assert row(cell(0, 73.24)) == ["photographs", "73.2", NOTHING, "0", "abc1234"]
    assert row(cell(0, 73.0), cell(1, 74.0), cell(2, 75.0, commit="def5678")) == [
        "photographs", "74.0 ± 5.0", NOTHING, "0, 1, 2", "abc1234; def5678",
    ]  # fmt: skip


def test_a_figure_of_other_code_is_older_and_makes_no_mean_with_todays() -> None:
    older = cell(0, 60.0, digest="before", commit="old0000")
    assert row(older)[1:] == ["60.0 (older)", NOTHING, "0", "old0000"]
    assert row(replace(older, digest=None))[1] == "60.0 (older)"
    assert row(older, cell(1, 74.0))[1:] == ["74.0", NOTHING, "1", "abc1234"]
    two = (cell(seed, 61.0 + seed, digest=None, commit="abc0000") for seed in (1, 2))
    assert row(older, *two)[1:] == ["62.5 (older)", NOTHING, "1, 2", "abc0000"]


def test_of_divided_data_the_split_stands_beside_the_figure() -> None:
    whole, choose = ({"split": split, "rule": "label_free", "miou": 0.7} for split in ("val", "val-choose"))
    assert row(cell(0, 73.0, entries=[whole]))[1:3] == [NOTHING, "70.0 (val)"]
    both = cell(0, 73.0, entries=[whole, {**choose, "miou": 0.71}], digest="before")
    assert row(both)[2] == "71.0 (val-choose, older)"


def test_other_columns() -> None:
    table = replace(
        TABLE,
        columns=(replace(MASKS, style="about"), replace(MASKS, style="affinity")),
        lead=("images",),
        facts=("minutes", "machine"),
    )
    known = cell(0, 73.2, images=1037, has_affinity=True)
    assert row(known, table=table) == ["photographs", "1,037", "73", "yes", "8.0", "a CPU"]
    assert row(known, cell(1, 73.0, has_affinity=False), table=table)[3] == "differs"


def test_pages_keep_their_words_and_unknown_tables_are_refused() -> None:
    page = "Before.\n\n<!-- results: four-kinds-masks -->\nold\n<!-- /results -->\n\nAfter.\n"
    made = render_page(page, reader(cell(0, 73.2)))
    assert made.startswith("Before.\n\n<!-- results: four-kinds-masks -->\n\n| data |")
    assert made.endswith("|\n\n<!-- /results -->\n\nAfter.\n")
    assert "old" not in made
    assert render_page(made, reader(cell(0, 73.2))) == made
    with pytest.raises(PatchlearnError, match="results: 'four-kind' is not an option; did you mean 'four-kinds'"):
        render_page(page.replace("four-kinds-masks", "four-kind"))


def test_the_spread_is_the_interval_of_one_further_seed() -> None:
    """By hand: 4.303 · 1 · √(4/3), and 2.262 · s · √(1 + 1/20)."""
    assert spread([1.0, 2.0, 3.0]) == pytest.approx(4.9687, abs=1e-4)
    assert spread([1.0, 3.0] * 10) == pytest.approx(2.262 * (20 / 19) ** 0.5 * 1.05**0.5)
    assert spread([1.0, 2.0]) is None


def test_a_recipe_expects_the_mean_of_its_series() -> None:
    known = reader(cell(0, 73.0), cell(1, 74.0), cell(2, 75.0))
    pseudo = {"miou": 74.0, "spread": 5.0, "seeds": [0, 1, 2], "minutes": 8.0, "machine": "a CPU"}
    found = expected_of("standard", known)
    assert found["pseudo"] == {**pseudo, "commit": "abc1234", "settings": "s"}
    assert found["data"]["key"] == "d"
    assert "seed" not in found
    text = render_recipe("title: a\nexpected:\n  old: 1\nseed: 0\n", "standard", known)
    assert text.startswith("title: a\nexpected:  # written by `make results-tables`\n  data: {name: voc-animals,")
    assert text.endswith("settings: s}\nseed: 0\n")
    assert render_recipe("title: a\n", "ablation", known) == "title: a\n"


def test_older_figures_are_marked_in_a_recipe_and_name_no_settings() -> None:
    found = expected_of("standard", reader(cell(0, 73.0, digest=None, settings=None, data_key=None)))
    assert (found["pseudo"]["older"], "settings" in found["pseudo"], "key" in found["data"]) == (True, False, False)


def test_a_recipe_takes_the_figures_of_another_one_only_with_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for own, is_there in (("s", True), ("t", False)):
        monkeypatch.setattr(expectations, "settings_of", lambda series, artefact, own=own: own)
        assert ("pseudo" in expected_of("fast", reader(cell(0, 73.0)))) == is_there


def test_every_table_and_expectation_is_of_a_planned_series() -> None:
    shown = {series for table in TABLES.values() for series in table.rows.values()} | set(EXPECTED.values())
    assert shown <= set(SERIES)
    assert find(PHOTOGRAPHS, "pseudo", reader(cell(0, 1.0))).is_older is False


def test_committed_digests_leave_the_seed_out() -> None:
    assert digest_of(Planned(series=PHOTOGRAPHS, seed=0, artefact="seed")) == digest_of(
        Planned(series=PHOTOGRAPHS, seed=1, artefact="seed")
    )
