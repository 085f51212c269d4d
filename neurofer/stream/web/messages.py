"""What the server and a page say to each other, as bytes.

A page gets ``hello`` once, as text, then ``shown`` messages, binary: four bytes (little-endian) that say how long the
JSON is, the JSON, and the parts that it lists under ``parts``, one behind the other. ``state`` and ``error`` are text.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from neurofer.stream.watch.shown import Facts, Shown, Tally


class Part(NamedTuple):
    """Bytes behind a message, and what they are: ``event`` and ``face`` are PNG files, ``raster`` is a byte a cell."""

    facts: dict[str, Any]
    data: bytes


def pack(header: dict[str, Any], parts: Sequence[Part] = ()) -> bytes:
    """A binary message."""
    listed = [{**part.facts, "bytes": len(part.data)} for part in parts]
    text = json.dumps({**header, "parts": listed}, separators=(",", ":"), allow_nan=False).encode()
    return b"".join([struct.pack("<I", len(text)), text, *(part.data for part in parts)])


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The header of a binary message, and its parts by name; those of a raster are named ``raster/LAYER``."""
    (length,) = struct.unpack_from("<I", message)
    header = json.loads(message[4 : 4 + length])
    place, parts = 4 + length, {}
    for part in header["parts"]:
        name = f"raster/{part['layer']}" if part["name"] == "raster" else part["name"]
        parts[name] = message[place : place + part["bytes"]]
        place += part["bytes"]
    return header, parts


def text(header: dict[str, Any]) -> str:
    """A message without parts."""
    return json.dumps(header, separators=(",", ":"), allow_nan=False)


def facts_row(facts: Facts) -> dict[str, Any]:
    """What does not change, for ``hello``; ``speed`` is null where it is as fast as it goes."""
    return {"source": facts.source, "model": facts.model, "backend": facts.backend, "classes": list(facts.classes),
            "window_us": facts.window_us, "speed": _number(facts.speed), "duration_us": facts.duration_us,
            "seekable": facts.seekable}


def tally_row(tally: Tally) -> dict[str, int]:
    """Counters by name."""
    return {name: int(value) for name, value in tally._asdict().items()}


def decision_row(shown: Shown, classes: Sequence[str]) -> list[Any] | None:
    """A decision as a page keeps it: ``[since_us, class, probabilities, evidence_ms, queue_ms, computing_ms, lag_ms]``.

    Probabilities have four decimals, times three; null stands where a time is not a number. None without a decision.
    """
    decision = shown.decision
    if decision is None:
        return None
    number = classes.index(decision.label) if decision.label in classes else -1
    probabilities = [_number(value, 4) or 0 for value in decision.probabilities]
    times = (decision.evidence_ms, decision.queue_ms, decision.latency_ms, shown.lag_ms)
    return [int(shown.since_us), number, probabilities, *(_number(value, 3) for value in times)]


def _number(value: float, decimals: int = 6) -> float | None:
    return round(float(value), decimals) if math.isfinite(value) else None
