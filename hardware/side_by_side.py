"""Many recordings decided about side by side: a place in the batch that one leaves is taken by the next."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.events.open import open_recording
from neurofer.events.recording import Window
from neurofer.hardware.deploy import ChipPredictor, Memory, window_spikes
from neurofer.hardware.network import ChipNetwork
from neurofer.stream.decisions import decision_of, decision_windows
from neurofer.stream.faces import find_face, stretch
from neurofer.stream.tables import FAILURES, Finished, Request, Summary, write_decision

FILES_OF_US, FILES_OF_A_RECORDING = 24, 6
"""That are open beside recordings, and for each of them, at most."""


def decide_side_by_side(predictor: ChipPredictor, recordings: Sequence[Path], request: Request,
                        batch: int) -> Iterator[tuple[Path, Finished]]:
    """Rows of each recording, and what became of it, as it ends; they are those of one recording alone.

    Computing time of a decision is that of its own spikes and its share of the batch's.

    Args:
        predictor: Decides.
        recordings: Files and folders of columns, each once.
        request: How to open and look at them.
        batch: Recordings that are open at a time; memory grows with their number, not with their length. Fewer, where
            the system does not let so many files be open.
    """
    predictor.warm_up()
    batch = min(batch, max(1, (_files_at_once() - FILES_OF_US) // FILES_OF_A_RECORDING))
    network = predictor.step.network
    waiting = (_Passage.of(network, path, request) for path in recordings)
    running: list[_Passage] = []
    while running := [*running, *islice(waiting, batch - len(running))]:
        going = []
        for passage in running:
            piece = passage.next()
            if piece is None:
                yield passage.path, passage.finished
            else:
                going.append((passage, piece))
        running = [passage for passage, _ in going]
        if going:
            _advance(predictor, going)


def _files_at_once() -> int:
    """Files that this process may have open; many where the system does not say."""
    try:
        import resource
    except ImportError:  # no such limit on Windows
        return 1 << 20
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft >= 0 else 1 << 20


class _Piece(NamedTuple):
    """A window as the network sees it."""

    window: Window
    spikes: NDArray[np.uint8]
    spent_s: float


@dataclass
class _Passage:
    """One recording on its way through the network."""

    path: Path
    pieces: Iterator[_Piece]
    summary: Summary
    rows: io.StringIO = field(default_factory=io.StringIO)
    decisions: int = 0
    memory: Memory | None = None

    @classmethod
    def of(cls, network: ChipNetwork, path: Path, request: Request) -> _Passage:
        summary = Summary()
        return cls(path, _pieces(network, path, request, summary), summary)

    def next(self) -> _Piece | None:
        """The next window; None at the end, or where the recording fails."""
        try:
            return next(self.pieces, None)
        except FAILURES as error:
            self.summary.failures[self.path] = error
            return None

    @property
    def finished(self) -> Finished:
        self.summary.decisions[self.path] = self.decisions
        return self.rows.getvalue(), self.summary


def _pieces(network: ChipNetwork, path: Path, request: Request, summary: Summary) -> Iterator[_Piece]:
    with open_recording(path, sensor=request.sensor, mode=request.mode) as recording:
        face = find_face(recording, request.box, request.start_us, request.stop_us)
        summary.faces[path] = face
        first, last = stretch(recording, request.start_us, request.stop_us)
        for window in decision_windows(recording, network.decision_us, first, last):
            started = time.perf_counter()
            spikes = window_spikes(network, window, face.box)
            yield _Piece(window, spikes, time.perf_counter() - started)


def _advance(predictor: ChipPredictor, going: Sequence[tuple[_Passage, _Piece]]) -> None:
    """Decide about one window of each recording, and write the rows."""
    started = time.perf_counter()
    answers = predictor.step.together([piece.spikes for _, piece in going], [passage.memory for passage, _ in going])
    share_s = (time.perf_counter() - started) / len(going)
    for (passage, piece), (verdict, memory) in zip(going, answers, strict=True):
        decision = decision_of(piece.window[:2], len(piece.window.events), verdict, predictor.classes,
                               piece.spent_s + share_s)
        write_decision(passage.rows, passage.path, decision)
        passage.memory = memory
        passage.decisions += 1
