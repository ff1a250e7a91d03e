"""How large a class usually is, as classes.csv says it."""

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import ClassSize
from patchlearn.data.class_sizes import SIZE_COLUMNS, refuse_size, size_of

PLACE = "photos/classes.csv, line 3"


def read(*cells: str) -> ClassSize | None:
    return size_of(PLACE, dict(zip(SIZE_COLUMNS, cells, strict=True)))


@pytest.mark.parametrize(
    ("cells", "size"),
    [
        (("", "", "", ""), None),
        (("", "", "pixels", "many"), None),
        (("0.01", "0.2", "", ""), ClassSize(least=0.01, most=0.2)),
        (("1", "1", "share", "many"), ClassSize(least=1, most=1)),
        (("", "400", "PIXELS", ""), ClassSize(most=400, unit="pixels")),
        (("2.5", "", "pixels", "One"), ClassSize(least=2.5, unit="pixels", count="one")),
        (("", "", "", "one"), ClassSize(count="one")),
    ],
)
def test_what_cells_say(cells: tuple[str, ...], size: ClassSize | None) -> None:
    assert read(*cells) == size


def test_missing_columns_say_nothing() -> None:
    assert size_of(PLACE, {"name": "cat"}) is None
    assert size_of(PLACE, {"name": "cat", "size_max": "1"}) == ClassSize(most=1)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (("0.3", "0.2", "", ""), r"size_min 0\.3 is above size_max 0\.2"),
        (("0", "", "", ""), r"the size_min '0' is not a share of the image: a number above 0, up to 1"),
        (("", "1.01", "", ""), r"the size_max '1\.01' is not a share.*write pixels into the column unit"),
        (("", "-1", "", ""), r"the size_max '-1' is not a share"),
        (("", "5%", "", ""), r"the size_max '5%' is not a share"),
        (("", "0,5", "share", ""), r"the size_max '0,5' is not a share"),
        (("", "nan", "", ""), r"the size_max 'nan' is not a share"),
        (("0", "", "pixels", ""), r"the size_min '0' is not a number of pixels"),
        (("", "inf", "pixels", ""), r"the size_max 'inf' is not a number of pixels"),
        (
            ("", "0.5", "pixel", ""),
            r"the unit 'pixel' is unknown; did you mean 'pixels'\? Choose one of: share, pixels",
        ),
        (("", "", "cm", ""), r"the unit 'cm' is unknown\. Choose one of: share, pixels"),
        (("", "", "", "2"), r"the count '2' is unknown\. Choose one of: one, many"),
        (("", "", "", "onee"), r"the count 'onee' is unknown; did you mean 'one'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_the_right_values(cells: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"^{PLACE}: .*{sentence}"):
        read(*cells)


def test_background_has_no_size() -> None:
    refuse_size(PLACE, "background", {"name": "background", "size_min": "", "unit": ""})
    with pytest.raises(PatchlearnError, match=r"'background' is no class and has no unit\. Leave the cell empty"):
        refuse_size(PLACE, "background", {"size_min": "", "unit": "share"})
