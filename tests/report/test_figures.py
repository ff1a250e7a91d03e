"""Charts are safe SVG, and pictures keep their size and their colours."""

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
from PIL import Image

from patchlearn.report.figures import (
    Chart,
    Line,
    class_colour,
    data_uri,
    draw_chart,
    heat_overlay,
    mask_overlay,
    thumbnail,
)


def test_overlays_have_the_size_of_the_picture() -> None:
    picture = np.zeros((30, 40, 3), np.uint8)
    assert heat_overlay(picture, np.zeros((0, 5, 5), np.float32)).shape == (30, 40, 3)
    painted = mask_overlay(picture, np.array([[0, 1], [255, 2]], np.uint8))
    assert painted.shape == (30, 40, 3)
    assert len({tuple(painted[y, x]) for y, x in ((3, 3), (3, 33), (24, 33))}) == 3


def test_labels_of_a_chart_are_escaped() -> None:
    chart = Chart(name="a", x_label="<x>", y_label='"y"', lines=[Line(points=[(0, 0), (1, 1)], colour="#000000")])
    assert "<x>" not in draw_chart(chart)


def test_a_thumbnail_fits_its_box_and_keeps_its_proportions() -> None:
    assert thumbnail(np.zeros((500, 250, 3), np.uint8)).shape == (200, 100, 3)
    assert thumbnail(np.zeros((30, 440, 3), np.uint8)).shape == (15, 220, 3)


def test_a_class_has_one_colour_in_the_legend_and_in_the_mask() -> None:
    painted = mask_overlay(np.zeros((9, 9, 3), np.uint8), np.full((9, 9), 3, np.uint8))
    wanted = np.array([int(class_colour(2)[start : start + 2], 16) for start in (1, 3, 5)])
    np.testing.assert_allclose(painted[5, 5], 0.55 * wanted + 0.45 * 60, atol=1)


def test_heat_follows_the_strongest_class() -> None:
    scores = np.zeros((2, 4, 4), np.float32)
    scores[1, :, 2:] = 1
    heat = heat_overlay(np.full((40, 40, 3), 128, np.uint8), scores).astype(int).sum(axis=2)
    assert heat[:, :8].max() < heat[:, 32:].min()


def test_a_data_uri_is_a_jpeg_of_the_picture() -> None:
    head, _, content = data_uri(np.full((6, 7, 3), (200, 30, 30), np.uint8)).partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(BytesIO(b64decode(content))) as image:
        assert (image.format, image.size) == ("JPEG", (7, 6))
        assert image.getpixel((3, 3))[0] > 150  # type: ignore[index]


def test_charts_of_one_page_have_ids_of_their_own() -> None:
    lines = [Line(points=[(0, 0), (1, 1)], colour="#000000")]
    first, again, other = (draw_chart(Chart(name=name, x_label="x", y_label="y", lines=lines)) for name in "aab")
    assert first == again
    ids = [set(re.findall(r'id="([^"]+)"', chart)) for chart in (first, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
