"""Where the server listens, and that it answers there."""

import threading
import urllib.request
from io import StringIO

import pytest
from rich.console import Console

pytest.importorskip("uvicorn", reason="the page needs patchlearn[web]")
import uvicorn
from known_reader import KnownReader

from patchlearn.core.errors import PatchlearnError
from patchlearn.web.limits import Limits
from patchlearn.web.server import _listening, _reached_by, serve


def served(monkeypatch: pytest.MonkeyPatch, **options: object) -> tuple[str, int]:
    """(the address that is printed, the status of /health) of a server on any free port."""
    console, statuses = Console(record=True, width=200, file=StringIO()), list[int]()

    class Once(uvicorn.Server):
        """Asks itself, and ends."""

        async def on_tick(self, counter: int) -> bool:
            if counter == 0:
                threading.Thread(target=ask).start()
            return bool(statuses) or counter > 100

    def ask() -> None:
        address = console.export_text(clear=False).split()[0].partition("?")[0]
        with urllib.request.urlopen(f"{address}health", timeout=5) as answer:
            statuses.append(answer.status)

    monkeypatch.setattr(uvicorn, "Server", Once)
    serve(KnownReader(), Limits(), console, port=0, **options)  # type: ignore[arg-type]
    return console.export_text(clear=False).split()[0], statuses[0]


def test_the_printed_address_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    address, status = served(monkeypatch)
    assert address.startswith("http://127.0.0.1:")
    assert "token" not in address
    assert status == 200


def test_a_port_that_is_taken_is_an_error() -> None:
    with _listening("127.0.0.1", 0) as taken, pytest.raises(PatchlearnError, match=r"^--port \d+ .* another --port"):
        _listening("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(PatchlearnError, match=r"^--port 99999: is out of range"):
        _listening("127.0.0.1", 99999)


def test_others_reach_every_address_by_its_names() -> None:
    assert _reached_by("192.0.2.7") == ["192.0.2.7"]
    assert _reached_by("2001:db8::1") == ["[2001:db8::1]"]
    assert "0.0.0.0" not in _reached_by("0.0.0.0")
