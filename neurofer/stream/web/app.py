"""The web application: a few files, one WebSocket, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurofer.errors import missing_extra
from neurofer.stream.watch.shown import Watched
from neurofer.stream.web.feed import Feed
from neurofer.stream.web.guard import Guard, Hosts
from neurofer.stream.web.pictures import DrawFace, Painter
from neurofer.stream.web.viewer import SEND_TIMEOUT_S, Viewer

if TYPE_CHECKING:
    from fastapi import FastAPI

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/watch.css": ("watch.css", "text/css; charset=utf-8"),
    "/watch.js": ("watch.js", "text/javascript; charset=utf-8"),
    "/connection.js": ("connection.js", "text/javascript; charset=utf-8"),
    "/draw.js": ("draw.js", "text/javascript; charset=utf-8"),
    "/numbers.js": ("numbers.js", "text/javascript; charset=utf-8"),
    "/timeline.js": ("timeline.js", "text/javascript; charset=utf-8"),
}
"""All that is served, and from which files beside this one."""
MOST_PAGES = 32


def build_app(watched: Watched, token: str | None = None, *, hosts: Hosts | None = None,
              picture: DrawFace | None = None, send_timeout_s: float = SEND_TIMEOUT_S,
              ready: Callable[[], None] | None = None) -> FastAPI:
    """The application that shows a running stream; it follows the stream while it is served.

    Args:
        watched: The stream.
        token: What a page must know; nothing by default.
        hosts: Names under which it may be asked for; those of the loopback by default.
        picture: What the network sees of a window; the TIE picture of the face box by default.
        send_timeout_s: A page that takes nothing for so long is let go.
        ready: Called once it follows the stream.

    Raises:
        MissingExtraError: FastAPI is not installed.
    """
    try:
        from fastapi import FastAPI, WebSocket
        from starlette.requests import Request
        from starlette.responses import Response
        from starlette.routing import Route, WebSocketRoute
    except ImportError as error:
        raise missing_extra("live pages", "web", error) from error

    folder = Path(__file__).parent / "page"
    contents = {path: (folder / name).read_bytes() for path, (name, _) in FILES.items()}
    open_pages: set[Viewer] = set()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        feed = Feed(watched, Painter(picture))
        feed.start()
        app.state.feed = feed
        try:
            if ready is not None:
                ready()
            yield
        finally:
            feed.stop()

    async def file(request: Request) -> Response:
        return Response(contents[request.url.path], media_type=FILES[request.url.path][1])

    async def live(socket: WebSocket) -> None:
        await socket.accept()
        if len(open_pages) >= MOST_PAGES:
            await socket.close(1013, f"{MOST_PAGES} pages are open already; close one of them")
            return
        viewer = Viewer(socket.app.state.feed, socket, send_timeout_s)
        open_pages.add(viewer)
        try:
            await viewer.run()
        finally:
            open_pages.discard(viewer)

    routes: list[Any] = [*(Route(path, file) for path in FILES), WebSocketRoute("/live", live)]
    app = FastAPI(title="neurofer watch", routes=routes, lifespan=lifespan, docs_url=None, redoc_url=None,
                  openapi_url=None)
    app.add_middleware(Guard, hosts=hosts or Hosts(), token=token)
    return app
