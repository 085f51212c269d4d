"""A page's server in a thread, on a free port."""

from __future__ import annotations

import contextlib
import threading

import pytest

from neurofer.stream.web.serve import address_of, open_server


@contextlib.contextmanager
def served(watched, port=0, **settings):
    """The address of a server that runs meanwhile."""
    server, listening = open_server(watched, port=port, **settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield address_of(listening, "127.0.0.1", settings.get("token"))
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def serving():
    """``with serving(watched) as address``."""
    pytest.importorskip("fastapi", reason="the web extra is not installed")
    return served
