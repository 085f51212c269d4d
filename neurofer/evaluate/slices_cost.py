"""What a decision about a whole clip costs, of the networks that see it as slices."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurofer.data.clip import ClipSet
from neurofer.models.resnet import ResNet18, SewResNet18
from neurofer.models.resnet_counting import ResnetActivity, count_resnet
from neurofer.train.processes import device_of, place
from neurofer.train.slices_task import SlicesTask

COUNTED = "every spike times the synapses that it reaches; a sum of n spikes counts n times"


def slices_operations(task: SlicesTask, clip_set: ClipSet, model: nn.Module, clips: NDArray[np.int64],
                      most: int = 32) -> dict[str, Any]:
    """Operations of a decision, which is that about a clip.

    Args:
        task: Gives the frames.
        clip_set: The clips, for their length.
        model: The network.
        clips: Numbers of the clips to count on.
        most: Clips that the spiking network is run on.

    Returns:
        ``{"kind", "per_decision", "per_clip", "per_second"}``, and of the spiking network also ``counted`` (how, in
        words), ``rate`` (spikes per neuron and step), ``steps_per_clip``, ``neurons``, and per clip ``spikes_``,
        ``input_spikes_``, ``updates_``, ``nonzero_operations_`` (each input that is not 0 counted once), ``macs_`` (of
        the linear layers, whose inputs are no spikes), ``dense_macs_per_clip``; ``clips_counted``; and ``layers``.
    """
    seconds = clip_seconds(clip_set, clips)
    if isinstance(model, ResNet18):
        return {"kind": "MAC", "per_decision": model.macs, "per_clip": model.macs, "per_second": model.macs / seconds}
    chosen = clips[np.linspace(0, len(clips) - 1, min(len(clips), most)).astype(int)]
    found = _count(task, model, chosen)
    per_clip = found.synaptic_operations / found.samples
    return {
        "kind": "synaptic operation", "per_decision": per_clip, "per_clip": per_clip,
        "per_second": per_clip / clip_seconds(clip_set, chosen), "counted": COUNTED,
        "rate": found.rate, "steps_per_clip": found.steps, "neurons": found.neurons,
        "spikes_per_clip": found.spikes / found.samples, "input_spikes_per_clip": found.input_spikes / found.samples,
        "updates_per_clip": found.updates / found.samples, "nonzero_operations_per_clip": found.events / found.samples,
        "macs_per_clip": found.macs / found.samples, "dense_macs_per_clip": found.dense_macs / found.samples,
        "clips_counted": found.samples,
        "layers": [{"name": layer.name, "neurons": layer.neurons, "rate": layer.rate,
                    "spikes_per_decision": layer.spikes / found.samples,
                    "synaptic_operations_per_decision": layer.synaptic_operations / found.samples,
                    "dense_macs_per_decision": layer.dense_macs / found.samples} for layer in found.layers],
    }


def clip_seconds(clip_set: ClipSet, clips: NDArray[np.int64]) -> float:
    """Mean length of some clips."""
    return float(np.mean([clip_set.clips[clip].stop_us - clip_set.clips[clip].start_us for clip in clips])) / 1e6


def time_slices(task: SlicesTask, model: nn.Module, clips: NDArray[np.int64], decisions: int = 60) -> list[float]:
    """Milliseconds from ready frames to the decision about a clip, one by one."""
    taken, warm = [], 3
    with torch.inference_mode():
        for clip in np.resize(clips, decisions + warm):
            batch = place(task.gather(np.array([clip])), device_of(model))
            started = time.perf_counter()
            model(batch.frames)
            if device_of(model).type == "cuda":
                torch.cuda.synchronize()
            taken.append(1000 * (time.perf_counter() - started))
    return taken[warm:]


def _count(task: SlicesTask, model: nn.Module, clips: NDArray[np.int64]) -> ResnetActivity:
    if not isinstance(model, SewResNet18):
        raise TypeError(f"slices_operations: need a SewResNet18 or ResNet18, got {type(model).__name__}")
    parts = [count_resnet(model, place(task.gather(part), device_of(model)).frames)[1]
             for part in np.array_split(clips, -(-len(clips) // 8))]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
