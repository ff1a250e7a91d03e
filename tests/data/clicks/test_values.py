"""Clicks as values."""

from pathlib import Path

from patchlearn.data.clicks.values import Box, Clicks, ImageClicks, Point

CLICKS = Clicks(
    images={
        "a": ImageClicks(points=(Point(0, 0, 1), Point(1, 0, 0)), boxes=(Box(0, 0, 3, 3, 0), Box(1, 1, 2, 2, 1))),
        "b": ImageClicks(points=(Point(0, 0, 0),)),
        "c": ImageClicks(scribble=Path("c.png")),
    }
)


def test_clicks_are_counted_and_told_in_words() -> None:
    assert (CLICKS.points, CLICKS.boxes, CLICKS.scribbled) == (3, 2, 1)
    assert CLICKS.supervision == "tags + 3 clicks + 2 boxes + 1 scribbled image"
    assert CLICKS.among(["b"]).supervision == "tags + 1 click"
    assert CLICKS.among({"c", "z"}).supervision == "tags + 1 scribbled image"
    assert Clicks().supervision == "tags"


def test_an_image_without_clicks_has_none() -> None:
    assert CLICKS.of("z") == ImageClicks()
    assert CLICKS.of("b").points == (Point(0, 0, 0),)


def test_a_box_holds_its_first_and_its_last_pixel() -> None:
    box = Box(2, 3, 4, 5, index=0)
    held = {(x, y) for x in range(8) for y in range(8) if box.holds(x, y)}
    assert held == {(x, y) for x in (2, 3, 4) for y in (3, 4, 5)}
