"""The source that a text names: standard input, TCP or UDP."""

from __future__ import annotations

import sys

from neurofer.errors import UsageError
from neurofer.stream.address import find_address
from neurofer.stream.watch.source import EventSource


def is_live(text: str) -> bool:
    """Whether a text names a live source rather than a recording."""
    return text == "-" or "://" in text


def open_source(text: str, *, sensor: tuple[int, int] | None = None, allow_remote: bool = False) -> EventSource:
    """The live source that a text names; it waits at its port already, but connects only when it is read.

    Args:
        text: ``-`` (standard input), ``tcp://HOST:PORT``, ``tcp-listen://HOST:PORT`` or ``udp://HOST:PORT``; no host is
            this machine.
        sensor: ``(width, height)``; needed for lines of text only. Packets that say another one are an error.
        allow_remote: Whether other machines may take part.

    Raises:
        UsageError: not such a text, another machine without ``allow_remote``, or standard input that is a terminal or
            closed.
        NeuroferError: an unknown host, or a port in use.
    """
    if text == "-":
        from neurofer.stream.watch.stdin import PipeSource

        if sys.stdin is None:
            raise UsageError("-: standard input is closed; pipe events into it: neurofer send face.raw - | ...")
        return PipeSource(sys.stdin.buffer, sensor)
    address = find_address(text, allow_remote)
    if address.way == "udp":
        from neurofer.stream.watch.udp import UdpSource

        return UdpSource(address, sensor)
    from neurofer.stream.watch.tcp import TcpListenSource, TcpSource

    return TcpSource(address, sensor) if address.way == "tcp" else TcpListenSource(address, sensor)
