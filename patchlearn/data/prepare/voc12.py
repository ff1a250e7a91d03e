"""PASCAL VOC 2012 with the 10,582 training images of the literature: VOC's train, and what SBD adds, without VOC's val.

Image labels come from VOC's own annotations, which name the objects in all 10,582 images. The masks that SBD adds are
needed for the fully supervised reference alone.
"""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import write_text
from patchlearn.data.formats.voc import read_list
from patchlearn.data.prepare.parts import Part, below, count_files, first_folder, md5_of

ARCHIVE = "VOCtrainval_11-May-2012.tar"
ARCHIVE_MD5 = "6cd6e144f989b92b3379bac3b3de84fd"
VOC = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/"
SBD = "http://home.bharathh.info/pubs/codes/SBD/download.html"
COUNTS = {"JPEGImages": (".jpg", 17_125), "Annotations": (".xml", 17_125), "SegmentationClass": (".png", 2_913)}
LISTS = {"train": 1_464, "val": 1_449}  # in ImageSets/Segmentation
TRAIN_AUG, MASKS_AUG = 10_582, 12_031  # images in the list; masks of train_aug and val together
SETS, SETS_AUG = "ImageSets/Segmentation", "ImageSets/SegmentationAug"
AUG, MASKS = "SegmentationClassAug", "SegmentationClass"
LIST_NAMES = ("train_aug.txt", "trainaug.txt", "train_aug_id.txt")
SBD_FOLDERS = ("", "dataset", "benchmark_RELEASE/dataset", "SBD", "sbd", "VOCaug/dataset", "VOCdevkit/VOCaug/dataset")


def look(root: Path) -> list[Part]:
    """VOC itself, the list of 10,582 images, and the masks that go with it.

    Args:
        root: the folder VOC2012 or one above it, or the folder in which its archive lies.
    """
    voc = _voc(root)
    names, origin = _train_aug(root, voc)
    masks = _masks_aug(root, voc)
    count = count_files(masks, ".png") if masks else 0
    listed = Part(
        name="the list train_aug",
        is_there=len(names) == TRAIN_AUG,
        found=f"{len(names):,} images ({origin})" if origin else "nothing",
        wanted=f"{TRAIN_AUG:,} images, none of them in val",
        source=f"{SBD}: unpack benchmark.tgz in {root}, and its lists give this one; or take the file "
        f"voc12/train_aug.txt of https://github.com/jiwoon-ahn/irn and put it into {root}",
    )
    aug = Part(
        name=f"the masks {AUG}",
        is_there=count >= MASKS_AUG,
        found=f"{below(masks, root)} with {count:,} masks" if masks else "nothing",
        wanted=f"{MASKS_AUG:,} masks (PNG)",
        source=f"made from {SBD}; others pass it on as SegmentationClassAug.zip. Only the fully supervised reference "
        "reads them",
        is_needed=False,
    )
    return [_own_part(root, voc), listed, aug]


def convert(root: Path, out: Path) -> None:
    """Write a folder in VOC's layout with the list train_aug; images, annotations and masks are links into `root`.

    Args:
        root: in which all that is needed is there.
        out: the new folder; what an earlier call wrote there stays.

    Raises:
        PatchlearnError: `out` lies in `root`, or holds other files.
    """
    if out.resolve().is_relative_to(root.resolve()):
        raise PatchlearnError(f"{out}: lies among the files of {root}. Name a folder outside of them with --out.")
    voc, masks = _voc(root), _masks_aug(root, _voc(root))
    assert voc is not None
    (out / SETS).mkdir(parents=True, exist_ok=True)
    for name in LISTS:
        _write_list(out, name, read_list(voc / SETS / f"{name}.txt"))
    _write_list(out, "train_aug", _train_aug(root, voc)[0])
    for name in ("JPEGImages", "Annotations"):
        _link(voc / name, out / name)
    if masks is None or count_files(masks, ".png") < MASKS_AUG:
        _link(voc / MASKS, out / MASKS)
    else:
        _link_masks(voc / MASKS, masks, out / MASKS)


def command(out: Path) -> str:
    """What trains on the folder."""
    return f"patchlearn run {quote(str(out))} --recipe voc12-ppl"


