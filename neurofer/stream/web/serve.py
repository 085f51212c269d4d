"""Serving the page of a running stream until it is interrupted."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from neurofer.errors import UsageError, missing_extra
from neurofer.stream.watch.shown import Watched
from neurofer.stream.web.app import build_app
from neurofer.stream.web.connections import MOST, bounded_protocol
from neurofer.stream.web.guard import Hosts, check_access
from neurofer.stream.web.pictures import DrawFace, Painter
from neurofer.stream.web.viewer import SEND_TIMEOUT_S

if TYPE_CHECKING:
    import uvicorn


def serve(watched: Watched, host: str = "127.0.0.1", port: int = 8000, token: str | None = None,
          allow_remote: bool = False, ready: Callable[[str], None] | None = None,
          picture: DrawFace | None = None) -> None:
    """Show a running stream in browsers until Ctrl-C, which ends it within about a second.

    Args:
        watched: The stream; it is neither started nor ended here.
        host: Address to listen on; only this machine's own without ``allow_remote`` and a token.
        port: 0 picks a free one.
        token: What a page must know, at least 16 characters.
        allow_remote: Whether other machines may reach it.
        ready: Is told the address to open, token included, once the stream is followed and connections are taken.
        picture: What the network sees of a window; the TIE picture of the face box by default.

    Raises:
        MissingExtraError: FastAPI, uvicorn or websockets is not installed.
        UsageError: the port is taken, the address is not this machine's, or others could reach it without a token.
    """
    def tell() -> None:
        if ready is not None:
            ready(address_of(listening, host, token))

    server, listening = open_server(watched, host, port, token, allow_remote, picture, ready=tell)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    finally:
        listening.close()


def open_server(watched: Watched, host: str = "127.0.0.1", port: int = 0, token: str | None = None,
                allow_remote: bool = False, picture: DrawFace | None = None,
                send_timeout_s: float = SEND_TIMEOUT_S,
                ready: Callable[[], None] | None = None) -> tuple[uvicorn.Server, socket.socket]:
    """A server that is not running yet, and the socket on which connections already wait for it.

    Raises:
        MissingExtraError: FastAPI, uvicorn or websockets is not installed.
        UsageError: as ``serve``.
    """
    check_installed()
    import uvicorn

    check_access(host, token, allow_remote)
    Painter(picture).warm_up()
    app = build_app(watched, token, hosts=Hosts.of(host), picture=picture, send_timeout_s=send_timeout_s,
                    ready=ready)
    listening = _listen(host, port, send_timeout_s)
    config = uvicorn.Config(app, log_config=None, log_level="critical", access_log=False, server_header=False,
                            ws_max_size=16_384, ws_max_queue=8, timeout_graceful_shutdown=1, limit_concurrency=MOST,
                            http=bounded_protocol())
    return uvicorn.Server(config), listening


def check_installed() -> None:
    """Refuse at once where the page cannot be served, before anything large is loaded.

    Raises:
        MissingExtraError: FastAPI, uvicorn or websockets is not installed.
    """
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
        import websockets  # noqa: F401 - uvicorn looks for it only when a page connects
    except ImportError as error:
        raise missing_extra("live pages", "web", error) from error


def address_of(listening: socket.socket, host: str, token: str | None) -> str:
    """What to open in a browser."""
    port = listening.getsockname()[1]
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def _listen(host: str, port: int, send_timeout_s: float) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, OverflowError, UnicodeError) as error:
        raise UsageError(f"--host: {host} is no address of this machine; use 127.0.0.1") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # connections inherit it: one that never reads is cut by the system
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(2_000 * send_timeout_s))
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        raise UsageError(_why(error, host, port)) from error
    return listening


def _why(error: Exception, host: str, port: int) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return f"--port: {port} is in use on {host}; choose another, or 0 for any free one"
    if number == errno.EACCES:
        return f"--port: {port} is only for the administrator; choose one from 1024 on, or 0 for any free one"
    if number == errno.EADDRNOTAVAIL:
        return f"--host: {host} is no address of this machine; use 127.0.0.1"
    return f"--port: cannot listen on {host}, port {port} ({error}); choose another, or 0 for any free one"
