"""The process that runs Lava: ``python -m neurofer.hardware.lava.worker FOLDER``, started by ``runner``.

The folder holds ``request.json`` and ``spikes-<recording>.npy``, ``(T, C, H, W)`` uint8; it receives
``layer-<recording>-<layer>.npy``, ``(T + L, *neurons)`` in netx's order (W, H, C), and ``answer.json``: ``seconds`` of
the import and of each recording, or ``error``, one sentence, ``missing``, whether Lava is not there, and ``traceback``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import MissingExtraError, NeuroferError
from neurofer.files import read_json, write_text
from neurofer.hardware.lava._compat import actor_tracebacks, lava_imports
from neurofer.hardware.lava.configs import CONFIGS


class PartFailed(Exception):  # noqa: N818  a sentence, not a state
    """Parts of Lava failed while it ran."""

    def __init__(self, tracebacks: Sequence[str]) -> None:
        super().__init__("\n".join(tracebacks))
        self.first = tracebacks[0]


def main(folder: Path) -> None:
    """Answer the request in a folder, whatever happens, and end at once, without waiting for parts of Lava."""
    end_with_parent()
    try:
        answer = run(folder, read_json(folder / "request.json"))
    except Exception as error:  # noqa: BLE001  anything that Lava raises is the answer
        answer = {"error": _sentence(error), "missing": isinstance(error, MissingExtraError),
                  "traceback": traceback.format_exc()}
    write_text(folder / "answer.json", json.dumps(answer))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def end_with_parent() -> None:
    """End this process and all that it starts when the pipe from its parent closes, however the parent ended."""
    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin, whose lock would be held in the processes that Lava forks
            pass
        os.killpg(0, signal.SIGTERM)

    if os.getpgrp() == os.getpid():
        threading.Thread(target=wait, daemon=True).start()


def run(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Run every recording on a network of its own.

    Args:
        folder: Of the recordings, and for what they give.
        request: ``chip_file``, ``recordings`` (how many), ``layers`` ("last" or "all") and ``config``.

    Raises:
        MissingExtraError: Lava is not there.
    """
    started = time.perf_counter()
    config = run_config(request["config"])
    seconds = [time.perf_counter() - started]
    for recording in range(request["recordings"]):
        started = time.perf_counter()
        spikes = np.load(folder / f"spikes-{recording}.npy", allow_pickle=False)
        run_recording(request["chip_file"], spikes, config, folder, f"layer-{recording}", request["layers"] == "all")
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds}


def run_config(name: str) -> Any:
    """Lava's run configuration of a name; fixed-point arithmetic in every case.

    Raises:
        MissingExtraError: Lava is not installed.
    """
    with lava_imports():
        from lava.magma.core import run_configs
    return getattr(run_configs, CONFIGS[name])(select_tag="fixed_pt")


def run_recording(chip_file: str, spikes: NDArray[np.uint8], config: Any, folder: Path, name: str,
                  every_layer: bool) -> None:
    """Run T steps and as many silent ones as there are layers; write the spikes of the last layer or of every layer.

    Args:
        chip_file: Checked already.
        spikes: ``(T, C, H, W)``.
        config: Lava's run configuration.
        folder: For ``<name>-<layer>.npy``.
        name: Of the recording.
        every_layer: Whether to write all.

    Raises:
        PartFailed: a part of the network failed while it ran.
    """
    with lava_imports():
        from lava.magma.core.run_conditions import RunSteps
        from lava.proc.io.source import RingBuffer
    from neurofer.hardware.lava.process import EventClassifier
    from neurofer.hardware.lava.recorder import SpikeRecorder

    classifier = EventClassifier(chip_file, check=False)
    steps = len(spikes) + classifier.delay
    source = RingBuffer(data=with_silence(spikes, steps))
    source.s_out.connect(classifier.s_in)
    ports = [(layer, block.out) for layer, block in enumerate(classifier.layers)] if every_layer else [
        (classifier.delay - 1, classifier.s_out)]
    recorders = [SpikeRecorder(folder / f"{name}-{layer}.npy", tuple(map(int, port.shape)), steps)
                 for layer, port in ports]
    for recorder, (_, port) in zip(recorders, ports, strict=True):
        port.connect(recorder.a_in)
    try:
        classifier.run(condition=RunSteps(num_steps=steps), run_cfg=config)
    except RuntimeError as error:
        # Parts that failed have ended; to stop them again would wait for ever.
        if said := actor_tracebacks(classifier):
            raise PartFailed(said) from error
        raise
    classifier.stop()


def with_silence(spikes: NDArray[np.uint8], steps: int) -> NDArray[np.int32]:
    """Spikes ``(T, C, H, W)`` as Lava's source takes them: ``(W, H, C, steps)``, silent after T."""
    data = np.zeros((*spikes.shape[:0:-1], steps), np.int32)
    data[..., :len(spikes)] = spikes.transpose(3, 2, 1, 0)
    return data


def _sentence(error: Exception) -> str:
    if isinstance(error, NeuroferError):
        return str(error)
    said = error.first if isinstance(error, PartFailed) else "".join(traceback.format_exception_only(error))
    return f"Lava failed: {said.strip().splitlines()[-1]}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
