"""Who may ask: only pages of this server, under the names that it was started with, and with its token, if any."""

import secrets
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from patchlearn.web.limits import Limits

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
COOKIE = "patchlearn-token"
SAFE = {
    # Nothing from elsewhere is loaded, and no other page can show this one in a frame.
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class TooLargeError(Exception):
    """A request is larger than an upload may be."""


@dataclass(frozen=True)
class Guard:
    """Turns away foreign host names, foreign pages, requests without the token, and uploads without an end.

    A page of another site could otherwise have its name point to this machine, and read what the server answers.

    Args:
        app: what is guarded.
        hosts: names that the server answers to, without the port.
        limits: of an upload.
        token: that every request must bring; None for none.
    """

    app: ASGIApp
    hosts: tuple[str, ...]
    limits: Limits
    token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        refusal = self._refusal(scope)
        if refusal:
            return await refusal(scope, receive, send)
        return await self.app(scope, self._bounded(receive), self._safe(scope, send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._is_own(headers.get("host", "")):
            return PlainTextResponse(f"Host: this server answers to {', '.join(self.hosts)} alone.", 421)
        origin = headers.get("origin")
        if origin is not None and not self._is_own(urlsplit(origin).netloc):
            return PlainTextResponse("Origin: pages of other sites may not ask this server.", 403)
        if not self._is_let_in(scope, headers):
            return PlainTextResponse("Token: open the address that patchlearn serve has printed.", 401)
        length = headers.get("content-length", "")
        return _too_large(self.limits) if length.isdecimal() and int(length) > self.limits.bytes else None

    def _is_own(self, netloc: str) -> bool:
        name, _, port = netloc.rpartition(":") if not netloc.endswith("]") else (netloc, "", "")
        return (name if port.isdigit() else netloc) in self.hosts

    def _is_let_in(self, scope: Scope, headers: Headers) -> bool:
        """By the header, the cookie that the page sets, or the address itself; `/health` tells nothing."""
        if self.token is None or scope["path"] == "/health":
            return True
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        given = [
            headers.get("authorization", "").removeprefix("Bearer "),
            cookie.value if cookie else "",
            *parse_qs(scope["query_string"].decode("latin-1")).get("token", []),
        ]
        return any(secrets.compare_digest(each.encode(), self.token.encode()) for each in given)

    def _bounded(self, receive: Receive) -> Receive:
        """A request without a length is counted while it arrives."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limits.bytes:
                raise TooLargeError
            return message

        return counted

    def _safe(self, scope: Scope, send: Send) -> Send:
        """With the headers of every answer; the page sets the cookie of the token."""
        more = dict(SAFE)
        if self.token is not None and scope["path"] == "/":
            more["set-cookie"] = f"{COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/"

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((a.encode(), b.encode()) for a, b in more.items())]
            await send(message)

        return answered


def too_large(request: Request, error: Exception) -> Response:
    """The answer to an upload that has no end."""
    return _too_large(request.app.state.limits)


def _too_large(limits: Limits) -> Response:
    return PlainTextResponse(
        f"The upload is larger than {limits.megabytes:g} MB. Send fewer or smaller images, or use patchlearn predict.",
        413,
    )
