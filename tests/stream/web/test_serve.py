"""The server as a whole: ports, a page that never reads, Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neurofer.errors import UsageError
from neurofer.stream.web.connections import bounded_protocol
from neurofer.stream.web.messages import unpack
from neurofer.stream.web.serve import address_of, open_server
from trees.running_stream import RunningStream, until


def test_a_taken_port_is_told_in_one_sentence() -> None:
    pytest.importorskip("fastapi", reason="the web extra is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--port: {port} is in use on 127.0.0.1; choose another"):
            open_server(RunningStream(), port=port)
    with pytest.raises(UsageError, match="--port"):
        open_server(RunningStream(), port=70_000)
    with pytest.raises(UsageError, match="no address of this machine"):
        open_server(RunningStream(), "203.0.113.9", token="x" * 16, allow_remote=True)


def test_the_address_has_the_token() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert address_of(listening, "127.0.0.1", "a&b" * 6) == f"http://127.0.0.1:{port}/?token=" + "a%26b" * 6
        assert address_of(listening, "::1", None) == f"http://[::1]:{port}/"


def noise(shown):
    """Half a megabyte of picture, so that connections fill up soon."""
    return np.random.default_rng(shown.number).integers(0, 256, (3, 400, 400), np.uint8)


def next_shown(page):
    """The next window, whatever is said before it."""
    while isinstance(message := page.recv(timeout=60), str):
        pass
    return unpack(message)


def small_socket(address):
    """A connection that takes little before it is read from."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    connection.connect((host, int(port)))
    return connection


def test_a_page_that_never_reads_is_let_go_and_hurts_nobody(serving) -> None:
    client = pytest.importorskip("websockets.sync.client")
    stream = RunningStream(windows=2_000, pace_s=0.02)
    with stream, serving(stream, send_timeout_s=0.5, picture=noise) as address:
        name = address.removeprefix("http://").rstrip("/")
        idle = small_socket(address)
        idle.sendall(f"GET /live HTTP/1.1\r\nHost: {name}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        with client.connect(address.replace("http", "ws") + "live", max_size=None) as page:
            page.recv()
            numbers = [next_shown(page)[0]["number"] for _ in range(40)]
        assert numbers == sorted(numbers)

        def cut() -> bool:
            idle.setblocking(False)
            try:
                return idle.send(b"\x00") == 0
            except BlockingIOError:
                return False
            except OSError:
                return True

        assert until(cut)
        idle.close()


def test_a_page_too_slow_is_told_how_many_it_missed(serving) -> None:
    client = pytest.importorskip("websockets.sync.client")
    stream = RunningStream(pace_s=0.01, seekable=False)
    with stream, serving(stream, picture=noise) as address:
        where = address.replace("http", "ws") + "live"
        with client.connect(where, max_size=None, max_queue=1, close_timeout=0.2) as page:
            page.recv()
            first = stream.shown
            assert until(lambda: stream.shown > first + 150)
            missed, rows = 0, 0
            while not missed:
                header, _ = next_shown(page)
                missed, rows = header["missed"], max(rows, len(header["decisions"]))
    assert missed > 0
    assert rows > 1  # what was decided meanwhile comes at once


def is_cut(connection) -> bool:
    """Whether the other side has ended a connection."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_silent_connections_are_few_and_short_while_a_page_stays(serving, monkeypatch: pytest.MonkeyPatch) -> None:
    client = pytest.importorskip("websockets.sync.client", reason="the web extra is not installed")
    monkeypatch.setattr("neurofer.stream.web.serve.bounded_protocol", lambda: bounded_protocol(20, 1.5))
    with RunningStream() as stream, serving(stream) as address, contextlib.ExitStack() as stack:
        page = stack.enter_context(client.connect(address.replace("http", "ws") + "live", max_size=None))
        page.recv()
        silent = [stack.enter_context(small_socket(address)) for _ in range(60)]
        assert until(lambda: sum(map(is_cut, silent)) >= 40)
        assert sum(map(is_cut, silent)) < 60
        assert until(lambda: all(map(is_cut, silent)))
        shown = stream.shown
        while next_shown(page)[0]["number"] <= shown:
            pass


def test_ctrl_c_ends_it_cleanly(tmp_path: Path, root: Path) -> None:
    client = pytest.importorskip("websockets.sync.client", reason="the web extra is not installed")
    script = ("import sys; sys.path.insert(0, sys.argv[1])\n"
              "from trees.running_stream import RunningStream\n"
              "from neurofer.stream.web.serve import serve\n"
              "with RunningStream() as stream:\n"
              "    serve(stream, port=0, ready=lambda address: print(address, flush=True))\n"
              "print('over', flush=True)\n")
    process = subprocess.Popen([sys.executable, "-c", script, str(root / "tests")], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.PIPE, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"})
    address = process.stdout.readline().strip()
    with client.connect(address.replace("http", "ws") + "live", max_size=None) as page:
        page.recv()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "over\n", "")
