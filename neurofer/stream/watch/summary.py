"""What a watched stream amounts to so far: shares of the labels, latencies, rate of events; in bounded memory."""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import NamedTuple

import numpy as np

from neurofer.stream.decisions import Decision
from neurofer.stream.watch.shown import Shown, Tally, label_shown

MEMORY = 1_000
"""Decisions that latencies are told of, the newest ones."""
BIN_US = 500_000
BINS = 120
"""The rate is remembered for a minute of the stream, by half seconds."""
NOW_US = 1_000_000
"""The rate of this moment is a mean over so much of the stream."""


class Spread(NamedTuple):
    """Two percentiles of a time; not numbers where nothing is known."""

    p50_ms: float = math.nan
    p99_ms: float = math.nan


class Latencies(NamedTuple):
    """How long the parts of a decision take, over the newest ones."""

    evidence: Spread = Spread()
    """Until the events that it looks at have come in."""
    queue: Spread = Spread()
    """Until it was the window's turn."""
    compute: Spread = Spread()
    decisions: int = 0
    """How many these are."""


class Rate(NamedTuple):
    """Events per second of the stream.

    Attributes:
        history: By half seconds, the newest last, of at most a minute; None where nothing was seen.
        now: Over the last second; not a number before the first window.
    """

    history: tuple[float | None, ...] = ()
    now: float = math.nan


class Summary:
    """Adds up what one viewer is shown.

    Attributes:
        labels: How many of the decisions seen were for each label.
        tally: The newest one.
        last: The newest window.
        since_us: Where that ends, counted from the first event; 0 before there is one.
    """

    def __init__(self) -> None:
        self.labels: Counter[str] = Counter()
        self.tally = Tally()
        self.last: Shown | None = None
        self.since_us = 0
        self._times: deque[tuple[float, float, float]] = deque(maxlen=MEMORY)
        self._bins: dict[int, tuple[float, float]] = {}
        self._newest: deque[tuple[int, float, float]] = deque(maxlen=MEMORY)

    def add(self, shown: Shown) -> None:
        """Take in the next window."""
        self._add_rate(shown)
        if shown.decision is not None:
            self._add_decision(shown.decision)
        self.tally, self.last, self.since_us = shown.tally, shown, shown.since_us

    def latencies(self) -> Latencies:
        """How long the newest decisions took."""
        if not self._times:
            return Latencies()
        evidence, queue, compute = (_spread(column) for column in np.array(self._times).T)
        return Latencies(evidence, queue, compute, len(self._times))

    def rate(self) -> Rate:
        """How many events come in."""
        if not self._bins:
            return Rate()
        last = max(self._bins)
        first = max(min(self._bins), last - BINS + 1)
        pairs = (self._bins.get(number) for number in range(first, last + 1))
        history = tuple(None if pair is None else pair[0] / pair[1] * 1e6 for pair in pairs)
        span_us = sum(span for _, span, _ in self._newest)
        return Rate(history, sum(events for *_, events in self._newest) / span_us * 1e6 if span_us else math.nan)

    def _add_decision(self, decision: Decision) -> None:
        self.labels[label_shown(decision)] += 1
        self._times.append((decision.evidence_ms, decision.queue_ms, decision.latency_ms))

    def _add_rate(self, shown: Shown) -> None:
        """Count the events since the window before; windows that this viewer missed are in the tally."""
        span_us, events = shown.stop_us - shown.start_us, float(len(shown.events))
        goes_on = self.last is not None and shown.tally.restarts == self.tally.restarts
        if goes_on and shown.since_us > self.since_us:
            span_us, events = shown.since_us - self.since_us, float(shown.tally.events - self.tally.events)
        elif shown.since_us < self.since_us:
            self._bins.clear()
            self._newest.clear()
        self._newest.append((shown.since_us, span_us, events))
        while len(self._newest) > 1 and self._newest[0][0] <= shown.since_us - NOW_US:
            self._newest.popleft()
        low = max(shown.since_us - span_us, shown.since_us - BINS * BIN_US)
        for number in range(low // BIN_US, -(-shown.since_us // BIN_US)):
            inside = min(shown.since_us, (number + 1) * BIN_US) - max(low, number * BIN_US)
            before, covered = self._bins.get(number, (0.0, 0.0))
            self._bins[number] = before + events * inside / span_us, covered + inside
        for number in [number for number in self._bins if number * BIN_US < shown.since_us - BINS * BIN_US]:
            del self._bins[number]


def _spread(values: np.ndarray) -> Spread:
    known = values[np.isfinite(values)]
    return Spread(*(float(value) for value in np.percentile(known, (50, 99)))) if len(known) else Spread()
