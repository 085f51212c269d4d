"""What a decision costs: multiply-accumulates or synaptic operations, and time on this machine."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurofer.evaluate.slices_cost import clip_seconds, slices_operations, time_slices
from neurofer.spiking.counting import Activity, count_activity
from neurofer.train.ann import AnnTask, pictures_to_network
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared
from neurofer.train.processes import device_of, place
from neurofer.train.slices_task import SlicesTask
from neurofer.train.snn import STRETCH_STEPS, SnnTask, spiking_network


def parameter_count(model: nn.Module) -> int:
    """Trained numbers of a network."""
    return sum(parameter.numel() for parameter in model.parameters())


def operations(config: TrainConfig, prepared: Prepared, model: nn.Module, clips: NDArray[np.int64]) -> dict[str, Any]:
    """Operations of a decision, of a clip and of a second of input.

    The ANN's multiply-accumulates do not depend on the input; a stream encodes each window once. The SNN's synaptic
    operations are counted from the spikes of real clips: every spike times the synapses that it reaches.

    Args:
        config: The run.
        prepared: Its data.
        model: The network.
        clips: Numbers of the clips to count on; the SNN looks at 32 of them at most.

    Returns:
        ``{"kind": "MAC" | "synaptic operation", "per_decision", "per_clip", "per_second"}``, and for the SNN also
        ``rate`` (spikes per neuron and step), ``steps_per_clip``, ``updates_per_clip`` (neurons), ``clips_counted``,
        ``dense_macs_per_clip`` (had every synapse been used at every step) and ``layers``: ``name``, ``neurons``,
        ``rate``, and per decision ``spikes_``, ``synaptic_operations_`` (by the spikes that come in) and
        ``dense_macs_per_decision`` of each.
    """
    if isinstance(prepared.task, SlicesTask):
        return slices_operations(prepared.task, prepared.clip_set, model, clips)
    if isinstance(prepared.task, AnnTask):
        return _ann_operations(config, prepared, model, clips)
    return _snn_operations(config, prepared.task, model, clips)


def _ann_operations(config: TrainConfig, prepared: Prepared, model: nn.Module,
                    clips: NDArray[np.int64]) -> dict[str, Any]:
    from neurofer.models.recurrent import SequenceClassifier

    if not isinstance(model, SequenceClassifier):
        raise TypeError(f"operations: need a SequenceClassifier, got {type(model).__name__}")
    windows = float(prepared.rows.lengths()[clips].mean())
    decisions = windows - model.context_windows + 1
    return {"kind": "MAC", "per_decision": model.macs_per_decision,
            "per_clip": windows * model.window_macs + decisions * model.sequence_macs,
            "per_second": model.macs_per_decision * 1e6 / config.represent.window_us}


def _snn_operations(config: TrainConfig, task: SnnTask, model: nn.Module, clips: NDArray[np.int64]) -> dict[str, Any]:
    chosen = clips[np.linspace(0, len(clips) - 1, min(len(clips), 32)).astype(int)]
    total = _count(task, model, chosen)
    per_step = total.synaptic_operations / total.sample_steps
    steps = total.sample_steps / len(chosen)
    decision_steps = config.snn.decision_us / config.snn.dt_us
    each = decision_steps / total.sample_steps
    return {"kind": "synaptic operation",
            "per_decision": per_step * config.snn.decision_us / config.snn.dt_us,
            "per_clip": per_step * steps, "per_second": per_step * 1e6 / config.snn.dt_us,
            "rate": total.rate, "steps_per_clip": steps, "updates_per_clip": total.updates / len(chosen),
            "dense_macs_per_clip": total.dense_macs / len(chosen), "clips_counted": len(chosen),
            "layers": [{"name": layer.name, "neurons": layer.neurons, "rate": layer.rate,
                        "spikes_per_decision": layer.spikes * each,
                        "synaptic_operations_per_decision": layer.synaptic_operations * each,
                        "dense_macs_per_decision": layer.dense_macs * each} for layer in total.layers]}


def _count(task: SnnTask, model: nn.Module, clips: NDArray[np.int64]) -> Activity:
    """What the network does on some clips, in stretches of bounded memory."""
    network, total = spiking_network(model), None
    for part in np.array_split(clips, -(-len(clips) // 8)):
        batch = place(task.gather(part), device_of(model))
        state = None
        for start in range(0, batch.steps, STRETCH_STEPS):
            stop = min(start + STRETCH_STEPS, batch.steps)
            left = (batch.lengths - start).clamp_min(0)
            _, state, found = count_activity(network, batch.chunk(start, stop), state, left)
            total = found if total is None else total + found
    if total is None:
        raise ValueError("operations: need at least one clip")
    return total


def measure_latency(config: TrainConfig, prepared: Prepared, model: nn.Module, clips: NDArray[np.int64],
                    decisions: int = 60) -> dict[str, Any]:
    """Time that the network needs for a decision when windows come one by one and the state is kept.

    From ready network input to the decision, batch of one, this machine, one thread, on the device where the model is;
    making the input from events is not in it (``neurofer predict`` reports the whole).

    Returns:
        ``{"per": "decision", "evidence_ms", "p50_ms", "p95_ms", "threads", "device"}``.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        taken = _time_decisions(config, prepared, model, clips, decisions)
    finally:
        torch.set_num_threads(threads)
    evidence_us: float
    if isinstance(prepared.task, SlicesTask):
        evidence_us = 1e6 * clip_seconds(prepared.clip_set, clips)
    elif config.backend == "ann":
        evidence_us = config.represent.window_us * config.model.context_windows
    else:
        evidence_us = config.snn.readout_us
    middle, late = np.quantile(taken, (0.5, 0.95))
    return {"per": "decision", "evidence_ms": evidence_us / 1000, "p50_ms": float(middle), "p95_ms": float(late),
            "threads": 1, "device": device_of(model).type}


def _time_decisions(config: TrainConfig, prepared: Prepared, model: nn.Module, clips: NDArray[np.int64],
                    decisions: int) -> list[float]:
    task, taken, warm = prepared.task, [], 5
    if isinstance(task, SlicesTask):
        return time_slices(task, model, clips, decisions)
    state: Any
    with torch.inference_mode():
        for clip in np.resize(clips, decisions + warm):
            state = None
            if isinstance(task, AnnTask):
                parts = pictures_to_network(prepared.rows.of(int(clip)))[None].split(1, dim=1)
            else:
                batch, steps = task.gather(np.array([clip])), config.snn.decision_us // config.snn.dt_us
                first = range(0, batch.steps, steps)[: 4 * config.model.context_windows]
                parts = tuple(batch.chunk(start, start + steps) for start in first)
            for part in place(parts[: 4 * config.model.context_windows], device_of(model)):
                started = time.perf_counter()
                _, state = model(part, state)
                if device_of(model).type == "cuda":
                    torch.cuda.synchronize()
                taken.append(1000 * (time.perf_counter() - started))
            if len(taken) >= decisions + warm:
                break
    return taken[warm:]
