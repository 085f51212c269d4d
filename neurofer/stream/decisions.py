"""What deciding means, whatever decides: windows of a recording in, decisions out; without torch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.events.recording import Recording, Window


class Decision(NamedTuple):
    """One decision about one window.

    Attributes:
        start_us: Start of the window, on the recording's own clock.
        stop_us: Its end; what came before it counts as context.
        label: The class decided for.
        probabilities: One a class, in the order of the model's classes.
        events: Events in the window, over the whole sensor.
        latency_ms: Computing time, from the window's events to the decision on this machine; reading the file is not in
            it. Not a number where it says nothing, as where a simulated chip decides.
        evidence_ms: How long the events take to come in that the decision looks at, and the window ends with them.
        queue_ms: Time that the whole window waited before it was its turn; 0 where a file is read.
    """

    start_us: int
    stop_us: int
    label: str
    probabilities: tuple[float, ...]
    events: int
    latency_ms: float
    evidence_ms: float = math.nan
    queue_ms: float = 0.0

    @property
    def tied(self) -> bool:
        """Whether all classes are equally probable, as after silence; the label is then but the first of them."""
        return min(self.probabilities) == max(self.probabilities)

    @property
    def total_ms(self) -> float:
        """From the last moment of the window to the decision: waiting and computing."""
        return self.queue_ms + self.latency_ms


class Scene(NamedTuple):
    """What stays the same over a recording."""

    box: Box
    """Face box in sensor pixels."""
    origin_us: int
    """The recording's first event; only representations that look at recording time use it."""


class Verdict(NamedTuple):
    """A decided class."""

    number: int
    probabilities: NDArray[np.float64]


class Decider(Protocol):
    """Decides about recordings: a trained run, or a chip network."""

    classes: tuple[str, ...]

    def decide(self, recording: Recording, box: Box | None = None, start_us: int = 0,
               stop_us: int | None = None) -> Iterator[Decision]:
        """Decisions about a stretch of a recording, its times counted from the first event, as it is read."""


class WindowStep(Protocol):
    """One window in, perhaps one verdict out; state goes in and comes out."""

    def __call__(self, window: Window, scene: Scene, state: Any) -> tuple[Verdict | None, Any]:
        """The verdict after a window, None while there is too little context, and the state for the next window."""

    def finish(self, state: Any) -> Verdict | None:
        """A verdict for a recording that ended without one, as if silence had come before it; None without a state."""


def decision_windows(recording: Recording, window_us: float, start_us: int, stop_us: int) -> Iterator[Window]:
    """The windows of a stretch that are decided about: at full length, without events behind its end.

    They follow each other from ``start_us``; a last one that the end cuts in more than half is left out, unless it is
    the first.

    Args:
        recording: Read as the windows are taken.
        window_us: Length of a window.
        start_us: Start of the stretch, on the recording's own clock.
        stop_us: Its end.
    """
    for number, window in enumerate(recording.windows(window_us, start_us, stop_us)):
        if number and 2 * (stop_us - window.start_us) < window.stop_us - window.start_us:
            return
        if window.stop_us > stop_us:
            window = window._replace(events=window.events.between(window.start_us, stop_us))
        yield window


def decide_windows(step: WindowStep, classes: Sequence[str], windows: Iterator[Window], scene: Scene,
                   evidence_us: float = math.nan) -> Iterator[Decision]:
    """Decisions about consecutive windows, as they are taken; one at the end if there was none before.

    Args:
        step: Decides.
        classes: Class names.
        windows: From ``decision_windows``.
        scene: What they show.
        evidence_us: How far back a decision looks, where it is known.
    """
    state, decided, pending, first_us = None, False, None, None
    for window in windows:
        first_us = window.start_us if first_us is None else first_us
        evidence_ms = min(evidence_us, window.stop_us - first_us) / 1000
        started = time.perf_counter()
        verdict, state = step(window, scene, state)
        spent_s = time.perf_counter() - started
        pending = window, spent_s
        if verdict is not None:
            decided = True
            yield decision_of(window[:2], len(window.events), verdict, classes, spent_s, evidence_ms)
    if not decided and pending is not None:
        window, spent_s = pending
        started = time.perf_counter()
        late = step.finish(state)
        if late is not None:
            spent_s += time.perf_counter() - started
            yield decision_of(window[:2], len(window.events), late, classes, spent_s, evidence_ms)


def decision_of(window_us: tuple[int, int], events: int, verdict: Verdict, classes: Sequence[str], spent_s: float,
                evidence_ms: float = math.nan, queue_ms: float = 0.0) -> Decision:
    """A verdict as a decision.

    Args:
        window_us: Start and end of the window.
        events: In it.
        verdict: About it.
        classes: Class names.
        spent_s: Time that it took.
        evidence_ms: How long its events took to come in.
        queue_ms: Time that the window waited.
    """
    start_us, stop_us = window_us
    return Decision(start_us, stop_us, classes[verdict.number], tuple(float(value) for value in verdict.probabilities),
                    events, 1000 * spent_s, evidence_ms, queue_ms)


def made_up_window(sensor: tuple[int, int], window_us: float) -> Window:
    """A window with two events, to let compilers and caches settle on before the first latency is measured."""
    width, height = sensor
    return Window(0, round(window_us), Events([0, 1], [0, width - 1], [0, height - 1], [0, 1], sensor))
