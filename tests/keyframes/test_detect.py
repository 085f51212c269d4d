"""Expressions found in events: the simulated bump and its truth, long recordings, rates by hand, refusals."""

import functools

import numpy as np
import pytest

from neurofer.events.events import Events
from neurofer.keyframes.detect import (
    Detection,
    DetectSettings,
    Refusal,
    calibrated_lag,
    detect_all,
    detect_expression,
)
from neurofer.keyframes.displacement import Return, displacement, find_return
from neurofer.keyframes.film_events import film_events
from neurofer.keyframes.rate import rate_scores, region_counts
from neurofer.keyframes.regions import face_regions, grid_regions
from trees.bump import bump_film

SEEDS = range(20)
FRAME_US = 5000
SIZE = 96
GRID = grid_regions((SIZE, SIZE))
PLAIN = DetectSettings()
GUESS = DetectSettings(must_return=False)


@functools.cache
def film(seed, peak_px, noise_sigma):
    """Frames, their times, and the numbers of onset, apex and offset."""
    return bump_film(seed, peak_px, noise_sigma, SIZE)


@functools.cache
def events_of(seed, peak_px, noise_sigma, threshold):
    frames, times_us, *_ = film(seed, peak_px, noise_sigma)
    return film_events(frames, times_us, threshold)


def bump(seed, peak_px=2.0, noise_sigma=0.005, threshold=0.1):
    """Events of a bump film, and its onset, apex and offset in microseconds; the film is 200 frames, one second."""
    _, times_us, *moments = film(seed, peak_px, noise_sigma)
    return events_of(seed, peak_px, noise_sigma, threshold), times_us[moments]


def second(events, settings=PLAIN):
    return detect_expression(events, GRID, settings, 0, 200 * FRAME_US)


def errors_in_frames(threshold, seeds=SEEDS):
    """``(accepted, 3)`` found minus true onset, apex and offset of a bump of 2 pixels."""
    films = [bump(seed, threshold=threshold) for seed in seeds]
    found = [(second(events), true) for events, true in films]
    rows = [(one.onset_us, one.apex_us, one.offset_us) - true for one, true in found if isinstance(one, Detection)]
    return np.array(rows) / FRAME_US


def joined(*parts):
    """Streams one after the other."""
    return Events.concatenate(parts)


def later(events, by_us):
    return Events(events.t + by_us, events.x, events.y, events.p, events.sensor)


def test_apex_of_the_simulated_bump():
    errors = errors_in_frames(0.1)
    assert len(errors) >= 18
    assert np.abs(errors[:, 1]).mean() <= 3
    assert np.abs(errors[:, 1]).max() <= 8
    assert errors[:, 0].min() >= 8
    assert errors[:, 0].max() <= 25


def test_lower_threshold_fires_earlier_and_weak_contrast_not_at_all():
    errors = errors_in_frames(0.05, SEEDS[:8])
    assert len(errors) == 8
    assert np.median(errors[:, 0]) <= 12
    assert len(errors_in_frames(0.2, SEEDS[:8])) == 0


@pytest.mark.parametrize("threshold", [0.05, 0.1])
def test_still_film_shows_no_expression(threshold):
    for seed in SEEDS[:4]:
        found = second(bump(seed, 0.0, 0.005, threshold)[0])
        assert found == Refusal("no 3 bins in a row with a score above 3")


def test_clip_that_starts_at_its_apex_is_refused():
    reasons = []
    for seed in SEEDS:
        frames, times_us, _, apex, _ = film(seed, 2.0, 0.005)
        found = detect_expression(film_events(frames[apex:], times_us[apex:]), GRID, DetectSettings(),
                                  int(times_us[apex]), 200 * FRAME_US)
        assert isinstance(found, Refusal)
        reasons.append(found.reason)
    assert sum("relaxation" in reason for reason in reasons) >= 15  # the others fire no burst at all


def test_parts_of_a_detection():
    events, _ = bump(3)
    found = second(events)
    assert isinstance(found, Detection)
    assert (found.apex_from, found.offset_from) == ("displacement", "displacement")
    assert found.onset_us < found.apex_us < found.offset_us
    assert found.peak_z > 3
    assert found.course_us[np.argmax(found.course)] == found.apex_us
    assert found.course_us[-1] == found.offset_us
    assert found.course[-1] < 0.2 * found.course.max()


def test_calibrated_lag_moves_the_onset_but_not_before_the_start():
    late = [second(bump(seed)[0]).onset_us for seed in SEEDS]
    lag_us = calibrated_lag(late, [bump(seed)[1][0] for seed in SEEDS])
    assert 8 * FRAME_US <= lag_us <= 25 * FRAME_US
    found = second(bump(0)[0], DetectSettings(lag_us=lag_us))
    assert found.onset_us == late[0] - lag_us
    assert second(bump(0)[0], DetectSettings(lag_us=10_000_000)).onset_us == 0
    assert calibrated_lag([10, 30, 21], [0, 10, 20]) == 10


