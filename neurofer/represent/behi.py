"""BEHI: where anything happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.represent.base import Accumulator, GreyPicture
from neurofer.represent.scatter import columns, mark_pixels


@dataclass(frozen=True)
class Behi(GreyPicture):
    """Binary event history image: 255 where a pixel had any event, of whatever polarity, time or number.

    The least that can be kept, as a measure of what the others add. Long windows fill it up.

    The result is ``(1, height, width)`` uint8.

    Source:
        Wang et al., RA-L 2022 (EV-Catcher, arXiv:2304.07200).
    """

    kind: ClassVar[str] = "behi"
    channel_name: ClassVar[str] = "any event"

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _History(sensor, window_us)


class _History(Accumulator):
    """255 where a pixel fired."""

    def __init__(self, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        width, height = sensor
        self.picture = np.zeros((1, height, width), np.uint8)

    def _take(self, events: Events) -> None:
        _, x, y, p = columns(events)
        mark_pixels(x, y, p, self.sensor[0], 0, np.uint8(255), self.picture.reshape(-1))

    def finish(self) -> NDArray[np.generic]:
        return self.picture
