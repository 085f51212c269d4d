"""A recording: events that need not be in memory, read window by window in constant memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from neurofer.events.events import Events


class Window(NamedTuple):
    """The events with ``start_us <= t < stop_us``."""

    start_us: int
    stop_us: int
    events: Events


@dataclass(frozen=True)
class IngestReport:
    """What reading a recording met; all counts are events unless the name says otherwise."""

    events: int = 0
    on_events: int = 0
    dropped: int = 0
    time_jumps: int = 0
    out_of_range: int = 0
    triggers: int = 0
    tail_bytes: int = 0
    notes: tuple[str, ...] = ()


class Glance(NamedTuple):
    """What is known of a recording without reading much of it.

    Attributes:
        events: A bounded part; none where looking would cost much.
        report: Counts over the whole; None where it was not read yet.
        span_us: Times of its first and last event; None likewise.
    """

    events: Events
    report: IngestReport | None = None
    span_us: tuple[int, int] | None = None


class Recording(ABC):
    """Events of one sensor in a file, a store or memory.

    Attributes:
        path: The file or folder; None for events in memory.
        format: Short name such as ``evt3``, ``aedat4``, ``store``, ``memory``.
        sensor: ``(width, height)``.
    """

    path: Path | None
    format: str
    sensor: tuple[int, int]

    @property
    @abstractmethod
    def start_us(self) -> int:
        """Time of the first event; 0 without events."""

    @property
    @abstractmethod
    def end_us(self) -> int:
        """Time of the last event; 0 without events."""

    @abstractmethod
    def between(self, start_us: int, stop_us: int) -> Events:
        """The events with ``start_us <= t < stop_us``, on the recording's own clock.

        Raises:
            BadFileError: the file is broken there (mode ``strict``).
        """

    @abstractmethod
    def report(self) -> IngestReport:
        """Counts over the whole recording; reads it once, in constant memory, unless that is done already."""

    def windows(self, window_us: float, start_us: int | None = None, stop_us: int | None = None) -> Iterator[Window]:
        """Consecutive windows, the empty ones too, with edges ``start + round(k * window_us)``.

        A window that ``stop_us`` (by default just behind the last event) cuts is still given, with its full length.

        Args:
            window_us: Length in microseconds; a fraction such as 1e6 / 30 does not drift.
            start_us: First edge; the first event by default.
            stop_us: No window starts at or behind it.

        Raises:
            ValueError: ``window_us`` < 1.
        """
        if window_us < 1:
            raise ValueError(f"windows: window_us must be at least 1, got {window_us}")
        if stop_us is None and not self.report().events:
            return
        first = self.start_us if start_us is None else start_us
        last = self.end_us + 1 if stop_us is None else stop_us
        index = 0
        while (low := first + round(index * window_us)) < last:
            high = first + round((index + 1) * window_us)
            yield Window(low, high, self.between(low, high))
            index += 1

    @property
    def blocks(self) -> int | None:
        """Number of pieces that ``pieces`` gives, for a progress bar; None when unknown."""
        return 1

    def pieces(self) -> Iterator[Events]:
        """All events in consecutive pieces of a convenient size, some perhaps empty."""
        yield self.between(self.start_us, self.end_us + 1)

    def glance(self) -> Glance:
        """What is known without reading much: at most about 2^18 events, or a tenth of a second."""
        start = self.start_us
        return Glance(self.between(start, start + 100_000))

    def _repr_html_(self) -> str:
        from neurofer.events.card import recording_card

        return recording_card(self)

    def close(self) -> None:  # noqa: B027  events in memory have nothing to give back
        """Give back the file; reading afterwards is an error."""

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class MemoryRecording(Recording):
    """Events in memory as a recording."""

    def __init__(
        self,
        events: Events,
        path: Path | None = None,
        format: str = "memory",  # noqa: A002  the name that every recording uses
        report: IngestReport | None = None,
    ) -> None:
        self.path = path
        self.format = format
        self.sensor = events.sensor
        self.events = events
        self._report = report or IngestReport(events=len(events), on_events=int(events.p.sum()))

    @property
    def start_us(self) -> int:
        return self.events.start_us

    @property
    def end_us(self) -> int:
        return self.events.end_us

    def between(self, start_us: int, stop_us: int) -> Events:
        return self.events.between(start_us, stop_us)

    def report(self) -> IngestReport:
        return self._report

    def glance(self) -> Glance:
        return Glance(self.events, self._report, (self.start_us, self.end_us))
