"""One open page as the server sees it: what it has been sent, and what to send next."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from neurofer.errors import NeuroferError
from neurofer.stream.web.commands import read_command
from neurofer.stream.web.feed import Feed, Status
from neurofer.stream.web.messages import facts_row, pack, text

if TYPE_CHECKING:
    from anyio import CancelScope
    from fastapi import WebSocket

SEND_TIMEOUT_S = 10.0
"""A page that takes nothing for so long is let go."""


class Viewer:
    """Sends a page the newest frame whenever it is ready for one, with all decisions since the frame before.

    Frames do not wait for a slow page: it gets the newest, and is told how many it missed.
    """

    def __init__(self, feed: Feed, socket: WebSocket, send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        self._feed = feed
        self._socket = socket
        self._timeout_s = send_timeout_s
        self._news = asyncio.Event()
        self._errors: deque[str] = deque(maxlen=8)
        self._sent = 0
        self._next = 0
        self._missed = 0
        self._status: Status | None = None

    async def run(self) -> None:
        """Serve the page until it goes, or takes nothing any more."""
        import anyio

        loop = asyncio.get_running_loop()

        def listener() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._news.set)

        self._feed.join(listener)
        try:
            async with anyio.create_task_group() as tasks:
                for work in (self._read, self._write):
                    tasks.start_soon(self._until_gone, work, tasks.cancel_scope)
        finally:
            self._feed.leave(listener)

    async def _until_gone(self, work: Callable[[], Awaitable[None]], both: CancelScope) -> None:
        from starlette.websockets import WebSocketDisconnect

        with contextlib.suppress(WebSocketDisconnect, TimeoutError):
            await work()
        both.cancel()

    async def _read(self) -> None:
        from anyio.to_thread import run_sync

        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                command = read_command(message.get("text"))
                await run_sync(command.carry_out, self._feed.watched)
            except NeuroferError as error:
                self._errors.append(str(error))
                self._news.set()

    async def _write(self) -> None:
        await self._send(self._hello())
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            while self._errors:
                await self._send(text({"kind": "error", "text": self._errors.popleft()}))
            message = self._message()
            if message is not None:
                await self._send(message)

    async def _send(self, message: str | bytes) -> None:
        import anyio

        whole = self._socket.send_text(message) if isinstance(message, str) else self._socket.send_bytes(message)
        with anyio.fail_after(self._timeout_s):
            await whole

    def _hello(self) -> str:
        stretch = self._feed.history.since(0)
        self._next, self._status = stretch.next, self._feed.status
        return text({"kind": "hello", "stream": self._feed.stream, "face": self._feed.caption,
                     "facts": facts_row(self._feed.watched.facts),
                     "decisions": stretch.rows, **self._status._asdict()})

    def _message(self) -> str | bytes | None:
        frame, status = self._feed.frame, self._feed.status
        changed, self._status = status != self._status, status
        if frame is None or frame.serial == self._sent:
            return text({"kind": "state", **status._asdict()}) if changed else None
        self._missed += frame.serial - self._sent - 1 if self._sent else 0
        self._sent = frame.serial
        stretch = self._feed.history.since(self._next)
        self._next = stretch.next
        header: dict[str, Any] = {"kind": "shown", **status._asdict(), **frame.header, "missed": self._missed,
                                  "decisions": stretch.rows}
        return pack(header, frame.parts)
