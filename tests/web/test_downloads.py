"""The files of an answer."""

import json
import re
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from patchlearn.web import downloads

CLASSES = ("cat", 'dog "big" <b>')
MASK = np.array([[1, 1, 0, 2], [1, 1, 0, 255]], np.uint8)


def test_outlines_are_a_picture_of_the_size_of_the_mask() -> None:
    svg = ElementTree.fromstring(downloads.outlines_svg(MASK, CLASSES))
    assert svg.get("viewBox") == "0 0 4 2"
    paths = svg.findall("{http://www.w3.org/2000/svg}path")
    assert [path.get("data-class") for path in paths] == list(CLASSES)  # names are escaped
    corners = [tuple(map(float, pair.split(","))) for pair in re.findall(r"[\d.]+,[\d.]+", paths[0].get("d", ""))]
    assert {x for x, _ in corners} == {0, 0.5, 1.5, 2} or max(x for x, _ in corners) <= 2
    assert all(0 <= y <= 2 for _, y in corners)


def test_an_empty_mask_has_no_outlines() -> None:
    assert "<path" not in downloads.outlines_svg(np.zeros((2, 3), np.uint8), CLASSES)


def test_coco_has_the_pixels_of_the_mask() -> None:
    data = json.loads(downloads.coco(MASK, "a.jpg", CLASSES))
    assert [(each["category_id"], each["area"]) for each in data["annotations"]] == [(1, 4), (2, 1)]
    assert data["images"][0]["file_name"] == "a.jpg"


def test_a_map_is_grey_and_a_large_picture_is_made_smaller() -> None:
    grey = Image.open(BytesIO(downloads.map_picture(np.array([[0, 0.5, 1]], np.float32))))
    assert np.asarray(grey).tolist() == [[0, 128, 255]]
    assert Image.open(BytesIO(downloads.picture(np.zeros((30, 5000, 3), np.uint8)))).size == (2000, 12)
