"""Label Studio: tasks with brush masks as predictions, which annotators accept or correct.

The tasks are a JSON file to import. The labelling configuration of the project is an XML file beside it.
"""

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import write_text
from patchlearn.core.masks_io import PALETTE
from patchlearn.export.annotations.regions import Bools, MaskedImage, Region, regions
from patchlearn.export.settings import AnnotationSettings

CONTROL, OBJECT = "masks", "image"
CHANNELS, WORD = 4, 8  # a brush is an RGBA picture with 8 bits per value; A is the mask
WIDTHS = (3, 4, 8, 16)  # possible numbers of bits for the length of a run
LONGEST = 1 << WIDTHS[-1]


def describe(image: MaskedImage, classes: Sequence[str], settings: AnnotationSettings) -> dict[str, Any]:
    """The task of an image: its address, and one prediction with a brush for every region."""
    found = regions(image.mask, settings.per)
    result = [_brush(region, classes[region.label], f"region-{number}") for number, region in enumerate(found, 1)]
    prediction = {"model_version": "patchlearn", "result": result}
    return {"data": {OBJECT: settings.images_at + quote(image.name)}, "predictions": [prediction]}


def write(out: Path, entries: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> None:
    """Write the tasks to `out`, and the labelling configuration to the XML file of the same name.

    Raises:
        PatchlearnError: the XML file exists, and is not a labelling configuration.
    """
    configuration = out.with_suffix(".xml")
    if configuration.exists() and not configuration.read_bytes().startswith(b"<View"):
        raise PatchlearnError(
            f"{configuration}: exists and is not a labelling configuration. Give {out.name} another name."
        )
    write_text(configuration, labelling_configuration(classes))
    write_text(out, json.dumps(entries, ensure_ascii=False))


def labelling_configuration(classes: Sequence[str]) -> str:
    """The XML with which a Label Studio project shows the predictions.

    >>> print(labelling_configuration(["cat"]))
    <View>
      <Image name="image" value="$image" zoom="true" />
      <BrushLabels name="masks" toName="image">
        <Label value="cat" background="#800000" />
      </BrushLabels>
    </View>
    """
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", name=OBJECT, value=f"${OBJECT}", zoom="true")
    brushes = ElementTree.SubElement(view, "BrushLabels", name=CONTROL, toName=OBJECT)
    for name, colour in zip(classes, PALETTE[1:]):
        ElementTree.SubElement(brushes, "Label", value=name, background=f"#{bytes(colour).hex()}")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode")


def brush_run_lengths(pixels: Bools) -> list[int]:
    """Label Studio's run lengths of H×W pixels as bytes; the encoding is that of @thi.ng/rle-pack.

    A stream of bits. Header: the number of values (32 bits), the bits of a value minus 1 (5 bits), and each of the four
    widths minus 1 (4 bits). Then for each run: a 1, the index of its width (2 bits), its length minus 1 in that width,
    and the value.

    >>> bytes(brush_run_lengths(np.ones((1, 2), bool))).hex()  # 8 values, 8 bits each; one run of 8 times 255
    '00000008391bfcffe0'
    """
    header = f"{pixels.size * CHANNELS:032b}{WORD - 1:05b}" + "".join(f"{width - 1:04b}" for width in WIDTHS)
    bits = header + "".join(_packets(pixels))
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def _brush(region: Region, label: str, id: str) -> dict[str, Any]:
    height, width = region.size
    rle = brush_run_lengths(region.full())
    return {
        "id": id,
        "type": "brushlabels",
        "from_name": CONTROL,
        "to_name": OBJECT,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {"format": "rle", "rle": rle, "brushlabels": [label]},
    }


def _packets(pixels: Bools) -> Iterator[str]:
    flat = pixels.ravel()
    edges = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]])
    for start, length in zip(edges, np.diff(edges) * CHANNELS):
        value = 255 if flat[start] else 0
        for done in range(0, int(length), LONGEST):
            yield _packet(min(int(length) - done, LONGEST), value)


def _packet(length: int, value: int) -> str:
    which = bisect_left(WIDTHS, (length - 1).bit_length())
    return f"1{which:02b}{length - 1:0{WIDTHS[which]}b}{value:0{WORD}b}"
