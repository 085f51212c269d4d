"""What each network said of the test recordings: how often it is right, how early, and how often two say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from neurofer.evaluate.anytime import Running, running_decisions
from neurofer.evaluate.baselines import event_count_baseline, majority_baseline
from neurofer.evaluate.metrics import scores
from neurofer.hardware.comparison.data import Both, SnnSide
from neurofer.hardware.comparison.early import early
from neurofer.hardware.comparison.spikes import Fired

Numbers = NDArray[np.int64]


class Voice(NamedTuple):
    """What one network said.

    Attributes:
        places: ``(N,)`` places of the recordings that it was asked about, among the tested ones.
        predicted: ``(N,)`` class decided for each, over all its evidence.
        running: What was said of each while it ran; None where that is not known.
    """

    places: Numbers
    predicted: Numbers
    running: Sequence[Running] | None = None


def ann_voice(both: Both) -> Voice:
    """Of the ANN."""
    ann = both.ann
    said = ann.task.decide(ann.network, both.clips)
    return Voice(np.arange(len(both.clips)), said.predicted,
                 running_decisions(ann.run.config, ann.prepared, ann.network, said))


def spiking_voices(snn: SnnSide, fired: Fired, places: Numbers) -> dict[str, Voice]:
    """Of everything that ran the SNN, by name; read out as in training.

    Args:
        snn: The SNN.
        fired: What they fired.
        places: Places of the recordings among the tested ones.
    """
    read_out, dt_us = snn.task.read_out, snn.run.config.snn.dt_us
    found = {}
    for name, outputs in fired.outputs.items():
        each = [torch.from_numpy(output)[:, None] for output in outputs]
        predicted = np.array([int(read_out.decide(output)[0]) for output in each], np.int64)
        running = [Running(dt_us * np.arange(1, len(output) + 1), read_out.running(output)[:, 0].numpy())
                   for output in each]
        found[name] = Voice(places, predicted, running)
    return found


def float_voice(both: Both) -> Voice | None:
    """Of the SNN's weights before they were rounded; None for a network that computes in float numbers anyway."""
    network = both.snn.network
    if not all(layer.neuron.quantise for layer in network.spiking_layers()):
        return None
    network.compute_in("none")
    try:
        said = both.snn.task.decide(network, both.clips)
    finally:
        network.compute_in("fake")  # of training; in eval mode it computes in integers again
    return Voice(np.arange(len(both.clips)), said.predicted)


def accuracy(both: Both, voices: Mapping[str, Voice]) -> dict[str, Any]:
    """Scores of each by name, and of the baselines, which learn from training subjects alone."""
    classes, subjects = both.clip_set.classes, np.array(both.subjects)
    every = {**voices, **_baselines(both)}
    return {name: scores(both.truth[voice.places], voice.predicted, subjects[voice.places].tolist(), classes)
            for name, voice in every.items()}


def _baselines(both: Both) -> dict[str, Voice]:
    prepared, clips = both.snn.prepared, both.clips
    train, places = prepared.numbers["train"], np.arange(len(clips))
    if not len(train):
        return {}
    counts, labels = prepared.rows.clip_counts(), prepared.labels[train]
    return {"majority": Voice(places, majority_baseline(labels, len(clips))),
            "event_count": Voice(places, event_count_baseline(counts[train], labels, counts[clips]))}


def same_decisions(voices: Mapping[str, Voice]) -> list[dict[str, Any]]:
    """For every two, of how many recordings that both were asked about they say the same.

    Returns:
        ``[{"one", "other", "recordings", "same"}]``.
    """
    found = []
    for one, other in combinations(voices, 2):
        shared, left, right = np.intersect1d(voices[one].places, voices[other].places, return_indices=True)
        same = voices[one].predicted[left] == voices[other].predicted[right]
        found.append({"one": one, "other": other, "recordings": len(shared), "same": int(same.sum())})
    return found


def how_early(both: Both, voices: Mapping[str, Voice]) -> dict[str, Any]:
    """Accuracy by evidence of all that were asked about every recording; see ``comparison.early.early``."""
    asked = {name: voice for name, voice in voices.items() if len(voice.places) == len(both.clips)}
    return early({name: voice.running for name, voice in asked.items() if voice.running is not None},
                 {name: voice.predicted for name, voice in asked.items()}, both.truth, both.tested,
                 len(both.clip_set.classes))
