"""A live source as windows: silence passes, late events are counted, another sensor begins anew."""

from __future__ import annotations

from collections.abc import Sequence

from neurofer.events.events import Events
from neurofer.stream.watch.receiving import PATIENCE_S, Receiver
from neurofer.stream.watch.source import Piece
from neurofer.stream.watch.transport import Transport
from neurofer.stream.watch.waiting import Ready, WaitingWindows

Entry = tuple[int, int, int] | str


def events(*times: int, sensor: tuple[int, int] = (4, 4)) -> Events:
    zeros = [0] * len(times)
    return Events(times, zeros, zeros, zeros, sensor)


class Clock:
    """The clock of a machine on which nothing happens by itself."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Listed:
    """A source that gives these pieces, one at each moment."""

    name = "listed"

    def __init__(self, pieces: Sequence[Piece], clock: Clock | None = None, step_s: float = 0.0) -> None:
        self._pieces, self._clock, self._step_s = pieces, clock or Clock(), step_s

    def pieces(self, stop: object) -> object:
        for piece in self._pieces:
            self._clock.now_s += self._step_s
            yield piece

    def close(self) -> None: ...


def received(pieces: Sequence[Piece], step_s: float = 0.0,
             paused: bool = False) -> tuple[list[Entry], Receiver, WaitingWindows]:
    """Windows of 100 us as ``(start, stop, events)`` and reasons to begin anew."""
    clock, queue, transport = Clock(), WaitingWindows(1_000, 1, can_wait=False), Transport()
    transport.pause(paused)
    receiver = Receiver(Listed(pieces, clock, step_s), 100, clock)  # type: ignore[arg-type]
    receiver.receive(queue, transport)
    queue.close()
    found: list[Entry] = []
    while (entry := queue.get()) is not None:
        if isinstance(entry, Ready):
            found.append((entry.window.start_us, entry.window.stop_us, len(entry.window.events)))
        else:
            found.append(entry.why)
    return found, receiver, queue


def test_windows_follow_the_events() -> None:
    found, receiver, _ = received([Piece(events(1_000, 1_050)), Piece(events(1_120, 1_250))])
    assert found == [(1_000, 1_100, 2), (1_100, 1_200, 1), (1_200, 1_300, 1)]
    assert receiver.lost == (0, 0, 0)


def test_silence_ends_windows_by_the_clock() -> None:
    silent = Piece(events())
    steps = round(PATIENCE_S / 50e-6) + 5
    found, _, _ = received([Piece(events(0, 10)), *[silent] * steps], step_s=50e-6)
    # After the patience, five more steps of 50 us: the time is 10 + 250 us, and two windows are whole.
    assert found[:2] == [(0, 100, 2), (100, 200, 0)]
    assert len(found) == 3  # the last one is cut by the end in less than half


def test_late_events_are_left_out_and_counted() -> None:
    late = Piece(events(20, 149, 160), bad_events=2)
    found, receiver, _ = received([Piece(events(0, 90, 150)), late, Piece(events(170))])
    assert sum(entry[2] for entry in found if isinstance(entry, tuple)) == 5
    assert receiver.lost == (4, 0, 0)


def test_lost_packets_add_up() -> None:
    _, receiver, _ = received([Piece(events(0), lost_packets=3), Piece(events(), lost_packets=1)])
    assert receiver.lost == (0, 4, 0)


def test_another_sensor_begins_anew() -> None:
    wide = events(5, 300, sensor=(8, 8))
    found, _, _ = received([Piece(events(1_000, 1_190)), Piece(wide, restart="the sensor is 8x8 now")])
    assert found == [(1_000, 1_100, 1), (1_100, 1_200, 1), "the sensor is 8x8 now", (5, 105, 1), (105, 205, 0),
                     (205, 305, 1)]


def test_the_first_piece_begins_nothing_anew() -> None:
    found, _, _ = received([Piece(events(0, 250), restart="connected")])
    assert found == [(0, 100, 1), (100, 200, 0), (200, 300, 1)]


def test_in_a_pause_windows_are_passed_over_and_counted() -> None:
    found, _, queue = received([Piece(events(0, 110, 220)), Piece(events(330))], paused=True)
    assert isinstance(found[0], str)
    assert queue.dropped.windows + len(found) - 1 == 3  # the end cuts most of the fourth
    assert queue.dropped.events >= 3


def test_the_rest_behind_the_last_window_is_counted() -> None:
    found, receiver, _ = received([Piece(events(0, 110, 120))])
    assert found == [(0, 100, 1)]
    assert receiver.lost == (0, 0, 2)
