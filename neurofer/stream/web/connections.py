"""Connections that are no pages are few and short, however many are opened and whatever they say."""

from __future__ import annotations

import asyncio
from typing import Any

MOST = 256
"""Connections open at a time; each further one is cut at once."""
LONGEST_S = 20.0
"""A connection lives so long unless a page's WebSocket comes of it; a browser opens another by itself."""


def bounded_protocol(most: int = MOST, longest_s: float = LONGEST_S) -> Any:
    """uvicorn's own protocol on h11, which bounds what is read of a request, with bounds for connections, too.

    Without them, connections that never say anything would stay for ever, until no file can be opened any more.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Bounded(H11Protocol):
        """Cut when there are too many of it, or when it is too old."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._due = self.loop.call_later(longest_s, self._cut)
            if len(self.connections) > most:
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            self._due.cancel()
            super().connection_lost(exc)

        def _cut(self) -> None:
            if self.transport.get_protocol() is self:
                self.transport.abort()

    return Bounded
