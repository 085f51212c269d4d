"""Numbers and names of a watched stream as text, for a terminal and for a log."""

from __future__ import annotations

import math
from collections.abc import Iterator

from neurofer.stream.watch.shown import Facts, Tally
from neurofer.stream.watch.summary import Latencies, Spread, Summary


def printable(name: str) -> str:
    """A name without characters that would steer a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)


def clock_text(time_us: float) -> str:
    """``12.3 s``, from a minute on ``1:02.3``, from an hour on ``1:02:03``."""
    tenths = int(time_us // 100_000)
    minutes, rest = divmod(tenths, 600)
    if not minutes:
        return f"{rest / 10:.1f} s"
    if minutes < 60:
        return f"{minutes}:{rest / 10:04.1f}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 10:02d}"


def rate_text(rate: float) -> str:
    """``1.2 Mev/s``; a dash where nothing is known."""
    if not math.isfinite(rate):
        return "- ev/s"
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if rate >= size:
            return f"{rate / size:.3g} {prefix}ev/s" if rate < 999.5 * size else f"{rate / size:.0f} {prefix}ev/s"
    return f"{rate:.0f} ev/s"


def time_text(time_ms: float) -> str:
    """Milliseconds with two or three digits that count; a dash where nothing is known."""
    if not math.isfinite(time_ms):
        return "-"
    return f"{time_ms:.2f}" if time_ms < 1 else f"{time_ms:.1f}" if time_ms < 100 else f"{time_ms:,.0f}"


def speed_text(speed: float) -> str:
    """``1x``, or ``max``."""
    return f"{speed:g}x" if math.isfinite(speed) else "max"


def counters(tally: Tally) -> tuple[tuple[str, int, bool], ...]:
    """Every count with its name, and whether it is one that should stay zero."""
    return (("windows", tally.windows, False), ("decisions", tally.decisions, False),
            ("dropped windows", tally.dropped_windows, True), ("dropped events", tally.dropped_events, True),
            ("bad events", tally.bad_events, True), ("lost packets", tally.lost_packets, True),
            ("restarts", tally.restarts, True))


def spread_text(spread: Spread) -> str:
    """``3.2/8.1 ms``: half of the decisions took less than the first, 99 of 100 less than the second."""
    return f"{time_text(spread.p50_ms)}/{time_text(spread.p99_ms)} ms"


def counted(number: int, noun: str) -> str:
    """A number of things: ``"1 window"``, ``"1,200 windows"``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def latency_parts(latencies: Latencies) -> tuple[tuple[str, Spread], ...]:
    """The parts of a decision's time with their names."""
    return ("evidence", latencies.evidence), ("queue", latencies.queue), ("compute", latencies.compute)


def summary_lines(facts: Facts, summary: Summary) -> Iterator[str]:
    """What the stream amounted to: decisions, share of each label, what was lost, latencies.

    Args:
        facts: Of the stream.
        summary: All that was shown.
    """
    tally, seen = summary.tally, sum(summary.labels.values())
    yield (f"watched {printable(facts.source)} up to {clock_text(summary.since_us)}: "
           f"{counted(tally.windows, 'window')}, {counted(tally.decisions, 'decision')}, "
           f"{counted(tally.events, 'event')}"
           + (f", {tally.rest_events:,} more behind the last window" if tally.rest_events else ""))
    if seen:
        shares = ", ".join(f"{printable(label)} {100 * count / seen:.1f} %"
                           for label, count in summary.labels.most_common())
        unseen = tally.decisions - seen
        of_all = f"  (of {counted(seen, 'decision')}; {unseen:,} went by unseen)" if unseen > 0 else ""
        yield f"labels  {shares}{of_all}"
    yield "losses  " + ", ".join(f"{name} {count:,}" for name, count, warns in counters(tally) if warns)
    latencies = summary.latencies()
    if latencies.decisions:
        parts = ", ".join(f"{name} {spread_text(spread)}" for name, spread in latency_parts(latencies))
        yield f"latency p50/p99  {parts}  (last {counted(latencies.decisions, 'decision')})"
