"""Addresses of live streams: what they may be, and whom they reach."""

from __future__ import annotations

import socket

import pytest

from neurofer.errors import NeuroferError, UsageError
from neurofer.stream.address import find_address
from neurofer.stream.watch.open_source import is_live, open_source
from trees.live_sockets import free_port


@pytest.mark.parametrize(("text", "way", "host", "port"), [
    ("tcp://127.0.0.1:7777", "tcp", "127.0.0.1", 7_777),
    ("tcp://:7777", "tcp", "127.0.0.1", 7_777),
    ("tcp-listen://localhost:65535", "tcp-listen", "127.0.0.1", 65_535),
    ("udp://127.3.2.1:1", "udp", "127.3.2.1", 1),
    ("tcp://[::1]:80", "tcp", "::1", 80),
])
def test_this_machine(text: str, way: str, host: str, port: int) -> None:
    address = find_address(text, allow_remote=False)
    assert (address.way, address.place[:2]) == (way, (host, port))


@pytest.mark.parametrize("text", ["tcp://0.0.0.0:7777", "tcp-listen://192.168.1.2:7777", "udp://10.0.0.1:7777",
                                  "tcp-listen://[::]:7777"])
def test_other_machines_need_leave(text: str) -> None:
    with pytest.raises(UsageError, match="reaches beyond this machine.*--allow-remote"):
        open_source(text)
    assert find_address(text, allow_remote=True).place[1] == 7_777


@pytest.mark.parametrize("text", ["tcp://:0", "udp://:65536", "tcp://:99999999999"])
def test_ports_that_do_not_exist(text: str) -> None:
    with pytest.raises(UsageError, match=r"port \d+ does not exist"):
        open_source(text)


@pytest.mark.parametrize("text", ["tcp://", "tcp://host", "http://127.0.0.1:80", "tcp://a:b:3", "tcp://::1:80", "udp://:x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="need tcp://HOST:PORT, tcp-listen://HOST:PORT, udp://HOST:PORT"):
        open_source(text)


def test_a_host_that_nobody_knows() -> None:
    with pytest.raises(NeuroferError, match="nobody knows the host 'no-such-host.invalid'"):
        open_source("tcp://no-such-host.invalid:80")


@pytest.mark.parametrize(("way", "kind"), [("tcp-listen", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_a_port_in_use(way: str, kind: socket.SocketKind) -> None:
    port = free_port(kind)
    first = open_source(f"{way}://:{port}")
    with pytest.raises(NeuroferError, match=f"port {port} is in use by another program"):
        open_source(f"{way}://:{port}")
    first.close()
    open_source(f"{way}://:{port}").close()


def test_what_is_live() -> None:
    assert [is_live(text) for text in ("-", "tcp://:1", "face.raw", "./-")] == [True, True, False, False]
