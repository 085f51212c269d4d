"""What a source of live events gives, whatever it is; without torch."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import NamedTuple, Protocol

from neurofer.events.events import Events

BEAT_S = 0.05
"""A live source gives something at least this often, be it an empty piece, so that windows end in silence, too."""


class Piece(NamedTuple):
    """What came in since the piece before it.

    Attributes:
        events: In order and in range, none before the last one of the piece before (unless ``restart``); perhaps empty.
        bad_events: Left out: outside the sensor, or behind a newer one.
        lost_packets: Numbered packets that never came.
        restart: Why the stream begins anew with these events, such as "the sensor is 640x480 now"; None if it goes on.
    """

    events: Events
    bad_events: int = 0
    lost_packets: int = 0
    restart: str | None = None


class EventSource(Protocol):
    """Events that come in while the world goes on.

    Attributes:
        name: For viewers, such as ``tcp://127.0.0.1:7777``.
    """

    name: str

    def pieces(self, stop: Event) -> Iterator[Piece]:
        """Pieces as they come in, until the source ends or ``stop`` is set; blocks up to ``BEAT_S`` at a time.

        The sensor may change only together with ``restart``. A source that cannot say a sensor yet gives nothing, but
        still looks at ``stop``.

        Raises:
            NeuroferError: the source cannot be reached, or sends what cannot be read: one sentence.
        """

    def close(self) -> None:
        """Give back what is open."""
