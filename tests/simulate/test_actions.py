"""Expressions as action units, and movements over time."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.simulate.actions import CLASSES, EXPRESSIONS, UNITS, draw_expression, draw_style, unit_column
from neurofer.simulate.timecourse import movement, strengths


def draws(label, count=300):
    random = np.random.default_rng(0)
    return np.array([draw_expression(label, draw_style(random), random) for _ in range(count)])


@pytest.mark.parametrize(("label", "published"), [
    ("happiness", {6, 12}), ("sadness", {1, 4, 15}), ("surprise", {1, 2, 5, 26}), ("fear", {1, 2, 4, 5, 20}),
    ("anger", {4, 5, 7, 23}), ("disgust", {9}), ("contempt", {12, 14})])
def test_expressions_show_their_published_units(label, published):
    shown = (draws(label).max(2) > 0.35).mean(0)
    for unit in published:
        assert shown[unit_column(unit)] > 0.4, unit
    assert {unit for unit in UNITS if shown[unit_column(unit)] > 0.4} <= set(EXPRESSIONS[label].core) | set(
        EXPRESSIONS[label].extra)


def test_no_unit_is_certain_and_none_is_one_class_only():
    for label in CLASSES:
        shown = (draws(label) > 0.05).any(2).mean(0)
        assert shown.max() < 1
    assert (draws("neutral").max(2) > 0.35).mean() < 0.02


def test_contempt_is_on_one_side_and_happiness_on_both():
    def lopsided(label):
        units = draws(label)[:, unit_column(12)]
        units = units[units.max(1) > 0.2]
        return np.mean(units.min(1) / units.max(1))
    assert lopsided("contempt") < 0.25
    assert lopsided("happiness") > 0.75


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="unknown expression 'joy'"):
        draw_expression("joy", draw_style(np.random.default_rng(0)), np.random.default_rng(0))
    with pytest.raises(ValueError, match="action unit 3"):
        unit_column(3)


def test_a_movement_by_hand():
    times = np.array([0, 100, 150, 200, 300, 350, 400, 500]) * 1000
    track = strengths([movement({12: 0.8}, 100_000, 200_000, 300_000, 400_000)], times)[:, unit_column(12), 0]
    np.testing.assert_allclose(track, [0, 0, 0.4, 0.8, 0.8, 0.4, 0, 0], atol=1e-12)


def test_movements_add_up_to_one_at_most_and_order_does_not_matter():
    one, two = (movement({1: size}, start, start + 100_000, start + 200_000, start + 300_000)
                for size, start in ((0.7, 0), (0.8, 50_000)))
    times = np.arange(0, 500_000, 10_000)
    first = strengths([one, two], times)
    np.testing.assert_array_equal(first, strengths([two, one], times))
    assert first.max() == 1


def test_delayed_units_still_reach_the_apex_together():
    random = np.random.default_rng(0)
    one = movement(np.ones((len(UNITS), 2)), 100_000, 300_000, 400_000, 500_000, random)
    early, apex = strengths([one], np.array([140_000, 300_000]))
    assert np.ptp(early) > 0.01
    np.testing.assert_allclose(apex, 1)


def test_times_out_of_order_are_refused():
    with pytest.raises(ValueError, match="onset < apex <= release < offset"):
        movement({1: 1.0}, 100, 100, 200, 300)
