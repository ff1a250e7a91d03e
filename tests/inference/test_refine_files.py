import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sam_models import answering_sam, whole_box
from tiff_files import write_tiff

from patchlearn.cli.main import main
from patchlearn.core.masks_io import write_mask, write_scores
from patchlearn.core.types import ScoreMaps, UInt8
from patchlearn.data.images import read_indices

EDGE = 12
SIZE = (32, 40)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A bright object from column 12 on."""
    image = np.full((*SIZE, 3), 30, np.uint8)
    image[:, EDGE:] = (220, 180, 40)
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.JPG", "ü c.bmp"):
        Image.fromarray(image).save(tmp_path / "images" / name, quality=100, subsampling=0)
    return tmp_path / "images"


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    (tmp_path / "scores").mkdir()
    return tmp_path / "scores"


def known_half(height: int, width: int) -> UInt8:
    """What a rough map knows of the object: all but its first tenth."""
    return np.broadcast_to(np.arange(width) >= round(width * (EDGE + 4) / SIZE[1]), (height, width))


def refine(images: Path, maps: Path, *options: str) -> int:
    out = maps.parent / "out"
    return main(["refine", "--images", str(images), "--scores", str(maps), "--out", str(out), *options])


def refined(maps: Path, stem: str) -> UInt8:
    return read_indices(maps.parent / "out" / f"{stem}.png")


EXPECTED = np.broadcast_to(np.arange(SIZE[1]) >= EDGE, SIZE)


def test_score_maps_of_ours_scores_of_others_and_masks(images: Path, maps: Path) -> None:
    ours = np.where(known_half(8, 10), 0.9, 0.1)[None].astype(np.float32)
    write_scores(maps / "a.npz", ScoreMaps(scores=ours, classes=(6,), size=SIZE))
    np.save(maps / "b.npy", np.where([[known_half(*SIZE)], [np.zeros(SIZE, bool)]], 0.9, 0.1)[:, 0])
    mask = known_half(*SIZE).astype(np.uint8) * 9
    mask[:4] = 255
    write_mask(maps / "ü c.png", mask)
    assert refine(images, maps, "--confidence", "0.7") == 0
    np.testing.assert_array_equal(refined(maps, "a"), EXPECTED * 7)
    np.testing.assert_array_equal(refined(maps, "b"), EXPECTED * 1)
    np.testing.assert_array_equal(refined(maps, "ü c"), EXPECTED * 9)


def test_probabilities_have_the_background_first(images: Path, maps: Path) -> None:
    foreground = np.where(known_half(16, 20), 0.7, 0.3)
    np.save(maps / "a.npy", np.stack([1 - foreground, foreground * 0.2, foreground * 0.8]))
    assert refine(images, maps, "--kind", "probabilities") == 0
    np.testing.assert_array_equal(refined(maps, "a"), EXPECTED * 2)


def test_a_mask_holds_254_classes_and_the_background(images: Path, maps: Path) -> None:
    np.save(maps / "a.npy", np.eye(255, dtype=np.float16)[:, [254]].repeat(4, axis=1)[..., None])
    assert refine(images, maps, "--kind", "probabilities", "--preset", "none") == 0
    assert (refined(maps, "a") == 254).all()


def test_without_a_crf_a_mask_comes_back_as_it_is(images: Path, maps: Path) -> None:
    mask = np.random.default_rng(0).choice(np.array([0, 3, 200, 255], np.uint8), SIZE)
    write_mask(maps / "a.png", mask)
    assert refine(images, maps, "--preset", "none") == 0
    np.testing.assert_array_equal(refined(maps, "a"), mask)


def test_a_mask_of_nothing_stays_nothing(images: Path, maps: Path) -> None:
    write_mask(maps / "a.png", np.zeros(SIZE, np.uint8))
    write_mask(maps / "b.png", np.full(SIZE, 255, np.uint8))
    write_mask(maps / "ü c.png", known_half(*SIZE).astype(np.uint8))  # without any class, nobody could tell what 255 is
    assert refine(images, maps) == 0
    assert not refined(maps, "a").any()
    assert (refined(maps, "b") == 255).all()


def test_masks_of_0_and_255_alone_are_refused_or_read_as_said(
    images: Path, maps: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        write_mask(maps / f"{name}.png", known_half(*SIZE).astype(np.uint8) * 255)
    assert refine(images, maps) == 2
    assert "the masks hold only 0 and 255" in capfd.readouterr().err
    assert not (maps.parent / "out").exists()
    assert refine(images, maps, "--binary", "--confidence", "0.7") == 0
    np.testing.assert_array_equal(refined(maps, "a"), EXPECTED * 1)


def test_images_in_subfolders_have_flat_or_nested_maps(images: Path, maps: Path) -> None:
    for folder in ("cam0", "cam1"):
        (images / folder).mkdir()
        (images / folder / "i.png").write_bytes((images / "a.png").read_bytes())
    mask = known_half(*SIZE).astype(np.uint8)
    write_mask(maps / "cam0__i.png", mask * 2)
    write_mask(maps / "cam1" / "i.png", mask * 3)
    assert refine(images, maps, "--confidence", "0.7") == 0
    np.testing.assert_array_equal(refined(maps, "cam0__i"), EXPECTED * 2)
    np.testing.assert_array_equal(refined(maps, "cam1__i"), EXPECTED * 3)


def test_a_second_run_does_not_read_the_masks_of_the_first(images: Path, maps: Path) -> None:
    write_mask(maps / "a.png", known_half(*SIZE).astype(np.uint8))
    words = ["refine", "--images", str(images), "--scores", str(maps), "--preset", "none"]
    for out in (maps / "out", images / "out"):
        assert [main([*words, "--out", str(out)]) for _ in range(2)] == [0, 0]
        assert [path.name for path in out.iterdir()] == ["a.png"]


def test_names_of_other_forms_of_unicode_meet(images: Path, maps: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "ü c")
    write_mask(maps / f"{decomposed}.png", known_half(*SIZE).astype(np.uint8))
    assert refine(images, maps, "--preset", "none") == 0
    np.testing.assert_array_equal(refined(maps, decomposed), known_half(*SIZE))


def test_maps_in_the_other_order_are_refused_or_read_as_said(
    images: Path, maps: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    array = np.where([[known_half(16, 20)], [np.zeros((16, 20), bool)]], 0.9, 0.1)[:, 0]
    np.save(maps / "a.npy", array.transpose(1, 2, 0))
    assert refine(images, maps) == 2
    assert "the shape 16×20×2 fits h×w×K" in capfd.readouterr().err
    assert not (maps.parent / "out" / "a.png").exists()
    assert refine(images, maps, "--layout", "hwc") == 0
    np.testing.assert_array_equal(refined(maps, "a"), EXPECTED * 1)
    assert refine(images, maps, "--layout", "hw") == 2
    assert "layout: 'hw' is not an option" in capfd.readouterr().err


def test_more_classes_than_a_mask_holds_are_refused_at_once(
    images: Path, maps: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_mask(maps / "b.png", np.ones(SIZE, np.uint8))
    np.save(maps / "a.npy", np.zeros((300, 8, 10), np.float16))
    assert refine(images, maps) == 2
    (maps / "classes.txt").write_text("".join(f"class{number}\n" for number in range(300)))
    assert refine(images, maps) == 2
    message = capfd.readouterr().err
    assert message.count("Merge classes, or split the data set by groups of classes.") == 2
    assert not (maps.parent / "out").exists()


def test_known_classes_bound_every_kind_of_map(images: Path, maps: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (maps / "classes.txt").write_text("cat\ntraffic light\n")
    np.save(maps / "a.npy", np.zeros((3, 8, 10)))
    write_mask(maps / "b.png", np.full(SIZE, 3, np.uint8))
    write_scores(maps / "ü c.npz", ScoreMaps(scores=np.ones((1, 8, 10), np.float32), classes=(2,), size=SIZE))
    assert refine(images, maps) == 2
    message = capfd.readouterr().err
    assert "a.npy: holds 3 maps, but there are 2 classes" in message
    assert "b.png: holds the value 3, but there are 2 classes" in message
    assert "ü c.npz: holds the value 3, but there are 2 classes" in message
    assert (maps.parent / "out" / "classes.txt").read_text() == "cat\ntraffic light\n"


def test_masks_that_may_count_from_zero_are_pointed_out(
    images: Path, maps: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (maps / "classes.txt").write_text("cat\ndog\n")
    write_mask(maps / "a.png", known_half(*SIZE).astype(np.uint8))
    assert refine(images, maps, "--preset", "none") == 0
    assert "if it stands for 'cat', the masks count classes from 0" in capfd.readouterr().err
    write_mask(maps / "b.png", np.full(SIZE, 2, np.uint8))
    assert refine(images, maps, "--preset", "none") == 0
    assert "count classes from 0" not in capfd.readouterr().err


def test_bad_files_are_named_and_the_others_are_done(
    images: Path, maps: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    np.save(maps / "a.npy", np.where(known_half(*SIZE), 0.9, 0.1)[None])
    np.save(maps / "b.npy", np.full((1, 4, 4), 3.0))
    np.save(maps / "d.npy", np.zeros((1, 4, 4)))
    write_mask(maps / "ü c.png", np.zeros((4, 4), np.uint8))
    Image.new("RGB", SIZE[::-1]).save(images / "e.png")
    np.save(maps / "e.npy", np.zeros((1, 4, 4)))
    (maps / "e.npy").write_bytes((maps / "e.npy").read_bytes().replace(b"'descr'", b"'descr(").replace(b"}", b" "))
    assert refine(images, maps) == 2
    message = capfd.readouterr().err.replace("\n", " ")
    assert "b.npy: scores from 3 to 3; they must be numbers in [0, 1]" in message
    assert "no file named 'd'" in message
    assert "e.npy: not a plain NumPy array" in message
    assert "ü c.png: 4×4 pixels, but its image has 40×32" in message
    assert (maps.parent / "out" / "a.png").exists()
    assert not (maps.parent / "out" / "b.png").exists()


@pytest.mark.parametrize(
    ("array", "options", "complaint"),
    [
        (np.array([{}], object), (), "not a plain NumPy array"),
        (np.zeros((4, 4)), (), "is not K×h×w numbers"),
        (np.full((1, 4, 4), np.nan), (), "they must be numbers in [0, 1]"),
        (np.full((2, 4, 4), 0.3), ("--kind", "probabilities"), "Apply a softmax"),
        (np.full((2, 4, 4), np.nan), ("--kind", "probabilities", "--preset", "none"), "a.npy: probabilities"),
        (
            np.full((2, 4, 4), 7.0),
            ("--kind", "probabilities", "--preset", "none"),
            "a.npy: probabilities: the smallest value",
        ),
        (np.zeros((1, 4, 4)), ("--kind", "logits"), "'logits' is not an option"),
        (np.zeros((1, 4, 4)), ("--preset", "iren"), "did you mean 'irn'"),
        (np.zeros((1, 4, 4)), ("--background", "ostu"), "did you mean 'otsu'"),
    ],
)
def test_what_cannot_be_refined_is_explained(
    array: UInt8,
    options: tuple[str, ...],
    complaint: str,
    images: Path,
    maps: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    np.save(maps / "a.npy", array, allow_pickle=True)
    assert refine(images, maps, *options) == 2
    assert complaint in capfd.readouterr().err.replace("\n", " ")
    assert not (maps.parent / "out" / "a.png").exists()


def test_missing_or_empty_folders_are_named(images: Path, maps: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert refine(images, maps) == 2
    assert refine(images / "none", maps) == 2
    message = capfd.readouterr().err.replace("\n", " ")
    assert "scores: no file that ends in .npz, .npy, .png" in message
    assert "none: no such folder" in message


def test_nothing_that_is_read_is_overwritten(images: Path, maps: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_mask(maps / "a.png", np.zeros(SIZE, np.uint8))
    before = (images / "a.png").read_bytes(), (maps / "a.png").read_bytes()
    for out in (images, maps):
        assert main(["refine", "--images", str(images), "--scores", str(maps), "--out", str(out)]) == 2
        assert f"{out.name}: holds what is refined" in capfd.readouterr().err.replace("\n", " ")
    assert ((images / "a.png").read_bytes(), (maps / "a.png").read_bytes()) == before


def test_endings_in_capitals_and_archives_under_another_name(
    images: Path, maps: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_mask(maps / "a.PNG", known_half(*SIZE).astype(np.uint8))
    np.savez(maps / "zip.npz", np.zeros((1, 4, 4)))
    (maps / "zip.npz").rename(maps / "b.npy")
    assert refine(images, maps, "--confidence", "0.7") == 2
    np.testing.assert_array_equal(refined(maps, "a"), EXPECTED)
    message = capfd.readouterr().err.replace("\n", " ")
    assert "b.npy: not a plain NumPy array" in message
    assert "Traceback" not in message


def test_the_chosen_bands_of_the_images_are_read(images: Path, maps: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The object is in the fourth band alone."""
    (images / "a.png").unlink()
    pixels = np.full((*SIZE, 4), 30, np.uint8)
    pixels[:, EDGE:, 3] = 220
    write_tiff(images / "a.tif", pixels)
    write_mask(maps / "a.png", known_half(*SIZE).astype(np.uint8) * 9)
    assert refine(images, maps, "--confidence", "0.7", "--bands", "4,4,4") == 0
    np.testing.assert_array_equal(refined(maps, "a"), EXPECTED * 9)
    assert refine(images, maps, "--confidence", "0.7") == 0
    assert (refined(maps, "a") != EXPECTED * 9).any()
    assert refine(images, maps, "--bands", "4,5,1") == 2
    assert "a.tif: has 4 bands, and no band 5. Choose other bands" in capfd.readouterr().err


