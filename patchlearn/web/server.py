"""The server of the page: where it listens, who reaches it, and the address that it prints."""

import secrets
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import uvicorn

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Bands
from patchlearn.data.names import tell
from patchlearn.web.answers import Reader
from patchlearn.web.app import create_app
from patchlearn.web.guards import LOOPBACK
from patchlearn.web.limits import Limits

if TYPE_CHECKING:
    from rich.console import Console

EVERY_ADDRESS = ("0.0.0.0", "::")
LAST_PORT = 65535


def serve(
    reader: Reader,
    limits: Limits,
    console: "Console",
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    names: Sequence[str] = (),
    bands: Bands | None = None,
) -> None:
    """Serve the page until it is interrupted.

    Args:
        reader: what answers.
        limits: of uploads and of memory.
        console: where the address is shown.
        host: to listen on; where it is not this machine alone, the page needs a token.
        port: 0 for any that is free.
        names: further names that others reach the machine by.
        bands: that images of many bands are read from.

    Raises:
        PatchlearnError: the address cannot be had.
    """
    with _listening(host, port) as listener:
        reached = _reached_by(host)
        token = None if reached[0] in LOOPBACK else secrets.token_urlsafe(16)
        app = create_app(reader, limits, hosts=(*LOOPBACK, *reached, *names), token=token, bands=bands)
        tell(console, [address(reached[0], listener.getsockname()[1], token), "Ctrl-C ends it."])
        config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_keep_alive=30)
        uvicorn.Server(config).run(sockets=[listener])


def address(host: str, port: int, token: str | None) -> str:
    """What is to be opened in the browser.

    >>> address("127.0.0.1", 8000, None)
    'http://127.0.0.1:8000/'
    """
    return f"http://{host}:{port}/" + (f"?token={token}" if token else "")


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= LAST_PORT:
        raise PatchlearnError(f"--port {port}: is out of range. Choose a number from 0 to {LAST_PORT}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise PatchlearnError(f"--port {port} of {host}: {error.strerror}. Choose another --port, or --host.") from None


def _reached_by(host: str) -> list[str]:
    """The names of a host; of every address of this machine, its own name and what it stands for."""
    if host not in EVERY_ADDRESS:
        return [f"[{host}]" if ":" in host else host]
    own = socket.gethostname()
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(own, None, socket.AF_INET)}
    except socket.gaierror:  # the machine does not know its own name
        found = set()
    return [own, *sorted(found)]
