"""What every representation is: a frozen recipe that turns the events of a window into a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events


class Accumulator(ABC):
    """The state of one window whose events come in pieces; made by ``Representation.start``.

    The pieces in order give the same result, bit for bit, as the whole window at once.

    Attributes:
        sensor: ``(width, height)`` of the events to come.
        window_us: ``(start, stop)``; events outside it are left out.
    """

    def __init__(self, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        self.sensor = sensor
        self.window_us = window_us
        self._last_us: int | None = None

    def add(self, events: Events) -> None:
        """Take in the next piece of the stream.

        Raises:
            ValueError: another sensor, or a piece that starts before the one before it ends.
        """
        if events.sensor != self.sensor:
            raise ValueError(f"accumulate: this window is of a {self.sensor} sensor, but events of a {events.sensor} "
                             "sensor came; start a new accumulator for another recording")
        inside = events.between(*self.window_us)
        if not len(inside):
            return
        if self._last_us is not None and inside.start_us < self._last_us:
            raise ValueError(f"accumulate: a piece starts at {inside.start_us} us, before the one before it ends at "
                             f"{self._last_us} us; give the pieces in the order of time")
        self._last_us = inside.end_us
        self._take(inside)

    @abstractmethod
    def _take(self, events: Events) -> None:
        """Take in events that lie inside the window, at least one."""

    @abstractmethod
    def finish(self) -> NDArray[np.generic]:
        """The representation of everything added; call it once, at the window's end."""


class Representation(ABC):
    """Frozen dataclass, callable on ``(events, window_us)``; its ``repr`` is a recipe and part of every cache key.

    Attributes:
        kind: Name in settings and on the command line.
        empty_value: What a pixel without events is, also in an empty window and beyond the sensor's edge.
    """

    kind: ClassVar[str]
    empty_value: ClassVar[float] = 0.0

    @property
    @abstractmethod
    def channels(self) -> int:
        """Number of channels C of the result."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype:
        """Element type of the result."""

    @property
    def is_picture(self) -> bool:
        """Whether the values are a picture's, from 0 to 255; anything else is scaled before a network sees it."""
        return self.dtype == np.uint8

    @property
    @abstractmethod
    def channel_names(self) -> tuple[str, ...]:
        """What each channel holds, in a few letters, for figures."""

    @abstractmethod
    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        """A fresh accumulator; the arguments are checked."""

    def start(self, sensor: tuple[int, int], window_us: tuple[int, int], *, origin_us: int = 0) -> Accumulator:
        """A fresh state for a window whose events come in pieces: ``state.add(events)``, then ``state.finish()``.

        Args:
            sensor: ``(width, height)`` of the events to come.
            window_us: ``(start, stop)`` in microseconds on the stream's own clock, ``start < stop``.
            origin_us: The recording's time origin; only kinds that look at recording time use it.

        Raises:
            ValueError: ``stop <= start``.
        """
        return self._begin(sensor, self._checked(sensor, window_us), int(origin_us))

    def _checked(self, sensor: tuple[int, int], window_us: tuple[int, int]) -> tuple[int, int]:
        """The window, if it and the sensor can be represented."""
        owner = type(self).__name__
        start_us, stop_us = int(window_us[0]), int(window_us[1])
        if stop_us <= start_us:
            raise ValueError(f"{owner}: need start < stop, got window_us=({start_us}, {stop_us})")
        if self.channels * sensor[0] * sensor[1] >= 2**31:
            raise ValueError(f"{owner}: a {sensor[0]}x{sensor[1]} sensor is too large for {self.channels} channels; "
                             "crop the events first")
        return start_us, stop_us

    def accumulate(self, pieces: Iterable[Events], sensor: tuple[int, int], window_us: tuple[int, int], *,
                   origin_us: int = 0) -> NDArray[np.generic]:
        """The representation of one window whose events come in consecutive pieces; the same, bit for bit, as at once.

        Raises:
            ValueError: ``stop <= start``, pieces of another sensor, or pieces out of order.
        """
        state = self.start(sensor, window_us, origin_us=origin_us)
        for piece in pieces:
            state.add(piece)
        return state.finish()

    def __call__(self, events: Events, window_us: tuple[int, int], *, origin_us: int = 0) -> NDArray[np.generic]:
        """The representation of one window.

        Args:
            events: Stream that holds the window; not modified. Events outside the window are left out.
            window_us: ``(start, stop)`` in microseconds on the stream's own clock, ``start < stop``.
            origin_us: The recording's time origin; only kinds that look at recording time use it.

        Returns:
            ``(C, height, width)``; ``empty_value`` everywhere for an empty window.

        Raises:
            ValueError: ``stop <= start``.
        """
        return self.accumulate((events,), events.sensor, window_us, origin_us=origin_us)


class GreyPicture(Representation):
    """A representation that is one channel of bytes, ``(1, height, width)`` uint8."""

    channel_name: ClassVar[str]

    @property
    def channels(self) -> int:
        return 1

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return (self.channel_name,)


def one_of(owner: str, name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a setting that is not among its choices.

    Raises:
        ValueError: names the setting, what came, and the choices.
    """
    if value not in choices:
        raise ValueError(f"{owner}: unknown {name} {value!r}; choose {', '.join(choices)}")
