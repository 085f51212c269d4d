"""A trained run applied to recordings: decisions with probabilities, window by window, in constant memory."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from neurofer.data.boxes import FaceBox, locate_face
from neurofer.data.clip import Box
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import Recording, Window
from neurofer.spiking.time_steps import refuse_rests
from neurofer.stream.steps import AnnStep, Scene, SnnStep, Step, Verdict
from neurofer.stream.whole import WholeStep

if TYPE_CHECKING:
    from neurofer.train.run_folder import Run


class Decision(NamedTuple):
    """One decision about one window.

    Attributes:
        start_us: Start of the window, on the recording's own clock.
        stop_us: Its end; what came before it counts as context.
        label: The class decided for.
        probabilities: One a class, in the order of the model's classes.
        events: Events in the window, over the whole sensor.
        latency_ms: Time from the window's events to the decision on this machine; reading the file is not in it.
    """

    start_us: int
    stop_us: int
    label: str
    probabilities: tuple[float, ...]
    events: int
    latency_ms: float


class Predictor:
    """Decides what recordings show.

    Attributes:
        classes: Class names.
        window_us: A decision is made every so often; infinity if it decides about whole recordings.
        context: Windows that a first decision needs.
    """

    def __init__(self, run: Run) -> None:
        """Take the network and its way of seeing from a loaded run.

        Raises:
            BadFileError: the card lacks what is needed to prepare the network's input.
        """
        card = run.card
        self.classes: tuple[str, ...] = tuple(card["classes"])
        self._step = _step_of(run)
        self.window_us = math.inf if isinstance(self._step, WholeStep) else float(card["window_us"])
        self.context = int(card.get("context_windows") or 1) if card["backend"] == "ann" else 1
        self._warm = False

    @classmethod
    def open(cls, folder: Path | str) -> Predictor:
        """The predictor of a run folder.

        Raises:
            BadFileError: not a whole, unaltered run folder.
        """
        from neurofer.train.run_folder import load_run

        return cls(load_run(folder))

    def limit_threads(self) -> None:
        """Leave torch one thread if the network is small: sharing out a millisecond of work costs more than it gains.

        A setting of the whole process, so it is left to the program that decides nothing else meanwhile.
        """
        import torch

        if self._step.macs < 200_000_000:
            torch.set_num_threads(1)

    def decide(
        self, recording: Recording, box: Box | None = None, start_us: int = 0, stop_us: int | None = None
    ) -> Iterator[Decision]:
        """Decisions about a recording, as it is read; memory does not grow with its length.

        Windows follow each other from ``start_us``; a last one that the end cuts in more than half is left out. The
        first decision comes with the last window of the first whole context. A recording (or stretch) too short for
        that gives one decision, as if silence had come before it. A network that sees slices of a whole clip gives one
        decision about the whole stretch.

        Args:
            recording: Any recording; its sensor need not be that of training.
            box: Face box in sensor pixels; found in the recording by default.
            start_us: Start, counted from the recording's first event.
            stop_us: End, counted likewise; the end of the recording by default.

        Raises:
            UsageError: an empty stretch, or a box outside the sensor.
            NeuroferError: no events in the stretch.
            BadFileError: the file is broken.
        """
        first, last = stretch(recording, start_us, stop_us)
        scene = Scene(find_face(recording, box, start_us, stop_us).box, recording.start_us)
        self._warm_up(recording.sensor)
        if isinstance(self._step, WholeStep):
            verdict, events, spent_s = self._step(recording, scene.box, first, last)
            yield self._decision(first, last, verdict, events, spent_s)
        else:
            yield from self._windows(self._step, recording, scene, first, last)

    def _windows(self, step: Step, recording: Recording, scene: Scene, first: int, last: int) -> Iterator[Decision]:
        state, decided, pending = None, False, None
        for window in recording.windows(self.window_us, first, last):
            cut = 2 * (last - window.start_us) < window.stop_us - window.start_us
            if cut and (decided or pending is not None):
                break
            if window.stop_us > last:
                window = window._replace(events=window.events.between(window.start_us, last))
            started = time.perf_counter()
            verdict, state = step(window, scene, state)
            spent_s = time.perf_counter() - started
            pending = (window, spent_s)
            if verdict is not None:
                decided = True
                yield self._decision(window.start_us, window.stop_us, verdict, len(window.events), spent_s)
        if not decided and pending is not None:
            window, spent_s = pending
            started = time.perf_counter()
            late = step.finish(state)
            if late is not None:
                spent_s += time.perf_counter() - started
                yield self._decision(window.start_us, window.stop_us, late, len(window.events), spent_s)

    def _decision(self, start_us: int, stop_us: int, verdict: Verdict, events: int, spent_s: float) -> Decision:
        return Decision(start_us, stop_us, self.classes[verdict.number],
                        tuple(float(value) for value in verdict.probabilities), events, 1000 * spent_s)

    def _warm_up(self, sensor: tuple[int, int]) -> None:
        """Let compilers and caches settle on one made-up window, so that the first latency is not theirs."""
        if self._warm:
            return
        self._warm = True
        if isinstance(self._step, WholeStep):
            self._step.warm_up()
            return
        width, height = sensor
        window = Window(0, round(self.window_us), Events([0, 1], [0, width - 1], [0, height - 1], [0, 1], sensor))
        state = None
        for _ in range(self.context):
            _, state = self._step(window, Scene(Box(0, 0, width, height), 0), state)


def stretch(recording: Recording, start_us: int, stop_us: int | None) -> tuple[int, int]:
    """First and one-past-last microsecond on the recording's clock, from times counted from its first event.

    Raises:
        UsageError: an empty stretch, or one that starts behind the end.
        NeuroferError: the recording has no events.
    """
    name = str(recording.path or "recording")
    if not recording.end_us and not len(recording.between(recording.start_us, recording.start_us + 1)):
        raise NeuroferError(f"{name}: holds no events, so there is nothing to decide about")
    length = recording.end_us + 1 - recording.start_us
    last = length if stop_us is None else min(stop_us, length)
    if start_us < 0 or last <= start_us:
        wanted = f"{start_us} and {length if stop_us is None else stop_us} us"
        raise UsageError(f"{name}: nothing lies between {wanted}; "
                         f"the recording is {length} us long, counted from its first event")
    return recording.start_us + start_us, recording.start_us + last


def find_face(recording: Recording, box: Box | None, start_us: int = 0, stop_us: int | None = None) -> FaceBox:
    """The face box and where it came from: the user, the store that holds the recording, or a search.

    Args:
        recording: The recording.
        box: The user's box; always wins.
        start_us: Start of the stretch to search, counted from the first event.
        stop_us: Its end.

    Raises:
        UsageError: an empty stretch, or the user's box lies outside the sensor.
        NeuroferError: no events in the stretch.
    """
    first, last = stretch(recording, start_us, stop_us)
    if box is None and (known := store_box(recording.path)) is not None:
        return FaceBox(known, "truth")
    return locate_face(recording, box, first, last)


def store_box(path: Path | None) -> Box | None:
    """The face box of a recording that lies in a prepared store (``STORE/events/<clip>``); None anywhere else."""
    if path is None or path.parent.name != "events":
        return None
    store = path.resolve().parent.parent
    try:
        changed = (store / "store.json").stat().st_mtime_ns
    except OSError:
        return None
    return _store_boxes(store, changed).get(path.resolve())


@functools.lru_cache(maxsize=4)
def _store_boxes(store: Path, changed: int) -> dict[Path, Box | None]:
    from neurofer.data.store import open_store

    try:
        return {clip.path.resolve(): clip.box for clip in open_store(store).clips}
    except BadFileError:
        return {}


def _step_of(run: Run) -> Step | WholeStep:
    from neurofer.models.recurrent import SequenceClassifier
    from neurofer.models.resnet import ResNet18, SewResNet18
    from neurofer.represent import build_representation
    from neurofer.spiking.network import SpikingNetwork
    from neurofer.spiking.readout import ReadOut

    card, model = run.card, run.model
    try:
        size_px = int(card["size_px"])
        if isinstance(model, (SewResNet18, ResNet18)):
            return WholeStep(model, run.config.slices, size_px)
        if isinstance(model, SequenceClassifier):
            recipe = card["representation"]
            return AnnStep(model, build_representation(recipe["kind"], **recipe["settings"]), size_px)
        if isinstance(model, SpikingNetwork):
            dt_us, window_us = int(card["dt_us"]), int(card["window_us"])
            readout_us = int(card.get("readout_us") or window_us)
            refuse_rests(dt_us, window_us=window_us, readout_us=readout_us)
            read_out = ReadOut("spikes" if model.specs[-1].fires else "integrator", float(card["rate_gain"]))
            return SnnStep(model, size_px, dt_us, readout_us, read_out, card.get("input") == "graded")
    except (KeyError, TypeError, ValueError) as error:
        raise BadFileError(f"{run.path}: its card.json does not say how to prepare the input ({error}); "
                           "copy the folder again, or train it again") from error
    raise BadFileError(f"{run.path}: no recogniser but a {type(model).__name__}; give a run of 'neurofer train'")
