"""The archive for VOC's evaluation server: what is written passes, and whatever is broken in it is named."""

import gzip
import tarfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchlearn.cli.main import main
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import PALETTE, encode_mask, write_mask
from patchlearn.core.types import UInt8
from patchlearn.data.formats.voc import VOC_CLASSES
from patchlearn.export.voc_server import TEST_IMAGES, check_submission, voc_values, write_submission

FOLDER = "results/VOC2012/Segmentation/comp6_test_cls"
NAMES = ["2008_000006", "2008_000011", "2008_000012"]
SIZES = {"2008_000006": (5, 7), "2008_000011": (6, 4), "2008_000012": (3, 3)}  # (H, W)
ANIMALS = ("cat", "cow", "dog", "horse", "person", "sheep")

Files = dict[str, bytes]


def png(mask: UInt8, mode: str = "P", colours: int = 256) -> bytes:
    """With 16 colours or fewer, Pillow writes indices of 4 bits or fewer."""
    file = BytesIO()
    image = Image.fromarray(mask.astype(np.uint8))
    if mode == "P":
        image.putpalette(PALETTE[:colours].tobytes())
    image.convert(mode).save(file, "PNG")
    return file.getvalue()


def mask_of(name: str, value: int = 0) -> UInt8:
    mask = np.zeros(SIZES[name], np.uint8)
    mask[1] = value
    return mask


def good_files() -> Files:
    return {f"{FOLDER}/{name}.png": encode_mask(mask_of(name, value)) for name, value in zip(NAMES, (0, 15, 20))}


