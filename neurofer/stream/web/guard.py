"""Who may see a page: no other site's scripts, no other name for this machine, and far away only with a token."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from neurofer.errors import UsageError

SHORTEST_TOKEN = 16

HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
"""On every answer."""

App = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Hosts:
    """Names under which the page may be asked for; any other is another site's that leads here.

    Attributes:
        names: Besides those of the loopback.
        any_address: Whether any numeric address is right, as where the server listens on all of them.
    """

    names: frozenset[str] = frozenset()
    any_address: bool = False

    @classmethod
    def of(cls, host: str) -> Hosts:
        """Those that fit the address that a server listens on."""
        address = _address(host)
        if address is not None and address.is_unspecified:
            name = socket.gethostname().lower()
            return cls(frozenset({name, f"{name}.local"}), any_address=True)
        return cls(frozenset({host.lower(), *([str(address)] if address is not None else [])}))

    def allow(self, header: str | None) -> bool:
        """Whether the ``Host`` of a request is right."""
        name = _name(header or "")
        if not name:
            return False
        address = _address(name)
        if name == "localhost" or name in self.names or (address is not None and address.is_loopback):
            return True
        return self.any_address and address is not None


class Guard:
    """Stands before an ASGI application: lets right requests through, answers others with one sentence."""

    def __init__(self, app: App, hosts: Hosts, token: str | None = None) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token.encode() if token else None
        proof = hashlib.sha256(b"neurofer watch " + self._token).hexdigest() if self._token else ""
        self._cookie, self._proof = f"neurofer_{proof[:8]}", proof[8:].encode()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(scope, send, *refusal)
            return
        cookie = self._new_cookie(scope)

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                more = [*HEADERS.items(), *([("set-cookie", cookie)] if cookie else [])]
                message = {**message, "headers": [*message.get("headers", []), *_encoded(more)]}
            await send(message)

        await self._app(scope, receive, guarded)

    def _refusal(self, scope: MutableMapping[str, Any], headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host")
        if not self._hosts.allow(host):
            return 403, "This page answers only under its own name; open it by the address that was printed."
        origin = headers.get("origin")
        if origin is not None and _place(origin) != (host or "").lower():
            return 403, "Another site may not look at this page; open it by the address that was printed."
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            return 405, "This page only shows; it takes nothing but GET."
        if not self._knows(scope, headers):
            return 403, "This page needs its token; open it by the address that was printed, which ends in ?token=."
        return None

    def _knows(self, scope: MutableMapping[str, Any], headers: dict[str, str]) -> bool:
        if self._token is None:
            return True
        kind, _, word = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(word.strip(), self._token):
            return True
        if any(_same(value, self._proof) for value in _cookies(headers.get("cookie", ""), self._cookie)):
            return True
        return any(_same(word, self._token) for word in _words(scope))

    def _new_cookie(self, scope: MutableMapping[str, Any]) -> str | None:
        """What makes the token in the address unnecessary from now on."""
        if self._token is None or scope["type"] != "http" or not _words(scope):
            return None
        if not any(_same(word, self._token) for word in _words(scope)):
            return None
        return f"{self._cookie}={self._proof.decode()}; Path=/; HttpOnly; SameSite=Strict"


def check_access(host: str, token: str | None, allow_remote: bool) -> None:
    """Refuse to listen where others can reach without saying so twice.

    Raises:
        UsageError: an address that is not this machine's own, without leave or without a token that cannot be guessed.
    """
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise UsageError(f"--token: need at least {SHORTEST_TOKEN} plain characters, got {len(token)}")
    if not host:
        raise UsageError("--host: is empty; leave it out, or give an address of this machine")
    address = _address(host)
    if host.lower() == "localhost" or (address is not None and address.is_loopback):
        return
    if not allow_remote or token is None:
        raise UsageError(f"--host: {host} can be reached from other machines, which needs both --allow-remote and "
                         f"--token with at least {SHORTEST_TOKEN} characters")


def _words(scope: MutableMapping[str, Any]) -> list[str]:
    """The token in the address, if there is one; none where there are more words than the page's own."""
    try:
        return parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=8).get("token", [])[:1]
    except ValueError:
        return []


def _cookies(header: str, name: str) -> list[str]:
    """Values of a name; in one pass, for ``http.cookies`` takes quadratic time over what a stranger may send."""
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return [value for key, _, value in pairs if key == name][:1]


def _place(origin: str) -> str:
    """Name and port of an ``Origin``; nothing if it is not well formed."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _same(word: str, right: bytes) -> bool:
    return hmac.compare_digest(word.encode("utf-8", "surrogatepass"), right)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _name(header: str) -> str:
    """The name in a ``Host`` header, without port and brackets; nothing if it is not well formed."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return ""
    strange = parts.path or parts.query or parts.fragment or parts.username is not None
    return "" if strange else (parts.hostname or "").rstrip(".")


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _refuse(scope: MutableMapping[str, Any], send: Any, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": sentence})
        return
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>neurofer watch</title><p>{sentence}</p></html>\n"
    headers = [("content-type", "text/html; charset=utf-8"), *HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": page.encode()})