def _voc(root: Path) -> Path | None:
    folder = first_folder(root, [f"{name}JPEGImages" for name in ("", "VOC2012/", "VOCdevkit/VOC2012/")])
    return folder.parent if folder else None


def _own_part(root: Path, voc: Path | None) -> Part:
    counts = {name: count_files(voc / name, suffix) if voc else 0 for name, (suffix, _) in COUNTS.items()}
    lists = {name: len(_names(voc / SETS / f"{name}.txt")) if voc else 0 for name in LISTS}
    are_there = all(counts[name] >= wanted for name, (_, wanted) in COUNTS.items())
    found = {**counts, **lists}
    wanted = {**{name: count for name, (_, count) in COUNTS.items()}, **LISTS}
    return Part(
        name="VOC 2012, trainval",
        is_there=are_there and lists == LISTS,
        found=f"{below(voc, root)} with {_numbers(found)}" if voc else _archive(root),
        wanted=_numbers(wanted),
        source=f"{VOC}: {ARCHIVE} (2 GB, md5 {ARCHIVE_MD5}); unpack it with: tar -xf {ARCHIVE}",
    )


def _numbers(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} in {name}" for name, count in counts.items())


def _archive(root: Path) -> str:
    """What is to be said of the archive, where it has not been unpacked."""
    path = root / ARCHIVE
    if not path.is_file():
        return "nothing"
    md5 = md5_of(path)
    return f"{ARCHIVE}, {'whole, not unpacked' if md5 == ARCHIVE_MD5 else f'damaged (md5 {md5}): download it again'}"


def _masks_aug(root: Path, voc: Path | None) -> Path | None:
    inside = [below(voc / AUG, root)] if voc else []
    return first_folder(root, [*inside, AUG])


def _train_aug(root: Path, voc: Path | None) -> tuple[list[str], str]:
    """(the sorted names, where they come from) of the first source that is whole, else of the fullest."""
    found = [(sorted(names), origin) for names, origin in _sources(root, voc)] if voc else []
    whole = [each for each in found if len(each[0]) == TRAIN_AUG]
    return max([*whole, *found], key=lambda each: (len(each[0]) == TRAIN_AUG, len(each[0])), default=([], ""))


def _sources(root: Path, voc: Path) -> Iterator[tuple[set[str], str]]:
    """What may say which images belong to train_aug; an image that VOC lacks, or that is in val, does not."""
    val, train = (_names(voc / SETS / f"{name}.txt") for name in ("val", "train"))
    known = {path.stem for path in (voc / "JPEGImages").iterdir()} - val
    for folder in (voc / SETS, voc / SETS_AUG, root):
        for path in (folder / name for name in LIST_NAMES):
            if path.is_file():
                yield _names(path) & known, below(path, root)
    for folder in (root / name for name in SBD_FOLDERS):
        lists = [folder / name for name in ("train.txt", "val.txt")]
        if all(path.is_file() for path in lists):
            yield set().union(train, *map(_names, lists)) & known, f"SBD's lists in {below(folder, root)}"
    masks = _masks_aug(root, voc)
    if masks:
        yield {path.stem for path in masks.iterdir()} & known, f"names of the masks in {below(masks, root)}"


def _names(path: Path) -> set[str]:
    """The images of a list; of a line "/JPEGImages/a.jpg /SegmentationClassAug/a.png", "a"."""
    return {Path(name).stem for name in read_list(path)} if path.is_file() else set()


def _write_list(out: Path, name: str, images: list[str]) -> None:
    write_text(out / SETS / f"{name}.txt", "".join(f"{image}\n" for image in images))


def _link_masks(own: Path, added: Path, folder: Path) -> None:
    """A link for each mask: VOC's own where there is one, else that of SBD."""
    folder.mkdir(exist_ok=True)
    ours = {path.name for path in own.glob("*.png")}
    for path in added.glob("*.png"):
        _link((own if path.name in ours else added) / path.name, folder / path.name)


def _link(target: Path, path: Path) -> None:
    if path.is_symlink() and path.resolve() == target.resolve():
        return
    if path.is_symlink() or path.exists():
        raise PatchlearnError(f"{path}: is there already, and is no link to {target}. Name another --out.")
    path.symlink_to(target.resolve())
