"""Draw ``docs/live/page.png``, the page of ``neurofer watch --web``: ``python docs/make_live.py RUN``.

A made-up face shows a few expressions, the run decides about it in real time, and Chromium takes the picture.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.files import atomic_path
from neurofer.simulate.performance import draw_performance, draw_subject, film
from neurofer.simulate.pixel import EventPixel, preset
from neurofer.stream.predictor import Predictor
from neurofer.stream.watch.session import Session
from neurofer.stream.web.serve import address_of, open_server

FPS, SENSOR, SEED, SUBJECT = 120, (128, 128), 7, 3
SHOWN = ("happiness", "surprise", "disgust", "sadness", "anger")


def performance_events() -> Events:
    """The expressions one after the other, as a sensor would send them."""
    columns, start_us = [], 0
    for number, label in enumerate(SHOWN):
        one = film(draw_performance(SEED, draw_subject(SEED, SUBJECT), label, number), SENSOR, FPS)
        pixel = EventPixel(preset("default"), SENSOR, number)
        for frame_number, frame in enumerate(one.frames()):
            events = pixel.step(np.rint(frame).astype(np.uint8), round(frame_number * 1e6 / FPS))
            columns.append((events.t + start_us, events.x, events.y, events.p))
        start_us += round(len(one.track.times_us) * 1e6 / FPS)
    t, x, y, p = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Events(np.maximum.accumulate(t), x, y, p, SENSOR)


def take_picture(run: Path, target: Path, still_us: int = 4_800_000) -> None:
    """The page, paused shortly before the end."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "made-up face"
        write_columns(recording, performance_events(), SENSOR)
        session = Session(Predictor.open(run), open_recording(recording), raster=True)
        server, listening = open_server(session)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        with sync_playwright() as driver:
            program = shutil.which("chromium") or shutil.which("google-chrome")
            browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu",
                                                                               "--disable-dev-shm-usage"])
            page = browser.new_page(viewport={"width": 1360, "height": 800})
            page.goto(address_of(listening, "127.0.0.1", None))
            page.wait_for_selector("#status[data-mood=live]")
            with session:
                page.wait_for_timeout(still_us / 1e3)
                page.keyboard.press("Space")
                page.wait_for_timeout(700)
                for _ in range(2):  # some heights follow the window's
                    page.set_viewport_size({"width": 1360, "height": page.evaluate("document.body.offsetHeight")})
                    page.wait_for_timeout(300)
                data = page.screenshot()
            browser.close()
        server.should_exit = True
        thread.join()
    picture = Image.open(io.BytesIO(data)).convert("RGB").quantize(192, dither=Image.Dither.NONE)
    with atomic_path(target) as temporary:
        picture.save(temporary, format="PNG", optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/make_live.py RUN")
    take_picture(Path(sys.argv[1]), Path(__file__).parent / "live" / "page.png")
