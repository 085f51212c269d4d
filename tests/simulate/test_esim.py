"""The ESIM pixel."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.simulate.esim import EsimPixel
from neurofer.simulate.pixel import PRESETS, PixelSettings


def test_crossings_by_hand():                                    # hand trace
    pixel = EsimPixel(PixelSettings(0.5, 0.5), (2, 1))
    dark, bright = np.array([[50, 90]], np.float32), np.array([[200, 90]], np.float32)
    assert len(pixel.step(dark, 1000)) == 0
    start, stop = np.log(50 / 255 + 1e-3), np.log(200 / 255 + 1e-3)
    up = pixel.step(bright, 2000)
    expected = 1000 + np.rint(np.array([0.5, 1.0]) / (stop - start) * 1000)
    np.testing.assert_array_equal(up.t, expected)
    assert up.p.all()
    down = pixel.step(dark, 3000)                                # the reference stands 0.38 below the bright frame
    expected = 2000 + np.rint((stop - start - np.array([0.5, 0.0])) / (stop - start) * 1000)
    np.testing.assert_array_equal(down.t, expected)
    assert not down.p.any()


def test_dead_time_drops_but_moves_the_reference():
    free, dead = (EsimPixel(PixelSettings(0.1, 0.1, refractory_us=dead_us), (4, 3), 1) for dead_us in (0, 300))
    counts = []
    for pixel in (free, dead):
        pixel.step(np.full((3, 4), 20, np.uint8), 0)
        events = pixel.step(np.full((3, 4), 240, np.uint8), 1000)
        counts.append(len(events))
    assert counts[1] == 12 * 3 < counts[0]          # at 40, 364 and 687 us
    np.testing.assert_array_equal(free.reference, dead.reference)


def test_still_scene_and_noise():
    pixel = EsimPixel(PRESETS["clean"], (8, 8))
    frame = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    assert sum(len(pixel.step(frame, t_us)) for t_us in (0, 10, 20)) == 0
    with pytest.raises(ValueError, match="no bandwidth, leak or shot noise"):
        EsimPixel(PRESETS["default"], (8, 8))
    with pytest.raises(ValueError, match="EsimPixel: the frame at 20 us does not come after"):
        pixel.step(frame, 20)
