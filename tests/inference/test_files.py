"""Files, folders and patterns in, masks out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.files import find_pictures, segment_files
from patchlearn.inference.segmenter import Segmenter
from patchlearn.inference.settings import InferenceSettings
from patchlearn.models.segmentation import SegmentationNetwork


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2).eval()
    return Segmenter(network=network, classes=("cat", "dog"), settings=InferenceSettings(long_side=64))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for index, name in enumerate(("a.jpg", "ü b.png", "more/c.webp")):
        Image.new("RGB", (40 + index, 30)).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def masks(out: Path) -> dict[str, tuple[int, int]]:
    sizes = {}
    for path in out.glob("*.png"):
        with Image.open(path) as mask:
            assert mask.mode == "P"
            assert np.asarray(mask).max() <= 2
            sizes[path.stem] = mask.size
    return sizes


def test_files_folders_and_patterns_name_pictures(photos: Path) -> None:
    whole = {"a": photos / "a.jpg", "ü b": photos / "ü b.png"}
    assert find_pictures([str(photos)]) == (whole, [])
    assert find_pictures([str(photos / "**/*")]) == ({**whole, "c": photos / "more/c.webp"}, [])
    assert find_pictures([str(photos / "a.jpg"), str(photos / "a.*")]) == ({"a": photos / "a.jpg"}, [])


def test_what_names_no_picture_and_what_would_be_overwritten_is_said(photos: Path) -> None:
    Image.new("RGB", (4, 4)).save(photos / "more" / "a.png")
    found, failures = find_pictures(
        [str(photos), str(photos / "more"), str(photos / "none.jpg"), str(photos / "*.gif")]
    )
    assert found["a"] == photos / "a.jpg"
    assert [failure.split(": ")[1][:20] for failure in failures] == [
        "its mask would overw",
        "no picture there. Pi",
        "no picture there. Pi",
    ]


def test_every_picture_has_a_mask_of_its_size(segmenter: Segmenter, photos: Path, console: Console) -> None:
    out = photos.parent / "masks"
    assert segment_files(segmenter, [str(photos / "**/*")], out, console) == []
    assert masks(out) == {"a": (40, 30), "ü b": (41, 30), "c": (42, 30)}
    assert (out / "classes.txt").read_text() == "cat\ndog\n"


def test_without_any_picture_nothing_is_written(segmenter: Segmenter, photos: Path, console: Console) -> None:
    with pytest.raises(PatchlearnError, match=r"\*\.gif: no picture there"):
        segment_files(segmenter, [str(photos / "*.gif")], photos / "masks", console)
    assert not (photos / "masks").exists()


def test_masks_of_other_classes_keep_their_names(segmenter: Segmenter, photos: Path, console: Console) -> None:
    segment_files(segmenter, [str(photos / "a.jpg")], photos / "masks", console)
    segment_files(segmenter, [str(photos / "ü b.png")], photos / "masks", console)
    (photos / "masks/classes.txt").write_text("dog\ncat\n")
    with pytest.raises(PatchlearnError, match=r"classes\.txt: names other classes"):
        segment_files(segmenter, [str(photos / "a.jpg")], photos / "masks", console)
    assert (photos / "masks/classes.txt").read_text() == "dog\ncat\n"


def test_no_photograph_that_was_not_named_is_replaced_either(
    segmenter: Segmenter, photos: Path, console: Console
) -> None:
    Image.new("RGB", (9, 7)).save(photos / "a.png")
    (failure,) = segment_files(segmenter, [str(photos / "a.jpg")], photos, console)
    assert "a.png: is there, and no mask" in failure
    with Image.open(photos / "a.png") as image:
        assert image.mode == "RGB"


def test_what_macos_leaves_beside_a_picture_is_none(photos: Path) -> None:
    (photos / "._a.jpg").write_bytes(b"Mac OS X")
    assert [path.name for path in find_pictures([str(photos)])[0].values()] == ["a.jpg", "ü b.png"]


def test_a_picture_is_never_replaced_by_its_mask(segmenter: Segmenter, photos: Path, console: Console) -> None:
    Image.new("RGB", (40, 30)).save(photos / "a.png")  # of the same stem as a.jpg, whose mask would land here
    before = {path: path.read_bytes() for path in photos.glob("*.png")}
    failures = segment_files(segmenter, [str(photos)], photos, console)
    assert sum("would overwrite the file itself. Choose another --out" in failure for failure in failures) == 2
    assert {path: path.read_bytes() for path in photos.glob("*.png")} == before
