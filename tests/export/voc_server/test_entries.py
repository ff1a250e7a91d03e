"""Archives and folders are read without unpacking; links, devices and damage are named."""

import gzip
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from submissions import FOLDER, NAMES, SECOND, good_files, mask_of, odd_member, pack

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import encode_mask
from patchlearn.export.voc_server.check import check_submission
from patchlearn.export.voc_server.entries import Entry, archived_entries, folder_entries


@pytest.mark.parametrize(
    ("member", "complaint"),
    [
        (odd_member(SECOND, tarfile.SYMTYPE, "/elsewhere.png"), f"{SECOND}: a link or a device"),
        (odd_member(SECOND, tarfile.LNKTYPE, f"{FOLDER}/{NAMES[0]}.png"), f"{SECOND}: a link or a device"),
        (odd_member(SECOND, tarfile.CHRTYPE), f"{SECOND}: a link or a device"),
        (odd_member(SECOND, tarfile.FIFOTYPE), f"{SECOND}: a link or a device"),
        (odd_member("../above", tarfile.DIRTYPE), "../above: outside of the folder"),
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


def test_archives_and_folders_have_the_same_entries(tmp_path: Path) -> None:
    files = good_files()
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    expected = [Entry(name=name, content=content) for name, content in files.items()]
    assert list(folder_entries(tmp_path / "results")) == list(folder_entries(tmp_path)) == expected
    assert list(archived_entries(pack(tmp_path / "a.tgz", files))) == expected


def archive_with(path: Path, *headers: bytes) -> Path:
    """Headers that come before a mask, each with two MiB of nothing."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for kind in headers:
            member = tarfile.TarInfo("long")
            member.type, member.size = kind, 2**21
            file.write(member.tobuf(tarfile.GNU_FORMAT) + bytes(2**21))
        file.write(tarfile.TarInfo("results/a.png").tobuf() + bytes(1024))
    return path


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_long_headers_are_not_read(kind: bytes, tmp_path: Path) -> None:
    (entry,) = archived_entries(archive_with(tmp_path / "a.tgz", kind))
    assert "a.tgz" in entry.name
    assert "headers of more than 1 MiB" in entry.fault


def test_headers_of_headers_have_an_end(tmp_path: Path) -> None:
    member = tarfile.TarInfo("long")
    member.type = tarfile.XHDTYPE
    (tmp_path / "a.tgz").write_bytes(gzip.compress(member.tobuf(tarfile.USTAR_FORMAT) * 5000 + bytes(1024)))
    (entry,) = archived_entries(tmp_path / "a.tgz")
    assert "damaged, or not a tar" in entry.fault


def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tgz")
    with pytest.raises(PatchlearnError, match=r"a\.tgz"):
        check_submission(tmp_path / "a.tgz", NAMES)
