"""CVAT for images 1.1: https://docs.cvat.ai/docs/manual/advanced/xml_format/."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from patchlearn.core.files import write_text
from patchlearn.core.masks_io import PALETTE
from patchlearn.export.annotations.regions import Bools, MaskedImage, Points, Region, regions
from patchlearn.export.settings import AnnotationSettings


def describe(image: MaskedImage, classes: Sequence[str], settings: AnnotationSettings) -> ElementTree.Element:
    """`<image>` with one `<mask>`, or a group of `<polygon>`s, for every region."""
    height, width = image.mask.shape
    element = ElementTree.Element("image", id="", name=image.name, width=str(width), height=str(height))
    for group, region in enumerate(regions(image.mask, settings.per), 1):
        if settings.shapes == "polygons":
            element.extend(_polygons(region, classes[region.label], group))
        else:
            element.append(_mask(region, classes[region.label]))
    return element


def write(out: Path, entries: Sequence[ElementTree.Element], classes: Sequence[str]) -> None:
    """Write one XML file. The ids of images begin at 0. The task into which it is uploaded must have these labels."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    root.append(_meta(classes, len(entries)))
    for number, image in enumerate(entries):
        image.set("id", str(number))
        root.append(image)
    ElementTree.indent(root)
    write_text(out, f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n')


def row_run_lengths(pixels: Bools) -> list[int]:
    """Lengths of the runs of pixels, row by row: unset, set, unset, …

    The first length is 0 if the first pixel is set.

    >>> row_run_lengths(np.array([[1, 1, 0], [0, 1, 1]], bool))
    [0, 2, 2, 2]
    """
    flat = np.concatenate([[False], pixels.ravel()])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(edges, prepend=0, append=pixels.size).tolist()


def _mask(region: Region, label: str) -> ElementTree.Element:
    height, width = region.inside.shape
    place = {"left": region.left, "top": region.top, "width": width, "height": height}
    runs = ", ".join(map(str, row_run_lengths(region.inside)))
    return _shape("mask", label, rle=runs, **{name: str(value) for name, value in place.items()})


def _polygons(region: Region, label: str, group: int) -> list[ElementTree.Element]:
    polygons = region.polygons()
    of_group = {"group_id": str(group)} if len(polygons) > 1 else {}
    return [_shape("polygon", label, points=_points(corners), **of_group) for corners in polygons]


def _points(corners: Points) -> str:
    return ";".join(f"{x:.2f},{y:.2f}" for x, y in corners)


def _shape(tag: str, label: str, **attributes: str) -> ElementTree.Element:
    common = {"label": label, "source": "auto", "occluded": "0", "z_order": "0"}
    return ElementTree.Element(tag, {**common, **attributes})


def _meta(classes: Sequence[str], images: int) -> ElementTree.Element:
    meta = ElementTree.Element("meta")
    task = ElementTree.SubElement(meta, "task")
    ElementTree.SubElement(task, "size").text = str(images)
    ElementTree.SubElement(task, "mode").text = "annotation"
    labels = ElementTree.SubElement(task, "labels")
    for name, colour in zip(classes, PALETTE[1:]):
        label = ElementTree.SubElement(labels, "label")
        ElementTree.SubElement(label, "name").text = name
        ElementTree.SubElement(label, "color").text = f"#{bytes(colour).hex()}"
        ElementTree.SubElement(label, "attributes")
    return meta
