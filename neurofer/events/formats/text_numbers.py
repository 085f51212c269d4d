"""Reading lines of numbers, and writing them, at some hundred megabytes a second."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled

NO_NUMBER, COLUMNS, POLARITY, PIXEL, FRACTION = 1, 2, 3, 4, 5
"""What can be wrong with a line."""

WRONG = {
    NO_NUMBER: "holds something that is no number",
    COLUMNS: "does not have {columns} columns",
    POLARITY: "has a polarity that is not 0 or 1, or -1 or 1",
    PIXEL: "has a coordinate or polarity that is no whole number",
    FRACTION: "has a fractional time, but the times before were whole microseconds",
}
"""The same in words; ``{columns}`` stands for the number of columns."""

_LARGEST = 1 << 61


@compiled
def parse_lines(
    data: NDArray[np.uint8], order: NDArray[np.int64], columns: int, power: int, t: NDArray[np.int64],
    x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_]
) -> tuple[int, int, int]:
    """Parse whole lines into the columns; ``(events, lines passed, what is wrong with the next line or 0)``.

    Args:
        data: Lines that each end with a newline; blank ones and those that start with ``#`` or ``%`` are passed over.
        order: ``(4,)``, the places of t, x, y and p in a line.
        columns: Numbers in a line.
        power: Power of ten that turns a time into microseconds; 0 refuses fractions.
        t: Filled from the front, and ``x``, ``y``, ``p`` likewise.
    """
    size = len(data)
    values = np.zeros(4, np.int64)
    place = count = lines = 0
    while place < size and count < len(t):
        place = _skip_blanks(data, place)
        if place >= size:
            break
        if data[place] == 10 or data[place] == 35 or data[place] == 37:
            while place < size and data[place] != 10:
                place += 1
            place += 1
            lines += 1
            continue
        column = 0
        while place < size and data[place] != 10:
            mantissa, exponent, after = _number(data, place)
            if after < 0:
                return count, lines, NO_NUMBER
            for k in range(4):
                if order[k] == column:
                    value, exact = _scaled(mantissa, exponent + (power if k == 0 else 0))
                    if not exact and k > 0:
                        return count, lines, PIXEL
                    if not exact and power == 0:
                        return count, lines, FRACTION
                    values[k] = value
            column += 1
            place = _skip_blanks(data, after)
        place += 1
        if column != columns:
            return count, lines, COLUMNS
        if not -1 <= values[3] <= 1:
            return count, lines, POLARITY
        t[count] = values[0]
        x[count] = values[1] if 0 <= values[1] < 65_535 else 65_535
        y[count] = values[2] if 0 <= values[2] < 65_535 else 65_535
        p[count] = values[3] == 1
        count += 1
        lines += 1
    return count, lines, 0


@compiled
def has_fraction(data: NDArray[np.uint8], place: int) -> tuple[bool, bool]:
    """Whether the number at ``place`` has a decimal point, and whether it is not whole."""
    mantissa, exponent, after = _number(data, place)
    if after < 0:
        return False, False
    point = False
    for i in range(place, after):
        point |= data[i] == 46
    return point, not _scaled(mantissa, exponent)[1]


@compiled
def format_lines(t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_],
                 separator: int, out: NDArray[np.uint8]) -> int:
    """Write ``t x y p`` lines into ``out``, which needs 36 bytes an event; the number of bytes."""
    place = 0
    for i in range(min(len(t), len(out) // 36)):
        value: Any = t[i]
        if value < 0:
            out[place] = 45
            place += 1
            value = -value
        place = _digits(value, out, place)
        out[place] = separator
        place = _digits(np.int64(x[i]), out, place + 1)
        out[place] = separator
        place = _digits(np.int64(y[i]), out, place + 1)
        out[place], out[place + 1], out[place + 2] = separator, 49 if p[i] else 48, 10
        place += 3
    return place


@compiled
def _digits(value: Any, out: NDArray[np.uint8], place: int) -> int:
    length, rest = 1, value // 10
    while rest > 0:
        length += 1
        rest //= 10
    for k in range(length):
        out[place + length - 1 - k] = 48 + value % 10
        value //= 10
    return place + length


@compiled
def _skip_blanks(data: NDArray[np.uint8], place: int) -> int:
    """Past spaces, tabs, carriage returns, commas and semicolons."""
    while place < len(data) and (
        data[place] == 32 or data[place] == 9 or data[place] == 13 or data[place] == 44 or data[place] == 59
    ):
        place += 1
    return place


@compiled
def _number(data: NDArray[np.uint8], place: int) -> tuple[Any, Any, int]:
    """``(mantissa, power of ten, place behind)`` of a decimal number; a negative place when it is none."""
    size = len(data)
    negative = False
    if place < size and (data[place] == 45 or data[place] == 43):
        negative = data[place] == 45
        place += 1
    mantissa, exponent, digits = np.int64(0), np.int64(0), 0
    fraction = False
    while place < size:
        byte = np.int64(data[place])
        if 48 <= byte <= 57:
            digits += 1
            if mantissa < 100_000_000_000_000_000:
                mantissa = mantissa * 10 + byte - 48
                exponent -= fraction
            elif not fraction:
                exponent += 1
        elif byte == 46 and not fraction:
            fraction = True
        else:
            break
        place += 1
    if digits == 0:
        return 0, 0, -1
    if place < size and (data[place] == 101 or data[place] == 69):
        place += 1
        down = False
        if place < size and (data[place] == 45 or data[place] == 43):
            down = data[place] == 45
            place += 1
        digits = 0
        power: Any = np.int64(0)
        while place < size and 48 <= data[place] <= 57:
            power = min(power * 10 + np.int64(data[place]) - 48, 10_000)
            digits += 1
            place += 1
        if digits == 0:
            return 0, 0, -1
        exponent += -power if down else power
    if place < size:
        byte = np.int64(data[place])
        if not (byte == 10 or byte == 13 or byte == 32 or byte == 9 or byte == 44 or byte == 59):
            return 0, 0, -1
    return -mantissa if negative else mantissa, exponent, place


@compiled
def _scaled(mantissa: Any, exponent: Any) -> tuple[Any, bool]:
    """``mantissa * 10**exponent`` rounded to a whole number, at most 2**61 in size, and whether that is exact."""
    exact = True
    if mantissa == 0:
        return mantissa, exact
    while exponent > 0:
        if abs(mantissa) > _LARGEST // 10:
            return (_LARGEST if mantissa > 0 else -_LARGEST), exact
        mantissa *= 10
        exponent -= 1
    if exponent < -19:
        return 0, False
    divisor: Any = np.int64(1)
    while exponent < 0 and divisor < 1_000_000_000_000_000_000:
        divisor *= 10
        exponent += 1
    if divisor > 1:
        size = abs(mantissa)
        whole, rest = size // divisor, size % divisor
        exact = rest == 0
        whole += rest >= divisor - rest
        mantissa = whole if mantissa > 0 else -whole
    return mantissa, exact
