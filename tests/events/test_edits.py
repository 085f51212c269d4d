"""Changes of events: by hand, laws, and what never changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.events import edits
from neurofer.events.edits import Region
from neurofer.events.events import Events

SENSOR = (20, 12)
BOX = (4, 2, 9, 8)
BEYOND = (-3, 6, 10, 10)


def some_events(seed: int, count: int = 300, stop_us: int = 1_000) -> Events:
    generator = np.random.default_rng(seed)
    width, height = SENSOR
    return Events(np.sort(generator.integers(0, stop_us, count)), generator.integers(0, width, count),
                  generator.integers(0, height, count), generator.random(count) < 0.5, SENSOR)


def rows(events: Events) -> list[tuple[int, int, int, int]]:
    return [tuple(int(part) for part in row) for row in zip(events.t, events.x, events.y, events.p, strict=True)]


def counts(events: Events) -> np.ndarray:
    picture = np.zeros((2, SENSOR[1], SENSOR[0]), np.int64)
    np.add.at(picture, (events.p.astype(int), events.y, events.x), 1)
    return picture


THREE = Events([1, 5, 5], [4, 6, 15], [2, 3, 3], [1, 0, 1], SENSOR)
"""Left column of the box, its third column, and beside the box."""


@pytest.mark.parametrize(("change", "expected"), [
    (lambda e: edits.flip(e, BOX), [(1, 12, 2, 1), (5, 10, 3, 0), (5, 1, 3, 1)]),
    (lambda e: edits.mirror_half(e, BOX, "left"),
     [(1, 4, 2, 1), (1, 12, 2, 1), (5, 6, 3, 0), (5, 10, 3, 0), (5, 15, 3, 1)]),
    (lambda e: edits.mirror_half(e, BOX, "right"), [(5, 15, 3, 1)]),
    (lambda e: edits.reverse_time(e, 0, 10), [(4, 6, 3, 1), (4, 15, 3, 0), (8, 4, 2, 0)]),
    (lambda e: edits.drop_time(e, 1, 5), [(5, 6, 3, 0), (5, 15, 3, 1)]),
    (lambda e: edits.drop_area(e, BOX, Region(0, 0, 1 / 9, 1)), [(5, 6, 3, 0), (5, 15, 3, 1)]),
    (lambda e: edits.zoom(e, BOX, Region(0, 0, 1 / 3, 1 / 4)),
     [(1, x, y, 1) for y in range(2, 6) for x in range(4, 7)]
     + [(5, x, y, 0) for y in range(6, 10) for x in range(10, 13)] + [(5, 15, 3, 1)]),
])
def test_by_hand(change: Callable[[Events], Events], expected: list[tuple[int, int, int, int]]) -> None:
    assert rows(change(THREE)) == expected


def test_a_middle_column_stays() -> None:
    middle = Events([3], [8], [4], [1], SENSOR)
    assert rows(edits.mirror_half(middle, BOX, "left")) == rows(edits.mirror_half(middle, BOX, "right")) == rows(middle)


@pytest.mark.parametrize("box", [BOX, BEYOND, (0, 0, 20, 12)])
def test_a_flip_twice_changes_only_what_left_the_sensor(box: edits.Box) -> None:
    events = some_events(1)
    mirrored = 2 * box[0] + box[2] - 1 - events.x.astype(int)
    stays = (mirrored >= 0) & (mirrored < SENSOR[0])
    assert rows(edits.flip(edits.flip(events, box), box)) == [
        row for row, there in zip(rows(events), stays, strict=True) if there]


def test_a_reversal_twice_is_nothing() -> None:
    events = some_events(2)
    there = edits.reverse_time(events, -50, 1_700)
    assert rows(edits.reverse_time(there, -50, 1_700)) == rows(events)
    np.testing.assert_array_equal(counts(there), counts(events)[::-1])


@pytest.mark.parametrize("half", ["left", "right"])
@pytest.mark.parametrize("box", [BOX, (3, 1, 10, 9)])
def test_a_mirrored_face_is_symmetric_and_the_rest_stays(box: edits.Box, half: edits.Half) -> None:
    before, after = (counts(events) for events in (some_events(3), edits.mirror_half(some_events(3), box, half)))
    left, top, width, height = box
    face = after[:, top : top + height, left : left + width]
    np.testing.assert_array_equal(face, face[..., ::-1])
    kept = slice(0, width // 2) if half == "left" else slice(width - width // 2, width)
    np.testing.assert_array_equal(face[..., kept], before[:, top : top + height, left : left + width][..., kept])
    outside = np.ones(before.shape, bool)
    outside[:, top : top + height, left : left + width] = False
    np.testing.assert_array_equal(after[outside], before[outside])


@given(st.integers(0, 5), st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.1, 1), st.floats(0.1, 1),
       st.sampled_from([BOX, BEYOND, (2, 1, 16, 10)]))
def test_a_zoom_is_the_nearest_neighbour_of_the_counts(seed: int, x: float, y: float, across: float, down: float,
                                                       box: edits.Box) -> None:
    region = Region(x, y, min(across, 1 - x), min(down, 1 - y))
    before, after = counts(some_events(seed)), counts(edits.zoom(some_events(seed), box, region))
    left, top, width, height = box
    expected = before.copy()
    for row in range(max(top, 0), min(top + height, SENSOR[1])):
        for column in range(max(left, 0), min(left + width, SENSOR[0])):
            source_x = left + int(region.left * width + (column - left + 0.5) * region.width)
            source_y = top + int(region.top * height + (row - top + 0.5) * region.height)
            shown = 0 <= source_x < SENSOR[0] and 0 <= source_y < SENSOR[1]
            expected[:, row, column] = before[:, source_y, source_x] if shown else 0
    np.testing.assert_array_equal(after, expected)


def test_noise_adds_a_fifth_and_keeps_what_was_there() -> None:
    events = some_events(4, 1_003)
    noisy = edits.add_noise(events, 0.2, 0, 1_000, np.random.default_rng(0))
    assert len(noisy) == 1_003 + round(0.2 * 1_003)
    rest = iter(rows(noisy))
    assert all(row in rest for row in rows(events))  # a subsequence, in order
    assert len(edits.add_noise(events, 0.0, 0, 1_000, np.random.default_rng(0))) == 1_003


def test_noise_is_uniform_in_space_time_and_polarity() -> None:
    many = Events([500] * 20_000, [0] * 20_000, [0] * 20_000, [1] * 20_000, SENSOR)
    noisy = edits.add_noise(many, 1.0, 0, 1_000, np.random.default_rng(1))
    assert abs(len(noisy) - counts(noisy)[1, 0, 0] - 20_000) < 100  # but for those that hit the pixel
    for column, bins in ((noisy.t, 1_000), (noisy.x, SENSOR[0]), (noisy.y, SENSOR[1])):
        hits = np.bincount(column, minlength=bins)[1:]
        hits = hits[hits < 19_000]
        assert hits.max() < 2 * 20_000 / bins + 10


def test_what_is_dropped_is_gone_and_the_rest_is_there() -> None:
    events = some_events(5)
    left, top, width, height = BOX
    after = counts(edits.drop_area(events, BOX, Region(1 / 3, 1 / 4, 1 / 3, 1 / 2)))
    hole = np.zeros(after.shape, bool)
    hole[:, 4:8, 7:10] = True
    assert not after[hole].any()
    np.testing.assert_array_equal(after[~hole], counts(events)[~hole])
    assert len(edits.drop_random(events, 0.35, np.random.default_rng(2))) == 300 - 105
    assert not len(edits.drop_time(events, 0, 1_000))


def test_polarities_of_a_share() -> None:
    events = some_events(6, 2_000)
    changed = edits.flip_polarity(events, 0.2, np.random.default_rng(3))
    assert 300 < np.count_nonzero(changed.p != events.p) < 500
    assert rows(edits.flip_polarity(events, 1.0, np.random.default_rng(3))) == [(t, x, y, 1 - p)
                                                                               for t, x, y, p in rows(events)]


EVERY: list[Callable[[Events], Events]] = [
    lambda e: edits.flip(e, BEYOND), lambda e: edits.mirror_half(e, BEYOND, "left"),
    lambda e: edits.mirror_half(e, BEYOND, "right"), lambda e: edits.zoom(e, BEYOND, Region(0.2, 0, 0.3, 0.5)),
    lambda e: edits.reverse_time(e, 0, 1_000), lambda e: edits.drop_time(e, 100, 300),
    lambda e: edits.add_noise(e, 0.2, 0, 1_000, np.random.default_rng(0)),
    lambda e: edits.drop_area(e, BEYOND, Region(0, 0, 0.5, 0.5)),
    lambda e: edits.drop_random(e, 0.5, np.random.default_rng(0)),
    lambda e: edits.flip_polarity(e, 0.5, np.random.default_rng(0)),
]


@pytest.mark.parametrize("change", EVERY)
@pytest.mark.parametrize("count", [0, 1, 500])
def test_results_are_ordered_events_of_the_sensor_and_the_source_is_as_it_was(change: Callable[[Events], Events],
                                                                              count: int) -> None:
    events = some_events(7, count)
    before = rows(events)
    after = change(events)
    Events(after.t, after.x, after.y, after.p, after.sensor)  # checks order and range
    assert (after.t.dtype, after.x.dtype, after.y.dtype, after.p.dtype, after.sensor) == (
        events.t.dtype, events.x.dtype, events.y.dtype, events.p.dtype, SENSOR)
    assert rows(events) == before
    assert rows(change(events)) == rows(after)


@pytest.mark.parametrize(("change", "message"), [
    (lambda e: edits.flip(e, (0, 0, 0, 5)), "flip: need a box .* with an area"),
    (lambda e: edits.mirror_half(e, BOX, "upper"), "half must be left or right, got 'upper'"),
    (lambda e: edits.zoom(e, BOX, Region(0.5, 0, 0.6, 1)), "zoom: need a region .* inside"),
    (lambda e: edits.zoom(e, BOX, Region(0, 0, 0, 1)), "zoom: need a region with an area"),
    (lambda e: edits.drop_area(e, BOX, Region(-0.1, 0, 0.5, 1)), "drop_area: need a region"),
    (lambda e: edits.reverse_time(e, 0, 5), r"reverse_time: need events of 0\.\.5 us"),
    (lambda e: edits.reverse_time(e, 5, 5), "start < stop"),
    (lambda e: edits.add_noise(e, -0.1, 0, 5, np.random.default_rng(0)), "share >= 0"),
    (lambda e: edits.drop_random(e, 1.5, np.random.default_rng(0)), "drop_random: need a share of 0..1, got 1.5"),
    (lambda e: edits.flip_polarity(e, -1, np.random.default_rng(0)), "flip_polarity: need a share"),
    (lambda e: edits.drop_time(e, 5, 3), "drop_time: need low <= high"),
])
def test_what_cannot_be_is_refused(change: Callable[[Events], Events], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        change(some_events(8))
