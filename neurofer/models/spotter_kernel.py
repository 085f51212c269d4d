"""The inner loops of dense scoring: what is between the matrix products, compiled.

Planes are ``(channels, H, W)`` with a border of zeros, so that the innermost loop runs along a row without conditions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled

Floats = NDArray[np.float32]


@compiled(fastmath=True)
def combine(before: Floats, now: Floats, after: Floats, bias: Floats, out: Floats, rows: Floats) -> None:
    """The first convolution of a stack, from what each of its frames gives by itself, and its rectifier.

    The first and the last frame also stand for those before and after the stack.

    Args:
        before: ``(3, C, H, W)`` responses of frame t - k to the kernel's three temporal taps; ``now`` and ``after``
            those of t and t + k.
        bias: ``(C,)``.
        out: ``(3, C, H + 2, W + 2)`` receives the maps inside of its border.
        rows: ``(C, 3, H, W)`` receives them, too.
    """
    channels, height, width = now.shape[1], now.shape[2], now.shape[3]
    for c in range(channels):
        shift = bias[c]
        for y in range(height):
            for x in range(width):
                b1, b0 = before[1, c, y, x], before[0, c, y, x]
                n0, n1, n2 = now[0, c, y, x], now[1, c, y, x], now[2, c, y, x]
                a1, a2 = after[1, c, y, x], after[2, c, y, x]
                first = max(b0 + b1 + n2 + shift, np.float32(0))
                middle = max(b0 + n1 + a2 + shift, np.float32(0))
                last = max(n0 + a1 + a2 + shift, np.float32(0))
                out[0, c, y + 1, x + 1] = first
                out[1, c, y + 1, x + 1] = middle
                out[2, c, y + 1, x + 1] = last
                rows[c, 0, y, x] = first
                rows[c, 1, y, x] = middle
                rows[c, 2, y, x] = last


@compiled(fastmath=True)
def depthwise_same(maps: Floats, taps: Floats, out: Floats) -> None:
    """A depthwise convolution of 3 x 3 x 3 that keeps the three times.

    Args:
        maps: ``(3, C, H + 2, W + 2)`` with a border of zeros.
        taps: ``(C, 3, 3, 3)``: time, row, column.
        out: ``(C, 3, H, W)``.
    """
    channels, height, width = out.shape[0], out.shape[2], out.shape[3]
    for c in range(channels):
        for time in range(3):
            for y in range(height):
                row = out[c, time, y]
                row[:] = np.float32(0)
                for tap in range(3):
                    source = time + tap - 1
                    if source < 0 or source > 2:
                        continue
                    add_row(maps[source, c], taps[c, tap], y, width, row)


@compiled(fastmath=True)
def depthwise_valid(maps: Floats, taps: Floats, out: Floats) -> None:
    """A depthwise convolution of 3 x 3 x 3 that leaves one time.

    Args:
        maps: ``(C, 3, H + 2, W + 2)`` with a border of zeros.
        taps: ``(C, 3, 3, 3)``: time, row, column.
        out: ``(C, H, W)``.
    """
    channels, height, width = out.shape
    for c in range(channels):
        for y in range(height):
            row = out[c, y]
            row[:] = np.float32(0)
            for time in range(3):
                add_row(maps[c, time], taps[c, time], y, width, row)


@compiled(fastmath=True)
def add_row(plane: Floats, taps: Floats, y: int, width: int, row: Floats) -> None:
    """Add row ``y`` of a 3 x 3 convolution of a bordered plane to ``row``."""
    a0, a1, a2 = taps[0, 0], taps[0, 1], taps[0, 2]
    b0, b1, b2 = taps[1, 0], taps[1, 1], taps[1, 2]
    c0, c1, c2 = taps[2, 0], taps[2, 1], taps[2, 2]
    above, here, below = plane[y], plane[y + 1], plane[y + 2]
    for x in range(width):
        row[x] += (a0 * above[x] + a1 * above[x + 1] + a2 * above[x + 2] + b0 * here[x] + b1 * here[x + 1]
                   + b2 * here[x + 2] + c0 * below[x] + c1 * below[x + 1] + c2 * below[x + 2])


@compiled(fastmath=True)
def pooled_bordered(maps: Floats, bias: Floats, out: Floats) -> None:
    """Bias, rectifier and maximum over 2 x 2 pixels.

    Args:
        maps: ``(C, T, H, W)``.
        bias: ``(C,)``.
        out: ``(C, T, H // 2 + 2, W // 2 + 2)``, whose border is left as it is.
    """
    for c in range(maps.shape[0]):
        shift = bias[c]
        for time in range(maps.shape[1]):
            for y in range(maps.shape[2] // 2):
                for x in range(maps.shape[3] // 2):
                    top = max(maps[c, time, 2 * y, 2 * x], maps[c, time, 2 * y, 2 * x + 1])
                    low = max(maps[c, time, 2 * y + 1, 2 * x], maps[c, time, 2 * y + 1, 2 * x + 1])
                    out[c, time, y + 1, x + 1] = max(max(top, low) + shift, np.float32(0))


@compiled(fastmath=True)
def pooled_mean(maps: Floats, bias: Floats, out: Floats) -> None:
    """Bias, rectifier, maximum over 2 x 2 pixels, and the mean of those.

    Args:
        maps: ``(C, H, W)``.
        bias: ``(C,)``.
        out: ``(C,)``.
    """
    height, width = maps.shape[1] // 2, maps.shape[2] // 2
    for c in range(maps.shape[0]):
        total, shift = np.float32(0), bias[c]
        for y in range(height):
            for x in range(width):
                top = max(maps[c, 2 * y, 2 * x], maps[c, 2 * y, 2 * x + 1])
                low = max(maps[c, 2 * y + 1, 2 * x], maps[c, 2 * y + 1, 2 * x + 1])
                total += max(max(top, low) + shift, np.float32(0))
        out[c] = total / np.float32(height * width)
