"""How long a decision takes on this machine, contestant beside contestant, and how much they do in a second.

A decision is timed from ready input in main memory to the class number there, the state of the network kept, one
recording at a time, on one thread. Reading events and making the input is not in it, and nothing waits in a queue.
Contestants take turns recording by recording, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from neurofer.errors import NeuroferError
from neurofer.hardware.comparison.data import AnnSide, Both, SnnSide
from neurofer.hardware.comparison.spikes import Piece, pieces
from neurofer.hardware.comparison.targets import Target
from neurofer.progress import progress
from neurofer.train.ann import pictures_to_network
from neurofer.train.processes import device_of

WARM_UP = 20
"""Decisions of each contestant that are not counted."""
LOADED, MOST_INPUTS = 16, 1 << 28
"""Recordings that throughput is measured on, at most, and input cells times steps of them that memory holds ready."""
ROUNDS = 3
QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


class Contestant(NamedTuple):
    """Somebody who decides.

    Attributes:
        name: ``ann``, or that of a target.
        where: Device, in words.
        decide: Milliseconds of each decision about a clip, by its number.
        load: Recordings that run side by side, and what runs ``loaded_clips`` once.
    """

    name: str
    where: str
    decide: Callable[[int], Iterator[float]]
    load: tuple[int, Callable[[], None]]


def contestants(both: Both, targets: Sequence[Target]) -> list[Contestant]:
    """The ANN and every target that decides on this machine; a target without state, as Lava, is none.

    Args:
        both: The runs.
        targets: Of the SNN.
    """
    chosen = loaded_clips(both)
    pictures = [pictures_to_network(both.ann.prepared.rows.of(int(clip)))[None] for clip in chosen]
    ready = list(pieces(both.snn, chosen))
    found = [Contestant("ann", f"torch, {device_of(both.ann.network).type}", lambda clip: ann_decisions(both.ann, clip),
                        (1, lambda: _decide_pictures(both.ann, pictures)))]
    return found + [_contestant(both.snn, target, ready) for target in targets if target.keeps_state]


def loaded_clips(both: Both) -> NDArray[np.int64]:
    """The clips that throughput is measured on, spread evenly over the test part."""
    inputs = math.prod(both.snn.network.input_shape) * int(both.snn.prepared.rows.lengths()[both.clips].max())
    most = max(1, min(LOADED, len(both.clips), MOST_INPUTS // inputs))
    return both.clips[np.linspace(0, len(both.clips) - 1, most).astype(int)]


def _contestant(snn: SnnSide, target: Target, ready: Sequence[Piece]) -> Contestant:
    def run() -> None:
        state = None
        for piece in ready:
            _, state = target.answer(piece.spikes, state if piece.start else None)

    return Contestant(target.name, target.where, lambda clip: snn_decisions(snn, target, clip),
                      (len(ready[0].places), run))


def ann_decisions(ann: AnnSide, clip: int) -> Iterator[float]:
    """Milliseconds from a ready window picture to the class of all windows so far, for every window that decides."""
    network, state, total = ann.network, None, None
    pictures = pictures_to_network(ann.prepared.rows.of(clip))[None]
    for picture in pictures.split(1, dim=1):
        started = time.perf_counter()
        with torch.inference_mode():
            logits, state = network(picture.to(device_of(network)), state)
            if logits.shape[1]:
                said = logits[0].softmax(-1)
                total = said if total is None else total + said
                int(total.argmax())
        if logits.shape[1]:
            yield 1000 * (time.perf_counter() - started)


def snn_decisions(snn: SnnSide, target: Target, clip: int) -> Iterator[float]:
    """Milliseconds from the ready spikes of ``decision_us`` to the class by the trailing read-out."""
    config, state = snn.run.config.snn, None
    window, trail = config.decision_us // config.dt_us, config.readout_us // config.dt_us
    batch = snn.task.gather(np.array([clip]))
    heard = np.zeros((0, 1, snn.network.classes), np.uint8)
    for start in range(0, batch.steps - window + 1, window):
        part = batch.chunk(start, start + window).numpy().astype(np.uint8)
        started = time.perf_counter()
        output, state = target.answer(part, state)
        heard = np.concatenate([heard, output])[-trail:]
        int(snn.task.read_out.decide(torch.from_numpy(heard))[0])
        yield 1000 * (time.perf_counter() - started)


def _decide_pictures(ann: AnnSide, recordings: Sequence[Any]) -> None:
    with torch.inference_mode():
        for pictures in recordings:
            int(ann.network(pictures.to(device_of(ann.network)))[0].softmax(-1).mean(1).argmax())


def measure_latency(who: Sequence[Contestant], clips: NDArray[np.int64], decisions: int) -> dict[str, dict[str, Any]]:
    """Quantiles of the time for a decision, by name.

    Args:
        who: Take turns.
        clips: Numbers of the clips to decide about, again and again.
        decisions: Timed of each, behind ``WARM_UP`` that are not.

    Returns:
        ``{name: {"where", "p50_ms", "p95_ms", "p99_ms", "decisions", "warm_up", "batch", "threads"}}``.

    Raises:
        NeuroferError: no clip is long enough for a decision.
    """
    wanted = decisions + WARM_UP
    taken: dict[str, list[float]] = {one.name: [] for one in who}
    with one_thread(), progress(total=wanted * len(who), unit="decision", desc="latency") as bar:
        while min(map(len, taken.values())) < wanted:
            before = sum(map(len, taken.values()))
            for clip in clips.tolist():
                for one in who:
                    more = list(islice(one.decide(clip), wanted - len(taken[one.name])))
                    taken[one.name] += more
                    bar.update(len(more))
            if sum(map(len, taken.values())) == before:
                raise NeuroferError("compare: no test recording is long enough for a decision, so none can be timed")
    return {one.name: {"where": one.where, **quantiles(taken[one.name][WARM_UP:]), "decisions": decisions,
                       "warm_up": WARM_UP, "batch": 1, "threads": 1} for one in who}


def quantiles(taken_ms: Sequence[float]) -> dict[str, float]:
    """``{"p50_ms", "p95_ms", "p99_ms"}`` of at least one time."""
    return dict(zip(QUANTILES, map(float, np.quantile(taken_ms, list(QUANTILES.values()))), strict=True))


def measure_throughput(who: Sequence[Contestant], both: Both) -> dict[str, dict[str, Any]]:
    """Recordings, and seconds of events, in a second, by name; the median of a few rounds that all take turns in.

    On one thread, as torch and numpy each have threads of their own, which wait busily and would slow whoever is next.

    Args:
        who: Take turns.
        both: The clips that they run.

    Returns:
        ``{name: {"where", "recordings_per_s", "event_seconds_per_s", "batch", "recordings", "rounds", "threads"}}``.
    """
    chosen = loaded_clips(both)
    seconds = sum(both.clip_set.clips[clip].stop_us - both.clip_set.clips[clip].start_us for clip in chosen) / 1e6
    taken: dict[str, list[float]] = {one.name: [] for one in who}
    with one_thread():
        for turn in progress(range(ROUNDS + 1), unit="round", desc="throughput"):
            for one in who:
                started = time.perf_counter()
                one.load[1]()
                if turn:  # the first round warms up
                    taken[one.name].append(time.perf_counter() - started)
    found = {}
    for one in who:
        middle = float(np.median(taken[one.name]))
        found[one.name] = {"where": one.where, "recordings_per_s": len(chosen) / middle,
                           "event_seconds_per_s": seconds / middle, "batch": one.load[0], "recordings": len(chosen),
                           "rounds": ROUNDS, "threads": 1}
    return found


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Everything within runs on one thread: torch, and what numpy multiplies matrices with."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
