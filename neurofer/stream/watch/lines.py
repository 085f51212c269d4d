"""A watched stream as plain lines, for a log or a pipe: a header, decisions, a summary; notes begin with ``#``."""

from __future__ import annotations

import time
from collections.abc import Callable

from neurofer.stream.watch.shown import Facts, Shown, Tally, Watched
from neurofer.stream.watch.summary import Summary
from neurofer.stream.watch.words import counters, printable, rate_text, speed_text, summary_lines, time_text

LINE_S = 0.2
"""A line of a decision comes no earlier than so long after the one before it."""
WAIT_S = 0.1
ROOM, ROOM_FOR_ALL = 64, 512
"""Windows that may wait to be shown, and to be written where each one is asked for."""


def header_line(facts: Facts) -> str:
    """What is watched, and what decides."""
    names = ", ".join(printable(name) for name in facts.classes)
    return (f"# {printable(facts.source)}  model {printable(facts.model)} ({facts.backend})  "
            f"window {facts.window_us / 1e3:g} ms  speed {speed_text(facts.speed)}  classes {names}")


def decision_line(facts: Facts, shown: Shown, rate: float, warned: Tally) -> str:
    """``12.345 s  happy 0.87  [angry 0.05, ...]  1.2 Mev/s  queue 0.1 ms  compute 3.2 ms``.

    Args:
        facts: Of the stream.
        shown: A window with a decision.
        rate: Events per second.
        warned: What was told of before; counts of losses that have grown since come at the end of the line.

    Raises:
        ValueError: a window without a decision.
    """
    decision = shown.decision
    if decision is None:
        raise ValueError(f"decision_line: window {shown.number} has no decision; leave it out")
    pairs = zip(facts.classes, decision.probabilities, strict=True)
    ranked = sorted(((name, value) for name, value in pairs if name != decision.label), key=lambda pair: -pair[1])
    own = decision.probabilities[facts.classes.index(decision.label)]
    others = ", ".join(f"{printable(name)} {value:.2f}" for name, value in ranked)
    grown = [f"{name} {count:,}" for (name, count, warns), (_, before, _) in
             zip(counters(shown.tally), counters(warned), strict=True) if warns and count != before]
    return "  ".join((f"{shown.since_us / 1e6:.3f} s", f"{printable(decision.label)} {own:.2f}", f"[{others}]",
                      rate_text(rate), f"queue {time_text(decision.queue_ms)} ms",
                      f"compute {time_text(decision.latency_ms)} ms", *grown))


def write_lines(watched: Watched, write: Callable[[str], None], *, every: bool = False,
                begin: Callable[[], object] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
    """Write the stream's decisions until it ends, each as one line, and then its summary, also when it is broken off.

    Args:
        watched: The stream.
        write: Takes one line without its end.
        every: Write each decision that was seen, and not at most five a second.
        begin: Called when the first window would be seen.
        clock: Seconds that go on.
    """
    facts, summary, warned, due = watched.facts, Summary(), Tally(), float("-inf")
    place = watched.subscribe(ROOM_FOR_ALL if every else ROOM)
    try:
        write(header_line(facts))
        if begin is not None:
            begin()
        while True:
            ended = watched.ended
            shown = place.get(WAIT_S)
            if shown is None and ended:
                return
            if shown is None:
                continue
            summary.add(shown)
            now = clock()
            if shown.decision is not None and (every or now >= due):
                write(decision_line(facts, shown, summary.rate().now, warned))
                warned, due = shown.tally, now + LINE_S
    finally:
        place.close()
        summary.tally = watched.tally  # what was dropped or left out behind the last window that was shown, too
        for line in summary_lines(facts, summary):
            write(f"# {line}")
