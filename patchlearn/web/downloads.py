"""What the page shows and what can be downloaded, as the bytes of files."""

import zipfile
from html import escape
from io import BytesIO
from pathlib import Path, PurePath

import numpy as np
from PIL import Image

from patchlearn.core.masks_io import encode_mask
from patchlearn.core.types import Float32, UInt8
from patchlearn.export.annotations.coco import coco_json, describe
from patchlearn.export.annotations.regions import MaskedImage, regions
from patchlearn.export.settings import AnnotationSettings
from patchlearn.report.figures import class_colour
from patchlearn.web.answers import Answer

QUALITY = 92  # of the JPEG that the page shows; it is never read by a network
LONGEST_SHOWN = 2000  # pixels, of the picture on the page


def picture(image: UInt8) -> bytes:
    """A JPEG of the upright image, for the page."""
    shown = Image.fromarray(image)
    shown.thumbnail((LONGEST_SHOWN, LONGEST_SHOWN))
    return _encoded(shown, "JPEG", quality=QUALITY)


def map_picture(scores: Float32) -> bytes:
    """A grey PNG of an h×w map: 255 is the score 1."""
    return _encoded(Image.fromarray((scores.clip(0, 1) * 255).round().astype(np.uint8)), "PNG")


def outlines_svg(mask: UInt8, classes: tuple[str, ...]) -> str:
    """The outlines of all components, one path each, in pixels of the image; no piece has a hole."""
    height, width = mask.shape
    paths = [
        f'<path d="{_path(region.polygons())}" fill="none" stroke="{class_colour(region.label)}" '
        f'data-class="{escape(classes[region.label])}"><title>{escape(classes[region.label])}</title></path>'
        for region in regions(mask, "component")
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return "\n".join([head, *paths, "</svg>"])


def coco(mask: UInt8, name: str, classes: tuple[str, ...]) -> str:
    """COCO JSON with polygons, a component each."""
    entry = describe(
        MaskedImage(name=name, mask=mask, source=Path(name)), classes, AnnotationSettings(shapes="polygons")
    )
    return coco_json([entry], classes)


def archive(answer: Answer, name: str, classes: tuple[str, ...]) -> bytes:
    """A zip with the mask as PNG, COCO JSON and SVG, the map of each class, and the names of the classes."""
    stem = PurePath(name).stem or "image"
    files: dict[str, bytes | str] = {
        f"{stem}.png": encode_mask(answer.mask),
        f"{stem}.json": coco(answer.mask, name, classes),
        f"{stem}.svg": outlines_svg(answer.mask, classes),
        "classes.txt": "".join(f"{each}\n" for each in classes),
        **{f"maps/{stem}-{index + 1}.png": map_picture(scores) for index, scores in zip(answer.tags, answer.maps)},
    }
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, content in files.items():
            packed.writestr(path, content)
    return buffer.getvalue()


def _path(polygons: list[np.ndarray]) -> str:
    """Corners → an SVG path."""
    return "".join("M" + "L".join(f"{x:g},{y:g}" for x, y in corners) + "Z" for corners in polygons)


def _encoded(image: Image.Image, format: str, **options: int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()
