"""Events in, decisions out: a trained network on a stream, whatever pieces it comes in, in constant memory."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from neurofer.data.boxes import FaceBox
from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.events.recording import Window
from neurofer.stream.cutting import CutState, Cutter, Restart
from neurofer.stream.deciding import LOOK_US, DecidingState, Told, WindowDecider
from neurofer.stream.decisions import Decision
from neurofer.stream.steps import Step, digest_of


@dataclass(frozen=True)
class Decides:
    """What decides, with the numbers that a stream needs.

    Attributes:
        step: One window in, perhaps a verdict out.
        classes: Class names.
        window_us: A decision is made every so often.
        evidence_us: How far back a decision looks.
    """

    step: Step
    classes: tuple[str, ...]
    window_us: float
    evidence_us: float

    @functools.cached_property
    def digest(self) -> str:
        """Of the weights and of the way of seeing; a saved state fits only the same. Read where states are, alone."""
        return digest_of(self.step)


class LiveStream:
    """Decisions about events as they come in; the same, bit for bit, as about a recording of them.

    What it holds does not grow with time: the events of one window, the last embeddings or the state of the spiking
    network, and until the face is found at most a second of events.

    Attributes:
        windows: Whole windows so far.
        decisions: Decisions so far.
        restarts: Times that it began anew after a long silence.
    """

    def __init__(self, decides: Decides, box: Box | None = None, look_us: int = LOOK_US) -> None:
        """Begin with the first event.

        Args:
            decides: From ``Predictor.live``.
            box: Face box in sensor pixels. Without one, the face is looked for in the first ``look_us``; the windows
                until then are decided about as soon as it is found.
            look_us: Stretch in which the face is looked for.
        """
        self._decides = decides
        self._cutter: Cutter | None = None
        self._decider = WindowDecider(decides.step, decides.classes, decides.evidence_us, box, look_us)
        self.windows = self.decisions = self.restarts = 0

    @property
    def face(self) -> FaceBox | None:
        """The face box and where it came from; None until it is known."""
        return self._decider.state.face

    @property
    def sensor(self) -> tuple[int, int] | None:
        """``(width, height)``; None before the first events."""
        return self._cutter.sensor if self._cutter is not None else None

    def push(self, events: Events) -> list[Decision]:
        """The decisions that these events complete, often none.

        A window is decided about as soon as an event behind its end comes, or ``pass_time`` says that none will come.
        After ten minutes without events, the next event begins another stream.

        Args:
            events: Any number of consecutive events, none earlier than the last one before.

        Raises:
            ValueError: another sensor, or time that runs backwards; nothing is taken then.
            UsageError: the given box shows nothing of the sensor.
        """
        if self._cutter is None:
            self._cutter = Cutter(events.sensor, self._decides.window_us)
        return [decision for entry in self._cutter.push(events) for decision in self._take(entry)]

    def pass_time(self, now_us: int) -> list[Decision]:
        """The decisions about windows that end in silence: no event before ``now_us`` will come any more.

        Args:
            now_us: On the clock of the events.
        """
        if self._cutter is None:
            return []
        return [decision for window in self._cutter.pass_time(now_us) for decision in self._take(window)]

    def finish(self) -> list[Decision]:
        """The last decisions of a stream that ended; the next event begins another."""
        rest = [decision for window in self._cutter.finish() for decision in self._take(window)] if self._cutter else []
        rest += self._told(self._decider.finish())
        self._cutter = None
        return rest

    def restart(self) -> None:
        """Forget the stream so far, decided or not, and begin with the next event; a given box is kept."""
        self._cutter = None
        self._decider.state = DecidingState()

    def save(self, path: Path | str) -> None:
        """Write the state of the stream, so that another process can go on with it.

        Args:
            path: A file, safetensors.

        Raises:
            BadFileError: it cannot be written.
        """
        from neurofer.stream.saved_state import SavedState, write_state

        cutter, decider = self._cutter, self._decider
        write_state(path, SavedState(
            self._decides.digest, self.sensor, cutter.state if cutter is not None else CutState(), decider.state,
            decider.box, decider.look_us, (self.windows, self.decisions, self.restarts)))

    def restore(self, path: Path | str) -> None:
        """Take the state that ``save`` has written; the next event follows the last one before it.

        Raises:
            BadFileError: no such file, a broken one, or the state of another network.
        """
        from neurofer.stream.saved_state import read_state

        saved = read_state(path, self._decides.digest, self._decides.step, self._decides.window_us)
        self._cutter = Cutter(saved.sensor, self._decides.window_us, saved.cut) if saved.sensor is not None else None
        self._decider.state, self._decider.box, self._decider.look_us = saved.deciding, saved.box, saved.look_us
        self.windows, self.decisions, self.restarts = saved.counts

    def _take(self, entry: Window | Restart) -> list[Decision]:
        if isinstance(entry, Restart):
            self.restarts += 1
            return self._told(self._decider.finish())
        self.windows += 1
        return self._told(self._decider(entry))

    def _told(self, told: list[Told]) -> list[Decision]:
        made = [one.decision for one in told if one.decision is not None]
        self.decisions += len(made)
        return made
