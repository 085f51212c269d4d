"""The queue between reading and deciding: what is dropped, what is counted, who waits."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.events.events import Events
from neurofer.events.recording import Window
from neurofer.stream.watch.waiting import BEHIND, LAST, Begin, Dropped, Ready, WaitingWindows


def window(number: int, events: int = 3) -> Window:
    zeros = [0] * events
    return Window(10 * number, 10 * number + 10, Events([10 * number] * events, zeros, zeros, zeros, (4, 4)))


def taken(queue: WaitingWindows) -> list[int | str]:
    """What waits: numbers of windows, and why marks begin anew."""
    queue.close()
    found: list[int | str] = []
    while (entry := queue.get()) is not None:
        found.append(entry.window.start_us // 10 if isinstance(entry, Ready) else entry.why)
    return found


def test_the_newest_few_are_kept_and_the_others_counted() -> None:
    queue = WaitingWindows(most=4, keep=2, can_wait=False)
    for number in range(4):
        queue.put(window(number))
    assert queue.dropped == Dropped()
    queue.put(window(4))
    assert queue.dropped == Dropped(3, 9)
    assert taken(queue) == [BEHIND.why, 3, 4]


def test_many_events_count_as_many_windows() -> None:
    queue = WaitingWindows(most=100, keep=1, can_wait=False, most_events=10)
    for number in range(3):
        queue.put(window(number, events=5))
    assert queue.dropped == Dropped(2, 10)
    assert taken(queue) == [BEHIND.why, 2]


def test_a_mark_of_another_view_outlives_what_is_dropped() -> None:
    queue = WaitingWindows(most=2, keep=1, can_wait=False)
    other = Begin("the sensor is 8x8 now", same_view=False)
    queue.put(window(0))
    queue.begin(other)
    queue.put(window(1))
    queue.put(window(2))
    assert taken(queue) == [other.why, 2]


def test_marks_between_kept_windows_stay() -> None:
    queue = WaitingWindows(most=3, keep=2, can_wait=False)
    for number in range(3):
        queue.put(window(number))
    queue.begin(LAST)
    queue.put(window(3))
    assert taken(queue) == [BEHIND.why, 2, LAST.why, 3]


def test_what_is_passed_over_takes_all_older_ones_with_it() -> None:
    queue = WaitingWindows(most=3, keep=2, can_wait=False)
    queue.put(window(0))
    queue.pass_over(window(1))
    queue.put(window(2))
    assert queue.dropped == Dropped(2, 6)
    assert taken(queue) == [BEHIND.why, 2]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 3), st.integers(0, 4))
def test_every_window_is_given_or_counted(puts: list[bool], keep: int, more: int) -> None:
    queue = WaitingWindows(keep + more, keep, can_wait=False)
    put = given_out = waiting = 0
    for is_put in puts:
        if is_put:
            queue.put(window(put))
            put += 1
        elif put - given_out - queue.dropped.windows > 0:
            given_out += isinstance(queue.get(), Ready)
        waiting = put - given_out - queue.dropped.windows
        assert 0 <= waiting <= keep + more
    rest = taken(queue)
    numbers = [entry for entry in rest if isinstance(entry, int)]
    assert numbers == list(range(put - len(numbers), put))
    assert len(numbers) == waiting
    assert queue.dropped.events == 3 * queue.dropped.windows


def test_who_can_wait_waits_for_room_and_drops_nothing() -> None:
    queue = WaitingWindows(most=2, keep=1, can_wait=True)
    writer = threading.Thread(target=lambda: [queue.put(window(number)) for number in range(50)])
    writer.start()
    found = [queue.get() for _ in range(50)]
    writer.join(10)
    assert [entry.window.start_us for entry in found if isinstance(entry, Ready)] == list(range(0, 500, 10))
    assert queue.dropped == Dropped()


def test_closing_frees_who_waits() -> None:
    queue = WaitingWindows(most=1, keep=1, can_wait=True)
    queue.put(window(0))
    writer = threading.Thread(target=queue.put, args=(window(1),))
    writer.start()
    queue.close(forget=True)
    writer.join(10)
    assert not writer.is_alive()
    assert queue.get() is None


def test_what_was_wished_away_is_not_counted() -> None:
    queue = WaitingWindows(most=4, keep=1, can_wait=False)
    queue.put(window(0))
    queue.clear()
    assert (taken(queue), queue.dropped) == ([], Dropped())


def test_a_queue_that_cannot_hold_what_it_keeps_is_refused() -> None:
    with pytest.raises(ValueError, match="1 <= keep <= most"):
        WaitingWindows(most=1, keep=2, can_wait=False)
