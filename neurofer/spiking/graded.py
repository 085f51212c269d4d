"""Spikes that count events, weighted so that the sum is the same in any order."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BASE = 3


def by_digits(weighted: Callable[[Tensor], Tensor], counts: Tensor) -> Tensor:
    """``weighted(counts)``, but for rounding, independent of how many steps or recordings are computed together.

    Weights of ``exact_weights`` sum without error over inputs up to 2, no more. So counts are taken apart into digits
    of base 3, each is weighted for itself, and the sums are put together again in one fixed order. Digits that are 0
    everywhere change nothing, so as many are made as the largest count at hand needs: one up to 2, two up to 8, six up
    to 255.

    Args:
        weighted: Linear; sums the weights that its input reaches.
        counts: Whole numbers from 0 on.
    """
    digits, most = [], int(counts.max()) if counts.numel() else 0
    while most >= BASE:
        higher = torch.div(counts, BASE, rounding_mode="floor")
        digits.append(counts - BASE * higher)
        counts, most = higher, most // BASE
    total = weighted(counts)
    for digit in reversed(digits):
        total = BASE * total + weighted(digit)
    return total
