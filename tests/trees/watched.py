"""A watched stream that plays a script, and the windows of one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from neurofer.errors import UsageError
from neurofer.events.events import Events
from neurofer.stream.decisions import Decision
from neurofer.stream.watch.shown import Facts, Shown, Tally

CLASSES = ("anger", "happiness", "neutral")


def made_shown(number, probabilities=(0.1, 0.7, 0.2), *, window_us=100_000, events=50, classes=CLASSES, **tally):
    """The window of that number, decided for the likeliest class; None for no decision."""
    start, stop = number * window_us, (number + 1) * window_us
    decision = None
    if probabilities is not None:
        label = classes[int(np.argmax(probabilities))]
        decision = Decision(start, stop, label, tuple(probabilities), events, 2.0 + number, 300.0, 0.5)
    zeros = np.zeros(events, np.uint16)
    stream = Events(np.full(events, start), zeros, zeros, zeros, (4, 4))
    counts = Tally(**{"windows": number + 1, "decisions": number + 1, "events": events * (number + 1), **tally})
    return Shown(number, start, stop, stop, stream, None, decision, None, counts, 3.0)


def made_facts(**changes):
    return Facts(**{"source": "face.raw", "model": "runs/ann", "backend": "ann", "classes": CLASSES,
                    "window_us": 100_000.0, "speed": 1.0, "duration_us": 20_000_000, "seekable": True, **changes})


class Place:
    """Gives what is left of a script, then says so."""

    def __init__(self, watched):
        self.watched, self.closed, self.missed = watched, False, 0

    def get(self, timeout_s=None):
        self.watched.turn()
        if self.watched.script:
            item = self.watched.script.popleft()
            if isinstance(item, BaseException):
                raise item
            self.watched.tally = item.tally
            return item
        self.watched.ended = not self.watched.endless
        return None

    def close(self):
        self.closed = True


@dataclass
class FakeWatched:
    """A stream that plays a script; an exception in it is raised where the window would come."""

    script: deque
    facts: Facts = field(default_factory=made_facts)
    failure: str | None = None
    endless: bool = False
    paused: bool = False
    ended: bool = False
    asked: list = field(default_factory=list)
    places: list = field(default_factory=list)
    answer: object = None
    tally: Tally = Tally()

    def turn(self):
        """Called whenever a viewer looks for a window."""

    def subscribe(self, room=2):
        self.places.append(Place(self))
        return self.places[-1]

    def pause(self):
        self.paused = True
        self._asked("pause")

    def resume(self):
        self.paused = False
        self._asked("resume")

    def seek(self, since_us):
        if not self.facts.seekable:
            raise UsageError("a live source cannot go back")
        self._asked(("seek", since_us))

    def _asked(self, what):
        self.asked.append(what)
        if self.answer is not None:
            self.answer(what)
