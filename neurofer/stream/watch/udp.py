"""Events over UDP: a packet in each datagram, from one sender at a time."""

from __future__ import annotations

import logging
import select
import socket
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

from neurofer.stream.address import Address, bind, peer_name
from neurofer.stream.watch.incoming import Incoming
from neurofer.stream.watch.source import BEAT_S, Piece
from neurofer.stream.wire import RECORD_BYTES, Packet, WireError, read_datagram

BUFFER_BYTES = 1 << 24
"""Asked of the system for datagrams that wait; it may give less (on Linux, net.core.rmem_max)."""
SILENCE_S = 1.0
"""After this, another sender may take over."""
TAKEN_EVENTS = 1 << 17
"""A piece ends at about so many events."""

_log = logging.getLogger(__name__)


class UdpSource:
    """Datagrams at a port. Those that are no packet, or another's while one sends, count as lost packets."""

    def __init__(self, address: Address, sensor: tuple[int, int] | None) -> None:
        self.name = address.text
        self._incoming = Incoming(self.name, sensor)
        self._socket = bind(address)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._sender: Any = None
        self._heard_at = 0.0
        self._told: set[str] = set()

    def pieces(self, stop: Event) -> Iterator[Piece]:
        """See ``EventSource``; goes on until ``stop``."""
        while not stop.is_set():
            ready, _, _ = select.select([self._socket], [], [], BEAT_S)
            if ready:
                yield from self._receive()
            yield from self._incoming.beat(silent=not ready)
        yield from self._incoming.end()

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def _receive(self) -> Iterator[Piece]:
        packets: list[Packet] = []
        taken = 0
        until = time.monotonic() + BEAT_S
        while taken < TAKEN_EVENTS and time.monotonic() < until:
            try:
                data, sender = self._socket.recvfrom(1 << 16)
            except OSError:
                break  # none waits any more
            try:
                packet = read_datagram(data)
            except WireError as error:
                self._tell("broken", f"{error}, from {peer_name(sender)}")
                yield from self._incoming.packets(packets)  # their numbers come before this one's
                packets = []
                self._incoming.lose(1, error.sequence if sender == self._sender else None)
                continue
            if sender != self._sender:
                if self._sender is not None and time.monotonic() - self._heard_at < SILENCE_S:
                    self._tell("second", f"a second sender, {peer_name(sender)}; one is heard at a time")
                    self._incoming.lose()
                    continue
                yield from self._incoming.packets(packets)
                packets = []
                yield from self._incoming.begin_anew(f"another sender, {peer_name(sender)}", counted_on=False)
                self._sender = sender
            self._heard_at = time.monotonic()
            packets.append(packet)
            taken += len(packet.records) // RECORD_BYTES + 1
        yield from self._incoming.packets(packets)

    def _tell(self, kind: str, what: str) -> None:
        """Warn, of each kind once."""
        if kind not in self._told:
            self._told.add(kind)
            _log.warning("%s: left out, as others like it will be: %s", self.name, what)
