import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.label_cells import Cell, Labels, parse_cells


def parsed(*cells: str, classes: list[str] | None = None, separator: str = "auto") -> list[tuple[str, ...]]:
    found = parse_cells([Cell(text, f"t.csv, line {n}") for n, text in enumerate(cells, 2)], classes, separator)
    return [labels.present for labels in found]


@pytest.mark.parametrize("sign", [";", "|", ",", "; ", " | ", ", "])
def test_signs_separate_labels_and_names_may_have_spaces(sign: str) -> None:
    assert parsed(f"cat{sign}red car", "red car", "") == [("cat", "red car"), ("red car",), ()]


def test_spaces_separate_what_stands_alone_elsewhere() -> None:
    assert parsed("cat dog", "dog", "cat") == [("cat", "dog"), ("dog",), ("cat",)]


@pytest.mark.parametrize("cells", [("adhesive tape", "scratch"), ("red car", "blue car", "red bike", "blue bike")])
def test_a_name_with_a_space_is_never_split_unasked(cells: tuple[str, ...]) -> None:
    with pytest.raises(
        PatchlearnError, match=r"line 2: .* may be one class or 2.*classes\.txt.*--data\.separator space"
    ):
        parsed(*cells)
    assert parsed(*cells, separator="space")[0] == tuple(cells[0].split())
    assert parsed(*cells, separator="semicolon") == [(cell,) for cell in cells]


def test_a_list_of_classes_resolves_spaces_and_commas() -> None:
    classes = ["adhesive tape", "scratch", "dent, deep"]
    assert parsed("adhesive tape scratch", "scratch", classes=classes) == [("adhesive tape", "scratch"), ("scratch",)]
    assert parsed("dent, deep", "scratch", classes=classes) == [("dent, deep",), ("scratch",)]
    assert parsed("adhesive tape;dent, deep", classes=classes, separator="semicolon") == [
        ("adhesive tape", "dent, deep")
    ]
    assert parsed("?adhesive tape scratch", classes=classes) == [("scratch",)]


def test_quotes_hold_a_name_together() -> None:
    assert parsed('"adhesive tape" scratch', "scratch") == [("adhesive tape", "scratch"), ("scratch",)]
    assert parsed("'adhesive tape', 'scratch, deep'") == [("adhesive tape", "scratch, deep")]
    assert parsed("cat's eye; dog") == [("cat's eye", "dog")]


@pytest.mark.parametrize("cell", ['["cat", "red car"]', "['cat', 'red car']", "('cat', 'red car')"])
def test_lists_are_lists(cell: str) -> None:
    assert parsed(cell, "[]", "cat") == [("cat", "red car"), (), ("cat",)]


def test_brackets_may_be_part_of_a_name() -> None:
    assert parsed("{'cat'}", "('cat')", "(cat)", "()", "cat") == [("cat",), ("cat",), ("(cat)",), (), ("cat",)]


def test_a_broken_list_is_explained() -> None:
    with pytest.raises(PatchlearnError, match=r"line 2: '\[cat, dog\]' is no list of names"):
        parsed("[cat, dog]")


@pytest.mark.parametrize("cell", ["cat/dog", "cat+dog"])
def test_other_signs_are_asked_about(cell: str) -> None:
    with pytest.raises(PatchlearnError, match="Separate labels by semicolons"):
        parsed(cell)
    assert parsed(cell, classes=[cell]) == [(cell,)]
    assert parsed("cat_dog", "cat-dog") == [("cat_dog",), ("cat-dog",)]


@pytest.mark.parametrize("cell", ["?", "cat; ?"])
def test_a_lone_question_mark_is_no_class(cell: str) -> None:
    with pytest.raises(PatchlearnError, match="names no class after the question mark"):
        parsed(cell, "cat")


def test_quotes_settle_doubtful_names() -> None:
    assert parsed("'cat/dog'", "'red car'") == [("cat/dog",), ("red car",)]


def test_two_signs_are_asked_about() -> None:
    with pytest.raises(PatchlearnError, match="two signs separate labels"):
        parsed("cat,dog", "cat;dog")
    assert parsed("cat,dog", "cat;dog", separator="semicolon") == [("cat,dog",), ("cat", "dog")]


def test_a_question_mark_says_unknown() -> None:
    found = parse_cells([Cell("cat ?dog", "line 2"), Cell("dog", "line 3"), Cell("cat", "line 4")])
    assert found[0] == Labels(present=("cat",), unknown=("dog",))


def test_forms_of_accents_are_one() -> None:
    assert parsed("e\u0301te\u0301", "\u00e9t\u00e9") == [("\u00e9t\u00e9",), ("\u00e9t\u00e9",)]


def test_decimals_of_a_spreadsheet_are_whole_numbers_where_these_are_classes() -> None:
    assert parsed("2.0; 1.0", "1", "1.5", classes=["1", "2", "1.5"]) == [("2", "1"), ("1",), ("1.5",)]
    assert parse_cells([Cell("?2.0", "")], ["1", "2"]) == [Labels((), ("2",))]
    assert parsed("2.0", classes=["2", "2.0"]) == [("2.0",)]
    assert parsed("2.0; 1.0") == [("2.0", "1.0")]
