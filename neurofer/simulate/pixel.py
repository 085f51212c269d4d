"""The event pixel: frames of light in, events out, as a sensor with real pixels would send them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.simulate import pixel_kernels as kernels
from neurofer.simulate.settings import PRESETS, PixelSettings, preset

__all__ = ["PRESETS", "EventPixel", "PixelSettings", "PixelState", "preset"]

_TABLE = 4096
_LEAST_THRESHOLD = 0.01
_NEVER_US = -(1 << 60)

Frame = NDArray[np.uint8] | NDArray[np.float32]
AnyGrey = NDArray[Any]


@dataclass
class PixelState:
    """All that the pixels remember between two frames.

    Attributes:
        t_us: Time of the last frame.
        lowpass: ``(H, W)`` float32, filtered brightness at that time.
        base: ``(H, W)`` float32, brightness that the next change is measured from.
        last_us: ``(H * W,)`` int64, time of each pixel's last event; one element without a refractory time.
        random: Where the noise comes from.
    """

    t_us: int
    lowpass: NDArray[np.float32]
    base: NDArray[np.float32]
    last_us: NDArray[np.int64]
    random: np.random.Generator


class EventPixel:
    """A sensor of event pixels with mismatched thresholds, finite bandwidth, leak, shot noise and a dead time.

    Give it frames one after the other; each gives the events since the one before, so any grouping of the frames into
    chunks gives the same events. Between two frames brightness is taken as linear in time. The low pass is accurate
    while a frame step is below about a third of its time constant (0.5 ms at 300 Hz); longer steps pass unfiltered.

    Args:
        settings: Thresholds, noise and bandwidth; see ``PRESETS``.
        sensor: ``(width, height)``.
        seed: Thresholds and noise follow from it alone.

    Raises:
        ValueError: a sensor without pixels.

    Source:
        Hu, Liu, Delbruck, "v2e", CVPR workshops 2021 (arXiv:2006.07722), with crossing times instead of equal spacing
        and shot noise drawn as a number for each frame, then placed.
    """

    settings: PixelSettings
    sensor: tuple[int, int]
    state: PixelState | None

    def __init__(self, settings: PixelSettings, sensor: tuple[int, int], seed: int = 0) -> None:
        width, height = sensor
        if not (0 < width <= 65_536 and 0 < height <= 65_536):
            raise ValueError(f"EventPixel: sensor must be (width, height) of 1..65536 pixels, got {sensor}")
        self.settings, self.sensor, self.state = settings, (width, height), None
        self._seed = seed
        shape, fixed = (height, width), np.random.default_rng([seed, 0])
        self._on = draw_thresholds(fixed, settings.threshold_on, settings.threshold_sigma, shape)
        self._off = draw_thresholds(fixed, settings.threshold_off, settings.threshold_sigma, shape)
        self._leak = (10 ** (0.1 * fixed.standard_normal(shape, np.float32)) * self._on).astype(np.float32)
        self._normals = fixed.standard_normal(_TABLE + width, np.float32)
        self._shot_weights = np.cumsum(np.concatenate([settings.threshold_on / self._on.ravel(),
                                                       settings.threshold_off / self._off.ravel()], dtype=np.float64)
                                       if settings.shot_hz > 0 else np.zeros(1))
        self._bits = np.empty(width * height, np.int32)
        self._bright = np.empty(shape, np.float32)
        self._active = np.empty(width * height, np.int64)
        self._before = np.empty(width * height, np.float32)
        self._room(max(1024, width * height // 4))
        self._table = _brightness_table()

    @property
    def thresholds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``(H, W)`` ON and OFF thresholds of the pixels."""
        return self._on, self._off

    def step(self, frame: Frame, t_us: int) -> Events:
        """The events after the previous frame's time, up to and at ``t_us``, in time order; none for the first frame.

        Args:
            frame: ``(H, W)`` uint8 or float32, linear grey in 0..255.
            t_us: Time of the frame, later than the one before.

        Raises:
            ValueError: another shape or type, light outside 0..255, or a time that does not move on.
        """
        check_frame("EventPixel", frame, t_us, self.sensor, self.state.t_us if self.state else None)
        grey: AnyGrey = np.ascontiguousarray(frame)
        if grey.dtype == np.uint8:
            kernels.look_up(grey.ravel(), self._table, self._bright.ravel())
        else:
            kernels.lin_log(grey.ravel(), self._bright.ravel(), self._bits, self._bits.view(np.float32))
        if self.state is None:
            dead = self._bright.size if self.settings.refractory_us else 1
            self.state = PixelState(t_us, self._bright.copy(), self._bright.copy(), np.full(dead, _NEVER_US),
                                    np.random.default_rng([self._seed, 1]))
            return Events.empty(self.sensor)
        step_us = t_us - self.state.t_us
        used = self._changes(self.state, grey, step_us)
        used = self._noise(self.state, grey, step_us, used)
        order = kernels.in_time_order(self._offset_us[:used], step_us)
        columns = kernels.take_in_order(order, self._offset_us, self._place, self._polarity, self.state.t_us,
                                        self.sensor[0])
        self.state.t_us = t_us
        return Events.trusted(*columns, self.sensor)

    def _changes(self, state: PixelState, frame: AnyGrey, step_us: int) -> int:
        settings, step_s = self.settings, step_us * 1e-6
        bandwidth = step_s * 2 * np.pi * settings.cutoff_hz / 275 if settings.cutoff_hz > 0 else -1.0
        leaks = settings.leak_hz > 0
        offsets = state.random.integers(0, _TABLE, self.sensor[1]) if leaks else np.zeros(1, np.int64)
        found = kernels.find_changes(
            frame, self._bright, state.lowpass, state.base, self._on, self._off, np.float32(bandwidth), self._leak,
            np.float32(step_s * settings.leak_hz), self._normals, offsets, self._active, self._before)
        done, used = 0, 0
        while True:
            done, used = kernels.place_events(
                done, found, self._active, self._before, state.lowpass.ravel(), state.base.ravel(), self._on.ravel(),
                self._off.ravel(), state.t_us, step_us, settings.refractory_us, state.last_us, self._offset_us,
                self._place, self._polarity, used)
            if done == found:
                return int(used)
            self._room(2 * len(self._offset_us), used)

    def _noise(self, state: PixelState, frame: AnyGrey, step_us: int, used: int) -> int:
        settings = self.settings
        if settings.shot_hz <= 0:
            return used
        total, brightest = self._shot_weights[-1], 1 - 0.75 * 20 / 275
        count = int(state.random.poisson(total * settings.shot_hz / 2 * step_us * 1e-6 * brightest))
        if count == 0:
            return used
        if used + count > len(self._offset_us):
            self._room(2 * (used + count), used)
        place = np.searchsorted(self._shot_weights, state.random.random(count) * total, side="right")
        pixels = self._bright.size
        place = np.minimum(place, 2 * pixels - 1)
        when = state.random.integers(1, step_us + 1, count)
        return int(kernels.place_noise(
            place % pixels, place < pixels, when, state.random.random(count), frame.ravel(), state.lowpass.ravel(),
            state.base.ravel(), state.t_us, settings.refractory_us, state.last_us, self._offset_us, self._place,
            self._polarity, used))

    def _room(self, events: int, keep: int = 0) -> None:
        """Buffers for this many events of one frame step; the first ``keep`` are kept."""
        offset_us, place, polarity = np.empty(events, np.int64), np.empty(events, np.int64), np.empty(events, np.bool_)
        if keep:
            offset_us[:keep], place[:keep] = self._offset_us[:keep], self._place[:keep]
            polarity[:keep] = self._polarity[:keep]
        self._offset_us: NDArray[np.int64] = offset_us
        self._place: NDArray[np.int64] = place
        self._polarity: NDArray[np.bool_] = polarity


