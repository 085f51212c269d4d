"""Prophesee's ECF codec (HDF5 filter 0x8ECF), decoded without a plugin.

One chunk: u32 head (events << 2 | all-packed << 1 | xp-packed), u64 first time, then times, rows, columns and
polarities as runs, little-endian. Every count is checked against the head and the chunk's bytes before it is believed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled

HEAD_BYTES = 12


def decode_chunk(
    data: bytes, most: int
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.bool_]]:
    """The columns ``t, x, y, p`` of one chunk.

    Args:
        data: The chunk's bytes.
        most: Events that a chunk may hold.

    Raises:
        ValueError: the chunk contradicts itself; the message says where.
    """
    if len(data) < HEAD_BYTES:
        raise ValueError(f"an ECF chunk of {len(data)} bytes; need {HEAD_BYTES} at least")
    count = int.from_bytes(data[:4], "little") >> 2
    if count > most:
        raise ValueError(f"an ECF chunk of {count} events where {most} fit")
    t, x, y = np.empty(count, np.int64), np.empty(count, np.uint16), np.empty(count, np.uint16)
    p = np.empty(count, np.bool_)
    place = _decode(np.frombuffer(data, np.uint8), t, x, y, p)
    if place < 0:
        raise ValueError(f"an ECF chunk of {len(data)} bytes that breaks at byte {-place - 1}")
    return t, x, y, p


@compiled
def _decode(data: NDArray[np.uint8], t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16],
            p: NDArray[np.bool_]) -> int:
    """Bytes used, or ``-1 - byte`` where the chunk breaks."""
    head = data[0]
    start: Any = np.int64(0)
    for k in range(8):
        start |= np.int64(data[4 + k]) << (8 * k)
    place = _times(data, start, t)
    if place < 0:
        return place
    if head & 2:
        return _all_packed(data, place, x, y, p)
    place = _rows(data, place, y)
    if place < 0:
        return place
    if head & 1:
        return _columns_packed(data, place, x, p)
    place = _columns(data, place, x)
    if place < 0:
        return place
    return _polarities(data, place, p)


@compiled
def _u16(data: NDArray[np.uint8], place: int) -> Any:
    return np.int64(data[place]) | (np.int64(data[place + 1]) << 8)


@compiled
def _times(data: NDArray[np.uint8], time: Any, t: NDArray[np.int64]) -> int:
    size, count = len(data), len(t)
    place, done = 12, 0
    step: Any
    run: Any
    delta: Any
    while done < count:
        if place >= size:
            return -1 - place
        step, run = np.int64(data[place] >> 4), np.int64(data[place] & 15)
        if step != 15:
            place += 1
            time += step
            if run == 15:
                if place + 2 > size:
                    return -1 - place
                run = _u16(data, place)
                place += 2
            if run > count - done:
                return -1 - place
            for k in range(done, done + run):
                t[k] = time
            done += run
        else:
            delta, shift = np.int64(0), 0
            while place < size and data[place] >> 4 == 15:
                if shift > 56:
                    return -1 - place
                delta |= np.int64(data[place] & 15) << shift
                shift += 4
                place += 1
            time += delta
    return place


@compiled
def _all_packed(data: NDArray[np.uint8], place: int, x: NDArray[np.uint16], y: NDArray[np.uint16],
                p: NDArray[np.bool_]) -> int:
    size, count = len(data), len(x)
    for first in range(0, count, 4):
        if place + 12 > size:
            return -1 - place
        w0 = _u16(data, place) | (_u16(data, place + 2) << 16)
        w1 = _u16(data, place + 4) | (_u16(data, place + 6) << 16)
        w2 = _u16(data, place + 8) | (_u16(data, place + 10) << 16)
        place += 12
        for k in range(min(4, count - first)):
            if k == 0:
                value = w0 >> 8
            elif k == 1:
                value = (w0 & 0xFF) | ((w1 >> 16) << 8)
            elif k == 2:
                value = (w1 & 0xFFFF) | ((w2 >> 24) << 16)
            else:
                value = w2 & 0xFFFFFF
            y[first + k], x[first + k], p[first + k] = (value >> 12) & 2047, (value >> 1) & 2047, value & 1
    return place


@compiled
def _rows(data: NDArray[np.uint8], place: int, y: NDArray[np.uint16]) -> int:
    size, count = len(data), len(y)
    done = 0
    while done < count:
        if place + 2 > size:
            return -1 - place
        value = _u16(data, place)
        place += 2
        run = value & 31
        if run == 31:
            if place + 2 > size:
                return -1 - place
            run = _u16(data, place)
            place += 2
        if run > count - done:
            return -1 - place
        for k in range(done, done + run):
            y[k] = value >> 5
        done += run
    return place


@compiled
def _columns_packed(data: NDArray[np.uint8], place: int, x: NDArray[np.uint16], p: NDArray[np.bool_]) -> int:
    size, count = len(data), len(x)
    for first in range(0, count, 4):
        if place + 6 > size:
            return -1 - place
        w0, w1, w2 = _u16(data, place), _u16(data, place + 2), _u16(data, place + 4)
        place += 6
        for k in range(min(4, count - first)):
            if k == 0:
                value = w0 >> 4
            elif k == 1:
                value = (w0 & 15) | ((w1 >> 8) << 4)
            elif k == 2:
                value = (w1 & 255) | ((w2 >> 12) << 8)
            else:
                value = w2 & 4095
            x[first + k], p[first + k] = value >> 1, value & 1
    return place


@compiled
def _columns(data: NDArray[np.uint8], place: int, x: NDArray[np.uint16]) -> int:
    size, count = len(data), len(x)
    done = 0
    while done < count:
        if place + 2 > size:
            return -1 - place
        value = _u16(data, place)
        place += 2
        for j in range(5):
            if (value >> (4 - j)) & 1:
                if done >= count:
                    return -1 - place
                x[done] = (value >> 5) + j + 1
                done += 1
    return place


@compiled
def _polarities(data: NDArray[np.uint8], place: int, p: NDArray[np.bool_]) -> int:
    size, count = len(data), len(p)
    done = 0
    while done < count:
        if place >= size:
            return -1 - place
        value: Any = np.int64(data[place])
        place += 1
        run = value & 127
        if run == 127:
            if place + 2 > size:
                return -1 - place
            run = _u16(data, place)
            place += 2
        if run > count - done:
            return -1 - place
        for k in range(done, done + run):
            p[k] = value >> 7 == 1
        done += run
    return place
