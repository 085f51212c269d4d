"""The word decoders of EVT3, EVT2 and DAT. None writes outside its arrays, whatever the words are.

Source:
    https://docs.prophesee.ai/stable/data/encoding_formats/ (EVT 2.0, EVT 3.0) and file_formats/dat.html.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled

VECTOR = 12
"""Most events that one EVT3 word makes."""


@compiled
def count_evt3(words: NDArray[np.uint16]) -> int:
    """Events that these EVT3 words make."""
    count = 0
    for i in range(len(words)):
        kind = words[i] >> 12
        if kind == 2:
            count += 1
        elif kind == 4 or kind == 5:
            mask = words[i] & (0xFFF if kind == 4 else 0xFF)
            mask = (mask & 0x555) + ((mask >> 1) & 0x555)
            mask = (mask & 0x333) + ((mask >> 2) & 0x333)
            count += (mask & 0xF) + ((mask >> 4) & 0xF) + ((mask >> 8) & 0xF)
    return count


@compiled
def decode_evt3(words: NDArray[np.uint16], state: NDArray[np.int64], t: NDArray[np.int64], x: NDArray[np.uint16],
                y: NDArray[np.uint16], p: NDArray[np.bool_]) -> int:
    """Decode into the columns, which need room for all events and ``VECTOR`` more; the number of events.

    Args:
        words: Little-endian words.
        state: ``(9,)``, changed: row, vector column, vector polarity, time, high time word (-1: none yet), rounds of
            the 24-bit clock; then added up: triggers, untimed events, unknown words.
        t: Filled from the front, and ``x``, ``y``, ``p`` likewise.
    """
    row: Any = np.uint16(state[0])
    base: Any = state[1]
    on: Any = state[2] != 0
    time: Any = state[3]
    high: Any = state[4]
    rounds: Any = state[5]
    room = len(t) - VECTOR
    count = 0
    for i in range(len(words)):
        word: Any = np.int64(words[i])
        kind = word >> 12
        if kind == 2:
            if high < 0:
                state[7] += 1
            elif count <= room:
                t[count], x[count], y[count], p[count] = time, word & 0x7FF, row, (word >> 11) & 1
                count += 1
        elif kind == 6:
            if high >= 0:
                time = (rounds << 24) | (high << 12) | (word & 0xFFF)
        elif kind == 0:
            row = np.uint16(word & 0x7FF)
        elif kind == 4 or kind == 5:
            width = 12 if kind == 4 else 8
            for bit in range(width):
                if count > room:
                    break
                t[count], x[count], y[count], p[count] = time, base + bit, row, on
                hit = (word >> bit) & 1
                if high < 0:
                    state[7] += hit
                else:
                    count += hit
            base = min(base + width, 65_000)
        elif kind == 3:
            base, on = word & 0x7FF, (word >> 11) & 1 != 0
        elif kind == 8:
            now = word & 0xFFF
            if now != high:
                if high - now > 2_048:
                    rounds += 1
                high = now
                time = (rounds << 24) | (high << 12)
        elif kind == 10:
            state[6] += 1
        elif kind != 7 and kind != 14 and kind != 15:
            state[8] += 1
    state[0], state[1], state[2] = row, base, on
    state[3], state[4], state[5] = time, high, rounds
    return count


@compiled
def decode_evt2(words: NDArray[np.uint32], state: NDArray[np.int64], t: NDArray[np.int64], x: NDArray[np.uint16],
                y: NDArray[np.uint16], p: NDArray[np.bool_]) -> int:
    """Decode into the columns, which are as long as ``words``; the number of events.

    Args:
        words: Little-endian words.
        state: ``(9,)``, changed, with the places of ``decode_evt3``; the clock has 34 bits.
        t: Filled from the front, and ``x``, ``y``, ``p`` likewise.
    """
    high, rounds = state[4], state[5]
    count = 0
    for i in range(min(len(words), len(t))):
        word = np.int64(words[i])
        kind = word >> 28
        if kind <= 1:
            if high < 0:
                state[7] += 1
                continue
            t[count] = (rounds << 34) | (high << 6) | ((word >> 22) & 0x3F)
            x[count], y[count], p[count] = (word >> 11) & 0x7FF, word & 0x7FF, kind
            count += 1
        elif kind == 8:
            now = word & 0xFFFFFFF
            # A damaged word may look like any time, so only the last 268 s before the clock's end lead to its start.
            if high >= (1 << 28) - (1 << 22) and now < 1 << 22:
                rounds += 1
            high = now
        elif kind == 10:
            state[6] += 1
        elif kind != 14 and kind != 15:
            state[8] += 1
    state[4], state[5] = high, rounds
    return count


@compiled
def decode_dat(words: NDArray[np.uint32], state: NDArray[np.int64], t: NDArray[np.int64], x: NDArray[np.uint16],
               y: NDArray[np.uint16], p: NDArray[np.bool_]) -> int:
    """Decode pairs of words into the columns, which are half as long as ``words``; the number of events.

    Args:
        words: Little-endian pairs of time and address.
        state: ``(9,)``, changed, with the places of ``decode_evt3``; the clock has 32 bits.
        t: Filled from the front, and ``x``, ``y``, ``p`` likewise.
    """
    before, rounds = state[4], state[5]
    count = min(len(words) // 2, len(t))
    for i in range(count):
        now, word = np.int64(words[2 * i]), np.int64(words[2 * i + 1])
        if before - now > 1 << 31:
            rounds += 1
        before = now
        t[i], x[i], y[i], p[i] = (rounds << 32) | now, word & 0x3FFF, (word >> 14) & 0x3FFF, (word >> 28) & 1
    state[4], state[5] = before, rounds
    return count
