"""A data set made on the spot: storybook animals whose heads tell them apart at a glance and whose bodies hardly do.

It shows the central problem of the field. A classifier needs the head alone, so its class activation map lights up
the head alone; the body differs between the classes in build, hue and coat, but subtly and with much overlap.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator, SeedSequence
from PIL import Image

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.files import atomic, read_json, write_text
from patchlearn.core.manifest import MANIFEST, begin, fingerprint, finish, is_complete
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import Dataset, Float32, Integers, UInt8
from patchlearn.data.formats.folder import open_folder
from patchlearn.data.labels import COLUMNS
from patchlearn.data.scenes.creatures import CREATURES, draw_creature
from patchlearn.data.scenes.drawing import Sprite, draw_clutter, from_hsv, noise, octaves

SCENES_VERSION = 2
SCENE_CLASSES: tuple[str, ...] = tuple(sorted(CREATURES))
SPLITS = ("train", "val")
MIN_SIZE = 64

_CONTENTS = {"images", "masks", "parts", "labels.csv", "classes.txt", MANIFEST}
_KEY_PREFIX = "scenes-"

# Without some hidden heads the body would never be worth a look.
_HEADLESS_SHARE = 0.2
_OBJECT_COUNTS = (0.4, 0.4, 0.2)
# Trunk lengths in shares of the short side, for 1, 2 and 3 objects.
_SIZES = ((0.42, 0.64), (0.32, 0.48), (0.26, 0.4))
_MIN_IN_FRAME = 0.93
_HIGHEST_CENTRE = 0.3
_MIN_UNCOVERED = 0.8


@dataclass(frozen=True, kw_only=True)
class SceneSettings:
    """What to draw.

    Args:
        train: images to learn from.
        val: images to evaluate on.
        size: long side in pixels, at least 64; the short side is 0.75 to 1 of it.
        seed: another seed gives other images.
    """

    train: int = 400
    val: int = 100
    size: int = 160
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One drawn image and everything known about it.

    Args:
        image: H×W×3, sRGB.
        mask: H×W, 0 background, i + 1 for class i of `SCENE_CLASSES`.
        parts: H×W, 0 background, 1 strongly (the head), 2 weakly discriminative part (the body).
        labels: the class indices in `mask`, sorted.
    """

    image: UInt8
    mask: UInt8
    parts: UInt8
    labels: tuple[int, ...]


# --- the folder --------------------------------------------------------------


def open_scenes(root: Path, settings: SceneSettings) -> Dataset:
    """Draw the scenes into `root` unless they lie there already, then read it like any folder data set.

    Raises:
        PatchlearnError: a setting is out of range, or `root` holds files that are not ours to replace.
    """
    _require_sensible(settings)
    key = _KEY_PREFIX + fingerprint(asdict(settings), SCENES_VERSION)
    if not (_is_drawing(root / MANIFEST) and is_complete(root, key)):
        _require_ours(root)
        begin(root, key)
        _write_folder(root, settings)
        finish(root, key, settings=asdict(settings), version=SCENES_VERSION)
    return open_folder(root)


def _require_sensible(settings: SceneSettings) -> None:
    for name, value, least in (
        ("train", settings.train, 1),
        ("val", settings.val, 1),
        ("size", settings.size, MIN_SIZE),
        ("seed", settings.seed, 0),
    ):
        if value < least:
            raise PatchlearnError(f"scenes: {name} is {value}; give at least {least}.")


def _require_ours(root: Path) -> None:
    """Drawing anew deletes what is there, so there must be nothing but an older drawing."""
    if root.exists() and not root.is_dir():
        raise PatchlearnError(f"{root}: is a file. Name a folder for the scenes.")
    found = {path.name for path in root.iterdir()} if root.exists() else set()
    if found and not _is_drawing(root / MANIFEST):
        raise PatchlearnError(f"{root}: holds files that are no drawn scenes. Name a new or empty folder.")
    strangers = sorted(name for name in found - _CONTENTS if not name.endswith(".partial"))
    if strangers:
        raise PatchlearnError(f"{root}: {strangers[0]!r} does not belong to the drawn scenes. Move it elsewhere.")


def _is_drawing(manifest: Path) -> bool:
    found = read_json(manifest) if manifest.exists() else None
    return isinstance(found, dict) and str(found.get("key")).startswith(_KEY_PREFIX)


def _write_folder(root: Path, settings: SceneSettings) -> None:
    rows = [",".join(COLUMNS)]
    for split, index in _all_images(settings):
        scene = draw_scene(settings, split, index)
        stem = f"{split}_{index:05d}"
        _write_scene(root, stem, scene)
        rows.append(f"{stem}.jpg,{split},{' '.join(SCENE_CLASSES[label] for label in scene.labels)}")
    write_text(root / "classes.txt", "\n".join(SCENE_CLASSES) + "\n")
    write_text(root / "labels.csv", "\n".join(rows) + "\n")