def check_frame(who: str, frame: Frame, t_us: int, sensor: tuple[int, int], before_us: int | None) -> None:
    """Refuse a frame that a pixel model cannot use.

    Raises:
        ValueError: another shape or type, light outside 0..255, or a time that does not move on.
    """
    width, height = sensor
    if frame.shape != (height, width) or frame.dtype not in (np.uint8, np.float32):
        raise ValueError(f"{who}: need a frame of shape {(height, width)}, uint8 or float32, "
                         f"got {frame.shape} {frame.dtype}")
    if before_us is not None and t_us <= before_us:
        raise ValueError(f"{who}: the frame at {t_us} us does not come after the one at {before_us} us")
    if frame.dtype == np.float32 and not (frame.min() >= 0 and frame.max() <= 255):
        raise ValueError(f"{who}: the frame at {t_us} us has light outside 0..255 ({frame.min()} to {frame.max()})")


def draw_thresholds(random: np.random.Generator, mean: float, sigma: float,
                    shape: tuple[int, int]) -> NDArray[np.float32]:
    """``(H, W)`` thresholds that differ from pixel to pixel, none below 0.01."""
    return np.maximum(mean + sigma * random.standard_normal(shape), _LEAST_THRESHOLD).astype(np.float32)


def _brightness_table() -> NDArray[np.float32]:
    light, table, bits = np.arange(256, dtype=np.float32), np.empty(256, np.float32), np.empty(256, np.int32)
    kernels.lin_log(light, table, bits, bits.view(np.float32))
    return table
