"""Untrained recognisers as runs: small, and the same at every call."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from neurofer.models.build import build_ann, build_snn
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.network import SpikingNetwork, preset_layers

CLASSES = ("happy", "sad", "angry")


def ann_run(**card: Any) -> Any:
    torch.manual_seed(0)
    model = build_ann(3, 16, width=0.125).eval()
    recipe = {"kind": "tie", "settings": {}}
    card = {"backend": "ann", "classes": list(CLASSES), "size_px": 16, "window_us": 33_333, "context_windows": 3,
            "representation": recipe, **card}
    return SimpleNamespace(path=Path("runs/ann"), card=card, model=model)


def snn_run(**card: Any) -> Any:
    torch.manual_seed(0)
    model = build_snn(3, 16, "tiny").eval()
    spikes = torch.rand(50, 2, 2, 16, 16, generator=torch.Generator().manual_seed(0)) < 0.1
    calibrate_rates(model, spikes, 0.15)
    card = {"backend": "snn", "classes": list(CLASSES), "size_px": 16, "window_us": 50_000, "dt_us": 5_000,
            "rate_gain": 20.0, **card}
    return SimpleNamespace(path=Path("runs/snn"), card=card, model=model)


def spiking_run(graded: bool = False, quantise: bool = False) -> Any:
    """As ``snn_run``, on counts of events or in a chip's integers."""
    torch.manual_seed(0)
    model = SpikingNetwork.build(preset_layers("tiny", 3), (2, 16, 16), neuron=NeuronSettings(quantise=quantise),
                                 graded=graded).eval()
    run = snn_run(**({"input": "graded"} if graded else {}))
    return SimpleNamespace(path=run.path, card=run.card, model=model)
