"""Pictures with a circle."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Sample
from patchlearn.report.marked_pixels import marked, require_empty, write_marked


@pytest.mark.parametrize("size", [(40, 60), (700, 400), (2000, 3000)])
def test_a_circle_lies_around_the_pixel_and_leaves_it_visible(size: tuple[int, int]) -> None:
    grey = np.full((*size, 3), 128, np.uint8)
    y, x = size[0] // 4, size[1] // 2
    picture = np.asarray(marked(grey, x, y)).astype(int)
    factor = picture.shape[0] / size[0]
    assert 640 <= max(picture.shape) <= 1280
    rows, columns = np.nonzero(picture[..., 0] > 250)
    centre = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    assert centre == pytest.approx(((y + 0.5) * factor, (x + 0.5) * factor), abs=1.5)
    assert (picture[..., 0] < 5).any()
    assert picture[round(centre[0]), round(centre[1])].tolist() == [128] * 3


def test_pictures_have_the_numbers_of_the_rows(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    sample = Sample(id="a", image=tmp_path / "a.png", labels=())
    write_marked(tmp_path / "pictures", [(sample, index, 3) for index in range(11)])
    assert [path.name for path in sorted((tmp_path / "pictures").iterdir())][:2] == ["01_a.png", "02_a.png"]
    assert len(list((tmp_path / "pictures").iterdir())) == 11
    with pytest.raises(PatchlearnError, match=r"holds files already\. Name another folder with --pictures"):
        write_marked(tmp_path / "pictures", [])
    with pytest.raises(PatchlearnError, match="holds files already"):
        require_empty(tmp_path / "a.png")
    require_empty(tmp_path / "new")
