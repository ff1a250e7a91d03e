"""Hints from names and tags alone: what makes maps poor although every file is in order."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from patchlearn.core.types import Dataset, Sample
from patchlearn.data.checks.finding import Finding, spoken
from patchlearn.data.names import counted, shortened

FEW = 10  # training images of a class
LEARN, JUDGE = "train", "val"  # the splits that recipes read, unless their settings say otherwise
KNOWN = (LEARN, JUDGE, "test", "trainval")
SEPARATORS = {"|": "pipe", ",": "comma", ";": "semicolon"}  # as `data.separator` names them
OTHERS = "/+&"  # between words these are a separator too, which no setting names
DECIMALS = re.compile(r"\d+\.0+")  # a whole number, as a spreadsheet or pandas writes it beside empty cells
NOTHING = ("none", "nan", "null", "n/a", "na", "nothing", "no label", "unlabelled", "unlabeled", "-")
BRACKETS = re.compile(r"""^[\[({'"]|[\]}'"]$""")  # a list as programs print it; "crane (bird)" is a name

Samples = Sequence[Sample]


def tag_hints(dataset: Dataset) -> list[Finding]:
    """Every hint that needs no file: about the splits, the names of the classes, and the tags of the images."""
    learn, judge = (_tagged(dataset.splits.get(name, ())) for name in (LEARN, JUDGE))
    return [
        *_splits(dataset),
        *_similar_names(dataset.classes),
        *_several_in_one(dataset.classes),
        *_no_class(dataset.classes),
        *_decimals(dataset.classes),
        *_absent(dataset.classes, learn, LEARN, "cannot be learnt. Add images, or take out the class."),
        *_absent(dataset.classes, judge, JUDGE, "is not judged there. Move some of the images of the class there."),
        *_rare(dataset.classes, learn),
        *_inseparable(dataset.classes, learn),
        *_comparisons(dataset.classes, learn),
    ]


def _tagged(samples: Samples) -> Samples:
    """The samples; none where nobody tagged any."""
    return samples if any(sample.labels for sample in samples) else ()


def _splits(dataset: Dataset) -> Iterator[Finding]:
    if LEARN not in dataset.splits:
        yield Finding(
            "splits",
            f"No split has the name train, from which recipes learn; the data have {spoken(list(dataset.splits))}. "
            "Rename one, or set classifier.train_split.",
        )
        return
    if not _tagged(dataset.splits[LEARN]):
        yield Finding("splits", "No image of train has a tag: nothing can be learnt. Add the tags.")
    others = [name for name in dataset.splits if name not in KNOWN]
    if others:
        yield Finding(
            "splits",
            f"{counted(len(others), 'split is', 'splits are')} not read by recipes ({shortened(others)}): they read "
            "train and val. Rename the split, or name it in the settings (segmenter.splits for masks).",
        )


def _similar_names(classes: Sequence[str]) -> Iterator[Finding]:
    groups: dict[str, list[str]] = {}
    for name in classes:
        plain = name.partition(".")[0] if DECIMALS.fullmatch(name) else name
        groups.setdefault(re.sub(r"[\s_-]+", "", plain).casefold(), []).append(name)
    similar = [" = ".join(map(repr, group)) for group in groups.values() if len(group) > 1]
    if similar:
        yield Finding(
            "similar names",
            f"{counted(len(similar), 'class is', 'classes are')} written in several ways, each a class of its own "
            f"({shortened(similar)}). Write one way everywhere.",
        )


def _several_in_one(classes: Sequence[str]) -> Iterator[Finding]:
    """Cells that were not separated: 'cat|dog', "['cat']"."""
    lists = [name for name in classes if BRACKETS.search(name)]
    joined = [name for name in classes if name not in lists and len(_parts(name)) > 1]
    if lists:
        yield Finding(
            "separators",
            f"{counted(len(lists), 'class has', 'classes have')} brackets or quotes in the name ({shortened(lists)}). "
            "Write the bare names of the classes.",
        )
    if joined:
        yield Finding(
            "separators",
            f"{counted(len(joined), 'class looks', 'classes look')} like several tags in one ({shortened(joined)}). If "
            f"they are, {_separate(joined)}.",
        )


def _no_class(classes: Sequence[str]) -> Iterator[Finding]:
    """Words that people write where an image has none of the classes."""
    names = [name for name in classes if name.casefold() in NOTHING]
    if names:
        yield Finding(
            "no class",
            f"{counted(len(names), 'class has a name that means', 'classes have names that mean')} nothing is there "
            f"({shortened(names)}). Leave the cell of such images empty.",
        )


def _decimals(classes: Sequence[str]) -> Iterator[Finding]:
    names = [name for name in classes if DECIMALS.fullmatch(name)]
    if names:
        yield Finding(
            "decimals",
            f"{counted(len(names), 'class is a whole number', 'classes are whole numbers')} written with decimals "
            f"({shortened(names)}), as a spreadsheet or pandas does beside empty cells. Write "
            f"{names[0].partition('.')[0]}, or the name of the class.",
        )


def _parts(name: str) -> list[str]:
    return [part for part in re.split(f"[{re.escape(''.join(SEPARATORS) + OTHERS)}]", name) if part.strip()]


def _separate(names: Sequence[str]) -> str:
    """How the tags become separate."""
    marks = {mark for name in names for mark in (*SEPARATORS, *OTHERS) if mark in name}
    setting = SEPARATORS.get(marks.pop()) if len(marks) == 1 else None
    return f"set data.separator to {setting}" if setting else "write ; between the tags"


def _absent(classes: Sequence[str], samples: Samples, split: str, remedy: str) -> Iterator[Finding]:
    counts = _counts(samples)
    names = [name for index, name in enumerate(classes) if not counts[index]]
    if samples and names:
        yield Finding(
            "absent classes",
            f"{counted(len(names), 'class has', 'classes have')} no image in {split} ({shortened(names)}). Such a "
            f"class {remedy}",
        )


def _rare(classes: Sequence[str], samples: Samples) -> Iterator[Finding]:
    counts = _counts(samples)
    rare = sorted((counts[index], name) for index, name in enumerate(classes) if 0 < counts[index] < FEW)
    if rare:
        names = shortened([f"{name}: {count}" for count, name in rare])
        yield Finding(
            "rare classes",
            f"{counted(len(rare), 'class has', 'classes have')} fewer than {FEW} training images ({names}). Add images "
            "of them: few images teach little.",
        )


def _counts(samples: Samples) -> Counter[int]:
    return Counter(label for sample in samples for label in sample.labels)


def _inseparable(classes: Sequence[str], samples: Samples) -> Iterator[Finding]:
    """Tags of exactly the same images."""
    images: dict[int, list[int]] = {}
    for place, sample in enumerate(samples):
        for label in sample.labels:
            images.setdefault(label, []).append(place)
    groups: dict[tuple[int, ...], list[int]] = {}
    for label, places in sorted(images.items()):
        groups.setdefault(tuple(places), []).append(label)
    together = [
        f"{spoken([classes[label] for label in labels])}: {counted(len(places), 'image')}"
        for places, labels in groups.items()
        if len(labels) > 1 and len(places) > 1
    ]
    if together:
        yield Finding(
            "inseparable classes",
            f"{'Tags' if len(together) == 1 else f'{len(together):,} groups of tags'} always come together "
            f"({shortened(together)}), and cannot be told apart. Merge them, or add images with one of them alone.",
        )


def _comparisons(classes: Sequence[str], samples: Samples) -> Iterator[Finding]:
    """Images without a class, from which the classifier learns what the class is not."""
    counts, unknown = _counts(samples), Counter(label for sample in samples for label in sample.unknown)
    everywhere = [
        name for index, name in enumerate(classes) if counts[index] and counts[index] + unknown[index] == len(samples)
    ]
    if everywhere:
        yield Finding(
            "nothing to compare with",
            f"{counted(len(everywhere), 'tag is', 'tags are')} in every training image ({shortened(everywhere)}): no "
            "image shows what things look like without it. Add images without it.",
        )
    elif samples and all(sample.labels for sample in samples):
        yield Finding(
            "no negatives",
            "Every training image has a tag. Images of the same surroundings without any class help: add some with "
            "empty tags.",
        )
