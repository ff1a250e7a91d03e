"""Files, folders and patterns in, masks out."""

import unicodedata
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from tiff_files import write_tiff

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


def pictures(*words: Path | str) -> dict[str, Path]:
    found = find_pictures([str(each) for each in words])
    assert found.failures == []
    return found.pictures


def masks(out: Path) -> dict[str, tuple[int, int]]:
    sizes = {}
    for path in out.glob("*.png"):
        with Image.open(path) as mask:
            assert mask.mode == "P"
            assert np.asarray(mask).max() <= 2
            sizes[path.stem] = mask.size
    return sizes


def test_files_are_read_with_the_bands_that_the_model_learned(
    segmenter: Segmenter, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 5), np.uint8)
    write_tiff(tmp_path / "a.tif", pixels)
    seen: list[np.ndarray] = []
    original = Segmenter.segment
    monkeypatch.setattr(
        Segmenter, "segment", lambda self, image, **more: seen.append(image) or original(self, image, **more)
    )
    out = tmp_path / "out"
    assert segment_files(replace(segmenter, bands=(5, 2, 1)), [str(tmp_path / "a.tif")], out, console) == []
    assert (seen[0] == pixels[..., [4, 1, 0]]).all()
    Image.new("RGB", (40, 30)).save(tmp_path / "b.jpg")
    (failure,) = segment_files(replace(segmenter, bands=(5, 2, 1)), [str(tmp_path / "b.jpg")], out, console)
    assert "b.jpg: has 3 bands, and no band 5" in failure


def test_files_folders_and_patterns_name_pictures(photos: Path) -> None:
    flat = {"a": photos / "a.jpg", "ü b": photos / "ü b.png"}
    whole = {**flat, "more__c": photos / "more/c.webp"}
    assert pictures(photos) == whole
    assert pictures(photos / "**/*") == whole
    assert pictures(photos / "*") == flat
    assert pictures(photos / "**/*.webp") == {"more__c": photos / "more/c.webp"}
    assert pictures(photos / "mor?/c.*") == {"more__c": photos / "more/c.webp"}
    assert pictures(photos / "more/*") == pictures(photos / "more/c.webp") == {"c": photos / "more/c.webp"}
    assert pictures(photos / "a.jpg", photos / "a.*") == {"a": photos / "a.jpg"}


def test_a_pattern_without_a_folder_begins_here(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos)
    assert pictures("**/*.webp") == {"more__c": Path("more/c.webp")}
    assert pictures("../photos/more/*") == {"c": Path("../photos/more/c.webp")}


