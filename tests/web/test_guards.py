"""Who may ask."""

from collections.abc import Iterator

import pytest

pytest.importorskip("starlette", reason="the page needs patchlearn[web]")
from known_reader import KnownReader
from starlette.testclient import TestClient

from patchlearn.web.app import create_app


def client(**options: object) -> TestClient:
    return TestClient(create_app(KnownReader(), **options), base_url="http://localhost:8000")  # type: ignore[arg-type]


@pytest.fixture
def guarded() -> Iterator[TestClient]:
    with client(hosts=("localhost", "box"), token="secret") as guarded:
        yield guarded


@pytest.mark.parametrize("host", ["localhost", "localhost:99", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_its_own_names_are_answered(host: str) -> None:
    assert client().get("/api/about", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "", "127.0.0.1@evil"])
def test_a_foreign_name_is_refused(host: str) -> None:
    """A page of another site whose name points to this machine."""
    assert client().get("/api/about", headers={"host": host}).status_code == 421


def test_a_foreign_page_may_not_send_images() -> None:
    for origin, status in (("http://evil.example", 403), ("null", 403), ("http://localhost:8000", 400)):
        assert client().post("/api/predict", headers={"origin": origin}).status_code == status


def test_every_request_needs_the_token(guarded: TestClient) -> None:
    assert guarded.get("/health").status_code == 200
    assert guarded.get("/api/about").status_code == 401
    assert guarded.get("/?token=wrong").status_code == 401
    assert guarded.get("/api/about", headers={"authorization": "Bearer secret"}).status_code == 200
    page = guarded.get("/?token=secret")
    assert "HttpOnly; SameSite=Strict" in page.headers["set-cookie"]
    assert guarded.get("/api/about").status_code == 200  # the cookie
