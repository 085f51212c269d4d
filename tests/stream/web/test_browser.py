"""The page in a browser: what a person sees and does."""

from __future__ import annotations

import re
import socket

import pytest

from trees.running_stream import CLASSES, RunningStream, until


def is_drawn(page, name):
    """Whether a canvas shows more than one colour."""
    return page.evaluate("""(name) => {
        const canvas = document.getElementById(name);
        const shown = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const pixels = new Uint32Array(shown.data.buffer);
        return pixels.some((pixel) => pixel !== pixels[0]);
    }""", name)


def wait_for(page, words):
    page.wait_for_function("(words) => document.getElementById('status').textContent.startsWith(words)", arg=words)


def test_it_shows_the_stream_and_asks_no_other_host(page, serving) -> None:
    with RunningStream(windows=600, backend="snn") as stream, serving(stream) as address:
        page.goto(address)
        wait_for(page, "playing")
        page.wait_for_function("() => document.getElementById('label').dataset.known === 'yes'")
        first = page.inner_text("#label")
        assert first in CLASSES
        page.wait_for_function("(first) => document.getElementById('label').textContent !== first", arg=first)
        for name in ("event", "face", "timeline", "raster", "histogram"):
            assert until(lambda name=name: is_drawn(page, name)), name
        assert page.locator("#counters div").count() == 9
        assert page.hosts == {address.split("/")[2]}
        assert page.inner_text("#facts").startswith("face.raw")


def test_space_pauses_and_goes_on(page, serving) -> None:
    with RunningStream(windows=900) as stream, serving(stream) as address:
        page.goto(address)
        wait_for(page, "playing")
        page.keyboard.press("Space")
        wait_for(page, "paused")
        assert stream.asked == ["pause"]
        stands = page.inner_text("#when")
        page.wait_for_timeout(300)
        assert page.inner_text("#when") == stands
        assert page.get_attribute("#pause", "aria-pressed") == "true"
        page.click("#pause")
        wait_for(page, "playing")
        page.wait_for_function("(stands) => document.getElementById('when').textContent !== stands", arg=stands)


def test_a_paused_recording_is_looked_through(page, serving) -> None:
    with RunningStream(windows=600) as stream, serving(stream) as address:
        page.goto(address)
        wait_for(page, "playing")
        page.keyboard.press("Space")
        wait_for(page, "paused")
        page.locator("#scrub").fill("360")  # windows of a thirtieth of a second
        page.wait_for_function("() => document.getElementById('when').textContent.startsWith('at 12.0')")
        assert page.inner_text("#moment").endswith("of 20.00 s")
        page.click("#timeline", position={"x": 120, "y": 60})
        page.wait_for_function("() => !document.getElementById('when').textContent.startsWith('at 12.0')")
        assert page.locator("#tip").is_visible()
        assert "%" in page.inner_text("#tip")
        assert "warn" in page.locator("#counters div", has_text="restarts").get_attribute("class")


def test_a_live_stream_is_looked_back_at_while_it_goes_on(page, serving) -> None:
    with RunningStream(seekable=False) as stream, serving(stream) as address:
        page.goto(address)
        wait_for(page, "live")
        page.wait_for_function("() => Number(document.getElementById('scrub').max) > 20")
        page.locator("#scrub").fill("0")
        page.wait_for_function("() => document.getElementById('moment').textContent.endsWith('ago')")
        stands, shown = page.inner_text("#when"), stream.shown
        assert until(lambda: stream.shown > shown + 5)
        assert page.inner_text("#when") == stands
        page.click("#follow")
        page.wait_for_function("(stands) => document.getElementById('when').textContent !== stands", arg=stands)
        assert stream.asked == []


def test_it_comes_back_with_its_timeline_when_the_server_does(page, serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    count = "Number(document.getElementById('timeline').dataset.decisions)"
    with RunningStream(windows=900) as stream:
        with serving(stream, port=port) as address:
            page.goto(address)
            wait_for(page, "playing")
            page.wait_for_function(f"() => {count} > 15")
        wait_for(page, "disconnected, trying again")
        oldest = int(page.get_attribute("#timeline", "data-from"))
        before = page.evaluate(f"() => {count}")
        with serving(stream, port=port):
            wait_for(page, "playing")
            page.wait_for_function(f"() => {count} > {before}")
            assert int(page.get_attribute("#timeline", "data-from")) == oldest


def test_a_page_too_many_says_so(page, serving, monkeypatch) -> None:
    monkeypatch.setattr("neurofer.stream.web.app.MOST_PAGES", 0)
    with RunningStream() as stream, serving(stream) as address:
        page.goto(address)
        page.wait_for_function("() => document.getElementById('notice').textContent.includes('pages are open already')")
        wait_for(page, "disconnected, trying again")


def test_an_ended_recording_says_so_and_can_be_looked_through(page, serving) -> None:
    with RunningStream(windows=40) as stream, serving(stream) as address:
        page.goto(address)
        wait_for(page, "ended")
        page.click("#timeline", position={"x": 60, "y": 60})
        wait_for(page, "paused")
        assert "seek" in str(stream.asked)
        page.keyboard.press("Space")
        wait_for(page, "ended")
        assert page.inner_text("#pause") == "again"
        page.click("#pause")
        wait_for(page, "playing")
        assert stream.asked[-1] == ("seek", 0)


def test_names_are_text_and_never_markup(page, serving) -> None:
    evil = "<img src=x onerror=alert(1)>"
    with RunningStream(windows=600, classes=(evil, "calm"), source=evil) as stream, serving(stream) as address:
        page.goto(address)
        page.wait_for_function("() => document.getElementById('label').dataset.known === 'yes'")
        assert evil in page.inner_text("#facts")
        assert page.locator("img").count() == 0


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_sticks_out(page, serving, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    with RunningStream(windows=600, backend="snn") as stream, serving(stream) as address:
        page.goto(address)
        page.wait_for_function("() => document.getElementById('label').dataset.known === 'yes'")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        named = page.evaluate("() => [...document.querySelectorAll('button, input, canvas')].filter((one) => "
                              "!(one.textContent.trim() || one.ariaLabel || one.getAttribute('aria-label'))).length")
        assert named == 0
    assert not re.search("error", " ".join(page.wrong))
