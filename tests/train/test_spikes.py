"""Cached spikes and the batches made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from neurofer.data.store import open_store
from neurofer.events.open import open_recording
from neurofer.spiking.bins import spike_tensor
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from neurofer.train.data import prepare
from neurofer.train.snn import SnnTask
from neurofer.train.spikes import clip_spikes


def test_rows_are_the_spikes_of_the_clip(blob_store: Path, tmp_path: Path) -> None:
    clip_set = open_store(blob_store)
    rows = clip_spikes(clip_set, 10_000, 16, tmp_path)
    clip = clip_set.clips[4]
    with open_recording(clip.path) as recording:
        events = recording.between(clip.start_us, clip.stop_us)
    np.testing.assert_array_equal(rows.spikes(4).dense(),
                                  spike_tensor(events, clip.start_us, clip.stop_us, 10_000, clip.box, 16).spikes)
    assert rows.counts_of(4).sum() == len(events)


def test_padding_and_company_change_no_decision(blob_store: Path, small_config: Callable[..., TrainConfig],
                                                tmp_path: Path) -> None:
    config = small_config("snn")
    prepared = prepare(config, open_store(blob_store), None, tmp_path)
    task = prepared.task
    assert isinstance(task, SnnTask)
    torch.manual_seed(3)
    model = build_recogniser(config, prepared.clip_set.classes, 2).eval()
    with torch.no_grad():
        for layer in model.spiking_layers():  # type: ignore[operator, union-attr]
            layer.weight.mul_(4)
    together = task.decide(model, np.arange(12))
    alone = [task.decide(model, np.array([clip])) for clip in range(12)]
    assert together.probabilities.std() > 0
    np.testing.assert_array_equal(together.probabilities, np.concatenate([one.probabilities for one in alone]))
    np.testing.assert_array_equal(together.window_predicted, np.concatenate([one.window_predicted for one in alone]))
    assert len(np.unique(prepared.rows.lengths()[:12])) > 1  # some were padded