def test_later_recording_gives_the_same_expression_later():
    events, _ = bump(1)
    here, there = second(events), detect_expression(later(events, 10**12), GRID, PLAIN, 10**12,
                                                    10**12 + 200 * FRAME_US)
    assert (there.onset_us, there.apex_us, there.offset_us) == (here.onset_us + 10**12, here.apex_us + 10**12,
                                                                here.offset_us + 10**12)
    assert np.array_equal(there.course, here.course)


def test_exchanged_polarity_changes_nothing():
    events, _ = bump(2)
    assert second(Events(events.t, events.x, events.y, ~events.p, events.sensor)) == second(events)


def noisy(events, stop_us, rate_hz):
    """Events with as many more as all pixels have in that time, anywhere, at any time."""
    random, many = np.random.default_rng(0), round(rate_hz * SIZE**2 * stop_us / 1e6)
    t = np.concatenate((events.t, random.integers(0, stop_us, many)))
    x, y = (np.concatenate((column, random.integers(0, SIZE, many))) for column in (events.x, events.y))
    p, order = np.concatenate((events.p, random.random(many) < 0.5)), np.argsort(t, kind="stable")
    return Events(t[order], x[order], y[order], p[order], events.sensor)


def test_noise_of_pixels_makes_no_expression_and_hides_none():
    for seed in SEEDS[:8]:
        events, true = bump(seed)
        found = second(noisy(events, 1_000_000, 0.1))
        assert isinstance(found, Detection)
        assert abs(found.apex_us - true[1]) <= 21 * FRAME_US  # events of noise between the two bursts move it
    assert detect_all(noisy(Events.empty((SIZE, SIZE)), 20_000_000, 1.0), GRID) == []


def test_all_expressions_of_a_long_recording():
    starts_us = (4_000_000, 5_000_000, 9_000_000)
    clean = joined(*(later(bump(seed, threshold=0.05)[0], start_us) for seed, start_us in enumerate(starts_us)))
    events = noisy(clean, 15_000_000, 0.05)
    found = detect_all(events, GRID, PLAIN, 0, 15_000_000)
    assert len(found) == 3
    for one, seed, start_us in zip(found, SEEDS, starts_us, strict=False):
        assert abs(one.apex_us - start_us - bump(seed)[1][1]) <= 14 * FRAME_US
    assert all(before.offset_us <= after.onset_us for before, after in zip(found, found[1:], strict=False))
    lagging = detect_all(events, GRID, DetectSettings(lag_us=2_000_000), 0, 15_000_000)
    assert lagging[1].onset_us == lagging[0].offset_us
    assert found[0] == detect_expression(events, GRID, PLAIN, 0, 15_000_000)


def test_movement_elsewhere_does_not_hide_the_return():
    # Region 0 brightens in bins 20 to 29 and darkens in 40 to 49; region 1 brightens half as much, and for good.
    there, back = flashes((20, 30)), flashes((40, 50))
    other = slice(0, None, 2)
    t = np.concatenate((there.t, there.t[other], back.t))
    x, y = np.concatenate((there.x, there.x[other] + 4, back.x)), np.concatenate((there.y, there.y[other], back.y))
    p, order = np.arange(len(t)) < 1500, np.argsort(t, kind="stable")
    both = Events(t[order], x[order], y[order], p[order], (8, 4))
    found = detect_expression(both, grid_regions((8, 4), 1, 2), PLAIN, 0, 500_000)
    assert isinstance(found, Detection)
    assert 145_000 <= found.apex_us < 150_000
    assert 200_000 < found.offset_us < 250_000
    assert isinstance(detect_expression(both, grid_regions((8, 4), 1, 1), PLAIN, 0, 500_000), Refusal)


def test_relaxation_can_be_guessed_from_its_rate():
    events, (_, apex_us, _) = bump(4)
    tail = events.between(int(apex_us), 10**9)
    found = detect_expression(tail, GRID, GUESS, int(apex_us), 200 * FRAME_US)
    assert isinstance(found, Detection)
    assert found.apex_from in ("rate minimum", "midpoint")
    assert found.onset_us < found.apex_us < found.offset_us


