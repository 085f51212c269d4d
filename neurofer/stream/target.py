"""Where a sent stream goes: standard output, TCP or UDP."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator

from neurofer.errors import NeuroferError, UsageError
from neurofer.stream.address import Address, bind, find_address

Deliver = Callable[[bytes], None]
CONNECT_S = 5.0


@contextlib.contextmanager
def open_target(text: str, allow_remote: bool = False, waiting: Callable[[], None] = lambda: None) -> Iterator[Deliver]:
    """What takes packets, until the block ends; it raises ``BrokenPipeError`` or a sibling when the receiver goes away.

    Args:
        text: ``-`` (standard output), ``tcp://HOST:PORT`` (connect), ``tcp-listen://HOST:PORT`` (wait for one receiver)
            or ``udp://HOST:PORT``.
        allow_remote: Whether another machine may connect to ``tcp-listen``; sending to one needs no leave.
        waiting: Called before it waits for a receiver.

    Raises:
        UsageError: not such a text, or a terminal as standard output.
        NeuroferError: nobody there, or a port in use.
    """
    if text == "-":
        if sys.stdout.isatty():
            raise UsageError("-: standard output is a terminal; pipe it into something, such as neurofer watch -")
        yield _write_all
        # The receiver hears of the end now, and not when Python has shut down.
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return
    address = find_address(text, allow_remote=allow_remote or not text.startswith("tcp-listen:"))
    if address.way == "udp":
        with socket.socket(address.family, socket.SOCK_DGRAM) as sender:
            yield lambda packet: _send_datagram(sender, packet, address)
        return
    with (_accept(address, waiting) if address.way == "tcp-listen" else _connect(address)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection.sendall


def _write_all(packet: bytes) -> None:
    """Past the buffers of ``sys.stdout``, in which nothing may be left when the reader goes away."""
    rest = memoryview(packet)
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]


def _send_datagram(sender: socket.socket, packet: bytes, address: Address) -> None:
    try:
        sender.sendto(packet, address.place)
    except ConnectionRefusedError:
        pass  # nobody listened when the one before it went out; somebody may by now
    except OSError as error:
        raise NeuroferError(f"{address.text}: cannot send there ({error.strerror or error})") from error


def _connect(address: Address) -> socket.socket:
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_S)
    try:
        connection.connect(address.place)
    except OSError as error:
        connection.close()
        port = address.place[1]
        raise NeuroferError(f"{address.text}: nobody takes events there ({error.strerror or error}); start a receiver "
                            f"before: neurofer watch tcp-listen://:{port} --model RUN") from error
    connection.settimeout(None)
    return connection


def _accept(address: Address, waiting: Callable[[], None]) -> socket.socket:
    """The first who connects; nobody else is let in."""
    with bind(address) as door:
        waiting()
        while True:
            select.select([door], [], [])
            with contextlib.suppress(OSError):
                connection, _ = door.accept()
                connection.setblocking(True)
                return connection
