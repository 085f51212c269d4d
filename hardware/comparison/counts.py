"""What both networks do for a recording: operations counted from real spikes, or from the shapes of dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurofer.evaluate.cost import parameter_count
from neurofer.hardware.comparison.data import AnnSide, Both, SnnSide
from neurofer.hardware.comparison.energy_estimate import Work
from neurofer.hardware.comparison.spikes import pieces
from neurofer.hardware.quantise import in_integers
from neurofer.progress import progress
from neurofer.spiking.counting import Activity, count_activity
from neurofer.train.processes import device_of

_WITH_WEIGHTS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.LSTM)


def count_snn(snn: SnnSide, clips: Any) -> Activity:
    """Counts over all steps of clips by number, from the spikes that the chip fires.

    Args:
        snn: The network and its data.
        clips: ``(N,)`` numbers.
    """
    total, state, network = None, None, in_integers(snn.network)
    with progress(total=len(clips), unit="recording", desc="synaptic operations") as bar:
        for piece in pieces(snn, clips):
            spikes = torch.from_numpy(piece.spikes).to(device_of(network)).float()
            _, state, found = count_activity(network, spikes, state if piece.start else None,
                                             torch.from_numpy(piece.left).to(spikes.device))
            total = found if total is None else total + found
            bar.update(0 if piece.start else len(piece.places))
    if total is None:
        raise ValueError("count_snn: need at least one clip")
    return total


def units_per_pass(ann: AnnSide) -> tuple[int, int]:
    """Values that layers with weights give: for a window's embedding, and for a decision from its context."""
    network, found = ann.network, [0]

    def count(module: nn.Module, given: Any, output: Any) -> None:
        first: Tensor = output[0] if isinstance(output, tuple) else output
        found[0] += first.numel() * (module.num_layers if isinstance(module, nn.LSTM) else 1)

    hooks = [module.register_forward_hook(count) for module in network.modules() if isinstance(module, _WITH_WEIGHTS)]
    try:
        with torch.inference_mode():
            size = ann.run.config.model.size_px
            embedded = network.embed(torch.zeros(1, 1, ann.prepared.channels, size, size, device=device_of(network)))
            of_window, found[0] = found[0], 0
            network.decide(embedded.expand(1, network.context_windows, -1))
    finally:
        for hook in hooks:
            hook.remove()
    return of_window, found[0]


def ann_work(both: Both) -> tuple[Work, dict[str, Any]]:
    """Work of the ANN for a recording: every window encoded once, a decision at each; and the same for JSON."""
    ann, network = both.ann, both.ann.network
    lengths = ann.prepared.rows.lengths()[both.clips]
    windows, decisions = float(lengths.mean()), float(np.maximum(lengths - network.context_windows + 1, 0).mean())
    of_window, of_decision = units_per_pass(ann)
    macs = windows * network.window_macs + decisions * network.sequence_macs
    work = Work("ann", macs, 0, windows * of_window + decisions * of_decision, 0, 1.0, windows)
    window_us = ann.run.config.represent.window_us
    return work, {
        "kind": "MAC", "parameters": parameter_count(network), "per_recording": macs,
        "per_decision": network.macs_per_decision, "per_second": network.macs_per_decision * 1e6 / window_us,
        "updates_per_recording": work.updates, "passes_per_recording": windows, "decisions_per_recording": decisions,
        "window_ms": window_us / 1000, "evidence_s": windows * window_us / 1e6, "recordings": len(lengths),
        "input_events_per_recording": _events(ann.prepared, both), "size_px": ann.run.config.model.size_px,
    }


def snn_work(both: Both) -> tuple[Work, dict[str, Any]]:
    """Work of the SNN for a recording, counted on all test recordings; and the same for JSON."""
    snn, count = both.snn, len(both.clips)
    found, config = count_snn(snn, both.clips), snn.run.config.snn
    steps, dt_us = found.sample_steps / count, config.dt_us
    spikes = sum(layer.spikes for layer in found.layers) / count
    work = Work("snn", 0, found.synaptic_operations / count, found.updates / count, spikes, found.rate, steps)
    per_step = found.synaptic_operations / found.sample_steps
    return work, {
        "kind": "synaptic operation", "parameters": parameter_count(snn.network), "per_recording": work.accumulates,
        "per_decision": per_step * config.decision_us / dt_us, "per_second": per_step * 1e6 / dt_us,
        "updates_per_recording": work.updates, "spikes_per_recording": spikes, "rate": found.rate,
        "steps_per_recording": steps, "rate_x_steps": found.rate * steps, "dt_ms": dt_us / 1000,
        "evidence_s": steps * dt_us / 1e6, "recordings": count,
        "dense_macs_per_step": snn.network.dense_macs,
        "synaptic_operations_per_dense_mac": work.accumulates / snn.network.dense_macs,
        "input_spikes_per_recording": found.input_spikes / count,
        "input_events_per_recording": _events(snn.prepared, both), "size_px": config.size_px,
        "layers": [_layer(layer, found.sample_steps, count) for layer in found.layers],
    }


def _layer(layer: Any, sample_steps: int, count: int) -> Mapping[str, Any]:
    return {"name": layer.name, "neurons": layer.neurons, "rate": layer.rate,
            "spikes_per_recording": layer.spikes / count,
            "synaptic_operations_per_recording": layer.synaptic_operations / count,
            "dense_macs_per_step": layer.dense_macs / sample_steps,
            "updates_per_recording": layer.updates / count}


def _events(prepared: Any, both: Both) -> float:
    """Mean number of events that the network's input is made of."""
    return float(prepared.rows.clip_counts()[both.clips].sum(axis=1).mean())
