"""Masks and score maps of other programs against true masks, from files that the test writes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import PALETTE, write_mask, write_scores
from patchlearn.core.types import ScoreMaps, UInt8
from patchlearn.inference.judge_files import Truth, judge_masks, judge_scores

NAMES = ("a", "b", "c")
HIT = np.array([[0, 0, 1, 1], [0, 0, 2, 2]], np.uint8)


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    """Three masks of two classes, which the predictions of `masks` find but for one pixel."""
    for name in NAMES:
        write_mask(tmp_path / "truth" / f"{name}.png", HIT)
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    return Truth(folder=tmp_path / "truth", classes=tmp_path / "classes.txt")


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    for name in NAMES:
        write_mask(tmp_path / "masks" / f"{name}.png", with_a_miss(HIT))
    return tmp_path / "masks"


def with_a_miss(mask: UInt8) -> UInt8:
    """A dog's pixel is background."""
    missed = mask.copy()
    missed[1, 3] = 0
    return missed


EXPECTED = {"background": 4 / 5, "cat": 1.0, "dog": 1 / 2}


def test_the_figures_are_those_of_the_pixels(truth: Truth, masks: Path, console: Console) -> None:
    entry = judge_masks(masks, truth, console)
    assert entry["iou"] == pytest.approx(EXPECTED)
    assert entry["miou"] == pytest.approx(np.mean([*EXPECTED.values()]))
    assert (entry["precision"], entry["recall"], entry["images"], entry["absent"]) == (1.0, 0.75, 3, [])
    assert not {"rule", "threshold", "variant", "split", "commit", "recipe"} & set(entry)


def test_names_in_subfolders_are_matched_by_the_rule_of_all_names(truth: Truth, masks: Path, console: Console) -> None:
    (masks / "d").mkdir()
    (masks / "a.png").rename(masks / "d" / "a.png")
    (truth.folder / "a.png").rename(truth.folder / "d__a.png")
    assert judge_masks(masks, truth, console)["images"] == 3


def test_a_true_mask_without_a_prediction_is_an_error_that_counts_them(
    truth: Truth, masks: Path, console: Console
) -> None:
    (masks / "a.png").unlink()
    (masks / "d").mkdir()
    (masks / "b.png").rename(masks / "d" / "b.png")
    with pytest.raises(PatchlearnError, match=r"masks: 2 of 3 true masks have no prediction \(a, b\); .*'a'\. Add it"):
        judge_masks(masks, truth, console)
    write_mask(masks / "a.png", HIT)
    with pytest.raises(PatchlearnError, match=r"1 of 3 true masks .* 'b', but d/b\.png, .* choose the folder"):
        judge_masks(masks, truth, console)


