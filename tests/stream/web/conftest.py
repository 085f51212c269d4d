"""A page's server in a thread, on a free port, and a browser that looks at it."""

from __future__ import annotations

import contextlib
import shutil
import threading

import pytest

from neurofer.stream.web.pictures import Painter
from neurofer.stream.web.serve import address_of, open_server

WAYS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage")


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


@pytest.fixture(scope="module")
def browser():
    """A browser without a window."""
    pytest.importorskip("fastapi", reason="the web extra is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    Painter().warm_up()
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=list(WAYS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A fresh page; at the end, nothing must have gone wrong in it, and nothing been asked of another host."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.wrong, page.hosts = [], set()
    page.on("console", lambda message: page.wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("request", lambda request: page.hosts.add(request.url.split("/")[2]))
    yield page
    refused = [text for text in page.wrong if "ERR_CONNECTION_REFUSED" not in text and "WebSocket" not in text]
    context.close()
    assert refused == []
