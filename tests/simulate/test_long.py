"""Long recordings drawn from a seed: how many expressions, how long, how strong, how far apart, and what else moves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from neurofer.simulate.actions import unit_column
from neurofer.simulate.long import (
    LEAST_MACRO_PEAK,
    LEAST_REST_S,
    MACRO_IN_2_MIN,
    MACRO_US,
    MICRO_IN_2_MIN,
    draw_long_performance,
    film_long,
)
from neurofer.simulate.long_nuisance import (
    GAIN,
    Burst,
    Way,
    draw_bursts,
    draw_light,
    draw_long_nuisance,
    draw_pose,
    draw_turns,
    follow,
    speech_track,
)
from neurofer.simulate.micro import LEAST_PEAK, LONGEST_US
from neurofer.simulate.performance import draw_subject
from neurofer.simulate.timecourse import strengths


@pytest.fixture(scope="module")
def performances():
    return [draw_long_performance(2, one, number, 120.0)
            for one in (draw_subject(2, person) for person in range(20)) for number in range(4)]


def drawn(what, seed, **options):
    """A nuisance's draw from its own source."""
    return what(random=np.random.default_rng(seed), **options)


def test_two_minutes_hold_the_promised_numbers_and_now_and_then_none_of_a_type(performances):
    counts = {kind: Counter(sum(one.kind == kind for one in performance.expressions) for performance in performances)
              for kind in ("micro", "macro")}
    assert set(counts["micro"]) == {0, *range(MICRO_IN_2_MIN[0], MICRO_IN_2_MIN[1] + 1)}
    assert set(counts["macro"]) == {0, *range(MACRO_IN_2_MIN[0], MACRO_IN_2_MIN[1] + 1)}
    assert all(performance.expressions for performance in performances)
    assert 4 <= counts["micro"][0] <= 20
    assert 1 <= counts["macro"][0] <= 12


def test_micro_is_short_and_macro_long(performances):
    for one in (one for performance in performances for one in performance.expressions):
        low, high = (0, LONGEST_US) if one.kind == "micro" else MACRO_US
        assert low - 1 <= one.length_us <= high + 1                        # moments are cut to whole microseconds


def test_macro_is_stronger_and_stays(performances):
    peaks = {kind: np.array([one.shown.units.max() for performance in performances for one in performance.expressions
                             if one.kind == kind]) for kind in ("micro", "macro")}
    assert peaks["micro"].min() >= LEAST_PEAK - 1e-9
    assert peaks["macro"].min() >= LEAST_MACRO_PEAK - 1e-9
    assert np.median(peaks["macro"]) > 2 * np.median(peaks["micro"])
    holds = [one.shown.release_us - one.shown.apex_us for performance in performances
             for one in performance.expressions if one.kind == "macro"]
    assert min(holds) >= 0
    assert np.median(holds) > 200_000


def test_there_is_rest_around_each_expression(performances):
    for performance in performances:
        edges = [0, *(edge for one in performance.expressions for edge in (one.shown.onset_us, one.shown.offset_us)),
                 round(performance.length_s * 1e6)]
        rests = np.diff(edges)[::2]
        assert rests.min() >= LEAST_REST_S * 1e6 - 1
    middles = [one.shown.apex_us / 120e6 for performance in performances for one in performance.expressions]
    assert np.histogram(middles, 4, (0, 1))[0].min() > 0.15 * len(middles)         # anywhere, not in one half


def test_the_face_rests_between_expressions(performances):
    shown = performances[0].expressions
    movements = [one.shown for one in shown]
    times_us = np.arange(0, 120_000_000, 10_000)
    moving = strengths(movements, times_us).max(axis=(1, 2)) > 0
    within = np.any([(times_us >= one.onset_us) & (times_us <= one.offset_us) for one in movements], axis=0)
    assert not moving[~within].any()
    assert moving[within].mean() > 0.8


def test_a_short_recording_shows_what_fits():
    subject = draw_subject(2, 0)
    for length_s in (0.5, 2.0, 3.0, 5.0):
        for number in range(10):
            shown = draw_long_performance(2, subject, number, length_s).expressions
            assert all(one.shown.offset_us <= (length_s - LEAST_REST_S) * 1e6 + 1 for one in shown)
            assert len(shown) <= length_s


def test_both_lights_show_the_same():
    subject, times_us = draw_subject(1, 0), np.arange(0, 8_000_000, 40_000)
    steady, varying = (film_long(draw_long_performance(1, subject, 0, 8.0, light), (32, 32), times_us)
                       for light in ("steady", "varying"))
    for name in ("t_us", "units", "gaze", "pose", "speech", "landmarks"):
        np.testing.assert_array_equal(steady.film.truth[name], varying.film.truth[name])
    assert steady.counts == varying.counts
    np.testing.assert_array_equal(steady.film.scene.background, varying.film.scene.background)
    assert np.ptp(varying.film.truth["light"][:, 0]) > 2 * np.ptp(steady.film.truth["light"][:, 0])


@pytest.mark.parametrize("light", ["steady", "varying"])
def test_a_frame_rate_changes_only_where_it_is_sampled(light):
    performance = draw_long_performance(4, draw_subject(4, 1), 0, 6.0, light)
    coarse, fine = (film_long(performance, (32, 32), np.arange(0, 6_000_000, step)).film.truth
                    for step in (40_000, 5_000))
    for name in coarse.dtype.names:
        np.testing.assert_allclose(coarse[name], fine[::8][name], atol=1e-5, rtol=0)    # float32 of the same numbers


