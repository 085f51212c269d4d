"""Windows of a stream in, decisions out, one after the other: the face is found first, then the state is carried."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from neurofer.data.boxes import FaceBox, locate_face
from neurofer.data.clip import Box
from neurofer.events.recording import MemoryRecording, Window
from neurofer.stream.cutting import joined
from neurofer.stream.decisions import Decision, Scene, Verdict, WindowStep, decision_of

LOOK_US = 1_000_000
"""Stretch in which a face is looked for."""

MOST_LOOK_EVENTS = 4_000_000
"""It is shorter where more events than these come."""


class DecidingState(NamedTuple):
    """What is known of a stream after some windows."""

    scene: Scene | None = None
    """None until there is a window with a known face box."""
    face: FaceBox | None = None
    """None until the face is found; known from before, the stream decides at once."""
    step: Any = None
    """State of the network; None before the first window."""
    decided: bool = False
    last: Window | None = None
    """The window before, until there is a decision."""
    waiting: tuple[Window, ...] = ()
    """Windows that came before the face was found."""


class Told(NamedTuple):
    """A window and what was decided after it; None while there is too little context."""

    window: Window
    decision: Decision | None
    box: Box | None = None
    """Face box; None where none was known."""


@dataclass
class WindowDecider:
    """Decides about consecutive windows of one stream.

    Windows before the face is found wait; they are decided about as soon as it is, so no window is lost. A stream with
    a given box decides at once.

    Attributes:
        step: Decides.
        classes: Class names.
        evidence_us: How far back a decision looks.
        box: The user's face box; None to look for the face.
        look_us: Stretch in which it is looked for.
        state: After the windows so far; ``DecidingState()`` begins anew.
    """

    step: WindowStep
    classes: tuple[str, ...]
    evidence_us: float
    box: Box | None = None
    look_us: int = LOOK_US
    state: DecidingState = field(default_factory=DecidingState)

    def __call__(self, window: Window, queue_ms: float = 0.0) -> list[Told]:
        """What is known after this window: nothing while the face is looked for, then all that waited at once.

        Args:
            window: Follows the one before.
            queue_ms: Time that it waited for its turn.

        Raises:
            UsageError: the user's box shows nothing of the sensor.
        """
        scene = self.state.scene
        if scene is None and self.state.face is not None:
            scene = Scene(self.state.face.box, window.start_us)
            self.state = self.state._replace(scene=scene)
        if scene is not None:
            return [self._decide(scene, window, queue_ms)]
        waiting = (*self.state.waiting, window)
        if self.box is None and not enough_to_look(waiting, self.look_us):
            self.state = self.state._replace(waiting=waiting)
            return []
        return self._look(waiting, queue_ms)

    def found(self, face: FaceBox, queue_ms: float = 0.0) -> list[Told]:
        """What is known as soon as somebody else has found the face: about all windows that waited for it."""
        waiting, self.state = self.state.waiting, self.state._replace(face=face, waiting=())
        return [told for window in waiting for told in self(window, queue_ms)]

    def finish(self) -> list[Told]:
        """What waited for a face, and a verdict for a stream that ended without one; then it begins anew.

        Such a verdict is made as if silence had come before the stream.
        """
        told = self._look(self.state.waiting) if self.state.waiting else []
        state, self.state = self.state, DecidingState()
        if state.decided or state.last is None or state.scene is None:
            return told
        started = time.perf_counter()
        late = self.step.finish(state.step)
        if late is None:
            return told
        return [*told[:-1], Told(state.last, self._decision(state.scene, state.last, late, started), state.scene.box)]

    def _look(self, waiting: tuple[Window, ...], queue_ms: float = 0.0) -> list[Told]:
        seen = [window.events for window in waiting if len(window.events)]
        if not seen and self.box is None:
            self.state = self.state._replace(waiting=())
            return [Told(window, None) for window in waiting]
        face = locate_face(MemoryRecording(joined(seen, waiting[0].events.sensor)), self.box)
        self.state = self.state._replace(waiting=waiting)
        return self.found(face, queue_ms)

    def _decide(self, scene: Scene, window: Window, queue_ms: float) -> Told:
        started = time.perf_counter()
        verdict, step = self.step(window, scene, self.state.step)
        decision = self._decision(scene, window, verdict, started, queue_ms) if verdict is not None else None
        decided = self.state.decided or decision is not None
        self.state = self.state._replace(step=step, decided=decided, last=None if decided else window)
        return Told(window, decision, scene.box)

    def _decision(self, scene: Scene, window: Window, verdict: Verdict, started: float,
                  queue_ms: float = 0.0) -> Decision:
        spent_s = time.perf_counter() - started
        evidence_us = min(self.evidence_us, window.stop_us - scene.origin_us)
        return decision_of(window[:2], len(window.events), verdict, self.classes, spent_s, evidence_us / 1000, queue_ms)


def enough_to_look(waiting: tuple[Window, ...], look_us: int = LOOK_US) -> bool:
    """Whether a face may be looked for in these windows."""
    count = sum(len(window.events) for window in waiting)
    return waiting[-1].stop_us - waiting[0].start_us >= look_us or count >= MOST_LOOK_EVENTS
