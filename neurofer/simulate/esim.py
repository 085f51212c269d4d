"""The ESIM pixel: a second, simpler model, logarithm of light and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.events import Events
from neurofer.simulate import pixel_kernels as kernels
from neurofer.simulate.pixel import AnyGrey, Frame, check_frame, draw_thresholds
from neurofer.simulate.settings import PixelSettings


class EsimPixel:
    """A sensor of ESIM pixels; used like ``EventPixel``.

    Brightness is ``ln(v / 255 + 0.001)``, linear between frames; a dropped event of the dead time moves the reference,
    too. There is no bandwidth, leak or shot noise.

    Args:
        settings: Thresholds with their spread, and dead time.
        sensor: ``(width, height)``.
        seed: Thresholds follow from it.

    Raises:
        ValueError: settings with bandwidth, leak or shot noise, which this model does not have.

    Source:
        Rebecq, Gehrig, Scaramuzza, "ESIM: an Open Event Camera Simulator", CoRL 2018.
    """

    def __init__(self, settings: PixelSettings, sensor: tuple[int, int], seed: int = 0) -> None:
        if settings.cutoff_hz or settings.leak_hz or settings.shot_hz:
            raise ValueError("EsimPixel: has no bandwidth, leak or shot noise; take settings without them, such as the "
                             "presets clean and eck")
        width, height = sensor
        self.settings, self.sensor = settings, (width, height)
        random, shape = np.random.default_rng([seed, 0]), (height, width)
        self._on = draw_thresholds(random, settings.threshold_on, settings.threshold_sigma, shape)
        self._off = draw_thresholds(random, settings.threshold_off, settings.threshold_sigma, shape)
        self.t_us: int | None = None
        self.bright: NDArray[np.float64] = np.zeros(shape)
        self.reference: NDArray[np.float64] = np.zeros(shape)
        self.last_us: NDArray[np.int64] = np.full(shape, -(1 << 60))

    @property
    def thresholds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``(H, W)`` ON and OFF thresholds of the pixels."""
        return self._on, self._off

    def step(self, frame: Frame, t_us: int) -> Events:
        """The events after the previous frame's time, up to and at ``t_us``; none for the first frame.

        Args:
            frame: ``(H, W)`` uint8 or float32, linear grey in 0..255.
            t_us: Time of the frame, later than the one before.

        Raises:
            ValueError: another shape or type, light outside 0..255, or a time that does not move on.
        """
        check_frame("EsimPixel", frame, t_us, self.sensor, self.t_us)
        grey: AnyGrey = frame
        bright = np.log(grey.astype(np.float64) / 255 + 1e-3)
        if self.t_us is None:
            self.t_us, self.bright, self.reference = t_us, bright, bright.copy()
            return Events.empty(self.sensor)
        rise = (bright - self.reference) / np.where(bright >= self.reference, self._on, self._off)
        most = int(np.floor(np.abs(rise) + 1).sum())
        offset_us, place, polarity = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.bool_)
        used = _cross(self.bright.ravel(), bright.ravel(), self.reference.ravel(), self._on.ravel(), self._off.ravel(),
                      self.t_us, t_us - self.t_us, self.settings.refractory_us, self.last_us.ravel(), offset_us, place,
                      polarity)
        order = kernels.in_time_order(offset_us[:used], t_us - self.t_us)
        columns = kernels.take_in_order(order, offset_us, place, polarity, self.t_us, self.sensor[0])
        self.t_us, self.bright = t_us, bright
        return Events.trusted(*columns, self.sensor)


@compiled
def _cross(
    old: NDArray[np.float64], new: NDArray[np.float64], reference: NDArray[np.float64], on: NDArray[np.float32],
    off: NDArray[np.float32], start_us: int, step_us: int, refractory_us: int, last_us: NDArray[np.int64],
    offset_us: NDArray[np.int64], place: NDArray[np.int64], polarity: NDArray[np.bool_],
) -> int:
    """Crossings of the references between two frames; the number of events written."""
    used = 0
    for at in range(old.size):
        up = new[at] > reference[at]
        threshold = float(on[at]) if up else -float(off[at])
        while used < offset_us.size:
            aim = reference[at] + threshold
            if (up and new[at] < aim) or (not up and new[at] > aim):
                break
            reference[at] = aim
            change = new[at] - old[at]
            share = min(max((aim - old[at]) / change, 0.0), 1.0) if change != 0 else 1.0
            offset = max(1, min(step_us, int(share * step_us + 0.5)))
            if refractory_us > 0 and start_us + offset - last_us[at] < refractory_us:
                continue
            last_us[at] = start_us + offset
            offset_us[used], place[used], polarity[used] = offset, at, up
            used += 1
    return used
