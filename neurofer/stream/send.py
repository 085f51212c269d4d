"""A recording sent as if a camera saw it now: cut into packets, paced by its own clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from neurofer.errors import NeuroferError
from neurofer.events.events import Events
from neurofer.events.recording import Recording
from neurofer.stream.wire import DATAGRAM_EVENTS, pack

PACKET_US = 1_000
"""A packet of a paced stream holds events of at most this long."""
BEAT_S = 0.25
"""In silence a packet without events goes out this often."""
_CUT_EVENTS = 1 << 17


class Sent(NamedTuple):
    """What has gone out, and how long it took."""

    events: int = 0
    packets: int = 0
    seconds: float = 0.0


def cut_packets(pieces: Iterable[Events], packet_us: float = PACKET_US) -> Iterator[Events]:
    """Consecutive events in packets of at most 5,000 that span at most ``packet_us``; none is empty.

    Args:
        pieces: Events in order, some perhaps empty.
        packet_us: Length of the slots of time whose edges cut; infinity cuts by the number alone.
    """
    for piece in pieces:
        for low in range(0, len(piece), _CUT_EVENTS):
            part = piece[low : low + _CUT_EVENTS]
            edges = [0, len(part)]
            if np.isfinite(packet_us):
                slots = part.t // int(packet_us)
                edges[1:1] = (np.flatnonzero(slots[1:] != slots[:-1]) + 1).tolist()
            for start, stop in zip(edges[:-1], edges[1:], strict=True):
                for first in range(start, stop, DATAGRAM_EVENTS):
                    yield part[first : min(stop, first + DATAGRAM_EVENTS)]


def send(recording: Recording, deliver: Callable[[bytes], None], *, speed: float = 1.0, loop: bool = False,
         note: Callable[[Sent], None] = lambda sent: None) -> Sent:
    """Deliver the recording packet by packet; a packet goes out when its last event has happened.

    Args:
        recording: Any length; only a block of it is in memory.
        deliver: Takes a packet; may block, and what is late then goes out at once.
        speed: 1.0 is real time, 2.0 twice as fast, infinity as fast as ``deliver`` takes it.
        loop: Begin again at the end, for ever; the times go on, so that receivers see one long stream.
        note: Told what has gone out, behind each packet.

    Raises:
        NeuroferError: the recording holds no events.
    """
    packet_us = PACKET_US if np.isfinite(speed) else np.inf
    shift_us, began = 0, 0.0
    first_us: int | None = None
    deliver(pack(Events.empty(recording.sensor), 0))
    sent = Sent(packets=1)
    while True:
        end_us: int | None = None
        for events in cut_packets(recording.pieces(), packet_us):
            end_us = events.end_us + shift_us
            if first_us is None:  # the clock starts once the first block is decoded
                first_us, began = events.start_us, time.monotonic()
            if np.isfinite(speed):
                sent = _wait(began + (end_us - first_us) / 1e6 / speed, recording.sensor, deliver, sent)
            if shift_us:
                events = Events.trusted(events.t + shift_us, events.x, events.y, events.p, events.sensor)
            deliver(pack(events, sent.packets))
            sent = Sent(sent.events + len(events), sent.packets + 1, time.monotonic() - began)
            note(sent)
        if end_us is None or first_us is None:
            raise NeuroferError(f"{recording.path}: holds no events; there is nothing to send")
        if not loop:
            return sent
        shift_us = end_us + PACKET_US - first_us


def _wait(until: float, sensor: tuple[int, int], deliver: Callable[[bytes], None], sent: Sent) -> Sent:
    """Sleep until a moment, with packets without events meanwhile if it is long."""
    while (left_s := until - time.monotonic()) > 0:
        time.sleep(min(left_s, BEAT_S))
        if left_s > BEAT_S:
            deliver(pack(Events.empty(sensor), sent.packets))
            sent = sent._replace(packets=sent.packets + 1)
    return sent
