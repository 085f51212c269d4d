"""Silence in a stream: it is bounded, whoever says that time has passed."""

from __future__ import annotations

from neurofer.events.events import Events
from neurofer.stream.cutting import LONGEST_SILENCE_US, Cutter, Restart

WINDOW_US = 1_000_000
SENSOR = (4, 4)


def one(time_us: int) -> Events:
    return Events([time_us], [0], [0], [True], SENSOR)


def test_a_clock_from_the_far_future_neither_hangs_nor_fills_memory() -> None:
    cutter = Cutter(SENSOR, WINDOW_US)
    assert list(cutter.push(one(5))) == []
    assert len(list(cutter.pass_time(1 << 62))) == LONGEST_SILENCE_US // WINDOW_US
    assert list(cutter.pass_time(1 << 62)) == []


def test_ten_minutes_of_silence_end_a_stream_whether_time_was_told_or_not() -> None:
    later_us = 5 + LONGEST_SILENCE_US + 1
    told, untold = Cutter(SENSOR, WINDOW_US), Cutter(SENSOR, WINDOW_US)
    for cutter in (told, untold):
        list(cutter.push(one(5)))
    for now_us in range(0, later_us, 50_000_000):
        list(told.pass_time(now_us))
    for cutter in (told, untold):
        entries = list(cutter.push(one(later_us)))
        assert entries[-1] == Restart("no event came for 600 s")
        assert cutter.origin_us == later_us
        assert [window[:2] for window in cutter.finish()] == [(later_us, later_us + WINDOW_US)]


def test_a_silence_of_just_ten_minutes_is_decided_through() -> None:
    told, untold = Cutter(SENSOR, WINDOW_US), Cutter(SENSOR, WINDOW_US)
    later_us = 5 + LONGEST_SILENCE_US
    windows = []
    for cutter in (told, untold):
        found = [*cutter.push(one(5))]
        if cutter is told:
            found += cutter.pass_time(later_us)
        found += cutter.push(one(later_us))
        windows.append([window[:2] for window in found])
    assert windows[0] == windows[1]
    assert len(windows[0]) == 600
