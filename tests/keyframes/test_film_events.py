"""Films into events: crossing times by hand, laws of the noise estimate, upsampling, refusals."""

import numpy as np
import pytest

from neurofer.keyframes.film_events import enough_contrast, film_events, log_noise, noise_warning, upsampled


def grey_film(*levels, height=2, width=3):
    """One flat frame a level, 1 ms apart."""
    frames = np.stack([np.full((height, width), level, np.float32) for level in levels])
    return frames, np.arange(len(levels), dtype=np.int64) * 1000


def light(brightness):
    """Grey whose log intensity is ``brightness``."""
    return 255 * (np.exp(brightness) - 1e-3)


def test_crossings_lie_where_the_line_between_frames_meets_them():
    frames, times_us = grey_film(light(-1.0), light(-0.75), light(-0.75), light(-1.0), height=1, width=1)
    events = film_events(frames, times_us, threshold=0.1)
    # Up by 0.25 from -1: -0.9 and -0.8 after 2/5 and 4/5. Down from -0.75 the next are -0.9 and -1.0.
    assert events.t.tolist() == [400, 800, 2600, 3000]
    assert events.p.tolist() == [True, True, False, False]


def test_still_film_has_no_events_and_no_noise():
    frames = np.repeat(np.random.default_rng(0).integers(0, 256, (1, 20, 30), np.uint8), 8, axis=0)
    events = film_events(frames, np.arange(8) * 5000, threshold=0.01)
    assert len(events) == 0
    assert events.sensor == (30, 20)
    assert log_noise(frames) == 0


def test_later_film_has_the_same_events_later():
    random = np.random.default_rng(1)
    frames, times_us = random.integers(60, 200, (6, 12, 12), np.uint8), np.arange(6) * 5000
    here, there = film_events(frames, times_us), film_events(frames, times_us + 123_456)
    assert len(here) > 100
    assert np.array_equal(there.t, here.t + 123_456)
    assert np.array_equal(there.x, here.x)
    assert np.array_equal(there.p, here.p)


@pytest.mark.parametrize("sigma", [0.01, 0.03])
def test_noise_is_found_through_motion(sigma):
    random, (frames, _) = np.random.default_rng(2), grey_film(*[128] * 60, height=40, width=40)
    frames *= np.exp(random.normal(0, sigma, frames.shape)).astype(np.float32)
    frames[20:25, :20] += 60  # a change of half the picture in two of sixty frames
    assert log_noise(frames, blur_px=0) == pytest.approx(sigma, rel=0.03)  # 94,400 differences: 1 % and the motion
    assert log_noise(frames, blur_px=1) == pytest.approx(sigma / np.sqrt(4 * np.pi), rel=0.06)  # white noise, blurred


def test_threshold_needs_five_sigmas():
    assert enough_contrast(0.10, 0.02)
    assert noise_warning(0.10, 0.02) == ""
    assert not enough_contrast(0.10, 0.021)
    assert "raise it to 0.1" in noise_warning(0.05, 0.02)


def test_upsampled_film_keeps_its_frames_and_its_events():
    frames, times_us = grey_film(100, 120, 90)
    more, more_us = upsampled(frames, times_us, 4)
    assert more_us.tolist() == [0, 250, 500, 750, 1000, 1250, 1500, 1750, 2000]
    assert more[:, 0, 0].tolist() == [100, 105, 110, 115, 120, 112.5, 105, 97.5, 90]
    assert len(film_events(more, more_us)) == len(film_events(frames, times_us)) > 0
    assert np.array_equal(upsampled(frames, times_us, 1)[0], frames)


@pytest.mark.parametrize(("frames", "times", "words"), [
    (np.zeros((2, 4), np.uint8), [0, 1], r"need frames \(N, H, W\)"),
    (np.zeros((2, 4, 4), np.float64), [0, 1], "float64"),
    (np.zeros((2, 4, 4), np.uint8), [0], "one time for each of 2 frames"),
    (np.zeros((3, 4, 4), np.uint8), [0, 5, 5], "frame 1 is at 5 us and the next at 5 us"),
])
def test_what_is_no_film_is_refused(frames, times, words):
    for use in (film_events, lambda film, us: upsampled(film, us, 2)):
        with pytest.raises(ValueError, match=words):
            use(frames, np.asarray(times))


def test_settings_out_of_range_are_refused():
    frames, times_us = grey_film(1, 2)
    with pytest.raises(ValueError, match="blur_px"):
        film_events(frames, times_us, blur_px=-1)
    with pytest.raises(ValueError, match="threshold_on is 0"):
        film_events(frames, times_us, threshold=0.0)
    with pytest.raises(ValueError, match="factor must be at least 1"):
        upsampled(frames, times_us, 0)
    with pytest.raises(ValueError, match="at least two frames"):
        log_noise(frames[:1])
