"""Micro-expressions drawn from a seed: bounds of time and strength, the class's emotions, the fullest moment."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from neurofer.data.micro.record import LABELS3
from neurofer.simulate.actions import UNITS
from neurofer.simulate.micro import (
    LEAST_PEAK,
    LONGEST_US,
    MICRO_EMOTIONS,
    SHARE,
    SIDE_US,
    STILL_US,
    apex_middle_us,
    draw_micro_performance,
    draw_micro_times,
)
from neurofer.simulate.performance import draw_subject
from neurofer.simulate.timecourse import strengths


@pytest.fixture(scope="module")
def performances():
    people = [draw_subject(3, number) for number in range(12)]
    return [(label, draw_micro_performance(3, one, label, number))
            for one, label, number in product(people, MICRO_EMOTIONS, range(6))]


def test_the_classes_are_those_of_the_composite_protocol():
    assert tuple(MICRO_EMOTIONS) == LABELS3


def test_the_emotion_is_of_the_class_and_all_are_shown(performances):
    shown = {label: {one.label for of, one in performances if of == label} for label in MICRO_EMOTIONS}
    assert shown == {label: set(emotions) for label, emotions in MICRO_EMOTIONS.items()}


def test_times_stay_in_their_bounds_whatever_the_pace():
    random, places = np.random.default_rng(0), []
    for pace in (0.3, 1.0, 3.0):
        for _ in range(300):
            onset, apex, release, offset, stop = draw_micro_times(random, pace)
            assert SIDE_US[0] - 1 <= apex - onset <= SIDE_US[1] + 1         # moments are cut to whole microseconds
            assert SIDE_US[0] - 1 <= offset - release <= SIDE_US[1] + 1
            assert 40_000 <= offset - onset <= LONGEST_US + 1
            assert 0 <= release - apex <= 40_000
            assert min(onset, stop - offset) >= STILL_US[0] - 1
            places.append(((apex + release) / 2 - onset) / (offset - onset))
    assert 0.25 < min(places) < 0.35
    assert 0.65 < max(places) < 0.75


def test_it_is_weak_but_something_moves(performances):
    for _, one in performances:
        peak = one.movements[0].units.max()
        assert LEAST_PEAK * 0.999 <= peak <= SHARE[1]                       # rounding of one product
    peaks = [one.movements[0].units.max() for _, one in performances]
    assert 0.1 < np.median(peaks) < 0.3


def test_units_are_often_missing_and_the_mouth_seldom_opens(performances):
    surprised = [one.movements[0].units.max(axis=1) > 0 for label, one in performances if label == "surprise"]
    raised = np.array(surprised)[:, [UNITS.index(unit) for unit in (1, 2)]]
    assert 0.1 < 1 - raised.all(axis=1).mean() < 0.7
    assert raised.any(axis=1).mean() > 0.8
    assert np.array(surprised)[:, UNITS.index(26)].mean() < 0.35


def test_what_opens_only_the_mouth_is_shown(monkeypatch):
    only_jaw = np.zeros((len(UNITS), 2))
    only_jaw[UNITS.index(26)] = 0.05
    monkeypatch.setattr("neurofer.simulate.micro.draw_expression", lambda *_: only_jaw)
    for number in range(5):
        units = draw_micro_performance(0, draw_subject(0, 0), "surprise", number).movements[0].units
        assert units[UNITS.index(26)] == pytest.approx(LEAST_PEAK)                      # raised to the least
        assert np.count_nonzero(units) == 2


def test_the_apex_is_the_fullest_moment_and_context_is_at_rest(performances):
    for _, one in performances:
        moved = one.movements[0]
        times_us = np.array([0, moved.onset_us, apex_middle_us(moved), moved.offset_us, one.stop_us])
        strength = strengths(one.movements, times_us).sum(axis=(1, 2))
        np.testing.assert_array_equal(strength[[0, 1, 3, 4]], 0)
        assert strength[2] == pytest.approx(moved.units.sum())
        assert moved.onset_us < apex_middle_us(moved) < moved.offset_us


def test_a_clip_follows_from_its_four_numbers_alone():
    who = draw_subject(1, 4)
    first, again = (draw_micro_performance(1, who, "negative", 2) for _ in range(2))
    np.testing.assert_array_equal(first.movements[0].units, again.movements[0].units)
    assert (first.seed, first.stop_us, first.label) == (again.seed, again.stop_us, again.label)
    others = [draw_micro_performance(2, who, "negative", 2),
              draw_micro_performance(1, draw_subject(1, 5), "negative", 2),
              draw_micro_performance(1, who, "positive", 2), draw_micro_performance(1, who, "negative", 3)]
    assert len({first.seed, *(other.seed for other in others)}) == 5


def test_an_unknown_class_is_refused():
    with pytest.raises(ValueError, match="unknown class 'neutral'; choose one of negative, positive, surprise"):
        draw_micro_performance(0, draw_subject(0, 0), "neutral", 0)