def pack(path: Path, files: Files, mode: str = "w:gz", odd: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
        for member in odd:
            archive.addfile(member)
    return path


def odd_member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "JPEGImages").mkdir()
    for name, (height, width) in SIZES.items():
        Image.new("RGB", (width, height)).save(tmp_path / "JPEGImages" / f"{name}.jpg")
    return tmp_path / "JPEGImages"


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Of a model of six animals: its person is 5, its cow 2."""
    for name, value in zip(NAMES, (0, 5, 2)):
        write_mask(tmp_path / "masks" / f"{name}.png", mask_of(name, value))
    (tmp_path / "masks" / "classes.txt").write_text("\n".join(ANIMALS) + "\n")
    return tmp_path / "masks"


@pytest.fixture
def test_list(tmp_path: Path) -> Path:
    (tmp_path / "test.txt").write_text("\n".join(NAMES) + "\n")
    return tmp_path / "test.txt"


# --- writing -----------------------------------------------------------------


def test_every_class_is_mapped_by_its_name() -> None:
    assert voc_values(VOC_CLASSES)[:21].tolist() == list(range(21))
    values = voc_values(ANIMALS)
    assert values[:7].tolist() == [0, 8, 10, 12, 13, 15, 17]
    assert set(values[7:]) == {-1}
    with pytest.raises(PatchlearnError, match="did you mean 'sheep'"):
        voc_values(["sheeps"])


def test_what_is_written_is_what_the_server_takes(masks: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.tgz"
    write_submission(masks, NAMES, out, ANIMALS, images=images)
    assert check_submission(out, NAMES, images) == []
    with tarfile.open(out, "r:gz") as archive:
        assert archive.getnames() == [f"{FOLDER}/{name}.png" for name in NAMES]
        for name, value in zip(NAMES, (0, 15, 10)):
            with Image.open(archive.extractfile(f"{FOLDER}/{name}.png")) as image:  # type: ignore[arg-type]
                assert image.mode == "P"
                assert image.getpalette()[45:48] == [192, 128, 128]  # type: ignore[index]
                np.testing.assert_array_equal(np.asarray(image), mask_of(name, value))


def test_the_same_masks_give_the_same_bytes_wherever_they_are_written(masks: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "a.tgz", tmp_path / "b.tar.gz"]
    for out in outs:
        write_submission(masks, NAMES, out, ANIMALS)
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert outs[0].read_bytes()[4:8] == bytes(4)  # gzip's time


def test_competition_5_has_a_folder_of_its_own(masks: Path, tmp_path: Path) -> None:
    write_submission(masks, NAMES, tmp_path / "a.tgz", ANIMALS, competition="comp5")
    with tarfile.open(tmp_path / "a.tgz") as archive:
        assert archive.getnames()[0] == f"results/VOC2012/Segmentation/comp5_test_cls/{NAMES[0]}.png"
    assert check_submission(tmp_path / "a.tgz", NAMES) == []
    with pytest.raises(PatchlearnError, match="competition: 'comp7' is not an option"):
        write_submission(masks, NAMES, tmp_path / "b.tgz", ANIMALS, competition="comp7")


@pytest.mark.parametrize(
    ("names", "out", "complaint"),
    [
        (NAMES, "results.zip", r"takes \.tgz or \.tar\.gz"),
        (NAMES, "results.tar", r"takes \.tgz or \.tar\.gz"),
        ([], "results.tgz", "names no image"),
        (["../masks/2008_000006"], "results.tgz", "is a path or stands twice"),
        ([NAMES[0], NAMES[0]], "results.tgz", "is a path or stands twice"),
    ],
)
def test_a_wrong_plan_is_explained(masks: Path, tmp_path: Path, names: list[str], out: str, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        write_submission(masks, names, tmp_path / out, ANIMALS)
    assert not list(tmp_path.glob("*results*"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (png(np.array([[0, 255, 255]] * 4)), r"2008_000011\.png: 8 pixels are undecided \(255\)"),
        (png(np.full((6, 4), 7)), r"holds the value 7, but there are 6 classes"),
        (png(np.zeros((4, 6))), r"6×4 pixels, but 2008_000011\.jpg has 4×6 \(width × height\)"),
        (png(np.zeros((6, 4)), "RGB"), "palette or 8-bit grey PNG"),
        (b"", "not an image"),
    ],
)
def test_masks_that_cannot_be_sent_are_named_and_nothing_is_written(
    masks: Path, images: Path, tmp_path: Path, content: bytes, complaint: str
) -> None:
    (masks / f"{NAMES[1]}.png").write_bytes(content)
    (masks / f"{NAMES[2]}.png").unlink()
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        write_submission(masks, NAMES, tmp_path / "results.tgz", ANIMALS, images=images)
    assert "2008_000012.png: no such file" in str(caught.value)
    assert not list(tmp_path.glob("*results*"))


# --- checking ----------------------------------------------------------------


def test_an_archive_that_tar_made_and_folders_pass(images: Path, tmp_path: Path) -> None:
    for name, content in good_files().items():
        path = tmp_path / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert check_submission(tmp_path / "made", NAMES, images) == []
    assert check_submission(tmp_path / "made" / "results", NAMES, images) == []
    for prefix in ("results", "./results"):
        with tarfile.open(tmp_path / "made.tgz", "w:gz") as archive:
            archive.add(tmp_path / "made" / "results", prefix)
        assert check_submission(tmp_path / "made.tgz", NAMES, images) == []


def renamed(old: str, new: str) -> Callable[[Files], None]:
    def rename(files: Files) -> None:
        files[new] = files.pop(old)

    return rename


def replaced(content: bytes) -> Callable[[Files], None]:
    return lambda files: files.update({f"{FOLDER}/{NAMES[1]}.png": content})


SECOND = f"{FOLDER}/{NAMES[1]}.png"
SIZE = SIZES[NAMES[1]]


@pytest.mark.parametrize(
    ("change", "complaints"),
    [
        (lambda files: files.pop(SECOND), [f"{SECOND}: missing"]),
        (renamed(SECOND, f"{FOLDER}/2008_1.png"), ["2008_1.png: not the mask of an image", f"{SECOND}: missing"]),
        (renamed(SECOND, f"{FOLDER}/{NAMES[1]}.jpg"), [".jpg: not the mask of an image", f"{SECOND}: missing"]),
        (renamed(SECOND, f"comp6_test_cls/{NAMES[1]}.png"), ["wrong folder", f"{SECOND}: missing"]),
        (renamed(SECOND, SECOND.replace("2012", "2010")), ["wrong folder", f"{SECOND}: missing"]),
        (lambda files: files.update({f"{FOLDER}/._{NAMES[1]}.png": b""}), ["._2008_000011.png: not the mask"]),
        (renamed(SECOND, f"../{SECOND}"), ["leaves the folder", f"{SECOND}: missing"]),
        (renamed(SECOND, f"/{SECOND}"), ["leaves the folder", f"{SECOND}: missing"]),
        (renamed(SECOND, "\x1b[31m.png"), [r"'\x1b[31m.png': wrong folder", f"{SECOND}: missing"]),
        (lambda files: files.clear(), [f"{FOLDER}: no mask there"]),
        (replaced(b""), [f"{SECOND}: not a PNG"]),
        (replaced(b"GIF89a" * 9), [f"{SECOND}: not a PNG"]),
        (replaced(png(np.zeros(SIZE), "RGB")), ["holds colours instead of indices"]),
        (replaced(png(np.zeros(SIZE), "RGBA")), ["holds colours and transparency instead of indices"]),
        (replaced(png(np.zeros(SIZE), "L")), ["holds grey values instead of indices"]),
        (replaced(png(np.zeros(SIZE), colours=16)), ["indices of 4 bits"]),
        (replaced(png(np.full(SIZE, 255))), ["24 pixels are 255, undecided"]),
        (replaced(png(np.full(SIZE, 21))), ["holds the value 21, but VOC's classes are 1 to 20"]),
        (replaced(png(np.zeros((4, 6)))), ["6×4 pixels, but 2008_000011.jpg has 4×6"]),
        (replaced(png(np.full((4, 6), 255))), ["24 pixels are 255, undecided", "6×4 pixels, but"]),
        (replaced(encode_mask(mask_of(NAMES[1], 3))[:-20]), [f"{SECOND}: damaged image"]),
        (replaced(encode_mask(mask_of(NAMES[1], 3)).replace(b"IDAT", b"IDAX")), [f"{SECOND}: damaged image"]),
        (replaced(bytes(2**24 + 1)), [f"{SECOND}: larger than 16 MiB"]),
    ],
)
def test_every_fault_is_named_once(
    images: Path, tmp_path: Path, change: Callable[[Files], None], complaints: list[str]
) -> None:
    files = good_files()
    change(files)
    problems = check_submission(pack(tmp_path / "a.tgz", files), NAMES, images)
    assert len(problems) == len(complaints), problems
    for problem, complaint in zip(problems, complaints):
        assert complaint in problem


def test_a_palette_that_a_program_chose_itself_is_found(tmp_path: Path) -> None:
    image = Image.fromarray(mask_of(NAMES[1], 1))
    image.putpalette(np.concatenate([PALETTE[:1], PALETTE[15:16], PALETTE[:254]]).tobytes())
    file = BytesIO()
    image.save(file, "PNG")
    files = {**good_files(), SECOND: file.getvalue()}
    (problem,) = check_submission(pack(tmp_path / "a.tgz", files), NAMES)
    assert "its palette is not VOC's colour map" in problem


def test_a_palette_without_the_colour_of_a_value_is_found(tmp_path: Path) -> None:
    content = png(np.full(SIZE, 20), colours=18)
    (problem,) = check_submission(pack(tmp_path / "a.tgz", {**good_files(), SECOND: content}), NAMES)
    assert "its palette is not VOC's colour map" in problem


def test_a_text_that_grows_without_end_is_not_read(tmp_path: Path) -> None:
    content = encode_mask(mask_of(NAMES[1]))
    end = content.index(b"IDAT") - 4
    text = b"zTXt" + b"a\0\0" + zlib.compress(bytes(2**26))
    chunk = (len(text) - 4).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")
    files = {**good_files(), SECOND: content[:end] + chunk + content[end:]}
    (problem,) = check_submission(pack(tmp_path / "a.tgz", files), NAMES)
    assert f"{SECOND}: damaged image" in problem


def test_a_mask_of_gigantic_size_is_never_decoded(tmp_path: Path) -> None:
    content = bytearray(encode_mask(mask_of(NAMES[1])))
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    (problem,) = check_submission(pack(tmp_path / "a.tgz", {**good_files(), SECOND: bytes(content)}), NAMES)
    assert "100000×100000 pixels, which no image of VOC has" in problem


@pytest.mark.parametrize(
    ("member", "complaint"),
    [
        (odd_member(SECOND, tarfile.SYMTYPE, "/elsewhere.png"), f"{SECOND}: a link or a device"),
        (odd_member(SECOND, tarfile.LNKTYPE, f"{FOLDER}/{NAMES[0]}.png"), f"{SECOND}: a link or a device"),
        (odd_member(SECOND, tarfile.CHRTYPE), f"{SECOND}: a link or a device"),
        (odd_member(SECOND, tarfile.FIFOTYPE), f"{SECOND}: a link or a device"),
        (odd_member("../above", tarfile.DIRTYPE), "../above: leaves the folder"),
    ],
)
def test_what_is_no_plain_file_is_neither_read_nor_unpacked(
    tmp_path: Path, member: tarfile.TarInfo, complaint: str
) -> None:
    files = good_files()
    files.pop(SECOND)
    archive = pack(tmp_path / "a.tgz", files, odd=(member,))
    problem, *others = check_submission(archive, NAMES)
    assert complaint in problem
    assert others == (
        [] if member.name == SECOND else [f"{SECOND}: missing, but its image is in the list. Predict it too."]
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["a.tgz"]


def test_links_and_large_files_in_a_folder_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "VOC2012" / "Segmentation" / "comp6_test_cls"
    folder.mkdir(parents=True)
    (tmp_path / "good.png").write_bytes(encode_mask(mask_of(NAMES[0])))
    (folder / f"{NAMES[0]}.png").symlink_to(tmp_path / "good.png")
    (folder / f"{NAMES[1]}.png").write_bytes(bytes(2**24 + 1))
    problems = check_submission(tmp_path / "results", NAMES[:2])
    assert len(problems) == 2
    assert f"{SECOND}: larger than 16 MiB" in problems[1]
    assert f"{NAMES[0]}.png: a link or a device" in problems[0]


def test_a_mask_that_stands_twice_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        for name, content in [*good_files().items(), (SECOND, b"")]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    assert check_submission(tmp_path / "a.tgz", NAMES) == [f"{SECOND}: stands twice. Keep one."]


def test_other_kinds_of_archive_and_damage_are_explained(tmp_path: Path) -> None:
    plain = pack(tmp_path / "a.tar", good_files(), "w")
    whole = pack(tmp_path / "a.tgz", good_files()).read_bytes()
    for content in (plain.read_bytes(), b"PK\x03\x04", b"", whole[:-1], whole[:-9], whole[:200], whole[:20]):
        (tmp_path / "b.tgz").write_bytes(content)
        assert "b.tgz: damaged, or not a tar compressed by gzip" in check_submission(tmp_path / "b.tgz", NAMES)[0]
    with pytest.raises(PatchlearnError, match="no such file or folder"):
        check_submission(tmp_path / "none.tgz")
    with pytest.raises(PatchlearnError, match="no such file or folder"):
        check_submission(plain, NAMES, tmp_path / "none")


def test_without_a_list_the_masks_are_counted(tmp_path: Path) -> None:
    (problem,) = check_submission(pack(tmp_path / "a.tgz", good_files()))
    assert f"{FOLDER}: 3 masks, but VOC 2012 has {TEST_IMAGES} test images" in problem
    one = encode_mask(np.zeros((2, 2), np.uint8))
    many = {f"{FOLDER}/{index}.png": one for index in range(TEST_IMAGES)}
    assert check_submission(pack(tmp_path / "b.tgz", many)) == []


def test_both_competitions_may_be_sent_and_each_is_complete(tmp_path: Path) -> None:
    files = good_files()
    files |= {name.replace("comp6", "comp5"): content for name, content in files.items()}
    assert check_submission(pack(tmp_path / "a.tgz", files), NAMES) == []
    files.pop(SECOND.replace("comp6", "comp5"))
    (problem,) = check_submission(pack(tmp_path / "a.tgz", files), NAMES)
    assert problem.startswith(f"{SECOND.replace('comp6', 'comp5')}: missing")


def test_a_missing_image_is_named(images: Path, tmp_path: Path) -> None:
    (images / f"{NAMES[1]}.jpg").unlink()
    (problem,) = check_submission(pack(tmp_path / "a.tgz", good_files()), NAMES, images)
    assert f"{NAMES[1]}.jpg: no such file" in problem


@pytest.mark.parametrize("seed", range(3))
def test_no_damage_is_more_than_a_sentence(tmp_path: Path, seed: int) -> None:
    """Bytes are changed in a mask, in an uncompressed tar before it is compressed, and in the archive itself."""
    generator = np.random.default_rng(seed)
    for _ in range(30):
        files = good_files() | {SECOND: spoiled(files_of_second(), generator)}
        check_submission(pack(tmp_path / "a.tgz", files), NAMES)
        check_submission(compressed(tmp_path, spoiled(pack(tmp_path / "a.tar", files, "w").read_bytes(), generator)))
        archive = tmp_path / "a.tgz"
        archive.write_bytes(spoiled(archive.read_bytes(), generator))
        check_submission(archive, NAMES)


def files_of_second() -> bytes:
    return encode_mask(mask_of(NAMES[1], 15))


def spoiled(content: bytes, generator: np.random.Generator) -> bytes:
    values = np.frombuffer(content, np.uint8).copy()
    places = generator.integers(0, min(len(values), 1200), 3)
    values[places] = generator.integers(0, 256, 3)
    return values.tobytes()


def compressed(folder: Path, content: bytes) -> Path:
    path = folder / "c.tgz"
    path.write_bytes(gzip.compress(content))
    return path


# --- the verbs ---------------------------------------------------------------


def test_the_verbs_write_and_check(
    masks: Path, images: Path, test_list: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "results.tgz")
    listed = ["--list", str(test_list), "--images", str(images)]
    assert main(["submit", str(masks), "--out", out, *listed]) == 0
    assert "results.tgz: 3 masks for comp6" in capfd.readouterr().err.replace("\n", "")
    assert main(["check-submission", out, *listed]) == 0
    assert "nothing is wrong with it" in capfd.readouterr().err.replace("\n", " ")
    (masks / "others.txt").write_text("\n".join(VOC_CLASSES))
    assert main(["submit", str(masks), "--out", out, *listed, "--classes", str(masks / "others.txt")]) == 0
    with tarfile.open(out) as archive, Image.open(archive.extractfile(SECOND)) as image:  # type: ignore[arg-type]
        assert set(np.unique(np.asarray(image))) == {0, 5}


def test_the_first_ten_problems_are_shown_and_the_others_counted(
    test_list: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = pack(tmp_path / "a.tgz", {f"{index}.png": b"" for index in range(15)})
    assert main(["check-submission", str(bad), "--list", str(test_list)]) == 2
    message = capfd.readouterr().err
    assert message.count("wrong folder") == 10
    assert "… and 6 more" in message


def test_missing_classes_and_lists_are_one_sentence(
    masks: Path, test_list: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (masks / "classes.txt").unlink()
    start = ["submit", str(masks), "--out", str(tmp_path / "results.tgz"), "--list"]
    assert main([*start, str(test_list)]) == 2
    assert "Name the classes of the masks with --classes" in capfd.readouterr().err.replace("\n", " ")
    (masks / "classes.txt").write_text("cat\n")
    assert main([*start, str(tmp_path / "none.txt")]) == 2
    assert "none.txt: No such file or directory" in capfd.readouterr().err.replace("\n", " ")
    assert main([*start, str(test_list)]) == 2
    assert "holds the value 5, but there are 1 classes" in capfd.readouterr().err.replace("\n", " ")