def _all_images(settings: SceneSettings) -> Iterator[tuple[str, int]]:
    for split, count in zip(SPLITS, (settings.train, settings.val), strict=True):
        for index in range(count):
            yield split, index


def _write_scene(root: Path, stem: str, scene: Scene) -> None:
    with atomic(root / "images" / f"{stem}.jpg") as partial:
        Image.fromarray(scene.image).save(partial, "JPEG", quality=95, subsampling=0)
    write_mask(root / "masks" / f"{stem}.png", scene.mask)
    write_mask(root / "parts" / f"{stem}.png", scene.parts)


# --- one scene ---------------------------------------------------------------


def draw_scene(settings: SceneSettings, split: str, index: int) -> Scene:
    """Draw one image; the same (seed, size, split, index) always gives the same one.

    Args:
        settings: `size` and `seed` matter here.
        split: "train" or "val".
        index: from 0, within the split.

    Raises:
        PatchlearnError: a setting is out of range, or there is no such split.
    """
    _require_sensible(settings)
    require_one_of("split", split, SPLITS)
    rng = np.random.default_rng(SeedSequence((settings.seed, SPLITS.index(split), index)))
    picture = _Picture(_landscape(rng, settings.size))
    for _ in range(rng.integers(3, 8)):
        _scatter(picture, rng)
    _place_all(picture, rng, _cast(rng, _leading_class(settings.seed, split, index)))
    return picture.scene()


def _leading_class(seed: int, split: str, index: int) -> int:
    """Every run of K images is led by each class once, so that all occur about equally often."""
    turn, place = divmod(index, len(SCENE_CLASSES))
    shuffle = np.random.default_rng(SeedSequence((seed, SPLITS.index(split), turn, len(SCENE_CLASSES))))
    return int(shuffle.permutation(len(SCENE_CLASSES))[place])


def _cast(rng: Generator, leading: int) -> list[int]:
    others = int(rng.choice(len(_OBJECT_COUNTS), p=_OBJECT_COUNTS))
    return [leading, *rng.integers(len(SCENE_CLASSES), size=others).tolist()]


def _scatter(picture: "_Picture", rng: Generator) -> None:
    short = min(picture.size)
    sprite = draw_clutter(rng, unit=short * rng.uniform(0.03, 0.1))
    picture.paste(sprite, _random_corner(rng, picture.size, sprite))


def _place_all(picture: "_Picture", rng: Generator, cast: list[int]) -> None:
    low, high = _SIZES[len(cast) - 1]
    for label in cast:
        unit = min(picture.size) * rng.uniform(low, high)
        creature = CREATURES[SCENE_CLASSES[label]]
        sprite = draw_creature(creature, rng, unit=unit, headless=rng.random() < _HEADLESS_SHARE)
        corner = _free_corner(picture, rng, sprite)
        if corner is not None:
            picture.paste(sprite, corner, label)


def _free_corner(picture: "_Picture", rng: Generator, sprite: Sprite) -> tuple[int, int] | None:
    """Where the sprite is in the frame and covers little of the others; the first object always finds its place."""
    for _ in range(20):
        corner = _random_corner(rng, picture.size, sprite)
        if picture.has_room(sprite, corner):
            return corner
    middle = (picture.size[0] - sprite.part.shape[0]) // 2, (picture.size[1] - sprite.part.shape[1]) // 2
    return middle if picture.is_empty or picture.has_room(sprite, middle) else None


def _random_corner(rng: Generator, size: tuple[int, int], sprite: Sprite) -> tuple[int, int]:
    """The sprite's top left, so that its centre lies anywhere but in the sky."""
    height, width = size
    row, column = rng.integers(round(_HIGHEST_CENTRE * height), height), rng.integers(width)
    return int(row) - sprite.part.shape[0] // 2, int(column) - sprite.part.shape[1] // 2


