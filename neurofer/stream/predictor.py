"""A trained run applied to recordings: decisions with probabilities, window by window, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neurofer.data.clip import Box
from neurofer.errors import BadFileError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import Recording
from neurofer.spiking.time_steps import refuse_rests
from neurofer.stream.deciding import LOOK_US
from neurofer.stream.decisions import Decision, Scene, decide_windows, decision_of, decision_windows, made_up_window
from neurofer.stream.faces import find_face, store_box, stretch
from neurofer.stream.live import Decides, LiveStream
from neurofer.stream.steps import AnnStep, SnnStep, Step
from neurofer.stream.whole import WholeStep

if TYPE_CHECKING:
    from neurofer.represent.base import Representation
    from neurofer.train.run_folder import Run

__all__ = ["Decision", "OpenedApart", "Predictor", "find_face", "store_box", "stretch"]


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
        self.name = Path(run.path).name
        self._path, self._card = Path(run.path), card
        self.backend: str = card["backend"]
        self._step = _step_of(run)
        self.window_us = math.inf if isinstance(self._step, WholeStep) else float(card["window_us"])
        self.context = int(card.get("context_windows") or 1) if card["backend"] == "ann" else 1
        self.evidence_us = (self.window_us * self.context if self.backend == "ann"
                            else float(card.get("readout_us") or self.window_us))
        self._warm = False
        self._stream: LiveStream | None = None

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
            yield decision_of((first, last), events, verdict, self.classes, spent_s)
        else:
            windows = decision_windows(recording, self.window_us, first, last)
            yield from decide_windows(self._step, self.classes, windows, scene, self.evidence_us)

    def live(self, box: Box | None = None, look_us: int = LOOK_US) -> LiveStream:
        """A new stream of events to be decided about; several may run beside each other.

        Args:
            box: Face box in sensor pixels. Without one, the face is looked for in the first ``look_us``; the windows
                until then are decided about as soon as it is found.
            look_us: Stretch in which the face is looked for.

        Raises:
            UsageError: this network decides about whole recordings.
        """
        self._stream = LiveStream(self.decides(), box, look_us)
        return self._stream

    def push(self, events: Events) -> list[Decision]:
        """The decisions that these events complete, often none, on the stream that ``live`` began last, or a new one.

        Any way of cutting a recording into pieces gives the decisions of ``decide`` with the same box, bit for bit;
        ``finish`` gives the last one.

        Args:
            events: Any number of consecutive events, none earlier than the last one before.

        Raises:
            ValueError: another sensor, or time that runs backwards; nothing is taken then.
            UsageError: this network decides about whole recordings.
        """
        return (self._stream or self.live()).push(events)

    def finish(self) -> list[Decision]:
        """The last decisions of the stream that ``push`` goes on with; the next event begins another."""
        return self._stream.finish() if self._stream is not None else []

    def decides(self) -> Decides:
        """What a stream needs of this network, warmed up.

        Raises:
            UsageError: it decides about whole recordings.
        """
        if isinstance(self._step, WholeStep):
            raise UsageError(f"{self.name}: decides about whole recordings, not while they run; "
                             "take a run of another network, or neurofer predict")
        self._warm_up((128, 128))
        return Decides(self._step, self.classes, self.window_us, self.evidence_us)

    @property
    def representation(self) -> Representation | None:
        """What an ``ann`` sees of a window; None for other networks."""
        return self._step.representation if isinstance(self._step, AnnStep) else None

    def _repr_html_(self) -> str:
        from neurofer.train.run_card import run_card

        return run_card(self._path, self._card)

    def _warm_up(self, sensor: tuple[int, int]) -> None:
        """Let compilers and caches settle on one made-up window, so that the first latency is not theirs."""
        if self._warm:
            return
        self._warm = True
        if isinstance(self._step, WholeStep):
            self._step.warm_up()
            return
        window, state = made_up_window(sensor, self.window_us), None
        for _ in range(self.context):
            _, state = self._step(window, Scene(Box(0, 0, *sensor), 0), state)


@dataclass(frozen=True)
class OpenedApart:
    """Opens the predictor of a run folder in a process that shares the machine with others of its kind."""

    run: Path

    def __call__(self) -> Predictor:
        import torch

        torch.set_num_threads(1)
        return Predictor.open(self.run)


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
            return SnnStep(model.settled(), size_px, dt_us, readout_us, read_out, card.get("input") == "graded")
    except (KeyError, TypeError, ValueError) as error:
        raise BadFileError(f"{run.path}: its card.json does not say how to prepare the input ({error}); "
                           "copy the folder again, or train it again") from error
    raise BadFileError(f"{run.path}: no recogniser but a {type(model).__name__}; give a run of 'neurofer train'")
