"""Who may see a page: names, other sites, tokens; what every answer carries."""

from __future__ import annotations

import time

import pytest

from neurofer.errors import UsageError
from neurofer.stream.web.guard import Hosts, check_access
from trees.running_stream import RunningStream

TOKEN = "a token of 22 symbols!"


@pytest.fixture
def client():
    """``client(token=None, host=...)``: a browser for an application that is not followed by anything."""
    testing = pytest.importorskip("fastapi.testclient", reason="the web extra is not installed")
    from neurofer.stream.web.app import build_app

    def make(token=None, base="http://127.0.0.1:8000", **settings):
        return testing.TestClient(build_app(RunningStream(), token, **settings), base_url=base)

    return make


def test_only_the_files_of_the_page_are_there(client) -> None:
    browser = client()
    page = browser.get("/")
    assert page.status_code == 200
    assert "neurofer" in page.text
    assert browser.get("/watch.js").headers["content-type"].startswith("text/javascript")
    for path in ("/docs", "/redoc", "/openapi.json", "/page/", "/app.py", "/..%2fapp.py", "/index.html"):
        assert browser.get(path).status_code == 404
    assert browser.post("/").status_code == 405


def test_every_answer_forbids_what_the_page_does_not_need(client) -> None:
    browser = client()
    for path in ("/", "/watch.css", "/nothing"):
        headers = browser.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "connect-src 'self'" in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "a/b", "[::1"])
def test_another_name_for_this_machine_is_refused(client, host: str) -> None:
    answer = client().get("/", headers={"host": host})
    assert answer.status_code == 403
    assert answer.text.count(". ") == 0


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "127.0.0.2:1", "[::1]:8000", "LOCALHOST"])
def test_names_of_the_loopback_are_right(client, host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 200


def test_hosts_of_an_address_for_all() -> None:
    everywhere, one = Hosts.of("0.0.0.0"), Hosts.of("lab.example")
    assert everywhere.allow("192.168.1.7:8000")
    assert not everywhere.allow("evil.example")
    assert one.allow("Lab.Example:8000")
    assert not one.allow("192.168.1.7")
    assert Hosts.of("FD00:0:0::1").allow("[fd00::1]:8000")


def test_another_site_gets_no_socket(client) -> None:
    from starlette.websockets import WebSocketDisconnect

    with client() as browser:
        with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/live", headers={"origin": "http://evil"}):
            pass
        with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/live", headers={"host": "evil.example"}):
            pass
        ours = {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000"}
        with browser.websocket_connect("/live", headers=ours) as socket:
            assert socket.receive_json()["kind"] == "hello"


@pytest.mark.parametrize("origin", ["null", "", "http://[::1", "http://127.0.0.1:8000@evil.example", "127.0.0.1:8000",
                                    "http://127.0.0.1:8000.evil.example", "http://127.0.0.1", "http://localhost:8000"])
def test_what_a_browser_says_of_another_site_is_refused(client, origin: str) -> None:
    from starlette.websockets import WebSocketDisconnect

    headers = {"host": "127.0.0.1:8000", "origin": origin}
    with client() as browser:
        assert browser.get("/", headers=headers).status_code == 403
        with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/live", headers=headers):
            pass


@pytest.mark.parametrize("query", ["&".join(["a=1"] * 20), "token=%00%ff%ed%a0%80", "token=é&token=" + TOKEN, "token"])
def test_a_strange_address_is_refused_in_a_sentence(client, query: str) -> None:
    answer = client(TOKEN).get("/?" + query)
    assert answer.status_code == 403
    assert "needs its token" in answer.text


def test_a_cookie_made_to_be_slow_costs_nothing(client) -> None:
    """Python 3.11's ``http.cookies`` takes a quarter of a minute over this one, and all streams stand meanwhile."""
    begun = time.process_time()
    answer = client(TOKEN).get("/", headers={"cookie": 'a="' + "\\" * 60_000 + '"'})
    assert answer.status_code == 403
    assert time.process_time() - begun < 5  # not a benchmark: it is 0.01 s or 18 s


def test_a_token_opens_once_and_then_a_cookie_does(client) -> None:
    from starlette.websockets import WebSocketDisconnect

    with client(TOKEN) as browser:
        for path in ("/", "/watch.js", "/?token=wrong", "/?token="):
            assert browser.get(path).status_code == 403
        with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/live"):
            pass
        opened = browser.get("/", params={"token": TOKEN})
        assert opened.status_code == 200
        cookie = opened.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        assert browser.get("/watch.js").status_code == 200
        headers = {"host": "127.0.0.1:8000", "cookie": cookie.partition(";")[0]}
        with browser.websocket_connect("/live", headers=headers) as socket:
            assert socket.receive_json()["kind"] == "hello"


def test_a_program_gives_the_token_in_a_header(client) -> None:
    browser = client(TOKEN)
    assert browser.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert browser.get("/", headers={"authorization": "Bearer wrong"}).status_code == 403
    assert browser.get("/", headers={"authorization": f"Basic {TOKEN}"}).status_code == 403


@pytest.mark.parametrize(("host", "token", "remote"), [
    ("0.0.0.0", None, True), ("0.0.0.0", TOKEN, False), ("192.168.1.7", "short", True), ("lab.example", None, False),
    ("127.0.0.1", "short", False), ("::", None, False),
])
def test_others_reach_it_only_with_leave_and_token(host: str, token: str | None, remote: bool) -> None:
    with pytest.raises(UsageError, match="16"):
        check_access(host, token, remote)


def test_this_machine_needs_neither() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        check_access(host, None, False)
    check_access("0.0.0.0", TOKEN, True)
