"""The event pixel: crossing times by hand, rates of its noise, and a slow reference of the same formulas."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.errors import UsageError
from neurofer.events import Events
from neurofer.simulate import pixel_kernels
from neurofer.simulate.pixel import PRESETS, EventPixel, PixelSettings, preset

PLAIN = PixelSettings(0.2, 0.2)


def run(settings, frames, times_us, seed=0):
    height, width = frames[0].shape
    pixel = EventPixel(settings, (width, height), seed)
    return Events.concatenate([pixel.step(frame, int(t_us)) for frame, t_us in zip(frames, times_us, strict=True)])


def same(first, second):
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("t", "x", "y", "p"))


def moving_texture(frames=12, shape=(20, 30), seed=1, dtype=np.float32):
    random = np.random.default_rng(seed)
    wave = random.normal(size=(4, 3))
    y, x = np.mgrid[: shape[0], : shape[1]] / 6
    film = [sum(np.sin(a * x + b * y + c * 5 + 0.5 * now) for a, b, c in wave) for now in range(frames)]
    return [np.clip(110 + 30 * frame, 0, 255).astype(dtype) for frame in film]


def ramp(light, shape=(1, 1)):
    return [np.full(shape, value, np.float32) for value in light]


def test_crossing_times_of_a_ramp_by_hand():                     # hand trace
    # below grey 20 brightness is v ln(20)/20: from 0 to 20 it rises by ln 20 = 2.9957, so 14 steps of 0.2
    events = run(PLAIN, ramp([0, 20]), [0, 1_000_000])
    expected = np.rint(np.arange(1, 15) * 0.2 / np.log(20) * 1e6)
    assert np.abs(events.t - expected).max() <= 1
    assert events.p.all()


def test_crossing_times_do_not_depend_on_the_frames():           # law
    times = np.arange(11) * 100_000
    events = run(PLAIN, ramp(np.linspace(20, 0, 11)), times)
    expected = np.rint(np.arange(1, 15) * 0.2 / np.log(20) * 1e6)
    assert np.abs(events.t - expected).max() <= 2                # float32 brightness in ten pieces
    assert not events.p.any()


@pytest.mark.parametrize("name", ["clean", "spiking_fer", "eck"])
def test_a_still_scene_gives_nothing(name):
    frames = moving_texture(1) * 20
    assert len(run(PRESETS[name], frames, np.arange(20) * 33_333)) == 0


def test_on_and_off_mirror_under_inversion():                    # invariance
    film = [30 + 0.8 * frame.clip(20, 200) for frame in moving_texture()]
    settings = PixelSettings(0.15, 0.15, cutoff_hz=0)
    events = run(settings, film, np.arange(12) * 10_000)
    turned = run(settings, [(6000 / frame).astype(np.float32) for frame in film], np.arange(12) * 10_000)
    assert len(events) > 1000
    assert abs(len(events) - len(turned)) <= 0.002 * len(events)   # a change that ends on a threshold rounds either way
    for p in (True, False):
        first, second = (np.bincount(one.y[one.p == q].astype(int) * 30 + one.x[one.p == q], minlength=600)
                         for one, q in ((events, p), (turned, not p)))
        assert np.abs(first - second).sum() <= 0.002 * len(events)


def reference(settings, pixel, frames, times_us):
    """The same formulas, one pixel and one event after the other."""
    on, off = (one.astype(np.float64) for one in pixel.thresholds)
    height, width = on.shape
    events = []
    for y in range(height):
        for x in range(width):
            base = low = last = None
            for frame, t_us, before_us in zip(frames, times_us, [0, *times_us[:-1]], strict=True):
                v = float(frame[y, x])
                bright = np.float32(v * np.log(20) / 20 if v <= 20 else np.log(v))
                if base is None:
                    base = low = bright
                    continue
                step = t_us - before_us
                old = np.float32(low - base)
                share = 1.0 if not settings.cutoff_hz else min(
                    1.0, (v + 20) / 275 * step * 1e-6 * 2 * np.pi * settings.cutoff_hz)
                low = np.float32(low + np.float32(share) * (bright - low)) if share < 1 else bright
                change = float(low) - float(base)
                up = change > 0
                threshold = on[y, x] if up else off[y, x]
                count = int(abs(change) / threshold)
                start, kept = float(old) if up else -float(old), 0
                for number in range(1, count + 1):
                    slope = abs(change) - start
                    way = min(max((number * threshold - start) / slope, 0.0), 1.0) if slope > 0 else 1.0
                    t = before_us + max(1, min(step, int(way * step + 0.5)))
                    if settings.refractory_us and last is not None and t - last < settings.refractory_us:
                        continue
                    last, kept = t, kept + 1
                    events.append((t, y, x, up))
                base = np.float32(base + (1 if up else -1) * kept * threshold)
    return sorted(events)


@pytest.mark.parametrize("settings", [
    PixelSettings(0.2, 0.2, 0.02), PixelSettings(0.1, 0.15, 0.03, refractory_us=3_000),
    PixelSettings(0.1, 0.1, 0.03, cutoff_hz=20), PixelSettings(0.1, 0.1, cutoff_hz=20, refractory_us=500)])
def test_equals_a_slow_reference(settings):
    frames, times = moving_texture(8, (8, 10)), (np.arange(8) * 7_000).tolist()
    pixel = EventPixel(settings, (10, 8), 3)
    expected = reference(settings, pixel, frames, times)
    events = run(settings, frames, times, seed=3)
    # the compiled logarithm differs by 1e-6 from numpy's: an event on the edge of a frame may fall to the other side
    assert abs(len(events) - len(expected)) <= 2
    assert len(expected) > 200
    found = {(int(one["y"]), int(one["x"]), bool(one["p"]), int(one["t"]) // 20) for one in events.to_array()}
    wanted = {(y, x, bool(p), t // 20) for t, y, x, p in expected}
    assert len(found ^ wanted) <= 0.02 * len(wanted)             # times that round into the next 20 us


def test_brightness_is_exact_to_a_millionth():
    light, out = np.linspace(0, 255, 5001).astype(np.float32), np.empty(5001, np.float32)
    bits = np.empty(5001, np.int32)
    pixel_kernels.lin_log(light, out, bits, bits.view(np.float32))
    exact = np.where(light <= 20, light.astype(float) * np.log(20) / 20, np.log(np.maximum(light.astype(float), 1)))
    assert np.abs(out - exact).max() < 1e-6


def test_no_pixel_fires_within_its_dead_time():                  # law
    settings = PixelSettings(0.05, 0.05, shot_hz=20, refractory_us=4_000)
    events = run(settings, moving_texture(30), np.arange(30) * 5_000)
    place = events.y.astype(int) * 30 + events.x
    order = np.lexsort((events.t, place))
    gaps = np.diff(events.t[order])[np.diff(place[order]) == 0]
    assert len(gaps) > 1000
    assert gaps.min() >= 4_000


def test_leak_makes_on_events_at_its_rate():                     # law
    settings = PixelSettings(0.2, 0.2, 0.02, leak_hz=2)
    events = run(settings, ramp([80] * 301, (32, 32)), np.arange(301) * 33_333)
    mean_hz = 2 * np.exp((0.1 * np.log(10)) ** 2 / 2)
    expected = (mean_hz * 10 - 0.5) * 1024                        # half an event is still under way at the end
    assert events.p.all()
    assert len(events) == pytest.approx(expected, rel=0.04)      # a pixel's own rate varies by 23 %, 1024 pixels: 1 %
    inside = (events.t - 1) % 33_333 / 33_333
    assert inside.mean() == pytest.approx(0.5, abs=0.02)         # not all at the frames' times


@pytest.mark.parametrize(("grey", "factor"), [(0, 1 - 0.75 * 20 / 275), (100, 1 - 0.75 * 120 / 275), (255, 0.25)])
def test_shot_noise_is_at_its_rate(grey, factor):                # law
    settings = PixelSettings(0.2, 0.2, shot_hz=5)
    events = run(settings, ramp([grey] * 61, (64, 64)), np.arange(61) * 33_333)
    expected = 2.5 * factor * 64 * 64 * 60 * 0.033333
    for count in (events.p.sum(), (~events.p).sum()):
        assert count == pytest.approx(expected, abs=4 * np.sqrt(expected))   # Poisson


def test_insensitive_pixels_are_less_noisy():
    settings = PixelSettings(0.2, 0.2, 0.05, shot_hz=200)
    pixel = EventPixel(settings, (32, 32), 0)
    events = run(settings, ramp([50] * 31, (32, 32)), np.arange(31) * 33_333)
    counts = np.bincount(events.y[events.p].astype(int) * 32 + events.x[events.p], minlength=1024)
    wanted = 0.2 / pixel.thresholds[0].ravel()
    assert np.corrcoef(counts, wanted)[0, 1] > 0.7


def test_bytes_and_floats_of_the_same_light_agree():             # invariance
    film = moving_texture(dtype=np.uint8)
    times = np.arange(12) * 20_000
    for settings in (PRESETS["default"], PRESETS["noisy"]):
        assert same(run(settings, film, times), run(settings, [frame.astype(np.float32) for frame in film], times))


def test_the_seed_decides_everything():
    film, times = moving_texture(), np.arange(12) * 20_000
    assert same(run(PRESETS["noisy"], film, times, 4), run(PRESETS["noisy"], film, times, 4))
    assert not same(run(PRESETS["noisy"], film, times, 4), run(PRESETS["noisy"], film, times, 5))


def test_events_lie_between_the_frames_in_order():
    pixel = EventPixel(PRESETS["noisy"], (30, 20), 0)
    before = -100_000
    for frame, t_us in zip(moving_texture(), np.arange(12) * 50_000 - 100_000, strict=True):
        events = pixel.step(frame, int(t_us))
        Events(events.t, events.x, events.y, events.p, events.sensor)   # checks order and range
        assert not len(events) or (events.t[0] > before and events.t[-1] <= t_us)
        before = int(t_us)
    assert pixel.state is not None
    assert pixel.state.t_us == before


def test_more_events_than_the_buffers_hold():
    dark, bright = np.zeros((9, 9), np.float32), np.full((9, 9), 255, np.float32)
    events = run(PixelSettings(0.01, 0.01), [dark, bright], [0, 5_000_000])   # times beyond two radix digits
    assert len(events) == 81 * int(np.log(255) / 0.01)
    assert (np.diff(events.t) >= 0).all()


def test_bad_frames_are_refused():                               # refusal
    pixel = EventPixel(PLAIN, (3, 2))
    good = np.zeros((2, 3), np.float32)
    pixel.step(good, 10)
    with pytest.raises(ValueError, match=r"shape \(2, 3\).*got \(3, 2\)"):
        pixel.step(good.T, 20)
    with pytest.raises(ValueError, match="float64"):
        pixel.step(good.astype(np.float64), 20)
    with pytest.raises(ValueError, match="10 us does not come after the one at 10 us"):
        pixel.step(good, 10)
    for light in (np.nan, -1, 256):
        with pytest.raises(ValueError, match=r"outside 0\.\.255"):
            pixel.step(good + np.float32(light), 20)
    with pytest.raises(ValueError, match="sensor"):
        EventPixel(PLAIN, (0, 5))
    assert len(pixel.step(good, 20)) == 0


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="threshold_on is 0"):
        PixelSettings(threshold_on=0)
    with pytest.raises(ValueError, match="shot_hz is -1"):
        PixelSettings(shot_hz=-1)
    with pytest.raises(ValueError, match="leak_hz is nan"):
        PixelSettings(leak_hz=float("nan"))
    with pytest.raises(UsageError, match="clean, spiking_fer, c_v2e, default, noisy, eck"):
        preset("dvs")