def flashes(*bursts):
    """One pixel block that flashes ON at 100 events a bin, for (first, last) bins of 5 ms."""
    t = np.concatenate([np.repeat(np.arange(first, last) * 5000, 100) + np.tile(np.arange(100) * 50, last - first)
                        for first, last in bursts])
    place = np.arange(len(t)) % 16
    return Events(t, place % 4, place // 4, np.ones(len(t), bool), (4, 4))


def test_guesses_by_hand():
    regions = grid_regions((4, 4), 1, 1)
    two = detect_expression(flashes((20, 30), (40, 50)), regions, GUESS, 0, 500_000)
    # Bursts of bins 20..29 and 40..49; the dip between is bins 30..39, its middle 35 * 5 ms.
    assert (two.onset_us, two.apex_us, two.offset_us) == (100_000, 175_000, 250_000)
    assert (two.apex_from, two.offset_from) == ("rate minimum", "rate")
    one = detect_expression(flashes((20, 30)), regions, GUESS, 0, 500_000)
    assert (one.onset_us, one.apex_us, one.offset_us, one.apex_from) == (100_000, 125_000, 150_000, "midpoint")
    cut = detect_expression(flashes((20, 30)), regions, GUESS, 0, 160_000)
    assert (cut.apex_us, cut.offset_us, cut.offset_from) == (130_000, 160_000, "end")
    assert isinstance(detect_expression(flashes((20, 30), (40, 50)), regions, PLAIN, 0, 500_000), Refusal)


def test_displacement_by_hand():
    # Pixels 0 and 1: two ON and one OFF in the burst, Q = (2, -1), |Q|^2 = 5; then taken back, and one event elsewhere.
    events = Events([0, 1, 2, 10, 11, 12, 13], [0, 1, 0, 2, 0, 1, 0], [0] * 7, [1, 0, 1, 1, 0, 1, 0], (3, 1))
    assert displacement(events, events[:3]).tolist() == pytest.approx([0.4, 0.6, 1.0, 1.0, 0.6, 0.4, 0.0])
    cancels = Events([0, 1, 9], [0, 0, 1], [0] * 3, [1, 0, 1], (3, 1))
    assert not displacement(cancels, cancels[:2]).any()
    assert find_return(np.array([0.5, 0.05, 1.0, 2.0, 0.3, 0.5]), 2, 0.2) == Return(3, 4)
    assert find_return(np.array([1.0, 2.0, 0.5]), 1, 0.2) is None
    assert find_return(np.zeros(4), 0, 0.2) is None


def test_counts_by_hand_leave_out_what_is_in_no_region():
    regions = np.array([[0, 1, -1]])
    events = Events([0, 4, 5, 9, 12, 13], [0, 1, 1, 2, 1, 1], [0] * 6, np.ones(6, bool), (3, 1))
    assert region_counts(events, regions, 0, 13, 5).tolist() == [[1, 0, 0], [1, 1, 1]]


def test_running_background_follows_a_slow_change_of_rate():
    counts = np.random.default_rng(0).poisson(np.linspace(5, 200, 6000))[None]
    assert abs(rate_scores(counts, 10_000)[0, -600:].mean()) > 1  # one background for all
    score = rate_scores(counts, 600)[0]
    assert abs(np.median(score)) < 0.1
    assert (score > 4).mean() < 0.002
    counts[0, 3000:3010] += 300
    assert rate_scores(counts, 600)[0, 3000:3010].min() > 10


def test_regions_cover_what_they_name():
    assert np.bincount(grid_regions((6, 9)).ravel()).tolist() == [6] * 9
    face = face_regions(128)
    eyes, brows, mouth = (round(0.32 * 128), round(0.30 * 128)), (round(0.32 * 128), 22), (64, 90)
    assert [face[y, x] for x, y in (brows, eyes, mouth)] == [0, 1, 3]
    assert face[64, 64] == 2
    assert face[2, 2] == face[127, 64] == -1
    assert np.array_equal(np.unique(face_regions(16)), [-1, 0, 1, 2, 3])
    blind = face_regions(128, ("brows", "nose", "mouth"))
    assert np.array_equal(blind, np.where(face == 1, -1, face))


def test_no_events_are_refused():
    assert detect_expression(Events.empty((SIZE, SIZE)), GRID) == Refusal("no events")
    assert isinstance(second(Events.empty((SIZE, SIZE))), Refusal)
    assert detect_all(Events.empty((SIZE, SIZE)), GRID) == []


@pytest.mark.parametrize(("regions", "times", "words"), [
    (GRID[:5], (0, 100), r"regions are \(5, 96\)"),
    (GRID.astype(float), (0, 100), "float64"),
    (GRID * 0 - 1, (0, 100), "numbered -1 to -1"),
    (GRID, (100, 100), "need start < stop"),
])
def test_wrong_regions_and_times_are_refused(regions, times, words):
    with pytest.raises(ValueError, match=words):
        detect_expression(bump(0)[0], regions, PLAIN, *times)


@pytest.mark.parametrize(("wrong", "words"), [
    ({"bin_us": 0}, "bin_us is 0"), ({"start_bins": 0}, "start_bins is 0"), ({"end_z": 4.0}, "start_z is 3.0"),
    ({"offset_share": 1.0}, "offset_share"), ({"lag_us": -1}, "lag_us is -1"), ({"window_us": 9_999}, "at least 15000"),
    ({"start_z": float("nan")}, "start_z is nan"),
])
def test_settings_out_of_range_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        DetectSettings(**wrong)


def test_lag_needs_onsets_and_regions_need_pixels():
    with pytest.raises(ValueError, match="at least one"):
        calibrated_lag([], [])
    with pytest.raises(ValueError, match=r"\(2,\) and \(1,\)"):
        calibrated_lag([1, 2], [1])
    with pytest.raises(ValueError, match="at least 16 pixels"):
        face_regions(15)
    with pytest.raises(ValueError, match="need parts of brows, eyes, nose, mouth, got ears"):
        face_regions(16, ("ears",))
    with pytest.raises(ValueError, match="got 7 and 3"):
        grid_regions((6, 6), 7)
