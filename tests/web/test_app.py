"""The routes, over a reader whose answers are known."""

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the page needs patchlearn[web]")
from known_reader import KnownReader
from starlette.testclient import TestClient

from patchlearn.core.masks_io import encode_mask
from patchlearn.web.app import create_app
from patchlearn.web.limits import Limits

LIMITS = Limits(megabytes=0.5, megapixels=0.01, images=3, kept=2)


def png(size: tuple[int, int] = (4, 6), red: int = 200, green: int = 0) -> bytes:
    """The left half is red, the right half green."""
    image = np.zeros((*size, 3), np.uint8)
    image[:, : size[1] // 2, 0], image[:, size[1] // 2 :, 1] = red, green
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def reader() -> KnownReader:
    return KnownReader()


@pytest.fixture
def client(reader: KnownReader) -> Iterator[TestClient]:
    app = create_app(reader, LIMITS)
    with TestClient(app, base_url="http://localhost:8000") as client:
        yield client


def upload(client: TestClient, *contents: bytes, name: str = "a.png") -> list[str]:
    answer = client.post("/api/images", files=[("image", (name, content)) for content in contents])
    return [each["id"] for each in answer.json()["images"]]


def mask_of(content: bytes) -> list[list[int]]:
    return np.asarray(Image.open(BytesIO(content))).tolist()


def test_the_server_says_that_it_lives_and_what_it_is(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    about = client.get("/api/about").json()
    assert (about["kind"], about["classes"], about["variants"]) == ("run", ["red", "green"], ["plain", "other"])
    assert len(about["colours"]) == 2


def test_the_page_and_its_parts_come_from_here(client: TestClient) -> None:
    page = client.get("/")
    assert "patchlearn" in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")  # nothing is loaded from elsewhere
    for part in ("page.js", "page.css"):
        assert f"/static/{part}" in page.text
        assert client.get(f"/static/{part}").status_code == 200


def test_a_prediction_is_a_palette_png(client: TestClient) -> None:
    answer = client.post("/api/predict", files={"image": ("a.png", png((1, 4)))})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == encode_mask(np.array([[1, 1, 0, 0]], np.uint8))


def test_tags_and_threshold_of_a_prediction(client: TestClient, reader: KnownReader) -> None:
    image = {"image": ("a.png", png((1, 4), 200, 200))}
    assert mask_of(client.post("/api/predict", files=image, data={"tags": "green"}).content) == [[0, 0, 2, 2]]
    assert mask_of(client.post("/api/predict", files=image, data={"threshold": "0.9"}).content) == [[0, 0, 0, 0]]
    assert mask_of(client.post("/api/predict", files=image, data={"tags": ""}).content) == [[0, 0, 0, 0]]
    assert [each.tags for each in reader.asked] == [(1,), None, ()]


def test_an_image_is_asked_about_again_and_again(client: TestClient, reader: KnownReader) -> None:
    (id,) = upload(client, png((2, 4), 200, 100))
    answer = client.get(f"/api/images/{id}/answer").json()
    assert (answer["tags"], answer["threshold"], answer["shares"]) == ([0, 1], 0.5, [0.5, 0.0])
    assert client.get(f"/api/images/{id}/answer?threshold=0.2").json()["shares"] == [0.5, 0.5]
    assert client.get(f"/api/images/{id}/answer?tags=given").json()["shares"] == [0, 0]
    client.get(f"/api/images/{id}/mask.png?threshold=0.2")  # answered before
    assert len(reader.asked) == 3


def test_the_files_of_an_answer(client: TestClient) -> None:
    (id,) = upload(client, png((2, 4)), name="shed/door.png")
    base = f"/api/images/{id}"
    assert mask_of(client.get(f"{base}/mask.png").content) == [[1, 1, 0, 0]] * 2
    assert mask_of(client.get(f"{base}/map.png?class=0").content) == [[200, 200, 0, 0]] * 2
    coco = client.get(f"{base}/coco.json").json()
    assert (coco["images"][0]["file_name"], coco["annotations"][0]["area"]) == ("door.png", 4)
    svg = client.get(f"{base}/outlines.svg?save=1")
    assert 'data-class="red"' in svg.text
    assert svg.headers["content-disposition"] == "attachment; filename*=UTF-8''door.svg"
    with zipfile.ZipFile(BytesIO(client.get(f"{base}/all.zip").content)) as packed:
        assert sorted(packed.namelist()) == [
            "classes.txt", "door.json", "door.png", "door.svg", "maps/door-1.png", "maps/door-2.png",
        ]  # fmt: skip
        assert json.loads(packed.read("door.json")) == coco


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("mask.gif", "mask.gif: no such file. Choose one of: mask.png"),
        ("map.png?class=7", "class: '7' has no map here. Choose one of the indices: 0, 1."),
        ("answer?tag=blue", "tags: 'blue' is no class. Choose from: red, green."),
        ("answer?threshold=1", "threshold: '1' is out of range."),
        ("answer?threshold=nan", "threshold: 'nan' is out of range."),
        ("answer?variant=a", "variant: 'a' is not there. Choose one of: plain, other."),
    ],
)
def test_a_wrong_question_is_answered_with_a_sentence(client: TestClient, address: str, sentence: str) -> None:
    (id,) = upload(client, png())
    answer = client.get(f"/api/images/{id}/{address}")
    assert (answer.status_code, answer.text[: len(sentence)]) == (400, sentence)


def test_what_cannot_be_read_is_named_and_the_others_are_taken(client: TestClient) -> None:
    files = [("image", ("../notes.txt", b"hello")), ("image", ("b.png", png())), ("image", ("c.png", png((200, 200))))]
    answer = client.post("/api/images", files=files).json()
    assert [each["name"] for each in answer["images"]] == ["b.png"]
    text, large = answer["refused"]
    assert text.startswith("notes.txt: not an image")
    assert large.startswith("c.png: has 200×200 pixels, and the page takes 0.01 million")


def test_too_many_and_too_large_uploads_are_refused_and_the_server_lives(client: TestClient) -> None:
    many = client.post("/api/images", files=[("image", ("a.png", png()))] * 4)
    assert many.status_code == 400
    assert client.post("/api/predict", files={"image": ("a.png", bytes(600_000))}).status_code == 413
    stream = client.post(
        "/api/predict", content=iter([bytes(300_000)] * 3), headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert stream.status_code == 413
    assert client.post("/api/predict", data={"tags": "red"}).status_code == 400
    assert client.get("/health").status_code == 200


def test_old_images_are_dropped(client: TestClient) -> None:
    first, second, third = upload(client, png(), png(), png())
    assert client.get(f"/api/images/{first}").text == "image: is no longer held by the server. Upload it again."
    assert client.get(f"/api/images/{second}").headers["content-type"] == "image/jpeg"
    assert client.get(f"/api/images/{third}/answer").status_code == 200


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/api/images/..%2f..%2fetc%2fpasswd"])
def test_no_path_leaves_the_folder(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (400, 404)
