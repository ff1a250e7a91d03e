"""Arrays of other programs, in both orders of the axes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_scores
from patchlearn.core.types import ScoreMaps
from patchlearn.inference.score_arrays import MapFormat, has_shape_of, read_array, read_score_file, refuse_too_many

SIZE = (480, 704)


def saved(folder: Path, *shape: int) -> Path:
    np.save(folder / "a.npy", np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    return folder / "a.npy"


def read(folder: Path, *shape: int, size: tuple[int, int] = SIZE, **format: object) -> tuple[int, ...]:
    return read_array(saved(folder, *shape), size, MapFormat(**format)).shape  # type: ignore[arg-type]


def test_cells_cover_the_image_up_to_one_cell() -> None:
    assert all(has_shape_of(cells, SIZE) for cells in ((15, 22), (16, 23), (30, 44), (480, 704), (1, 1)))
    assert not any(has_shape_of(cells, SIZE) for cells in ((22, 15), (22, 3), (3, 15), (60, 60), (704, 480)))


def test_what_only_fits_the_other_order_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError) as error:
        read(tmp_path, 15, 22, 3)
    assert str(error.value) == (
        f"{tmp_path}/a.npy: the shape 15×22×3 fits h×w×K (3 maps of 22×15 cells) and not K×h×w, for an image of "
        "704×480 pixels. Say --layout hwc; or --layout chw, if it has 15 maps."
    )


def test_the_order_can_be_said(tmp_path: Path) -> None:
    array = np.load(saved(tmp_path, 15, 22, 3))
    maps = read_array(tmp_path / "a.npy", SIZE, MapFormat(layout="hwc"))
    np.testing.assert_array_equal(maps, array.transpose(2, 0, 1))
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy", SIZE, MapFormat(layout="chw")), array)
    with pytest.raises(PatchlearnError, match=r"layout: 'hcw' is not an option"):
        MapFormat(layout="hcw")


@pytest.mark.parametrize("shape", [(3, 15, 22), (1, 480, 704), (20, 41, 41), (3, 9, 50), (28, 28, 28), (5, 22, 15)])
def test_what_fits_or_fits_neither_order_is_one_map_after_another(shape: tuple[int, ...], tmp_path: Path) -> None:
    assert read(tmp_path, *shape) == shape


@pytest.mark.parametrize("shape", [(480, 704, 21), (28, 28, 20), (15, 22, 1)])
def test_full_size_square_and_single_maps_are_recognised_too(shape: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="--layout hwc"):
        read(tmp_path, *shape)


def test_a_known_number_of_classes_decides(tmp_path: Path) -> None:
    assert read(tmp_path, 20, 28, 28, size=(375, 500), classes=20) == (20, 28, 28)
    with pytest.raises(PatchlearnError, match="--layout hwc"):
        read(tmp_path, 41, 50, 20, classes=20)  # of a shape that fits neither order
    with pytest.raises(PatchlearnError, match="--layout hwc"):
        read(tmp_path, 15, 22, 4, classes=3, kind="probabilities")
    with pytest.raises(PatchlearnError, match=r"holds 5 maps, but there are 4 classes\. Correct"):
        read(tmp_path, 5, 15, 22, classes=4)
    with pytest.raises(PatchlearnError, match=r"holds 4 maps, but there are 4 classes and the background"):
        read(tmp_path, 4, 15, 22, classes=4, kind="probabilities")


@pytest.mark.parametrize(("shape", "layout"), [((300, 15, 22), None), ((300, 15, 22), "chw"), ((15, 22, 300), "hwc")])
def test_more_maps_than_a_mask_holds_are_refused(shape: tuple[int, ...], layout: str | None, tmp_path: Path) -> None:
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "a.jpg")
    for call in (
        lambda: read(tmp_path, *shape, layout=layout),
        lambda: refuse_too_many(saved(tmp_path, *shape), tmp_path / "a.jpg", MapFormat(layout=layout)),
    ):
        with pytest.raises(PatchlearnError, match=r"holds 300 maps, .* at most 254\. Merge classes, or split"):
            call()


def test_other_faults_are_left_to_the_reading(tmp_path: Path) -> None:
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "a.jpg")
    for shape in ((480, 704, 21), (300, 4), (0, 300, 3), (254, 4, 4)):
        refuse_too_many(saved(tmp_path, *shape), tmp_path / "a.jpg", MapFormat())
    (tmp_path / "a.npy").write_bytes(b"no array")
    refuse_too_many(tmp_path / "a.npy", tmp_path / "a.jpg", MapFormat())
    refuse_too_many(saved(tmp_path, 255, 4, 4), tmp_path / "a.jpg", MapFormat(kind="probabilities"))


def test_scores_of_ours_and_of_others_are_score_maps(tmp_path: Path) -> None:
    maps = ScoreMaps(scores=np.full((1, 15, 22), 0.5, np.float32), classes=(2,), size=SIZE)
    write_scores(tmp_path / "a.npz", maps)
    np.save(tmp_path / "a.npy", np.full((3, 15, 22), 0.5))
    ours, others = (read_score_file(tmp_path / f"a.{kind}", SIZE, MapFormat(classes=3)) for kind in ("npz", "npy"))
    assert (ours.classes, others.classes, others.size, others.labels) == ((2,), (0, 1, 2), SIZE, "given")
    assert (ours.scores == 0.5).all()
    assert (others.scores.shape, others.scores.dtype) == ((3, 15, 22), np.float32)


def test_scores_of_too_many_classes_or_outside_0_to_1_are_refused(tmp_path: Path) -> None:
    maps = ScoreMaps(scores=np.full((1, 15, 22), 0.5, np.float32), classes=(2,), size=SIZE)
    write_scores(tmp_path / "a.npz", maps)
    with pytest.raises(PatchlearnError, match=r"a\.npz: holds the value 3, but there are 2 classes"):
        read_score_file(tmp_path / "a.npz", SIZE, MapFormat(classes=2))
    for wrong in (-0.1, 1.5, np.nan):
        np.save(tmp_path / "a.npy", np.full((1, 15, 22), wrong))
        with pytest.raises(PatchlearnError, match=r"must be numbers in \[0, 1\]\. Cut them off at 0 and divide"):
            read_score_file(tmp_path / "a.npy", SIZE, MapFormat())
