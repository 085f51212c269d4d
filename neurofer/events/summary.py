"""What a recording holds, in numbers, from one pass in constant memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurofer.events.events import Events
from neurofer.events.recording import Recording

PEAK_BIN_US = 10_000


@dataclass(frozen=True)
class Summary:
    """Counts, times and rates of one recording; rates are events per second.

    Attributes:
        duration_us: From the first event to the last one.
        on_fraction: ON events among all; None without events.
        rate_per_s: Mean over the duration; None for a duration of 0.
        peak_rate_per_s: In the fullest 10 ms, counted from the first event; None without events.
        dropped: Events left out, for whatever reason.
        time_jumps: Places where time runs backwards.
        out_of_range: Events outside the sensor.
        triggers: External triggers.
        tail_bytes: Bytes behind the last whole event.
        notes: Remarks of the reader.
    """

    format: str
    width: int
    height: int
    events: int
    on_events: int
    off_events: int
    on_fraction: float | None
    start_us: int
    end_us: int
    duration_us: int
    rate_per_s: float | None
    peak_rate_per_s: float | None
    dropped: int
    time_jumps: int
    out_of_range: int
    triggers: int
    tail_bytes: int
    notes: tuple[str, ...]

    def to_dict(self, path: Path | None = None) -> dict[str, Any]:
        """Everything as plain JSON values, with the path in front."""
        said = {**self.__dict__, "notes": list(self.notes)}
        return said if path is None else {"file": str(path), **said}


def summarise(recording: Recording, pieces: Iterable[Events] | None = None) -> Summary:
    """The summary of a recording.

    Args:
        recording: The recording, in the mode that says how broken events are met.
        pieces: Its ``pieces()``, when they come through a progress bar.

    Raises:
        BadFileError: the recording is broken.
    """
    peak = _Peak()
    for piece in recording.pieces() if pieces is None else pieces:
        peak.add(piece)
    report = recording.report()
    duration = recording.end_us - recording.start_us
    return Summary(
        format=recording.format, width=recording.sensor[0], height=recording.sensor[1], events=report.events,
        on_events=report.on_events, off_events=report.events - report.on_events,
        on_fraction=round(report.on_events / report.events, 6) if report.events else None,
        start_us=recording.start_us, end_us=recording.end_us, duration_us=duration,
        rate_per_s=round(report.events / duration * 1e6, 3) if duration > 0 else None,
        peak_rate_per_s=peak.count * 1e6 / PEAK_BIN_US if report.events else None,
        dropped=report.dropped, time_jumps=report.time_jumps, out_of_range=report.out_of_range,
        triggers=report.triggers, tail_bytes=report.tail_bytes, notes=report.notes,
    )


class _Peak:
    """The fullest bin so far, and the one that may go on in the next piece."""

    def __init__(self) -> None:
        self.count = 0
        self._first: int | None = None
        self._bin, self._in_bin = -1, 0

    def add(self, events: Events) -> None:
        if not len(events):
            return
        if self._first is None:
            self._first = events.start_us
        bins = (events.t - self._first) // PEAK_BIN_US
        edges = np.flatnonzero(np.diff(bins)) + 1
        counts = np.diff(np.concatenate(([0], edges, [len(bins)])))
        if int(bins[0]) == self._bin:
            counts[0] += self._in_bin
        self.count = max(self.count, int(counts.max()))
        self._bin, self._in_bin = int(bins[-1]), int(counts[-1])
