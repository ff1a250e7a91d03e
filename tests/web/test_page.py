"""The page in a browser: what a visitor does, and what the page then shows."""

import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright", reason="the page is driven by Playwright (patchlearn[dev])")
import uvicorn
from known_network import known_segmenter
from playwright.sync_api import Page, expect, sync_playwright

from patchlearn.core.masks_io import encode_mask
from patchlearn.core.types import UInt8
from patchlearn.web.app import create_app
from patchlearn.web.limits import Limits
from patchlearn.web.of_model import ModelReader

BROWSER = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def picture() -> UInt8:
    """A red and a reddish blue square on black."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[16:48, 8:40] = (230, 0, 10)
    image[16:48, 56:88] = (100, 0, 140)
    return image


def png(image: UInt8) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def sent(name: str, content: bytes) -> Any:
    return {"name": name, "mimeType": "image/png", "buffer": content}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    reader = ModelReader(known_segmenter(), "known")
    app = create_app(reader, Limits(megapixels=1, megabytes=2))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no Chromium is installed: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Page]:
    page = browser.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(address)
    expect(page.locator("#title")).to_have_text("known")
    yield page
    page.close()
    assert [each for each in faults if "400" not in each and "413" not in each] == []


@pytest.fixture
def shown(page: Page) -> Page:
    """The page with one picture."""
    page.set_input_files("#files", sent("squares.png", png(picture())))
    expect(page.locator("#stage")).to_be_visible()
    settled(page)
    return page


def settled(page: Page) -> None:
    """Wait until the last question is answered."""
    page.wait_for_function(
        "() => document.querySelector('#stage').dataset.turn && !document.querySelector('[aria-busy]')"
    )


def painted(page: Page) -> int:
    """Pixels of the first layer that are not transparent."""
    script = """() => {
      const canvas = document.querySelector('#first canvas');
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      return data.filter((value, index) => index % 4 === 3 && value > 0).length;
    }"""
    return int(page.evaluate(script))


def bluish(page: Page) -> int:
    """Pixels of the first layer in the colour of the class blue, and not in that of red."""
    script = """() => {
      const canvas = document.querySelector('#first canvas');
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      return data.filter((value, index) => index % 4 === 2 && data[index + 1] > 64 && value > data[index - 2]).length;
    }"""
    return int(page.evaluate(script))


def moved(page: Page, id: str, value: int) -> None:
    page.locator(id).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", value
    )
    page.wait_for_timeout(200)
    settled(page)


def test_a_picture_gives_scores_and_a_mask(shown: Page) -> None:
    assert shown.locator("#classes li").count() == 2
    assert painted(shown) == (known_segmenter().predict(picture()) > 0).sum()
    expect(shown.locator("#legend")).to_contain_text("blue")


def test_the_threshold_changes_the_mask(shown: Page) -> None:
    moved(shown, "#threshold", 70)
    expect(shown.locator("#legend")).to_contain_text("striped: undecided")
    shown.locator("#own").uncheck()
    settled(shown)
    expect(shown.locator("#legend")).not_to_contain_text("undecided")


def test_a_tag_that_is_switched_off_is_in_neither_mask_nor_map(shown: Page) -> None:
    shown.get_by_label("map", exact=True).check()
    settled(shown)
    assert bluish(shown) > 0
    shown.locator("#classes").get_by_label("blue").uncheck()
    settled(shown)
    assert bluish(shown) == 0
    expect(shown.get_by_label("I say what is in the image")).to_be_checked()
    shown.get_by_label("mask", exact=True).check()
    settled(shown)
    expect(shown.locator("#legend")).not_to_contain_text("blue")


def test_outlines_are_drawn_over_the_picture(shown: Page) -> None:
    shown.get_by_label("outlines").check()
    settled(shown)
    assert shown.locator("#first path").count() == 2


def test_the_downloaded_mask_is_that_of_predict(shown: Page) -> None:
    with shown.expect_download() as waiting:
        shown.get_by_role("link", name="mask").click()
    assert waiting.value.suggested_filename == "squares.png"
    assert Path(waiting.value.path()).read_bytes() == encode_mask(known_segmenter().predict(picture()))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.png", b"just words", "notes.png: not an image"),
        ("bomb.png", png(np.zeros((3000, 3000, 3), np.uint8)), "bomb.png: has 3000×3000 pixels"),
        ("huge.png", bytes(3_000_000), "larger than 2 MB"),
    ],
)
def test_what_is_no_image_is_a_sentence_and_the_page_lives(
    page: Page, name: str, content: bytes, sentence: str
) -> None:
    page.set_input_files("#files", sent(name, content))
    expect(page.locator("#message")).to_contain_text(sentence)
    page.set_input_files("#files", sent("good.png", png(picture())))
    expect(page.locator("#thumbnails li")).to_have_count(1)


def test_thirty_files_at_once_are_too_many(page: Page) -> None:
    page.set_input_files("#files", [sent(f"{number}.png", png(picture())) for number in range(30)])
    expect(page.locator("#message")).to_contain_text("30 images, but 20 at a time are taken")


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_nothing_is_wider_than_the_window(shown: Page, width: int) -> None:
    shown.set_viewport_size({"width": width, "height": 800})
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
