"""Run a chip file under Lava, in a process of its own that ends in time and leaves nothing behind.

Lava starts a process for every part of a network; the group of them is ended as one. What a failing part said becomes
our error. The same call serves on a host with a chip: ``config`` says where to run.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neurofer.child_process import module_command
from neurofer.errors import MissingExtraError, NeuroferError
from neurofer.files import read_json, write_text
from neurofer.hardware.chip_file import read_chip
from neurofer.hardware.lava.configs import CONFIGS, DEFAULT_CONFIG
from neurofer.hardware.lava.installed import require_lava
from neurofer.hardware.lava.process_group import run_group
from neurofer.hardware.network import check_spikes

Spikes = NDArray[np.uint8]
Layers = Literal["last", "all"]

START_S = 30.0
STEP_S = 0.5
"""Of one layer and step, several times what the slowest network measured took."""

_COMMAND = module_command("neurofer.hardware.lava.worker")
# Lava forks a process for each part; libraries that run threads before a fork may hang after it.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_LOG = logging.getLogger(__name__)


def run_lava(chip_file: Path | str, spikes: Spikes, *, layers: Layers = "last", delayed: bool = False,
             config: str = DEFAULT_CONFIG, limit_s: float | None = None) -> list[Spikes]:
    """Spikes that Lava gives for one recording, from a fresh start; see ``run_lava_batch``.

    Args:
        chip_file: Written by ``neurofer export``.
        spikes: ``(T, C, H, W)`` zeros and ones.
        layers: "last" or "all".
        delayed: Whether to keep the delays of the layers.
        config: One of ``CONFIGS``.
        limit_s: Seconds after which Lava is ended.

    Returns:
        For the last layer, or each, ``(T, *neurons)``.
    """
    return run_lava_batch(chip_file, [spikes], layers=layers, delayed=delayed, config=config, limit_s=limit_s)[0]


def run_lava_batch(chip_file: Path | str, recordings: Sequence[Spikes], *, layers: Layers = "last",
                   delayed: bool = False, config: str = DEFAULT_CONFIG,
                   limit_s: float | None = None) -> list[list[Spikes]]:
    """Spikes that Lava gives for recordings, one after the other, each on a fresh network, all in one process.

    Every layer answers one step later than the one before. These delays are cut off, and the result equals that of
    ``neurofer.hardware.simulate.simulate``; with ``delayed`` it equals that of ``simulate_chip``.

    Args:
        chip_file: Written by ``neurofer export``.
        recordings: ``(T, C, H, W)`` zeros and ones each; lengths may differ.
        layers: "last" or "all".
        delayed: Whether to keep the delays, and the silent steps fed at the end, one for each layer.
        config: One of ``CONFIGS``.
        limit_s: Seconds after which Lava is ended; by default ``START_S`` and ``STEP_S`` for each layer and step.

    Returns:
        For each recording a list: of the last layer, or of each, ``(T, *neurons)`` in the order (C, H, W); with
        ``delayed`` ``(T + L, *neurons)``.

    Raises:
        BadFileError: the file is no chip network, was altered, or holds what no chip can.
        MissingExtraError: Lava is not installed.
        NeuroferError: Lava failed or did not end in time, or the hardware of ``config`` is not there.
        ValueError: ``recordings`` are no spikes for this network, or ``layers`` or ``config`` is unknown.
    """
    if config not in CONFIGS or layers not in ("last", "all"):
        raise ValueError(f"run_lava: config {config!r} and layers {layers!r} came, need one of {', '.join(CONFIGS)} "
                         "and last or all")
    network = read_chip(chip_file)
    for number, spikes in enumerate(recordings):
        check_spikes(network, np.asarray(spikes)[:, None], first=number)
    require_lava(config)
    if not recordings:
        return []
    steps = sum(len(spikes) + network.delay for spikes in recordings)
    limit_s = START_S + STEP_S * steps * network.delay if limit_s is None else limit_s
    request = {"chip_file": str(Path(chip_file).resolve()), "recordings": len(recordings), "layers": layers,
               "config": config}
    with tempfile.TemporaryDirectory(prefix="neurofer-lava-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for number, spikes in enumerate(recordings):
            np.save(folder / f"spikes-{number}.npy", np.asarray(spikes, np.uint8), allow_pickle=False)
        write_text(folder / "request.json", json.dumps(request))
        command = [*_COMMAND, str(folder)]
        ended = run_group(command, folder, folder / "log", {**os.environ, **_ONE_THREAD}, limit_s)
        if ended is None:
            raise NeuroferError(f"{chip_file}: Lava did not end {steps} steps of {network.delay} layers within "
                                f"{limit_s:g} s; give it longer (limit_s), fewer steps, or a smaller network")
        _read_answer(folder, chip_file, ended)
        wanted = range(network.delay) if layers == "all" else [network.delay - 1]
        return [[_read_spikes(folder / f"layer-{number}-{layer}.npy", None if delayed else (layer + 1, len(spikes)))
                 for layer in wanted] for number, spikes in enumerate(recordings)]


def _read_answer(folder: Path, chip_file: Path | str, ended: int) -> None:
    """Raise unless the worker said that all went well."""
    try:
        answer: dict[str, Any] = read_json(folder / "answer.json")
        seconds, error = answer.get("seconds"), answer.get("error")
    except (OSError, ValueError, AttributeError):
        seconds = error = None
    if error is not None:
        kind = MissingExtraError if answer.get("missing") else NeuroferError
        raise kind(f"{chip_file}: {error}") from RuntimeError(answer.get("traceback"))
    if seconds is None:
        raise NeuroferError(f"{chip_file}: Lava's process ended with {ended} and without an answer; the last it said "
                            f"was {_last_words(folder)!r}")
    _LOG.info("Lava: imported in %.1f s, recordings took %s s", seconds[0],
              ", ".join(f"{one:.1f}" for one in seconds[1:]))


def _last_words(folder: Path) -> str:
    text = (folder / "log").read_text(encoding="utf-8", errors="replace").strip()
    return text.splitlines()[-1][:200] if text else ""


def _read_spikes(path: Path, part: tuple[int, int] | None) -> Spikes:
    """What was recorded, in the order (C, H, W): all, or a part given by its first step and its steps."""
    recorded = np.load(path, allow_pickle=False)
    start, steps = part or (0, len(recorded))
    return np.ascontiguousarray(recorded[start:start + steps].transpose(0, *range(recorded.ndim - 1, 0, -1)))
