"""A chip network applied to recordings, as ``neurofer.stream.predictor`` applies a trained run: the same windows, the
same face box, the same decisions, and nothing of what trained it. Torch is imported for a GPU alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.errors import BadFileError, NeuroferError
from neurofer.events.recording import Recording, Window
from neurofer.hardware.chip_file import read_chip
from neurofer.hardware.decide import decide, probabilities
from neurofer.hardware.engines import Engine, GpuEngine, SimulateEngine, State
from neurofer.hardware.lava.configs import DEFAULT_CONFIG
from neurofer.hardware.network import ChipNetwork
from neurofer.spiking.bins import spike_tensor
from neurofer.stream.decisions import (
    Decider,
    Decision,
    Scene,
    Verdict,
    decide_windows,
    decision_of,
    decision_windows,
    made_up_window,
)
from neurofer.stream.faces import find_face, stretch

Place = Literal["simulate", "gpu", "lava"]
PLACES: tuple[Place, ...] = ("simulate", "gpu", "lava")

MOST_AT_ONCE = 1 << 29
"""Zeros and ones of all layers, time included, that one decision may take, or the input of one recording under Lava."""


class Memory(NamedTuple):
    """State of a recording between windows: that of the network, and its output over the trailing read-out."""

    network: State
    output: NDArray[np.uint8]
    """``(steps, K)``, at most the read-out long."""


class ChipStep:
    """A window becomes spikes; the network runs on, and its output over the trailing read-out decides.

    Args:
        engine: Runs the network.

    Attributes:
        network: What is run.
    """

    def __init__(self, engine: Engine) -> None:
        self.network = engine.network
        self._engine = engine

    def __call__(self, window: Window, scene: Scene, state: Memory | None) -> tuple[Verdict, Memory]:
        """See ``neurofer.stream.decisions.WindowStep``."""
        return self.together([window_spikes(self.network, window, scene.box)], [state])[0]

    def finish(self, state: Memory | None) -> Verdict | None:
        """None: every window has its verdict."""
        return None

    def together(self, spikes: Sequence[NDArray[np.uint8]],
                 memories: Sequence[Memory | None]) -> list[tuple[Verdict, Memory]]:
        """Verdict and memory after one window of each of several recordings; none depends on the others.

        Args:
            spikes: ``(T, 2, S, S)`` of each recording's window.
            memories: Of each recording; None at its start.
        """
        states = [None if memory is None else memory.network for memory in memories]
        output, states = self._engine(np.stack(spikes, 1), states)
        found = []
        for number, (memory, state) in enumerate(zip(memories, states, strict=True)):
            seen = output[:, number] if memory is None else np.concatenate([memory.output, output[:, number]])
            seen = seen[-self.network.steps :].copy()
            found.append((verdict_of(self.network, seen), Memory(state, seen)))
        return found


class ChipPredictor:
    """Decides what recordings show, simulating a chip.

    Args:
        engine: Runs the network.

    Attributes:
        classes: Class names.
        window_us: A decision is made every so often.
        step: Decides window by window.
    """

    def __init__(self, engine: Engine) -> None:
        self.classes: tuple[str, ...] = engine.network.classes
        self.window_us = engine.network.decision_us
        self.step = ChipStep(engine)
        self._warm = False

    def decide(self, recording: Recording, box: Box | None = None, start_us: int = 0,
               stop_us: int | None = None) -> Iterator[Decision]:
        """Decisions about a recording, as it is read; memory does not grow with its length.

        Arguments, windows and refusals are those of ``neurofer.stream.predictor.Predictor.decide``.
        """
        first, last = stretch(recording, start_us, stop_us)
        scene = Scene(find_face(recording, box, start_us, stop_us).box, recording.start_us)
        self.warm_up()
        windows = decision_windows(recording, self.window_us, first, last)
        yield from decide_windows(self.step, self.classes, windows, scene)

    def warm_up(self) -> None:
        """Let compilers and caches settle once, so that the first computing time is not theirs."""
        if not self._warm:
            self._warm = True
            self.step(made_up_window((1, 1), self.window_us), Scene(Box(0, 0, 1, 1), 0), None)


class LavaPredictor:
    """Decides what recordings show by Lava, each from a fresh start and as a whole; the times on this host are none.

    Args:
        path: Chip file.
        run_config: One of ``neurofer.hardware.lava.CONFIGS``.
        limit_s: Seconds after which Lava is ended; by default what steps and layers suggest.

    Raises:
        BadFileError: no whole, unaltered chip file, or no network for events.
        MissingExtraError: Lava is not installed.
        NeuroferError: the hardware of ``run_config`` is not there.
    """

    def __init__(self, path: Path | str, run_config: str = DEFAULT_CONFIG, limit_s: float | None = None) -> None:
        from neurofer.hardware.lava import require_lava

        self._network = read_event_network(path)
        require_lava(run_config)
        self.classes: tuple[str, ...] = self._network.classes
        self._path, self._run_config, self._limit_s = path, run_config, limit_s

    def decide(self, recording: Recording, box: Box | None = None, start_us: int = 0,
               stop_us: int | None = None) -> Iterator[Decision]:
        """As ``ChipPredictor.decide``, but all at once, after the whole stretch was read.

        Raises:
            NeuroferError: also where Lava failed or did not end in time, or the stretch is too long.
        """
        from neurofer.hardware.lava import run_lava

        first, last = stretch(recording, start_us, stop_us)
        face = find_face(recording, box, start_us, stop_us).box
        network, most = self._network, MOST_AT_ONCE // math.prod(self._network.input_shape)
        if (last - first) // network.dt_us > most:
            raise NeuroferError(f"{recording.path or 'recording'}: {(last - first) // network.dt_us} steps of "
                                f"{network.dt_us} us, Lava takes at most {most} at once; choose a part of it with "
                                "--start-us and --stop-us, or decide with --on simulate")
        windows, spikes = [], []
        for window in decision_windows(recording, network.decision_us, first, last):
            spikes.append(window_spikes(network, window, face))
            windows.append((window[:2], len(window.events)))
        (output,) = run_lava(self._path, np.concatenate(spikes), config=self._run_config, limit_s=self._limit_s)
        steps = network.decision_us // network.dt_us
        for number, (window_us, events) in enumerate(windows, 1):
            verdict = verdict_of(network, output[max(0, number * steps - network.steps) : number * steps])
            yield decision_of(window_us, events, verdict, self.classes, math.nan)


@dataclass(frozen=True)
class OpenedChip:
    """Opens what decides by a chip file, in this process or another.

    Attributes:
        path: Chip file.
        on: Where the network runs.
        device: ``auto``, ``cpu`` or ``cuda``; for ``gpu``.
        run_config: One of ``neurofer.hardware.lava.CONFIGS``; for ``lava``.
        limit_s: Seconds for one recording; for ``lava``.
    """

    path: Path
    on: Place = "simulate"
    device: str = "auto"
    run_config: str = DEFAULT_CONFIG
    limit_s: float | None = None

    def __call__(self) -> Decider:
        """Open it.

        Raises:
            BadFileError: no whole, unaltered chip file, or no network for events.
            UsageError: a device that is not there.
            MissingExtraError: Lava is not installed.
            NeuroferError: the hardware of ``run_config`` is not there.
        """
        if self.on == "lava":
            return LavaPredictor(self.path, self.run_config, self.limit_s)
        network = read_event_network(self.path)
        return ChipPredictor(SimulateEngine(network) if self.on == "simulate" else GpuEngine(network, self.device))


def read_event_network(path: Path | str) -> ChipNetwork:
    """The network of a chip file whose input is what events become: two polarities on a square.

    Raises:
        BadFileError: no whole, unaltered chip file, or a network of other input, or one that takes too many steps.
    """
    _refuse_what_is_exported_first(Path(path))
    network = read_chip(path)
    channels, height, width = network.input_shape
    if channels != 2 or height != width:
        raise BadFileError(f"{path}: its input is {channels} x {height} x {width}, but recordings become spikes of 2 "
                           "polarities on a square; run it on spikes of your own with neurofer.hardware.simulate")
    steps = network.decision_us // network.dt_us
    most = steps * (network.neurons + math.prod(network.input_shape)) + network.steps * len(network.classes)
    if most > MOST_AT_ONCE:
        raise BadFileError(f"{path}: {steps} steps between decisions and {network.steps} that each looks back on are "
                           "more than fit into memory; export it with a shorter decision, or longer steps")
    return network


def _refuse_what_is_exported_first(path: Path) -> None:
    """Raise if a chip file can be made of what is there, and say how."""
    export = f"neurofer export {path} --target loihi2 -o net.h5"
    if (path / "card.json").is_file():
        raise BadFileError(f"{path}: is a run folder; make a chip network of it ({export}), or decide with the run "
                           "itself (neurofer predict)")
    if path.suffix == ".nir" and path.is_file():
        raise BadFileError(f"{path}: is a NIR graph; make a chip network of it: {export}")


def window_spikes(network: ChipNetwork, window: Window, box: Box) -> NDArray[np.uint8]:
    """Input spikes of a window, ``(T, 2, S, S)``, inside a face box."""
    return spike_tensor(window.events, window.start_us, window.stop_us, network.dt_us, box,
                        network.input_shape[1]).spikes


def verdict_of(network: ChipNetwork, output: NDArray[np.uint8]) -> Verdict:
    """What output spikes ``(T, K)`` of the read-out say."""
    one = output[:, None]
    return Verdict(int(decide(one)[0]), probabilities(one, network.rate_gain)[0])