class _Picture:
    """What has been painted so far, and which object and part every pixel shows."""

    def __init__(self, ground: Float32) -> None:
        self._colour = ground
        self._object: Integers = np.zeros(ground.shape[:2], np.int64)
        self._parts: UInt8 = np.zeros(ground.shape[:2], np.uint8)
        self._labels: list[int] = []
        self._areas: list[int] = []

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self._parts.shape[0], self._parts.shape[1]

    @property
    def is_empty(self) -> bool:
        """Whether no object has been painted yet; clutter does not count."""
        return not self._labels

    def has_room(self, sprite: Sprite, corner: tuple[int, int]) -> bool:
        """Whether enough of the sprite, and of every object it would cover, stays visible."""
        here, there = self._overlap(sprite, corner)
        if sprite.is_object[there].sum() < _MIN_IN_FRAME * sprite.is_object.sum():
            return False
        hidden = np.bincount(self._object[here][sprite.part[there] > 0], minlength=len(self._labels) + 1)[1:]
        visible = np.bincount(self._object.ravel(), minlength=len(self._labels) + 1)[1:] - hidden
        return bool((visible >= _MIN_UNCOVERED * np.array(self._areas, dtype=np.int64)).all())

    def paste(self, sprite: Sprite, corner: tuple[int, int], label: int | None = None) -> None:
        """Paint a sprite over what is there: an object of class `label`, or clutter without one."""
        here, there = self._overlap(sprite, corner)
        ground = self._colour[here] * (1 - 0.4 * sprite.shadow[there][..., None])
        self._colour[here] = ground * (1 - sprite.alpha[there][..., None]) + sprite.colour[there]
        if label is not None:
            self._labels.append(label)
            self._areas.append(int(sprite.is_object[there].sum()))
        shown, is_object = sprite.part[there] > 0, sprite.is_object[there]
        self._object[here][shown] = np.where(is_object, len(self._labels), 0)[shown]
        self._parts[here][shown] = np.where(is_object, sprite.part[there], 0)[shown]

    def scene(self) -> Scene:
        """The finished picture."""
        classes = np.array([0, *(label + 1 for label in self._labels)], dtype=np.uint8)
        mask = classes[self._object]
        return Scene(
            image=np.clip(np.rint(self._colour), 0, 255).astype(np.uint8),
            mask=mask,
            parts=self._parts,
            labels=tuple(int(value) - 1 for value in np.unique(mask) if value),
        )

    def _overlap(self, sprite: Sprite, corner: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Where sprite and picture meet: in the picture's own pixels, and in the sprite's."""
        spans = [
            (max(0, start), min(side, start + extent), start)
            for start, extent, side in zip(corner, sprite.part.shape, self.size)
        ]
        here = tuple(slice(first, max(first, last)) for first, last, _ in spans)
        there = tuple(slice(first - start, max(first, last) - start) for first, last, start in spans)
        return (here[0], here[1]), (there[0], there[1])


# --- backgrounds -------------------------------------------------------------


def _landscape(rng: Generator, size: int) -> Float32:
    """H×W×3 in 0..255: textured ground, in most pictures with hills and a sky above it."""
    height, width = _frame(rng, size)
    ground = _ground(rng, height, width)
    if rng.random() < 0.3:
        return ground
    sky = _sky(rng, height, width)
    ridge = height * (rng.uniform(0.15, 0.4) + 0.04 * octaves(rng, 1, width, (0.3 * width, 0.1 * width)))
    below = np.clip(np.arange(height, dtype=np.float32)[:, None] - ridge, 0, 1)[..., None]
    return (sky + below * (ground - sky)).astype(np.float32)


def _frame(rng: Generator, size: int) -> tuple[int, int]:
    short = round(size * rng.uniform(0.75, 1.0))
    return (short, size) if rng.random() < 0.75 else (size, short)


def _ground(rng: Generator, height: int, width: int) -> Float32:
    """Two shades of one hue, mixed by noise of several octaves and darker towards one side."""
    hue, saturation, value = rng.uniform(0.05, 0.5), rng.uniform(0.1, 0.45), rng.uniform(0.5, 0.85)
    light = np.array(from_hsv(hue, saturation, value), dtype=np.float32)
    dark = np.array(from_hsv(hue + rng.normal(0.0, 0.06), saturation + 0.1, 0.75 * value), dtype=np.float32)
    mix = octaves(rng, height, width, (width / 3, width / 8, width / 20, width / 50))
    slope = rng.uniform(-0.6, 0.6) * np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    share = np.clip(0.5 + 0.3 * mix + slope, 0, 1)[..., None]
    grain = 4 * noise(rng, height, width, 1.0)[..., None]
    return (light + share * (dark - light) + grain).astype(np.float32)


def _sky(rng: Generator, height: int, width: int) -> Float32:
    """A gradient from zenith to horizon, with soft clouds."""
    hue = rng.choice((0.55, 0.6, 0.08, 0.9)) + rng.normal(0.0, 0.03)
    zenith = np.array(from_hsv(hue, rng.uniform(0.25, 0.5), rng.uniform(0.7, 0.95)), dtype=np.float32)
    horizon = np.array(from_hsv(hue + rng.normal(0.0, 0.08), 0.12, 0.97), dtype=np.float32)
    fall = np.linspace(0.0, 2.0, height, dtype=np.float32)[:, None]
    clouds = 0.25 * octaves(rng, height, width, (width / 4, width / 9, width / 20))
    share = np.clip(fall + clouds, 0, 1)[..., None]
    return (zenith + share * (horizon - zenith)).astype(np.float32)
