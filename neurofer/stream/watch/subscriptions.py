"""Viewers of a stream, each with a bounded place of its own: a slow one misses windows, and delays nobody."""

from __future__ import annotations

from collections import deque
from threading import Condition, Lock

from neurofer.stream.watch.shown import Shown


class Place:
    """One viewer's place (a ``Subscription``); the newest windows wait in it, older ones make room."""

    def __init__(self, room: int, leave: Viewers) -> None:
        if room < 1:
            raise ValueError(f"subscribe: need room for at least one window, got {room}")
        self._waiting: deque[Shown] = deque()
        self._room, self._leave = room, leave
        self._changed = Condition()
        self._missed = 0
        self._over = False

    @property
    def missed(self) -> int:
        """Windows that made room because the viewer was slow."""
        return self._missed

    def get(self, timeout_s: float | None = None) -> Shown | None:
        """The next window; None where none came in time, and at once when no more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over, timeout_s)
            return self._waiting.popleft() if self._waiting else None

    def close(self) -> None:
        """Take no more."""
        self._leave.remove(self)
        self.end()

    def put(self, shown: Shown) -> None:
        """One more window."""
        with self._changed:
            if len(self._waiting) >= self._room:
                self._waiting.popleft()
                self._missed += 1
            self._waiting.append(shown)
            self._changed.notify_all()

    def end(self, over: bool = True) -> None:
        """No more will come, or more will come again."""
        with self._changed:
            self._over = over
            self._changed.notify_all()


class Viewers:
    """All places of a stream."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._lock = Lock()
        self._over = False

    def add(self, room: int) -> Place:
        """One more viewer."""
        place = Place(room, self)
        with self._lock:
            self._places.append(place)
            place.end(self._over)
        return place

    def remove(self, place: Place) -> None:
        """A viewer less."""
        with self._lock:
            self._places = [other for other in self._places if other is not place]

    def show(self, shown: Shown) -> None:
        """The same window for all."""
        with self._lock:
            places = self._places
        for place in places:
            place.put(shown)

    def end(self, over: bool = True) -> None:
        """Tell all that no window will come any more, or that more will come again."""
        with self._lock:
            self._over = over
            places = self._places
        for place in places:
            place.end(over)