def test_what_exists_is_no_pattern(photos: Path) -> None:
    """`[2024]` as a pattern means one of these digits, so that the folder `trip 2` would be meant."""
    for name in ("trip [2024]/x[1].jpg", "trip [2024]/x1.jpg", "trip [2024]/day 1/y.jpg", "trip 2/wrong.jpg"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(photos / name)
    trip = photos / "trip [2024]"
    assert pictures(trip / "*.jpg") == {"x[1]": trip / "x[1].jpg", "x1": trip / "x1.jpg"}
    assert pictures(trip / "x[1].jpg") == {"x[1]": trip / "x[1].jpg"}
    assert pictures(trip) == {**pictures(trip / "*.jpg"), "day 1__y": trip / "day 1/y.jpg"}
    assert pictures(trip / "day*/*.jpg") == {"day 1__y": trip / "day 1/y.jpg"}
    assert pictures(photos / "trip [12]/*") == {"trip 2__wrong": photos / "trip 2/wrong.jpg"}
    assert find_pictures([str(trip / "none.jpg")]).failures[0].startswith(f"{trip}/none.jpg: no picture there")


def test_what_is_not_read_is_said_and_no_failure(segmenter: Segmenter, photos: Path) -> None:
    for name in ("x.gif", "more/y.HEIC", "z.avif"):
        (photos / name).write_bytes(b"...")
    console = Console(file=StringIO(), width=40)
    assert segment_files(segmenter, [str(photos)], photos.parent / "masks", console) == []
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"{photos}: 3 files are no .jpg, " in said
    assert "or .tiff, and not read: more/y.HEIC, x.gif, z.avif" in said
    assert f"{photos}: 1 file is of no kind that is read: " in said
    assert find_pictures([str(photos / "*")]).notes[0].startswith(f"{photos}/*: 2 files are no .jpg, ")
    assert find_pictures([str(photos / "*.jpg"), str(photos / "a.jpg")]).notes == []


def test_masks_among_the_pictures_are_no_pictures(segmenter: Segmenter, photos: Path, console: Console) -> None:
    for words in (photos, photos, photos / "**/*.*"):
        assert segment_files(segmenter, [str(words)], photos / "masks", console) == []
    assert set(masks(photos / "masks")) == {"a", "ü b", "more__c"}


def test_what_names_no_picture_and_what_would_be_overwritten_is_said(photos: Path) -> None:
    Image.new("RGB", (4, 4)).save(photos / "more" / "a.png")
    Image.new("RGB", (4, 4)).save(photos / "more__c.png")
    words = [str(photos), str(photos / "more"), str(photos / "none.jpg"), str(photos / "*.gif")]
    found = find_pictures(words)
    assert found.pictures["a"] == photos / "a.jpg"
    assert [failure.removeprefix(f"{photos}/") for failure in found.failures] == [
        f"more/c.webp: its mask more__c.png would overwrite that of {photos}/more__c.png. Rename one, or use another "
        "--out.",
        f"more/a.png: its mask a.png would overwrite that of {photos}/a.jpg. Rename one, or use another --out.",
        "none.jpg: no picture there. Pictures end in .jpg, .jpeg, .png, .webp, .bmp, .tif, .tiff.",
        "*.gif: no picture there. Pictures end in .jpg, .jpeg, .png, .webp, .bmp, .tif, .tiff.",
    ]


def test_both_forms_of_an_accent_are_one_name(photos: Path) -> None:
    for form, suffix in (("NFC", "png"), ("NFD", "jpg")):
        Image.new("RGB", (4, 4)).save(photos / "more" / f"{unicodedata.normalize(form, 'é')}.{suffix}")
    found = find_pictures([str(photos / "more")])
    assert len(found.pictures) == 2
    assert "would overwrite that of" in found.failures[0]


def test_every_picture_has_a_mask_of_its_size(segmenter: Segmenter, photos: Path, console: Console) -> None:
    out = photos.parent / "masks"
    assert segment_files(segmenter, [str(photos / "**/*")], out, console) == []
    assert masks(out) == {"a": (40, 30), "ü b": (41, 30), "more__c": (42, 30)}
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
    assert sorted(pictures(photos)) == ["a", "more__c", "ü b"]


def test_a_picture_is_never_replaced_by_its_mask(segmenter: Segmenter, photos: Path, console: Console) -> None:
    Image.new("RGB", (40, 30)).save(photos / "a.png")  # of the same stem as a.jpg, whose mask would land here
    before = {path: path.read_bytes() for path in photos.glob("*.png")}
    failures = segment_files(segmenter, [str(photos / "*")], photos, console)
    assert sum("would overwrite the file itself. Choose another --out" in failure for failure in failures) == 2
    assert {path: path.read_bytes() for path in photos.glob("*.png")} == before


def test_the_longest_names_have_masks(segmenter: Segmenter, tmp_path: Path, console: Console) -> None:
    """A name may have 255 bytes, and that of a mask is made of those of its folders, too."""
    folder = tmp_path / "photos"
    names = (f"{'a' * 251}.png", f"{'b' * 100}/{'c' * 200}.png", "d.png")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(folder / name)
    assert segment_files(segmenter, [str(folder)], tmp_path / "masks", console) == []
    assert len(masks(tmp_path / "masks")) == 3