def test_sam_refines_scores_probabilities_and_masks(images: Path, maps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is the box of what it is asked about; the maps hold two corners of it."""
    corners = np.zeros(SIZE, bool)
    corners[8:16, 10:14] = corners[15:24, 14:30] = True
    write_scores(maps / "a.npz", ScoreMaps(scores=np.where(corners, 0.9, 0.1)[None], classes=(6,), size=SIZE))
    np.save(maps / "b.npy", np.where(corners, 0.9, 0.1)[None])
    write_mask(maps / "ü c.png", corners.astype(np.uint8) * 9)
    sam, loaded = answering_sam(lambda points, box: whole_box(points, box)), []
    monkeypatch.setattr("patchlearn.models.sam2.load_sam2", lambda *options: loaded.append(options) or sam)
    assert refine(images, maps, "--preset", "none", "--sam", "owner/sam2") == 0
    assert ([model for model, _ in loaded], sam.network.seen) == (["owner/sam2"], 3)
    for stem, value in (("a", 7), ("b", 1), ("ü c", 9)):
        mask = refined(maps, stem)
        assert set(np.unique(mask)) == {0, value}
        assert (mask[9:23, 11:29] == value).all()  # the network's grid has cells of 0.6×0.5 pixels
        assert (mask[:7] == 0).all()
        assert (mask[25:] == 0).all()
        assert (mask[:, :9] == 0).all()
        assert (mask[:, 31:] == 0).all()


def test_probabilities_are_asked_about_too(images: Path, maps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreground = np.where(known_half(*SIZE), 0.7, 0.3)
    np.save(maps / "a.npy", np.stack([1 - foreground, foreground]))
    sam = answering_sam(lambda points, box: whole_box(points, box + box.new_tensor([-2, 8, 2, -8])))
    monkeypatch.setattr("patchlearn.models.sam2.load_sam2", lambda *options: sam)
    assert refine(images, maps, "--kind", "probabilities", "--preset", "none", "--sam", "owner/sam2") == 0
    mask = refined(maps, "a")
    assert (mask[:3] == 0).all()
    assert (mask[5:27, EDGE + 4 :] == 1).all()


def test_a_pipe_among_maps_is_named_and_the_others_are_refined(
    images: Path, maps: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(maps / "a.npz")
    np.save(maps / "b.npy", np.where(known_half(*SIZE), 0.9, 0.1)[None])
    assert refine(images, maps, "--preset", "none") == 2
    assert "a.npz: a pipe, a socket or a device" in capfd.readouterr().err
    assert set(np.unique(refined(maps, "b"))) == {0, 1}
