"""The 5-byte events of N-MNIST and N-Caltech101 (``.bin``): x, y, then polarity and a 23-bit time, big-endian."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from neurofer.compiled import compiled
from neurofer.events.source import BLOCK_EVENTS, RawBlock, Source

RECORD_BYTES = 5
OVERFLOW_ROW = 240
"""A record with this row is no event: it adds ``OVERFLOW_US`` to all later times."""
OVERFLOW_US = 1 << 13


class AtisSource(Source):
    """Fixed records; a position is a record's number and the overflows before it.

    Source:
        Orchard et al., Frontiers in Neuroscience 9:437, 2015 (N-MNIST and N-Caltech101).
    """

    format = "bin"
    hint = "N-Caltech101 is 240x180, N-MNIST 34x34"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = path.open("rb")
        self._records, self.tail_bytes = divmod(os.fstat(self._file.fileno()).st_size, RECORD_BYTES)
        self.blocks = -(-self._records // BLOCK_EVENTS)
        self.start = (0, 0)

    def read(self, position: tuple[int, int]) -> RawBlock:
        first, overflows = position
        count = min(BLOCK_EVENTS, self._records - first)
        data = os.pread(self._file.fileno(), count * RECORD_BYTES, first * RECORD_BYTES)
        records = np.frombuffer(data, np.uint8)
        t, x, y = np.empty(count, np.int64), np.empty(count, np.uint16), np.empty(count, np.uint16)
        p = np.empty(count, np.bool_)
        kept, overflows = decode_records(records, overflows, t, x, y, p)
        following = (first + count, overflows) if first + count < self._records else None
        return RawBlock(t[:kept], x[:kept], y[:kept], p[:kept], following)

    def close(self) -> None:
        self._file.close()


@compiled
def decode_records(records: Any, overflows: int, t: Any, x: Any, y: Any, p: Any) -> tuple[int, int]:
    """Decode 5-byte records into the columns; the number of events, and of overflows so far."""
    kept = 0
    for i in range(min(len(records) // 5, len(t))):
        row = records[5 * i + 1]
        high = np.int64(records[5 * i + 2])
        if row == 240:
            overflows += 1
            continue
        time = ((high & 0x7F) << 16) | (np.int64(records[5 * i + 3]) << 8) | np.int64(records[5 * i + 4])
        t[kept], x[kept], y[kept], p[kept] = time + overflows * 8_192, records[5 * i], row, high >> 7
        kept += 1
    return kept, overflows
