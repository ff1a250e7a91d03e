"""`patchlearn serve`: its words; the server itself is tested in `tests/web`."""

from pathlib import Path
from typing import Any

import pytest

from patchlearn.cli import serve
from patchlearn.cli.main import main


def test_the_options_reach_the_server(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uvicorn", reason="the page needs patchlearn[web]")
    given: dict[str, Any] = {}

    def served(reader: Any, limits: Any, console: object, **at: Any) -> None:
        given.update(at, title=reader.facts.title, megabytes=limits.megabytes, megapixels=limits.megapixels)

    monkeypatch.setattr("patchlearn.web.server.serve", served)
    words = ["--port", "9000", "--host", "0.0.0.0", "--name", "box", "--megabytes", "3"]
    assert main(["serve", str(model), *words]) == 0
    assert given == {
        "host": "0.0.0.0", "port": 9000, "names": ["box"], "bands": None, "title": "model", "megabytes": 3.0,
        "megapixels": 24,
    }  # fmt: skip


def test_without_the_libraries_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    assert main(["serve", "runs/photos"]) == 2
    assert "serve: starlette, uvicorn, python_multipart is not installed" in capsys.readouterr().err
