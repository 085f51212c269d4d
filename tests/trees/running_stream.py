"""A stream that runs in a thread of its own: made-up events of a face that nods, and decisions about them."""

from __future__ import annotations

import math
import threading
import time
from collections import deque

import numpy as np

from neurofer.data.clip import Box
from neurofer.errors import UsageError
from neurofer.events.events import Events
from neurofer.stream.decisions import Decision
from neurofer.stream.watch.shown import Facts, Shown, Tally

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
SENSOR = (160, 120)
BOX = Box(44, 14, 72, 88)
ORIGIN_US = 5_000_000
ORDER = (4, 3, 6, 4, 0, 3, 2)
"""Classes that are shown one after the other, each for two seconds."""


def face_window(number, window_us, rate=300_000):
    """The events of a window: the same for the same number."""
    generator = np.random.default_rng(number)
    count = int(rate * window_us / 1e6)
    start = ORIGIN_US + round(number * window_us)
    t = np.sort(generator.integers(0, round(window_us), count))
    phase = 2 * np.pi * (number * window_us + t) / 1.3e6
    part = generator.choice(4, count, p=(0.5, 0.14, 0.14, 0.22))
    centre_x, centre_y = np.array([80, 66, 94, 80])[part], np.array([58, 46, 46, 78])[part]
    radius_x, radius_y = np.array([31, 6, 6, 13])[part], np.array([40, 3, 3, 4])[part]
    angle = generator.random(count) * 2 * np.pi
    x = centre_x + radius_x * np.cos(angle) + generator.normal(0, 0.7, count) + 3 * np.sin(phase)
    y = centre_y + radius_y * np.sin(angle) + generator.normal(0, 0.7, count) + 2 * np.cos(phase)
    noise = generator.random(count) < 0.06
    x = np.where(noise, generator.integers(0, SENSOR[0], count), np.clip(np.rint(x), 0, SENSOR[0] - 1))
    y = np.where(noise, generator.integers(0, SENSOR[1], count), np.clip(np.rint(y), 0, SENSOR[1] - 1))
    p = (np.cos(phase) * np.cos(angle) > 0) ^ (generator.random(count) < 0.1)
    return Events(t + start, x.astype(np.uint16), y.astype(np.uint16), p, SENSOR)


def made_decision(number, window_us, classes=CLASSES):
    """What is decided after a window; nothing about the first two."""
    if number < 2:
        return None
    moment = number * window_us / 1e6
    place = int(moment // 2) % len(ORDER)
    into = min(1.0, (moment % 2) / 0.7)
    generator = np.random.default_rng(10_000 + number)
    scores = generator.normal(0, 0.25, len(classes))
    scores[ORDER[place] % len(classes)] += 3.2 * into
    scores[ORDER[place - 1] % len(classes)] += 3.2 * (1 - into)
    shares = np.exp(scores) / np.exp(scores).sum()
    start = ORIGIN_US + round(number * window_us)
    latency = float(2.4 + generator.gamma(2.0, 0.25))
    return Decision(start, start + round(window_us), classes[int(shares.argmax())], tuple(map(float, shares)),
                    int(window_us * 0.3), latency, 3 * window_us / 1e3, float(generator.gamma(1.2, 0.15)))


def made_raster(number, steps=10):
    """Spikes of three layers, more of them the deeper the layer."""
    generator = np.random.default_rng(number)
    rates = {"conv1": (64, 0.04), "conv2": (64, 0.08), "output": (len(CLASSES), 0.3)}
    return {name: (generator.random((steps, neurons)) < rate).astype(np.uint8)
            for name, (neurons, rate) in rates.items()}


class Waiting:
    """A viewer's place."""

    def __init__(self, stream, room):
        self.stream, self.queue, self.room, self.missed, self.closed = stream, deque(), room, 0, False
        self.change = threading.Condition()

    def put(self, shown):
        with self.change:
            if self.closed:
                return
            if len(self.queue) == self.room:
                self.queue.popleft()
                self.missed += 1
            self.queue.append(shown)
            self.change.notify_all()

    def get(self, timeout_s=None):
        with self.change:
            ready = self.change.wait_for(lambda: self.queue or self.closed or self.stream.ended, timeout_s)
            return self.queue.popleft() if ready and self.queue else None

    def close(self):
        with self.change:
            self.closed = True
            self.change.notify_all()


class RunningStream:
    """Keeps to ``Watched``; shows ``windows`` windows, or endlessly many, ``pace_s`` apart."""

    def __init__(self, *, windows=None, pace_s=1 / 30, seekable=True, backend="ann", window_us=33_333.0,
                 classes=CLASSES, source="face.raw", tally=None, first=0):
        duration = round(windows * window_us) if windows and seekable else None
        self.facts = Facts(source, "runs/tie", backend, classes, window_us, 1.0, duration, seekable)
        self.windows, self.pace_s, self.paused, self.failure = windows, pace_s, False, None
        self.number, self.shown, self.counts, self.asked = first, 0, dict(tally or {}), []
        self.tally = Tally(**self.counts)
        self.places, self.lock, self.stopped, self.once = [], threading.RLock(), threading.Event(), False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stopped.set()
        self.thread.join()

    @property
    def ended(self):
        return self.failure is not None or (self.windows is not None and self.number >= self.windows)

    def run(self):
        while not self.stopped.wait(self.pace_s):
            with self.lock:
                if self.ended or (self.paused and not self.once):
                    continue
                self.once = False
                shown = self.window()
                self.number += 1
                self.shown += 1
                for place in self.places:
                    place.put(shown)

    def window(self):
        number, window_us = self.number, self.facts.window_us
        start = ORIGIN_US + round(number * window_us)
        stop = ORIGIN_US + round((number + 1) * window_us)
        events = face_window(number, window_us)
        raster = made_raster(number) if self.facts.backend == "snn" else None
        decision = made_decision(number, window_us, self.facts.classes)
        tally = Tally(**{"windows": self.shown + 1, "decisions": max(0, self.shown - 1),
                         "events": (self.shown + 1) * len(events), **self.counts})
        self.tally = tally
        lag = math.nan if decision is None else decision.total_ms
        return Shown(self.shown, start, stop, stop - ORIGIN_US, events, BOX, decision, raster, tally, lag)

    def subscribe(self, room=2):
        with self.lock:
            self.places.append(Waiting(self, room))
            return self.places[-1]

    def pause(self):
        self.asked.append("pause")
        self.paused = True

    def resume(self):
        self.asked.append("resume")
        self.paused = False

    def seek(self, since_us):
        if not self.facts.seekable:
            raise UsageError("a live source cannot go back")
        self.asked.append(("seek", since_us))
        with self.lock:
            last = math.inf if self.windows is None else self.windows - 1
            self.number, self.once = int(min(since_us / self.facts.window_us, last)), True
            self.counts["restarts"] = self.counts.get("restarts", 0) + 1


def until(condition, seconds=60.0):
    """Wait for something to become true; whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())
