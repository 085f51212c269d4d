"""Addresses of live streams, such as ``tcp://127.0.0.1:7777``, and who may be at the other end."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from typing import Any, NamedTuple

from neurofer.errors import NeuroferError, UsageError

HERE = "127.0.0.1"
WAYS = ("tcp", "tcp-listen", "udp")


class Address(NamedTuple):
    """Where a stream comes from or goes to.

    Attributes:
        text: As the user wrote it.
        way: ``tcp`` (connect to it), ``tcp-listen`` (wait there for one who connects) or ``udp``.
        family: Of the socket.
        place: What the socket takes: host, port and, for IPv6, two numbers more.
    """

    text: str
    way: str
    family: int
    place: Any


def find_address(text: str, allow_remote: bool = True) -> Address:
    """The address that a text names; without a host it is this machine.

    Args:
        text: ``WAY://HOST:PORT``; an IPv6 host stands in brackets.
        allow_remote: Whether it may be reached from, or lie on, another machine.

    Raises:
        UsageError: no such way, no port of 1..65535, or another machine where that is not allowed.
        NeuroferError: nobody knows the host.
    """
    match = re.fullmatch(r"([a-z-]+)://(\[[^\]]*\]|[^:/\[\]]*):(\d+)/?", text)
    if match is None or match[1] not in WAYS:
        raise UsageError(f"{text}: need {', '.join(f'{way}://HOST:PORT' for way in WAYS)}, such as tcp://127.0.0.1:7777")
    way, host, port = match[1], match[2].strip("[]") or HERE, int(match[3][:6])
    if not 1 <= port <= 65_535:
        raise UsageError(f"{text}: port {match[3]} does not exist; choose one of 1024 to 65535")
    kind = socket.SOCK_DGRAM if way == "udp" else socket.SOCK_STREAM
    try:
        found = socket.getaddrinfo(host, port, type=kind)
    except (OSError, UnicodeError) as error:
        raise NeuroferError(f"{text}: nobody knows the host {host!r}; check its name") from error
    family, _, _, _, place = min(found, key=lambda one: one[0] != socket.AF_INET)
    if not (allow_remote or ipaddress.ip_address(str(place[0]).partition("%")[0]).is_loopback):
        raise UsageError(f"{text}: reaches beyond this machine, and a stream is neither encrypted nor signed; add "
                         "--allow-remote in a network that you trust")
    return Address(text, way, family, place)


def bind(address: Address) -> socket.socket:
    """A socket that waits at the address, not blocking; a TCP one listens.

    Raises:
        NeuroferError: the port is taken, or the host is not this machine's.
    """
    datagrams = address.way == "udp"
    bound = socket.socket(address.family, socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM)
    try:
        if not datagrams:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address.place)
        if not datagrams:
            bound.listen(8)
    except OSError as error:
        bound.close()
        raise NeuroferError(f"{address.text}: {_why_not(error, address.place[1])}") from error
    bound.setblocking(False)
    return bound


def peer_name(place: Any) -> str:
    """``HOST:PORT`` of the other end."""
    return f"[{place[0]}]:{place[1]}" if ":" in str(place[0]) else f"{place[0]}:{place[1]}"


def _why_not(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use by another program; choose another port, or end that program"
    if error.errno == errno.EACCES:
        return f"port {port} is for the system; choose one of 1024 to 65535"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this host is not this machine; to receive here name one of its own addresses, or none"
    return f"cannot wait there ({error.strerror or error})"
