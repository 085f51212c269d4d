"""Draws for a sequence: odds, one draw for all windows, the published ranges of EventDrop."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neurofer.events import edits
from neurofer.events.augment import DROP_AREA, DROP_PARTS, Drop, EventAugment, EventOdds, draw_event_augment
from neurofer.events.edits import Region
from neurofer.events.events import Events

BOX = (20, 4, 88, 88)
CERTAIN = EventOdds(flip=1, noise=1, reverse=1, polarity=0.1, drop=1, crop=1, mirror=1)


def same(one: Events, other: Events) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in "txyp")


def test_nothing_is_drawn_by_default(face_events: Events) -> None:
    drawn = draw_event_augment(np.random.default_rng(0), EventOdds())
    assert not EventOdds().active
    assert drawn == dataclasses.replace(EventAugment(), seed=drawn.seed)
    assert same(drawn.apply(face_events, BOX, 50_000, 150_000), face_events.between(50_000, 150_000))


def test_every_change_happens_as_often_as_said() -> None:
    odds = EventOdds(flip=0.5, noise=0.5, reverse=0.2, drop=1.0, crop=0.7, mirror=0.5)
    generator = np.random.default_rng(1)
    drawn = [draw_event_augment(generator, odds) for _ in range(4_000)]
    share = {name: np.mean([bool(getattr(one, name)) for one in drawn])
             for name in ("flip", "noise", "reverse", "crop", "mirror", "polarity")}
    # A share of 4,000 has a standard error below 0.008.
    assert share == pytest.approx(
        {"flip": 0.5, "noise": 0.5, "reverse": 0.2, "crop": 0.7, "mirror": 0.5, "polarity": 0}, abs=0.03)
    kinds = [one.drop.kind if one.drop else None for one in drawn]
    for kind in (None, "time", "area", "random"):
        assert kinds.count(kind) == pytest.approx(1_000, abs=120)
    for kind, shares in (("time", DROP_PARTS), ("area", DROP_AREA), ("random", DROP_PARTS)):
        assert {one.drop.share for one in drawn if one.drop and one.drop.kind == kind} == set(shares)
    assert (DROP_AREA[0], DROP_AREA[-1], DROP_PARTS[0], DROP_PARTS[-1]) == (0.05, 0.25, 0.1, 0.9)
    assert {one.mirror for one in drawn} == {None, "left", "right"}
    areas = [one.crop.width * one.crop.height for one in drawn if one.crop]
    assert 0.07 < min(areas) < 0.12
    assert max(areas) > 0.9
    assert len({one.seed for one in drawn}) == 4_000


def test_the_draws_of_one_change_do_not_move_those_of_another() -> None:
    few, many = EventOdds(flip=0.5), EventOdds(flip=0.5, noise=1, drop=1, crop=1, mirror=1, reverse=1)
    flips = [[draw_event_augment(generator, odds).flip for _ in range(20)]
             for odds in (few, many) for generator in (np.random.default_rng(3),)]
    assert flips[0] == flips[1]


def test_the_order_by_hand(face_events: Events) -> None:
    drawn = EventAugment(flip=True, reverse=True, crop=Region(0.1, 0.2, 0.5, 0.6), mirror="right",
                         drop=Drop("time", 0.25, 0.9, 0.0))
    expected = edits.reverse_time(edits.flip(face_events.between(0, 200_000), BOX), 0, 200_000)
    expected = edits.drop_time(expected, 180_000, 230_000)
    expected = edits.mirror_half(edits.zoom(expected, BOX, Region(0.1, 0.2, 0.5, 0.6)), BOX, "right")
    assert same(drawn.apply(face_events, BOX, 0, 200_000), expected)


def test_an_area_is_cut_at_the_edge_of_the_box() -> None:
    corner = Events(np.arange(4), [0, 3, 10, 11], [0, 3, 10, 11], [1] * 4, (12, 12))
    drawn = EventAugment(drop=Drop("area", 0.5, 0.0, 0.0))
    assert drawn.apply(corner, (0, 0, 12, 12), 0, 10).x.tolist() == [3, 10, 11]


@pytest.mark.parametrize("drop", [Drop("time", 0.9, 0.0, 0.0), Drop("area", 0.25, 0.5, 0.5)])
def test_a_drop_that_leaves_nothing_drops_nothing(drop: Drop) -> None:
    few = Events([3, 4], [6, 6], [6, 6], [1, 0], (12, 12))
    assert same(EventAugment(drop=drop).apply(few, (0, 0, 12, 12), 0, 100), few)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_drawn_gives_ordered_events_of_the_stretch(seed: int, face_events: Events) -> None:
    drawn = draw_event_augment(np.random.default_rng(seed), CERTAIN)
    after = drawn.apply(face_events, BOX, 50_000, 250_000)
    Events(after.t, after.x, after.y, after.p, after.sensor)  # checks order and range
    assert after.sensor == face_events.sensor
    assert 50_000 <= after.start_us <= after.end_us < 250_000
    assert same(after, drawn.apply(face_events, BOX, 50_000, 250_000))
    assert drawn == draw_event_augment(np.random.default_rng(seed), CERTAIN)


def test_an_empty_stretch_stays_empty(face_events: Events) -> None:
    for seed in range(8):
        drawn = draw_event_augment(np.random.default_rng(seed), CERTAIN)
        assert not len(drawn.apply(face_events, BOX, 900_000, 950_000))


@pytest.mark.parametrize(("name", "value"), [("flip", 1.2), ("mirror", -0.1), ("noise_share", -1.0),
                                             ("crop_smallest", 0.0), ("drop", float("nan"))])
def test_impossible_odds_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"EventOdds: {name} is {value}; need a number of"):
        EventOdds(**{name: value})


def test_a_stretch_or_box_without_extent_is_refused(face_events: Events) -> None:
    for box, start_us, stop_us in ((BOX, 5, 5), ((0, 0, 0, 4), 0, 5)):
        with pytest.raises(ValueError, match="EventAugment: need start < stop and a box with an area"):
            EventAugment().apply(face_events, box, start_us, stop_us)
