"""How early a recogniser is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neurofer.config import load_config
from neurofer.data.store import open_store
from neurofer.evaluate.anytime import Running, accuracy_at, anytime, shown_clip
from neurofer.evaluate.cost import operations
from neurofer.spiking.counting import count_activity
from neurofer.spiking.readout import decide
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared, prepare
from neurofer.train.snn import SnnTask

Make = Callable[..., TrainConfig]


@pytest.fixture
def small_config(blob_store: Path) -> Make:
    """``small_config("snn", "snn.readout=integrator")``: 16 px, steps of 10 ms, windows of 50 ms."""
    def make(backend: str, *overrides: str) -> TrainConfig:
        return load_config(TrainConfig, None, [
            f"backend={backend}", f"data='{blob_store}'", "model.size_px=16", "model.width=0.125", "train.batch=8",
            "represent.window_us=50000", "snn.size_px=16", "snn.preset=tiny", "snn.dt_us=10000", *overrides])

    return make


def firing(config: TrainConfig, prepared: Prepared) -> torch.nn.Module:
    """An untrained spiking network that fires."""
    torch.manual_seed(3)
    model = build_recogniser(config, prepared.clip_set.classes, 2).eval()
    with torch.no_grad():
        for layer in model.layers:  # type: ignore[union-attr]
            layer.weight.mul_(4)
    return model


def test_accuracy_at_a_moment_by_hand() -> None:
    found = [Running(np.array([10, 20, 30]), np.array([0, 1, 1])), Running(np.array([25]), np.array([2]))]
    truth = np.array([1, 2])

    def at(*moments: int) -> float | None:
        return accuracy_at(found, truth, np.array(moments))

    assert at(5, 5) is None  # nothing was said about any clip
    assert at(19, 19) == 0.0  # the first is wrong, about the second nothing was said
    assert at(20, 24) == 0.5
    assert at(30, 25) == 1.0
    assert at(10_000, 10_000) == 1.0  # the last decision stays


def test_an_snn_is_asked_after_every_step(small_config: Make, blob_store: Path, tmp_path: Path) -> None:
    config = small_config("snn")
    prepared = prepare(config, open_store(blob_store), None, tmp_path)
    task, clips = prepared.task, prepared.numbers["train"]
    assert isinstance(task, SnnTask)
    model = firing(config, prepared)
    said = task.decide(model, clips)
    found = anytime(config, prepared, model, said)
    assert found is not None
    truth = prepared.labels[clips]
    outputs = list(task.outputs(model, clips))
    assert len({len(output) for output in outputs}) > 1
    for ms, accuracy in zip(found["at_ms"], found["accuracy"], strict=True):
        wanted = [int(decide(output[: ms // 10])[0]) for output in outputs]  # a step is 10 ms
        assert accuracy == float((np.array(wanted) == truth).mean())
    assert found["accuracy"][-1] == found["whole"] == float((said.predicted == truth).mean())  # all end before 800 ms
    assert found["curve"]["ms"][0] == 10
    assert found["curve"]["ms"][-1] == 400
    assert found["from_onset"] is None  # the store knows of none
    clip, output, running = shown_clip(task, model, said, truth)
    assert running[-1] == said.predicted[list(clips).index(clip)]
    assert output.shape == (len(running), 3)


def test_moments_since_the_onset_count_what_came_before(small_config: Make, blob_store: Path, tmp_path: Path) -> None:
    config = small_config("snn")
    prepared = prepare(config, open_store(blob_store), None, tmp_path)
    model, clips = firing(config, prepared), prepared.numbers["train"]
    moved = [replace(clip, truth={"onset_us": clip.start_us + 100_000}) if number % 2 else clip
             for number, clip in enumerate(prepared.clip_set.clips)]
    prepared = replace(prepared, clip_set=replace(prepared.clip_set, clips=tuple(moved)))
    said = prepared.task.decide(model, clips)
    found = anytime(config, prepared, model, said)
    assert found is not None
    known = clips[clips % 2 == 1]
    assert found["from_onset"]["clips"] == len(known)
    task = prepared.task
    assert isinstance(task, SnnTask)
    wanted = [int(decide(output[:15])[0]) for output in task.outputs(model, known)]  # 50 ms after the onset
    assert found["from_onset"]["accuracy"][1] == float((np.array(wanted) == prepared.labels[known]).mean())


def test_an_ann_says_nothing_before_its_first_context(small_config: Make, blob_store: Path, tmp_path: Path) -> None:
    config = small_config("ann")  # windows of 50 ms, the first decision after three
    prepared = prepare(config, open_store(blob_store), None, tmp_path)
    torch.manual_seed(0)
    model, clips = build_recogniser(config, prepared.clip_set.classes, 3).eval(), prepared.numbers["test"]
    said = prepared.task.decide(model, clips)
    found = anytime(config, prepared, model, said)
    assert found is not None
    truth = prepared.labels[clips]
    assert found["accuracy"][:3] == [None, None, None]
    means = [said.window_probabilities[said.window_clips == clip][:2].mean(axis=0) for clip in range(len(clips))]
    assert found["accuracy"][3] == float((np.array(means).argmax(axis=1) == truth).mean())  # at 200 ms: two decisions
    assert found["accuracy"][-1] == found["whole"]


def test_the_layers_share_the_operations(small_config: Make, blob_store: Path, tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config("snn")
    prepared = prepare(config, open_store(blob_store), None, tmp_path)
    model, clips, task = firing(config, prepared), prepared.numbers["test"], prepared.task
    assert isinstance(task, SnnTask)
    found = operations(config, prepared, model, clips)
    assert [layer["name"] for layer in found["layers"]] == ["conv1", "conv2", "dense1"]
    assert sum(layer["synaptic_operations_per_decision"] for layer in found["layers"]) == pytest.approx(
        found["per_decision"])
    batch = task.gather(clips)
    _, _, counted = count_activity(model, batch.spikes, lengths=batch.lengths)  # type: ignore[arg-type]
    assert [layer["rate"] for layer in found["layers"]] == [layer.rate for layer in counted.layers]
    monkeypatch.setattr("neurofer.evaluate.cost.STRETCH_STEPS", 7)
    assert operations(config, prepared, model, clips) == found  # in stretches as whole


def test_long_clips_are_decided_in_stretches_as_whole(small_config: Make, blob_store: Path, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    for readout in ("spikes", "integrator"):
        config = small_config("snn", f"snn.readout={readout}")
        prepared = prepare(config, open_store(blob_store), None, tmp_path)
        model, task = firing(config, prepared), prepared.task
        assert isinstance(task, SnnTask)
        whole = list(task.outputs(model, np.arange(9)))
        with monkeypatch.context() as patched:
            patched.setattr("neurofer.train.snn.STRETCH_STEPS", 7)
            pieces = list(task.outputs(model, np.arange(9)))
        torch.testing.assert_close(pieces, whole, rtol=0, atol=0)
        assert any(bool(output.any()) for output in whole)


