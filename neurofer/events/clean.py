"""The door check: time order and sensor range of raw blocks, told, repaired or trusted.

Repairing keeps a stream in order by leaving events out. An event behind the newest one kept is dropped. A leap of
``LEAP_US`` or more forward (a pause, or a flipped bit in a time word) is looked at more closely: when the stream comes
back within ``LOOK_AHEAD`` events, most of the next ``STAY`` stay there, and these are more than the ones out there, the
latter are dropped instead of those that follow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.errors import BadFileError
from neurofer.events.events import Events

Mode = Literal["strict", "repair", "trust"]
MODES: tuple[Mode, ...] = ("strict", "repair", "trust")

LEAP_US = 1_000
LOOK_AHEAD = 4_096
STAY = 256
NEVER = -(1 << 62)
"""Newest time before the first event."""

Columns = tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.bool_]]


class CleanState(NamedTuple):
    """What the check remembers from one block to the next.

    Attributes:
        newest_us: Time of the last event kept.
        before_us: Time of the last event in range, kept or not.
        seen: Raw events before ``held``.
        held: Raw events behind a leap that wait for more of the stream, or None.
    """

    newest_us: int = NEVER
    before_us: int = NEVER
    seen: int = 0
    held: Columns | None = None


class Cleaned(NamedTuple):
    """Events in order and in range, and what was left out for it."""

    events: Events
    state: CleanState
    dropped: int = 0
    time_jumps: int = 0
    out_of_range: int = 0


def clean(columns: Columns, state: CleanState, sensor: tuple[int, int], mode: Mode, final: bool, path: Path) -> Cleaned:
    """The events of the next raw block, checked; the block's arrays may be changed.

    Args:
        columns: Raw ``t, x, y, p`` in file order.
        state: What the block before this one left; ``CleanState()`` at the start.
        sensor: ``(width, height)``.
        mode: ``strict`` raises at the first bad event, ``repair`` drops and counts, ``trust`` checks nothing.
        final: Nothing follows, so nothing is held back.
        path: The file, for errors.

    Raises:
        BadFileError: mode ``strict`` and an event that is out of range or earlier than the one before it.
    """
    if state.held is not None:
        columns = _joined(state.held, columns)
    t, x, y, p = columns
    width, height = sensor
    if mode == "trust":
        newest = int(t[-1]) if len(t) else state.newest_us
        return Cleaned(Events.trusted(t, x, y, p, sensor), CleanState(newest, newest, state.seen + len(t)))
    leap = LEAP_US if mode == "repair" else (1 << 63) - 1
    if _all_good(t, x, y, state.newest_us, width, height, leap) and state.newest_us == state.before_us:
        newest = int(t[-1]) if len(t) else state.newest_us
        return Cleaned(Events.trusted(t, x, y, p, sensor), CleanState(newest, newest, state.seen + len(t)))
    if mode == "strict":
        raise _first_fault(t, x, y, state, sensor, path)
    kept, used, newest, before, dropped, jumps, outside = _repair(
        t, x, y, p, state.newest_us, state.before_us, width, height, final
    )
    held = None if used == len(t) else (t[used:].copy(), x[used:].copy(), y[used:].copy(), p[used:].copy())
    events = Events.trusted(t[:kept], x[:kept], y[:kept], p[:kept], sensor)
    return Cleaned(events, CleanState(newest, before, state.seen + used, held), dropped, jumps, outside)


def _joined(first: Columns, second: Columns) -> Columns:
    return (np.concatenate((first[0], second[0])), np.concatenate((first[1], second[1])),
            np.concatenate((first[2], second[2])), np.concatenate((first[3], second[3])))


def _first_fault(t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], state: CleanState,
                 sensor: tuple[int, int], path: Path) -> BadFileError:
    width, height = sensor
    before = np.concatenate(([state.newest_us], t[:-1]))
    back, outside = t < before, (x >= width) | (y >= height)
    k = int(np.argmax(back | outside | (np.abs(t) >= 1 << 62)))
    cure = "open it with mode='repair' (--mode repair) to leave such events out"
    if outside[k]:
        return BadFileError(f"{path}: event {state.seen + k} lies at x={x[k]}, y={y[k]}, outside the {width}x{height} "
                            f"sensor; check the sensor size, or {cure}")
    return BadFileError(f"{path}: time runs backwards at event {state.seen + k} ({before[k]} us -> {t[k]} us); {cure}")


@compiled
def _all_good(t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], newest: int, width: int, height: int,
              leap: int) -> bool:
    """Whether nothing needs a closer look: in range, in order, and no step of ``leap`` or more."""
    count = len(t)
    if count == 0:
        return True
    step = t[0] - newest
    bad = (step < 0) | (step >= leap) | (t[0] >= 1 << 62) | (t[0] < NEVER) | (t[count - 1] >= 1 << 62)
    for i in range(1, count):
        step = t[i] - t[i - 1]
        bad |= (step < 0) | (step >= leap)
    for i in range(count):
        bad |= (x[i] >= width) | (y[i] >= height)
    return not bad


@compiled
def _repair(t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_], newest: int,
            before: int, width: int, height: int, final: bool) -> tuple[int, int, int, int, int, int, int]:
    """Move the good events to the front; ``(kept, used, newest, before, dropped, time_jumps, out_of_range)``."""
    count = len(t)
    kept = dropped = jumps = outside = 0
    i = rising = 0  # times do not fall from i up to rising, so nothing comes back before it
    while i < count:
        time = t[i]
        if x[i] >= width or y[i] >= height or time >= 1 << 62 or time <= NEVER:
            outside += 1
            dropped += 1
            i += 1
            continue
        if time - newest >= LEAP_US:
            end = min(count, i + 1 + LOOK_AHEAD)
            rising = max(rising, i + 1)
            while rising < count and t[rising] >= t[rising - 1]:
                rising += 1
            back = time - LEAP_US // 2
            j = min(rising, end)
            while j < end and not (NEVER < t[j] < back and x[j] < width and y[j] < height):
                j += 1
            if not final and count < (j + STAY if j < end else i + 1 + LOOK_AHEAD):
                return kept, i, newest, before, dropped, jumps, outside
            stay, behind = min(count, j + STAY), 0
            for k in range(j, stay):
                behind += t[k] < back
            if j < end and 2 * behind > stay - j and behind > min(j - i, STAY // 2):
                for k in range(i, j):
                    if x[k] >= width or y[k] >= height or t[k] >= 1 << 62 or t[k] <= NEVER:
                        outside += 1
                    else:
                        jumps += t[k] < before
                        before = t[k]
                dropped += j - i
                i = j
                continue
        jumps += time < before
        before = time
        if time < newest:
            dropped += 1
        else:
            t[kept], x[kept], y[kept], p[kept] = time, x[i], y[i], p[i]
            kept += 1
            newest = time
        i += 1
    return kept, count, newest, before, dropped, jumps, outside
