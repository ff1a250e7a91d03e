"""Tables of pixels that a person is to label."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.clicks.read import read_clicks
from patchlearn.data.clicks.suggested_table import require_new_table, write_audit, write_suggested
from patchlearn.data.clicks.values import ImageClicks, Point

SUGGESTED = {"image": "garden", "x": 12, "y": 20, "guess": "cat", "why": "cat 0.41, background 0.40"}
DRAWN = {"image": "garden", "x": 12, "y": 20, "stratum": 2, "weight": "3.5", "pixels": 7}


@pytest.mark.parametrize("name", ["points.csv", "points.tsv"])
def test_a_suggested_pixel_is_a_click_once_it_has_a_label(photos: Dataset, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_suggested(path, [SUGGESTED, {**SUGGESTED, "x": 13}])
    mark = "," if name.endswith("csv") else "\t"
    assert path.read_text().splitlines()[0].split(mark) == ["image", "x", "y", "label", "guess", "why", "kind"]
    with pytest.raises(PatchlearnError, match=r"no row has a label yet\. Write one into the column label"):
        read_clicks(path, photos)
    path.write_text(path.read_text().replace(f"garden{mark}12{mark}20{mark}", f"garden{mark}12{mark}20{mark}cat"))
    clicks = read_clicks(path, photos)
    assert clicks.images == {"garden": ImageClicks(points=(Point(12, 20, 1),))}
    assert (clicks.points, clicks.empty) == (1, 1)


def test_an_audited_pixel_is_never_a_click(photos: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "audit.csv"
    write_audit(path, [DRAWN])
    assert path.read_text() == "image,x,y,label,kind,stratum,weight,pixels\ngarden,12,20,,audit,2,3.5,7\n"
    path.write_text(path.read_text().replace("20,,", "20,cat,"))
    with pytest.raises(PatchlearnError, match=r"drawn for an audit\. They measure masks, so nothing may learn"):
        read_clicks(path, photos)


def test_a_table_that_somebody_may_have_filled_in_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    write_suggested(path, [SUGGESTED])
    before = path.read_bytes()
    with pytest.raises(PatchlearnError, match=r"is there already, and may hold labels\. Name another --out"):
        write_audit(path, [DRAWN])
    assert path.read_bytes() == before
    with pytest.raises(PatchlearnError, match=r"points\.txt: a table of clicks ends in \.csv or \.tsv\. Name it"):
        require_new_table(tmp_path / "points.txt")
