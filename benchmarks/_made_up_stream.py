"""Events and untrained networks that the benchmarks of live streams share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.models.build import build_ann, build_snn
from neurofer.spiking.bins import spike_tensor
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.stream.predictor import Predictor

SIDE = 128
BOX = Box(0, 0, SIDE, SIDE)
WINDOW_US = 33_000
CLASSES = tuple(f"class{number}" for number in range(8))
ANN, FULL_ANN = "ann, width 1/4, 128x128", "ann, width 1, 256x256"
SNNS = {f"snn small, {size_px}x{size_px}, dt {dt_us / 1000:g} ms": (size_px, dt_us)
        for size_px, dt_us in ((128, 11_000), (128, 5_500), (64, 5_500), (64, 1_000), (32, 1_000))}
NETWORKS = (ANN, *SNNS)


def lap(rate: float, seed: int = 0) -> Events:
    """A second of moving edges with noise, evenly busy."""
    rng = np.random.default_rng(seed)
    count = int(rate)
    t = np.sort(rng.integers(0, 1_000_000, count))
    angle = 2 * np.pi * t / 1e6
    edge = rng.integers(0, 6, count)
    x = (64 + (18 + 7 * edge) * np.cos(angle + edge) + rng.normal(0, 3, count)).astype(np.int64)
    y = (64 + (18 + 7 * edge) * np.sin(2 * angle + edge) + rng.normal(0, 3, count)).astype(np.int64)
    noise = rng.random(count) < 0.1
    x[noise], y[noise] = rng.integers(0, SIDE, noise.sum()), rng.integers(0, SIDE, noise.sum())
    return Events(t, np.clip(x, 0, SIDE - 1), np.clip(y, 0, SIDE - 1), rng.random(count) < 0.5, (SIDE, SIDE))


def stream(second: Events, seconds: float, piece_us: int = 1_000, first: int = 0) -> Iterator[Events]:
    """The lap again and again, in pieces, with a clock that goes on.

    Args:
        second: From ``lap``.
        seconds: Number of laps.
        piece_us: Length of a piece.
        first: Number of the first lap.
    """
    edges = np.searchsorted(second.t, np.arange(0, 1_000_001, piece_us))
    for number in range(first, first + math.ceil(seconds)):
        t = second.t + number * 1_000_000
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            yield Events.trusted(t[low:high], second.x[low:high], second.y[low:high], second.p[low:high],
                                 second.sensor)


def predictor(name: str) -> Predictor:
    """A fresh network as a run; of one that spikes, 15 % of the neurons fire a step."""
    torch.manual_seed(0)
    if name in (ANN, FULL_ANN):
        width, size_px = (0.25, SIDE) if name == ANN else (1.0, 256)
        card = {"backend": "ann", "classes": CLASSES, "size_px": size_px, "window_us": WINDOW_US, "context_windows": 3,
                "representation": {"kind": "tie", "settings": {}}}
        return Predictor(_run(name, card, build_ann(8, size_px, width=width)))
    size_px, dt_us = SNNS[name]
    model = build_snn(8, size_px, "small")
    seen = spike_tensor(lap(1e6), 0, 50 * dt_us, dt_us, BOX, size_px).spikes
    calibrate_rates(model, torch.from_numpy(seen).unsqueeze(1), 0.15)
    card = {"backend": "snn", "classes": CLASSES, "size_px": size_px, "window_us": WINDOW_US, "dt_us": dt_us,
            "readout_us": 10 * WINDOW_US, "rate_gain": 10.0}
    return Predictor(_run(name, card, model))


def _run(name: str, card: dict[str, Any], model: torch.nn.Module) -> Any:
    return SimpleNamespace(path=Path(name), card=card, model=model.eval(), config=None)
