"""The live view of ``neurofer watch`` in a terminal, and plain lines where there is none."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from neurofer.errors import NeuroferError, UsageError
from neurofer.stream.watch.keys import Keys
from neurofer.stream.watch.lines import ROOM, write_lines
from neurofer.stream.watch.notes import Notes
from neurofer.stream.watch.screen import screen
from neurofer.stream.watch.screen_rows import State, View
from neurofer.stream.watch.shown import Subscription, Watched
from neurofer.stream.watch.summary import Summary
from neurofer.stream.watch.words import summary_lines

if TYPE_CHECKING:
    from rich.console import Console

FRAME_S = 1 / 15
"""The picture changes no more often."""
EASE_S = 0.08
"""Bars cover two thirds of the way to a new probability in this time."""
SEEK_US = 1_000_000
NOTE_S = 4.0


def view(watched: Watched, *, console: Console | None = None, keys: bool = True, every: bool = False,
         hold: bool = False, begin: Callable[[], object] | None = None) -> None:
    """Show a stream until it ends or the user quits, then say what it amounted to.

    In a terminal a picture of the whole window; elsewhere lines, at most five decisions a second. Ctrl-C ends the view
    cleanly, its summary included, and goes on to the caller.

    Args:
        watched: The stream; left open.
        console: Where to; standard output by default.
        keys: Whether to read keys, where standard input is a terminal; not where the events come from there.
        every: In lines, write every decision.
        hold: In a terminal with keys, stay when the stream has ended, until the user quits.
        begin: Called when the view is ready, such as to start the stream, so that its first windows are seen.

    Raises:
        NeuroferError: the stream ended by an error; raised when the view is closed.
    """
    from rich.console import Console

    console = console or Console(highlight=False)
    if console.file.isatty() and not console.is_dumb_terminal:
        place, summary = watched.subscribe(ROOM), Summary()
        try:
            if begin is not None:
                begin()
            _Screen(watched, place, console, summary).run(keys, hold)
        finally:
            place.close()
            summary.tally = watched.tally
            _write(console, summary_lines(watched.facts, summary))
    else:
        write_lines(watched, lambda line: _write(console, [line]), every=every, begin=begin)
    if watched.failure is not None:
        raise NeuroferError(watched.failure)


class _Screen:
    """One view while it runs."""

    def __init__(self, watched: Watched, place: Subscription, console: Console, summary: Summary) -> None:
        self._watched, self._place, self._console, self._summary = watched, place, console, summary
        self._lengths = [0.0] * len(watched.facts.classes)
        self._aim_us: int | None = None
        self._note, self._note_until = "", 0.0
        self._drawn: Any = None

    def run(self, keys: bool, hold: bool) -> None:
        """Draw until the end."""
        from rich.live import Live

        with _ended_by_signal(), Notes() as notes, Keys(keys) as board, \
                Live(console=self._console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            drawn_s = time.monotonic()
            while True:
                ended = self._watched.ended
                arrived = self._take(drawn_s + FRAME_S)
                for key in board.pressed():
                    if key == "q":
                        return
                    self._act(key)
                now_s = time.monotonic()
                if (warning := notes.take()) is not None:
                    self._note, self._note_until = warning, now_s + NOTE_S
                settled = self._ease(now_s - drawn_s)
                drawn_s = now_s
                self._draw(live, board.available, fresh=arrived or not settled)
                if ended and not arrived and (self._watched.failure is not None or not (hold and board.available)):
                    return

    def _take(self, until_s: float) -> bool:
        """Take in windows until it is time to draw; whether any came."""
        arrived = False
        while (left_s := until_s - time.monotonic()) > 0:
            shown = self._place.get(left_s)
            if shown is not None:
                self._summary.add(shown)
                self._aim_us = None
                arrived = True
            else:
                time.sleep(max(0.0, until_s - time.monotonic()))
        return arrived

    def _act(self, key: str) -> None:
        if key == "space":
            (self._watched.resume if self._watched.paused else self._watched.pause)()
            return
        if not self._watched.facts.seekable:
            return
        origin_us = self._summary.since_us if self._aim_us is None else self._aim_us
        aim_us = max(0, origin_us + (SEEK_US if key == "right" else -SEEK_US))
        if self._watched.facts.duration_us is not None:
            aim_us = min(aim_us, self._watched.facts.duration_us)
        try:
            self._watched.seek(aim_us)
            self._aim_us = aim_us
        except UsageError as error:
            self._note, self._note_until = str(error), time.monotonic() + NOTE_S

    def _ease(self, passed_s: float) -> bool:
        """Move the bars on; whether they have arrived."""
        last = self._summary.last
        decision = last.decision if last is not None else None
        wanted = decision.probabilities if decision is not None else (0.0,) * len(self._lengths)
        part = 1 - math.exp(-passed_s / EASE_S)
        settled = all(abs(goal - length) < 1e-3 for goal, length in zip(wanted, self._lengths, strict=True))
        self._lengths = list(wanted) if settled else [length + part * (goal - length) for goal, length in
                                                      zip(wanted, self._lengths, strict=True)]
        return settled

    def _draw(self, live: Any, keys: bool, *, fresh: bool) -> None:
        """Draw, where something changed."""
        watched, summary = self._watched, self._summary
        note = self._note if time.monotonic() < self._note_until else ""
        state: State = "ended" if watched.ended else "paused" if watched.paused else "playing"
        size = self._console.size
        summary.tally = watched.tally  # counts go on while no window comes, as in a pause
        now = (state, note, keys, size, self._place.missed, summary.tally)
        if not fresh and now == self._drawn:
            return
        self._drawn = now
        seen = View(watched.facts, state, summary.last, summary.since_us, self._lengths, summary.rate(),
                    summary.latencies(), summary.tally, self._place.missed, keys, note)
        plain = self._console.options.ascii_only
        live.update(screen(seen, size.width, size.height, plain=plain), refresh=True)


def _write(console: Console, lines: Iterable[str]) -> None:
    """Lines as they are: not wrapped, not coloured."""
    for line in lines:
        console.file.write(line + "\n")
    console.file.flush()


@contextlib.contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Let a request to end (SIGTERM) leave the block in order, so that the terminal is given back."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def leave(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
