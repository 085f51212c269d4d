"""Events over TCP: from a server that is connected to, or from senders that connect here, one at a time."""

from __future__ import annotations

import logging
import select
import socket
import time
from collections.abc import Iterator
from threading import Event

from neurofer.errors import NeuroferError
from neurofer.stream.address import Address, bind, peer_name
from neurofer.stream.watch.incoming import Incoming
from neurofer.stream.watch.source import BEAT_S, Piece
from neurofer.stream.wire import PacketReader, WireError

RECEIVE_BYTES = 1 << 19
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
CONNECT_S = 5.0

_log = logging.getLogger(__name__)


class TcpSource:
    """Connects to a server; when that refuses or goes away, tries again after 0.2 s, then ever later, up to 5 s.

    Bytes that are no packet end it: what a server of ours once sent wrongly it sends again.
    """

    def __init__(self, address: Address, sensor: tuple[int, int] | None) -> None:
        self.name = address.text
        self._address = address
        self._incoming = Incoming(self.name, sensor)

    def pieces(self, stop: Event) -> Iterator[Piece]:
        """See ``EventSource``; goes on until ``stop``."""
        wait_s, lost_at, told = FIRST_WAIT_S, 0.0, False
        while not stop.is_set():
            connection = _connect(self._address, stop)
            if connection is not None:
                if lost_at:
                    away_s = time.monotonic() - lost_at
                    yield from self._incoming.begin_anew(f"connected again after {away_s:.1f} s", counted_on=False)
                with connection:
                    receiving = _Receiving(connection, self._incoming)
                    while not stop.is_set() and not receiving.ended:
                        yield from receiving.wait(BEAT_S)
                if receiving.heard:  # one that lets in and says nothing is as good as away
                    wait_s, told = FIRST_WAIT_S, False
                if receiving.fault is not None:
                    raise NeuroferError(f"{self.name}: {receiving.fault}; the server must send events as neurofer send "
                                        "does")
                lost_at = time.monotonic()
            if not (told or stop.is_set()):
                _log.warning("%s: %s; trying again", self.name, "connection lost" if connection else "no connection")
                told = True
            until = time.monotonic() + wait_s
            while (left_s := until - time.monotonic()) > 0 and not stop.wait(min(left_s, BEAT_S)):
                yield from self._incoming.beat()
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        yield from self._incoming.end()

    def close(self) -> None:
        """Nothing is open between ``pieces``."""


class TcpListenSource:
    """Waits for a sender; one at a time, another one is sent away meanwhile. After it left, waits for the next.

    A sender of bytes that are no packet is sent away with a warning.
    """

    def __init__(self, address: Address, sensor: tuple[int, int] | None) -> None:
        self.name = address.text
        self._incoming = Incoming(self.name, sensor)
        self._door = bind(address)

    def pieces(self, stop: Event) -> Iterator[Piece]:
        """See ``EventSource``; goes on until ``stop``."""
        receiving: _Receiving | None = None
        try:
            while not stop.is_set():
                readable = [self._door] if receiving is None else [self._door, receiving.connection]
                ready, _, _ = select.select(readable, [], [], BEAT_S)
                if self._door in ready:
                    arrived = self._accept(receiving is None)
                    if arrived is not None:
                        receiving = _Receiving(arrived[0], self._incoming)
                        yield from self._incoming.begin_anew(f"another sender, {arrived[1]}", counted_on=False)
                if receiving is not None and receiving.connection in ready:
                    yield from receiving.wait(0)
                    if receiving.fault is not None:
                        _log.warning("%s: a sender was sent away: %s", self.name, receiving.fault)
                    if receiving.ended:
                        receiving.connection.close()
                        receiving = None
                yield from self._incoming.beat()
        finally:
            if receiving is not None:
                receiving.connection.close()
        yield from self._incoming.end()

    def close(self) -> None:
        """Stop waiting for senders."""
        self._door.close()

    def _accept(self, free: bool) -> tuple[socket.socket, str] | None:
        try:
            connection, place = self._door.accept()
        except OSError:
            return None  # it left before it was let in
        if not free:
            connection.close()
            _log.warning("%s: another sender, %s, was sent away; one is there already", self.name, peer_name(place))
            return None
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection, peer_name(place)


class _Receiving:
    """One connection from its first byte to its end."""

    def __init__(self, connection: socket.socket, incoming: Incoming) -> None:
        self.connection = connection
        self.ended = self.heard = False
        self.fault: WireError | None = None
        self._incoming = incoming
        self._reader = PacketReader()

    def wait(self, timeout_s: float) -> Iterator[Piece]:
        """What has come, after at most ``timeout_s``."""
        ready = not timeout_s or select.select([self.connection], [], [], timeout_s)[0]
        try:
            data = self.connection.recv(RECEIVE_BYTES) if ready else None
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if data:
            self.heard = True
            yield from self._incoming.packets(self._reader.feed(data))
            self.fault = self._reader.fault
        if data == b"" or self.fault is not None:
            self.ended = True
            if self._reader.unfinished:
                self._incoming.lose()
        yield from self._incoming.beat()


def _connect(address: Address, stop: Event) -> socket.socket | None:
    """A connection that does not block; None where there is none within 5 s, or ``stop`` is set."""
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        connection.connect(address.place)
    except BlockingIOError:
        pass
    except OSError:
        connection.close()
        return None
    until = time.monotonic() + CONNECT_S
    while time.monotonic() < until and not stop.is_set():
        if select.select([], [connection], [], BEAT_S)[1]:
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                break
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return connection
    connection.close()
    return None