def test_numbers_and_people_differ_and_a_repeat_does_not():
    first = draw_long_performance(1, draw_subject(1, 0), 0, 60.0)
    again = draw_long_performance(1, draw_subject(1, 0), 0, 60.0)
    onsets = [one.shown.onset_us for one in first.expressions]
    assert onsets == [one.shown.onset_us for one in again.expressions]
    assert first.seed == again.seed
    for other in (draw_long_performance(1, draw_subject(1, 0), 1, 60.0),
                  draw_long_performance(1, draw_subject(1, 1), 0, 60.0)):
        assert onsets != [one.shown.onset_us for one in other.expressions]
        assert first.seed != other.seed


def test_values_are_led_from_goal_to_goal():
    ways = (Way(1.0, 2.0, np.array([4.0])), Way(4.0, 1.0, np.array([-2.0])))
    track = follow(np.array([0.0, 1.0, 2.0, 3.0, 3.9, 4.5, 5.0, 9.0]), np.zeros(1), ways)
    np.testing.assert_allclose(track[:, 0], [0, 0, 2, 4, 4, 1, -2, -2], atol=1e-12)


def test_the_head_turns_several_times_all_over_the_recording():
    seconds = np.arange(0, 120, 0.05)
    for seed in range(5):
        turns = drawn(draw_turns, seed, length_s=120.0)
        assert 4 <= len(turns) <= 25
        assert all(0.25 <= turn.length_s <= 1.2 for turn in turns)
        assert turns[0].start_s < 40
        assert turns[-1].start_s > 80
        pose = drawn(draw_pose, seed, seconds=seconds, turns=turns, length_s=120.0)
        for quarter in np.split(pose, 4):
            assert np.ptp(quarter[:, 0]) > 0.02
        assert np.abs(pose[:, :3]).max() <= 0.4
        assert np.abs(np.log(pose[:, 5])).max() <= 0.12 + 1e-12


def test_a_still_head_only_rests():
    seconds = np.arange(0, 10, 0.1)
    pose = drawn(draw_pose, 0, seconds=seconds, turns=drawn(draw_turns, 0, length_s=10.0, liveliness=0.0),
                 length_s=10.0, liveliness=0.0)
    np.testing.assert_allclose(pose, np.broadcast_to(pose[0], pose.shape), atol=1e-12)


def test_speech_moves_the_mouth_within_its_bursts_only():
    seconds = np.arange(0, 10, 0.01)
    burst = Burst(2.0, 3.0, 0.4, 4.0, np.zeros(3))
    speech, moves = speech_track(seconds, (burst,))
    outside = (seconds <= 2.0) | (seconds >= 5.0)
    assert speech[outside].max() == 0
    assert speech.max() == pytest.approx(0.4)
    for unit in (18, 25, 26):
        assert moves[unit][outside].max() == 0
        assert np.ptp(moves[unit][(seconds > 2.5) & (seconds < 4.5)]) > 0.1
    lengths = [one.length_s for seed in range(20) for one in drawn(draw_bursts, seed, length_s=120.0)]
    assert min(lengths) >= 1.0
    assert max(lengths) <= 4.0
    assert 2 <= len(lengths) / 20 <= 5


def test_light_keeps_its_bounds():
    seconds = np.arange(0, 120, 0.05)
    steady = np.stack([drawn(draw_light, seed, seconds=seconds, length_s=120.0, light="steady") for seed in range(8)])
    assert np.abs(steady[:, :, 0] - 1).max() <= 0.03
    assert np.abs(steady[:, :, 1]).max() <= 0.04
    varying = np.stack([drawn(draw_light, seed, seconds=seconds, length_s=120.0, light="varying") for seed in range(8)])
    assert varying[:, :, 0].min() >= GAIN[0]
    assert varying[:, :, 0].max() <= GAIN[1]
    assert np.ptp(varying[:, :, 0], axis=1).min() > 0.3
    assert np.ptp(varying[:, :, 1], axis=1).min() > 0.3
    within_a_second = np.abs(varying[:, 20:, 0] - varying[:, :-20, 0]).max(axis=1)
    assert within_a_second.min() > 0.08                                            # lamps are switched
    assert np.median(np.abs(np.diff(varying[:, :, 0], axis=1))) < 0.01             # but most of the time they are not


def test_what_else_happens_is_counted():
    seconds = np.arange(0, 60, 0.005)
    other = draw_long_nuisance(seconds, 60.0, np.random.default_rng(3), np.random.default_rng(4))
    closed = other.tracks.units[:, unit_column(45), 0] > 0.5
    assert other.counts["blink"] == np.count_nonzero(np.diff(closed.astype(int)) == 1) > 5
    talks = (other.tracks.speech > 0).astype(int)
    assert other.counts["speech"] == np.count_nonzero(np.diff(talks) == 1) > 0
    assert other.counts["turn"] > 2


def test_an_unknown_light_and_no_length_are_refused():
    with pytest.raises(ValueError, match="unknown light 'dim'; choose one of steady, varying"):
        draw_light(np.zeros(1), 1.0, np.random.default_rng(0), "dim")
    with pytest.raises(ValueError, match="got length_s 0 and light"):
        draw_long_performance(0, draw_subject(0, 0), 0, 0)
    with pytest.raises(ValueError, match="light 'dim'; need a length"):
        draw_long_performance(0, draw_subject(0, 0), 0, 10.0, "dim")