def test_what_is_not_judged_is_named(truth: Truth, masks: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_mask(masks / "sure" / "a.png", HIT)
    (masks / "photo.jpg").write_bytes(b"")
    judge_masks(masks, truth, Console(stderr=True))
    said = capfd.readouterr().err
    assert "masks: 1 file is of no true mask that is asked for, and not judged: sure/a.png" in said
    assert "masks: 1 file is no .png, and not read: photo.jpg" in said


def test_a_list_says_which_images_are_judged(truth: Truth, masks: Path, tmp_path: Path, console: Console) -> None:
    (masks / "c.png").unlink()
    write_mask(masks / "b.png", np.zeros_like(HIT))
    for lines in ("a\n", "a.jpg\n\na\n"):
        (tmp_path / "some.txt").write_text(lines)
        some = Truth(folder=truth.folder, classes=truth.classes, images=tmp_path / "some.txt")
        entry = judge_masks(masks, some, console)
        assert (entry["images"], entry["iou"]) == (1, pytest.approx(EXPECTED))
    (tmp_path / "some.txt").write_text("a\ne\n")
    with pytest.raises(PatchlearnError, match=r"some\.txt, line 2: .* no image 'e'"):
        judge_masks(masks, some, console)


def as_values(truth: Truth, values: dict[int, int]) -> None:
    for path in truth.folder.glob("*.png"):
        table = np.arange(256, dtype=np.uint8)
        table[list(values)] = list(values.values())
        Image.fromarray(table[HIT]).save(path)


def as_colours(truth: Truth, colours: UInt8) -> None:
    for path in truth.folder.glob("*.png"):
        Image.fromarray(colours[HIT]).save(path)


def with_table(truth: Truth, text: str, **changes: bool) -> Truth:
    path = truth.folder.parent / "classes.csv"
    path.write_text(text)
    return Truth(folder=truth.folder, classes=path, **changes)


def test_truth_may_hold_colours_or_values_of_its_own(truth: Truth, masks: Path, console: Console) -> None:
    as_colours(truth, PALETTE[:, :3].reshape(256, 3))
    assert judge_masks(masks, truth, console)["iou"] == pytest.approx(EXPECTED)
    as_colours(truth, np.array([[0, 0, 0], [1, 2, 3], [4, 5, 6]], np.uint8))
    named = with_table(truth, "name,colour\ncat,1 2 3\ndog,4 5 6\n")
    assert judge_masks(masks, named, console)["iou"] == pytest.approx(EXPECTED)
    as_values(truth, {1: 8, 2: 12})
    valued = with_table(truth, "name,value\ncat,8\ndog,12\n")
    assert judge_masks(masks, valued, console)["iou"] == pytest.approx(EXPECTED)


def test_true_values_that_are_no_class_are_refused_or_ignored(truth: Truth, masks: Path, console: Console) -> None:
    as_values(truth, {1: 1, 2: 20})
    cats = "name,value\ncat,1\n"
    for path in masks.glob("*.png"):
        write_mask(path, (HIT == 1).astype(np.uint8))
    with pytest.raises(
        PatchlearnError, match=r"truth: the true masks hold 20, of no class in .*\.csv\. Write .* --ignore-others"
    ):
        judge_masks(masks, with_table(truth, cats), console)
    entry = judge_masks(masks, with_table(truth, cats, others_ignored=True), console)
    assert entry["iou"] == {"background": 1.0, "cat": 1.0}


def test_masks_of_0_and_255_need_a_word(truth: Truth, masks: Path, console: Console) -> None:
    for path in masks.glob("*.png"):
        Image.fromarray(np.where(HIT == 1, 255, 0).astype(np.uint8)).save(path)
    with pytest.raises(PatchlearnError, match=r"masks: the masks hold only 0 and 255, .* add --binary"):
        judge_masks(masks, truth, console)
    with pytest.raises(PatchlearnError, match=r"--binary: .*classes\.txt names 2 classes, but 255 can stand for one"):
        judge_masks(masks, Truth(folder=truth.folder, classes=truth.classes, binary=True), console)
    as_values(truth, {1: 1, 2: 255})
    one = with_table(truth, "name\ncat\n", binary=True)
    assert judge_masks(masks, one, console)["iou"] == {"background": 1.0, "cat": 1.0}
    as_values(truth, {1: 255, 2: 0})
    assert judge_masks(masks, one, console)["iou"] == {"background": 1.0, "cat": 1.0}
    with pytest.raises(PatchlearnError, match=r"truth: the masks hold only 0 and 255"):
        judge_masks(masks, with_table(truth, "name\ncat\n"), console)


def test_classes_that_count_from_zero_are_noticed(truth: Truth, masks: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for path in [*masks.glob("*.png"), *truth.folder.glob("*.png")]:
        write_mask(path, (HIT == 1).astype(np.uint8))
    judge_masks(masks, truth, Console(stderr=True))
    said = capfd.readouterr().err
    assert "masks: the values 0 to 1 occur, and 2 ('dog') does not" in said
    assert "truth: the values 0 to 1 occur, and 2 ('dog') does not" in said


def test_other_sizes_and_values_are_refused(truth: Truth, masks: Path, console: Console) -> None:
    write_mask(masks / "b.png", HIT[:, :3])
    with pytest.raises(PatchlearnError, match=r"b\.png: 2×3 pixels, but the truth has 2×4"):
        judge_masks(masks, truth, console)
    write_mask(masks / "b.png", HIT + 1)
    with pytest.raises(PatchlearnError, match=r"b\.png: holds the value 3, but there are 2 classes"):
        judge_masks(masks, truth, console)


def soft(mask: UInt8) -> np.ndarray:
    """2×H×W scores: 0.9 on a class, 0.2 elsewhere."""
    return np.where([mask == 1, mask == 2], 0.9, 0.2).astype(np.float32)


def of_ours(path: Path) -> None:
    write_scores(path.with_suffix(".npz"), ScoreMaps(scores=soft(HIT), classes=(0, 1), size=(2, 4)))


def of_others(path: Path) -> None:
    np.save(path.with_suffix(".npy"), soft(HIT).astype(np.float64))


@pytest.mark.parametrize("write", [of_ours, of_others])
def test_scores_have_a_label_free_entry_and_an_oracle(
    write: Callable[[Path], None], truth: Truth, tmp_path: Path, console: Console
) -> None:
    (tmp_path / "scores").mkdir()
    for name in NAMES:
        write(tmp_path / "scores" / name)
    entry = judge_scores(tmp_path / "scores", truth, console)
    assert (entry["rule"], entry["miou"], entry["images"]) == ("label_free", 1.0, 3)
    assert 0.2 <= entry["threshold"] < 0.9
    assert (entry["oracle"]["rule"], entry["oracle"]["miou"]) == ("oracle", 1.0)


def test_the_map_of_an_absent_class_is_zero_and_changes_nothing(truth: Truth, tmp_path: Path, console: Console) -> None:
    random = np.random.default_rng(0).random((2, 6, 8), np.float32).astype(np.float16)
    for kind in ("npz", "npy"):
        (tmp_path / kind).mkdir()
    for place, name in enumerate(NAMES):
        write_mask(truth.folder / f"{name}.png", np.kron(HIT, np.ones((3, 2), np.uint8)))
        classes = [(0,), (1,), ()][place]
        write_scores(
            tmp_path / "npz" / f"{name}.npz", ScoreMaps(scores=random[list(classes)], classes=classes, size=(6, 8))
        )
        present = np.isin(np.arange(2), classes)[:, None, None]
        np.save(tmp_path / "npy" / f"{name}.npy", random * present)
    ours, others = (judge_scores(tmp_path / kind, truth, console) for kind in ("npz", "npy"))
    assert ours == others
    assert 0 < ours["miou"] < 1


def test_the_order_of_the_axes_and_the_range_are_checked(truth: Truth, tmp_path: Path, console: Console) -> None:
    (tmp_path / "scores").mkdir()
    for name in NAMES:
        np.save(tmp_path / "scores" / f"{name}.npy", np.moveaxis(soft(HIT), 0, 2))
    assert judge_scores(tmp_path / "scores", truth, console, layout="hwc")["miou"] == 1.0
    with pytest.raises(PatchlearnError, match=r"a\.npy: the shape 2×4×2 fits h×w×K .* Say --layout hwc"):
        judge_scores(tmp_path / "scores", truth, console)
    for name in NAMES:
        of_others(tmp_path / "scores" / name)
    np.save(tmp_path / "scores" / "b.npy", soft(HIT) * 2)
    with pytest.raises(PatchlearnError, match=r"b\.npy: scores from 0\.4 to 1\.8; they must be numbers in \[0, 1\]"):
        judge_scores(tmp_path / "scores", truth, console)
