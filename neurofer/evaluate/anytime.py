"""How early a recogniser is right: the accuracy of what it would say if a clip ended now.

The SNN says something after every step, by its output since the clip began; the ANN after every window once it has its
first context, by the mean of its probabilities so far. Nothing is trained or chosen for these moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from neurofer.train.ann import AnnTask
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared
from neurofer.train.decisions import Decisions
from neurofer.train.snn import SnnTask

AT_MS = (20, 50, 100, 200, 400, 800)
"""Moments that are reported, in milliseconds."""

CURVE_POINTS = 100
"""Most moments of the curve between."""


class Running(NamedTuple):
    """What is said of one clip while it runs."""

    ready_us: NDArray[np.int64]
    """``(D,)`` ascending, when each decision is there, from the clip's start."""
    said: NDArray[np.int64]
    """``(D,)`` class numbers."""


def anytime(config: TrainConfig, prepared: Prepared, model: nn.Module, said: Decisions) -> dict[str, Any] | None:
    """Accuracy by the time since the clip began, and since the expression began.

    A decision counts from the end of its last step or window on; a clip that has ended keeps its last one. A clip about
    which nothing was said yet counts as wrong; a moment at which that is so for all clips has no accuracy.

    Args:
        config: The run.
        prepared: Its data.
        model: The network.
        said: Decisions about the clips, over all their evidence.

    Returns:
        ``{"at_ms", "accuracy" (None where there is none), "whole", "clips", "curve": {"ms", "accuracy"}, "from_onset":
        {"at_ms", "accuracy", "clips"} or None}``; the last over the clips whose onset the store knows. None for a
        network that sees a clip as one sample.
    """
    found = running_decisions(config, prepared, model, said)
    if found is None:
        return None
    truth = prepared.labels[said.clips]
    clips = [prepared.clip_set.clips[clip] for clip in said.clips]
    onsets = np.array([clip.truth.get("onset_us", clip.stop_us) - clip.start_us for clip in clips], np.int64)
    known = np.array(["onset_us" in clip.truth for clip in clips]) & (onsets >= 0)
    last_us = max(int(one.ready_us[-1]) for one in found if len(one.ready_us))
    first_us = min(int(one.ready_us[0]) for one in found if len(one.ready_us))
    curve_us = np.unique(np.linspace(first_us, last_us, CURVE_POINTS).astype(np.int64))
    from_onset = None
    if known.any():
        of_known = [one for one, there in zip(found, known, strict=True) if there]
        from_onset = {"at_ms": list(AT_MS), "clips": int(known.sum()),
                      "accuracy": [accuracy_at(of_known, truth[known], onsets[known] + 1000 * ms) for ms in AT_MS]}
    return {
        "at_ms": list(AT_MS),
        "accuracy": [accuracy_at(found, truth, np.full(len(found), 1000 * ms)) for ms in AT_MS],
        "whole": float((said.predicted == truth).mean()), "clips": len(truth),
        "curve": {"ms": [int(us) / 1000 for us in curve_us],
                  "accuracy": [accuracy_at(found, truth, np.full(len(found), us)) for us in curve_us]},
        "from_onset": from_onset,
    }


def running_decisions(config: TrainConfig, prepared: Prepared, model: nn.Module,
                      said: Decisions) -> list[Running] | None:
    """What is said of each clip while it runs; None where a network sees a clip as one sample.

    Args:
        config: The run.
        prepared: Its data.
        model: The network.
        said: Decisions about the clips.
    """
    task = prepared.task
    if isinstance(task, SnnTask):
        dt_us = config.snn.dt_us
        return [Running(dt_us * np.arange(1, len(output) + 1), task.read_out.running(output)[:, 0].numpy())
                for output in task.outputs(model, said.clips)]
    if not isinstance(task, AnnTask) or config.parity.double_windowing:
        return None
    window_us, context = config.represent.window_us, config.model.context_windows
    found = []
    for clip in range(len(said.clips)):
        sums = said.window_probabilities[said.window_clips == clip].cumsum(axis=0)
        found.append(Running(window_us * np.arange(context, context + len(sums)), sums.argmax(axis=1)))
    return found


def accuracy_at(found: Sequence[Running], truth: NDArray[np.int64], time_us: NDArray[np.int64]) -> float | None:
    """Share of the clips whose last decision up to a moment is right; None if there is none yet about any.

    Args:
        found: Of each clip.
        truth: ``(N,)`` class numbers.
        time_us: ``(N,)`` the moment, from each clip's start.
    """
    right, any_said = 0, False
    for one, label, moment in zip(found, truth, time_us, strict=True):
        place = int(np.searchsorted(one.ready_us, moment, side="right"))
        any_said |= place > 0
        right += place > 0 and int(one.said[place - 1]) == label
    return right / len(truth) if any_said else None


def shown_clip(task: SnnTask, model: nn.Module, said: Decisions, truth: NDArray[np.int64],
               ) -> tuple[int, NDArray[np.float32], NDArray[np.int64]]:
    """One clip for a picture: the first that is decided right in the end, the first of all if none is.

    The first class is passed over where another is there, for a network that is silent decides for it.

    Args:
        task: Gives the output.
        model: The network.
        said: Decisions about the clips.
        truth: ``(N,)`` their class numbers.

    Returns:
        Number of the clip, its output ``(T, K)`` and its decision after every step ``(T,)``.
    """
    place = int(np.argmax(2 * (said.predicted == truth) + (truth > 0)))
    (output,) = task.outputs(model, said.clips[place : place + 1])
    return int(said.clips[place]), output[:, 0].numpy(), task.read_out.running(output)[:, 0].numpy()
