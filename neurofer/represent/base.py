"""What every representation is: a frozen recipe that turns the events of a window into a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events


class Representation(ABC):
    """Frozen dataclass, callable on ``(events, window_us)``; its ``repr`` is a recipe and part of every cache key."""

    kind: str

    @property
    @abstractmethod
    def channels(self) -> int:
        """Number of channels C of the result."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype:
        """Element type of the result."""

    @abstractmethod
    def __call__(self, events: Events, window_us: tuple[int, int], *, origin_us: int = 0) -> NDArray[np.generic]:
        """The representation of one window.

        Args:
            events: Stream that holds the window; not modified. Events outside the window are left out.
            window_us: ``(start, stop)`` in microseconds on the stream's own clock, ``start < stop``.
            origin_us: The recording's time origin; only kinds that look at recording time use it.

        Returns:
            ``(C, height, width)``; zeros for an empty window unless the kind says otherwise.

        Raises:
            ValueError: ``stop <= start``.
        """
