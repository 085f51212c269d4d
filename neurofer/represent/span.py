"""Windows whose result depends on their first and last event, known only when the window ends."""

from __future__ import annotations

from neurofer.events.events import Events
from neurofer.represent.base import Accumulator


class SpannedAccumulator(Accumulator):
    """Keeps the pieces of a window until it ends: 13 bytes an event, or nothing when they are views of a stored column.

    A piece is kept as it came, not copied, so it must not be overwritten before the window ends; ``Events`` are
    read-only, and readers hand out fresh ones.
    """

    def __init__(self, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        self.pieces: list[Events] = []

    def _take(self, events: Events) -> None:
        self.pieces.append(events)

    @property
    def span_us(self) -> tuple[int, int]:
        """Times of the first and the last event; the window's start twice where there is none."""
        if not self.pieces:
            return self.window_us[0], self.window_us[0]
        return self.pieces[0].start_us, self.pieces[-1].end_us
