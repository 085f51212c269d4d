"""One place where a stream's windows become messages, once for all pages."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock, Thread
from typing import Any, NamedTuple

from neurofer.stream.watch.shown import Shown, Watched, label_shown
from neurofer.stream.web.history import History
from neurofer.stream.web.messages import Part, decision_row, tally_row
from neurofer.stream.web.pictures import Painter

ROOM = 32
"""Windows that may wait here while pictures are made; older ones make room, and the pages are told how many."""
PERIOD_S = 1 / 31
"""Least time between two pictures, whatever the stream's speed."""
REST = 2
"""Times as long as pictures took, none are made behind them: at most a third of one core, which deciding may need."""
BEAT_S = 0.1
"""Longest time until a pause, an end or a failure is seen, and that decisions wait for a picture."""


class Frame(NamedTuple):
    """What all pages are shown of one window.

    Attributes:
        serial: Counts the frames, from 1.
        header: Facts about the window.
        parts: Its pictures, encoded; none where they are still being made, and the ones before stay.
    """

    serial: int
    header: dict[str, Any]
    parts: list[Part]


class Status(NamedTuple):
    """How the stream stands.

    Attributes:
        paused: Whether it stands still.
        ended: Whether no window will come any more.
        failure: Why it ended, where that was an error.
        tally: Counters as last seen while no window came; in a pause of a live source, they go on.
    """

    paused: bool
    ended: bool
    failure: str | None
    tally: dict[str, int]


class Feed:
    """Follows a stream in a thread of its own: every decision into the history, pictures at a bounded rate.

    Only the newest frame is kept, so a page that does not read costs nothing here. Pictures are made while a page is
    open, in one more thread, so that decisions go on meanwhile.

    Attributes:
        stream: A random name, by which a page that comes again knows the stream.
        watched: The stream.
        caption: What the pictures of the face are.
        history: Its last decisions.
        frame: The newest; None before the first.
        status: As last seen.
    """

    def __init__(self, watched: Watched, painter: Painter) -> None:
        self.stream = secrets.token_hex(8)
        self.watched = watched
        self.caption = painter.caption
        self.history = History()
        self.frame: Frame | None = None
        self.status = Status(watched.paused, watched.ended, watched.failure, tally_row(watched.tally))
        self._painter = painter
        self._subscription = watched.subscribe(ROOM)
        self._newest: Shown | None = None
        self._late: Shown | None = None  # told of before its pictures are made
        self._painted: Shown | None = None
        self._painting: Future[list[Part]] | None = None
        self._painters = ThreadPoolExecutor(1, "page pictures")
        self._begun_s = self._due_s = self._late_s = 0.0
        self._listeners: list[Callable[[], None]] = []
        self._lock = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="page feed", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; waits for the thread."""
        self._stop.set()
        self._subscription.close()
        self._thread.join(2)
        self._painters.shutdown(wait=False, cancel_futures=True)

    def join(self, listener: Callable[[], None]) -> None:
        """Call a function, from the feed's thread, whenever there is a new frame or status."""
        with self._lock:
            self._listeners.append(listener)

    def leave(self, listener: Callable[[], None]) -> None:
        """Call it no more."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def _run(self) -> None:
        classes = self.watched.facts.classes
        while not self._stop.is_set():
            shown = self._subscription.get(self._patience_s())
            if shown is not None:
                row = decision_row(shown, classes)
                if row is not None:
                    self.history.add(row)
                self._newest = shown
            status = Status(self.watched.paused, self.watched.ended, self.watched.failure, self.status.tally)
            if shown is None or status != self.status:
                status = status._replace(tally=tally_row(self.watched.tally))
            changed, self.status = status != self.status, status
            if self._advance(hurry=changed) or changed:
                self._tell()
            if shown is None and status.ended:
                self._stop.wait(BEAT_S / 5)

    def _patience_s(self) -> float:
        if self._painting is not None:
            return BEAT_S / 20
        waiting = self._listeners and self._newest is not self._painted
        return min(BEAT_S, max(0.0, self._due_s - time.monotonic())) if waiting else BEAT_S

    def _advance(self, hurry: bool) -> bool:
        """Begin pictures if it is time, and take those that are made; whether there is a new frame.

        Args:
            hurry: Tell of the newest window now, as when the stream has come to stand there.
        """
        shown, now_s = self._newest, time.monotonic()
        if self._painting is not None and self._painting.done():
            parts = self._made(self._painting)
            self._painting = None
            self._due_s = max(self._due_s, now_s + REST * (now_s - self._begun_s))
            if hurry and shown is not self._painted:
                self._late, self._late_s = shown, now_s + BEAT_S
            self._show(self._late or self._painted, parts)
            return True
        if shown is None or not self._listeners:
            return False
        if self._painting is None and shown is not self._painted and now_s >= self._due_s:
            self._painted, self._late, self._late_s, self._begun_s = shown, None, now_s + BEAT_S, now_s
            self._due_s = max(self._due_s + PERIOD_S, now_s)
            self._painting = self._painters.submit(self._painter.parts, shown)
        elif shown is not self._painted and shown is not self._late and (hurry or now_s > self._late_s):
            self._late, self._late_s = shown, now_s + BEAT_S
            self._show(shown, [])
            return True
        return False

    def _made(self, painting: Future[list[Part]]) -> list[Part]:
        error = painting.exception()
        if error is not None:
            logging.getLogger(__name__).error("the pictures of a window could not be made", exc_info=error)
            return []
        return painting.result()

    def _show(self, shown: Shown | None, parts: list[Part]) -> None:
        if shown is not None:
            serial = self.frame.serial + 1 if self.frame else 1
            self.frame = Frame(serial, self._header(shown), parts)

    def _header(self, shown: Shown) -> dict[str, Any]:
        decision = shown.decision
        return {"number": shown.number, "since_us": int(shown.since_us), "length_us": shown.stop_us - shown.start_us,
                "events": len(shown.events), "sensor": list(shown.events.sensor),
                "box": [int(side) for side in shown.box] if shown.box else None,
                "label": label_shown(decision) if decision else None,
                "decision": decision_row(shown, self.watched.facts.classes), "tally": tally_row(shown.tally),
                "skipped": self._subscription.missed}

    def _tell(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
