"""The door of a live stream: events in order and in range pass, others are counted, and no bad clock silences it.

Each event is judged by those before it alone, so a stream may arrive in any pieces.

- Outside the sensor, a polarity that is none, a time beyond 62 bits: left out.
- Behind the newest event that passed: left out. When more than ``LATE_EVENTS`` in a row lie more than ``FAR_US`` behind
  it, the sender's clock has begun anew, and so does the stream, with the first event behind these.
- ``FAR_US`` or more ahead, and the very first: held, alone, until the next event that is not behind the newest one. If
  that one is not earlier, the held one passes; else the held one is left out, a flipped bit in its time. A pause
  therefore delays one event by one event, and a wrong time in the future costs one event.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.clean import NEVER, Columns
from neurofer.events.events import Events

FAR_US = 1_000_000
LATE_EVENTS = 1_000


class GateState(NamedTuple):
    """What the gate remembers between pieces.

    Attributes:
        newest_us: Time of the last event that passed.
        late: Events in a row that lay far behind it.
        holding: 1 while an event is held, else 0; ``t``, ``x``, ``y`` and ``p`` are its own.
    """

    newest_us: int = NEVER
    late: int = 0
    holding: int = 0
    t: int = 0
    x: int = 0
    y: int = 0
    p: int = 0


class Passed(NamedTuple):
    """What passed of a piece, up to a clock that began anew.

    Attributes:
        events: In order and in range.
        bad_events: Left out.
        back_us: How far the clock had gone back before these events; 0 if it had not.
    """

    events: Events
    bad_events: int
    back_us: int


def pass_gate(columns: Columns, sensor: tuple[int, int], state: GateState) -> tuple[list[Passed], GateState]:
    """The events of the next piece that pass, one part for each clock met, and the state behind it."""
    width, height = sensor
    count, place, back_us = len(columns[0]), 0, 0
    parts = []
    while True:
        room = count - place + 1
        t, p = np.empty(room, np.int64), np.empty(room, np.bool_)
        x, y = np.empty(room, np.uint16), np.empty(room, np.uint16)
        kept, place, bad, gone_back_us, *after = _sift(*columns, place, width, height, state, t, x, y, p)
        parts.append(Passed(Events.trusted(t[:kept], x[:kept], y[:kept], p[:kept], sensor), bad, back_us))
        state = GateState(*after)
        if not gone_back_us:
            return parts, state
        back_us, state = gone_back_us, GateState()


def release(sensor: tuple[int, int], state: GateState) -> Events:
    """The event that is still held when nothing follows, if there is one."""
    if not state.holding:
        return Events.empty(sensor)
    return Events([state.t], [state.x], [state.y], [state.p], sensor)


@compiled
def _sift(
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_], place: int, width: int,
    height: int, state: GateState, out_t: NDArray[np.int64], out_x: NDArray[np.uint16], out_y: NDArray[np.uint16],
    out_p: NDArray[np.bool_]
) -> tuple[int, int, int, int, int, int, int, int, int, int, int]:
    """``(kept, place, bad, how far the clock went back, *state)``; stops at the first event of a new clock."""
    newest: Any = state.newest_us
    late, holding = state.late, state.holding
    held_t: Any = state.t
    held_x, held_y, held_p = state.x, state.y, state.p
    kept = bad = 0
    for i in range(place, len(t)):
        time = t[i]
        if x[i] >= width or y[i] >= height or time >= 1 << 62 or time <= NEVER:
            bad += 1
            continue
        if time < newest:
            late = late + 1 if newest - time > FAR_US else 0
            if late > LATE_EVENTS:
                return kept, i, bad + holding, newest - time, newest, 0, 0, 0, 0, 0, 0
            bad += 1
            continue
        if holding:
            if time >= held_t:
                out_t[kept], out_x[kept], out_y[kept], out_p[kept] = held_t, held_x, held_y, held_p == 1
                kept += 1
                newest, late = held_t, 0
            else:
                bad += 1
            holding = 0
        if time - newest >= FAR_US:
            holding, held_t, held_x, held_y, held_p = 1, time, int(x[i]), int(y[i]), int(p[i])
            continue
        out_t[kept], out_x[kept], out_y[kept], out_p[kept] = time, x[i], y[i], p[i]
        kept += 1
        newest, late = time, 0
    return kept, len(t), bad, 0, newest, late, holding, held_t, held_x, held_y, held_p
