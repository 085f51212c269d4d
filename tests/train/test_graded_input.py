"""A run on counted events: what its folder says, what a stream feeds it, and what no chip takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from neurofer.data.store import open_store
from neurofer.errors import UsageError
from neurofer.events.open import open_recording
from neurofer.spiking.sparse import sparse_spikes
from neurofer.stream.predictor import Predictor
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run

Make = Callable[..., TrainConfig]


@pytest.mark.parametrize("kind", ["binary", "graded"])
def test_a_run_says_what_its_input_leaves_out_and_a_stream_feeds_it_alike(
        kind: str, small_config: Make, blob_store: Path, run_cli: Callable[..., tuple[int, str, str]]) -> None:
    config = small_config("snn", f"snn.input={kind}", "train.epochs=1", "snn.dt_us=25000", "snn.decision_us=50000",
                          "snn.readout_us=50000")
    folder = train_recogniser(config)
    clip_set = open_store(blob_store)
    counted = []
    for clip in clip_set.clips:
        with open_recording(clip.path) as recording:
            events = recording.between(clip.start_us, clip.stop_us)
            counted.append(sparse_spikes(events, clip.start_us, clip.stop_us, 25_000, clip.box, 16, kind == "graded"))
    said = {"kind": kind, **{name: sum(getattr(each, name) for each in counted) for name in ("events", "clipped")}}
    run = load_run(folder)
    assert run.card["input"] == kind
    assert run.card["input_events"] == run.record["input"] == said
    assert (said["clipped"] > 1_000) == (kind == "binary")
    assert said["events"] > 50_000

    clip = clip_set.clips[3]
    with open_recording(clip.path) as recording, torch.inference_mode():
        found = list(Predictor(run).decide(recording, clip.box, 0, clip.stop_us - recording.start_us))
        first, stop_us = recording.start_us, recording.start_us + 50_000 * len(found)
        spikes = sparse_spikes(recording.between(first, stop_us), first, stop_us, 25_000, clip.box, 16,
                               kind == "graded")
        assert spikes.dense().max() > 1 or kind == "binary"
        out, _ = run.model(torch.from_numpy(spikes.dense()).unsqueeze(1))
    rates = out[:, 0].unflatten(0, (-1, 2)).mean(1) * run.card["rate_gain"]
    np.testing.assert_allclose([one.probabilities for one in found], torch.softmax(rates, 1), atol=1e-6)
    _, printed, _ = run_cli("train", "--data", blob_store, "--out", folder, "--resume")
    assert f"of {said['events']} events in face boxes beyond {'255' if kind == 'graded' else 'the first'}" in printed


def test_counts_are_refused_for_a_chip(small_config: Make) -> None:
    with pytest.raises(UsageError, match="input: graded spikes"):
        train_recogniser(small_config("snn", "snn.input=graded", "snn.target=loihi2"))


def test_training_on_counts_in_chunks_repeats(small_config: Make) -> None:
    settings = ("snn.input=graded", "train.epochs=1", "snn.truncate_steps=7")
    runs = [train_recogniser(small_config("snn", *settings, out=name)) for name in ("one", "two")]
    first, second = (json.loads((run / "metrics.jsonl").read_text())["train_loss"] for run in runs)
    assert first == second
    assert (runs[0] / "model.safetensors").read_bytes() == (runs[1] / "model.safetensors").read_bytes()
