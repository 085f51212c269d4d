"""Slices from store to finished run: cached and live frames, both networks, their cards, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from neurofer.data.store import open_store
from neurofer.errors import UsageError
from neurofer.evaluate.recognition import evaluate_run
from neurofer.events.augment import EventAugment, EventOdds
from neurofer.events.open import open_recording
from neurofer.models.resnet import ResNet18
from neurofer.spiking.slices import slice_frames
from neurofer.stream.predictor import Predictor
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from neurofer.train.data import prepare
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run
from neurofer.train.slices import LiveSlices, clip_slices, pack, unpack
from neurofer.train.slices_config import SlicesConfig
from neurofer.train.slices_task import SlicesTask

Make = Callable[..., TrainConfig]
SLICED = ("snn.input=slices", "snn.preset=sew_resnet18", "model.kind=resnet18", "snn.width=0.125", "model.width=0.125",
          "snn.dt_us=10000", "slices.frames=3", "slices.events=200", "train.optimiser=sgd", "train.lr=5e-2",
          "augment.shift=0", "augment.zoom=0")


@pytest.fixture
def sliced(small_config: Make) -> Make:
    """``sliced("ann", "train.epochs=4")``: 16 px, an eighth of the width, three frames of 200 events."""
    def make(backend: str, *overrides: str, out: str = "run") -> TrainConfig:
        changed = {word.partition("=")[0] for word in overrides}
        return small_config(backend, *(word for word in SLICED if word.partition("=")[0] not in changed), *overrides,
                            out=out)

    return make


def test_cached_frames_are_those_of_the_clips_and_counts_hold_all_events(blob_store: Path, tmp_path: Path) -> None:
    clip_set = open_store(blob_store)
    rows = clip_slices(clip_set, SlicesConfig(frames=3, events=200), 9, tmp_path)
    for number in (0, 17):
        clip = clip_set.clips[number]
        with open_recording(clip.path) as recording:
            events = recording.between(clip.start_us, clip.stop_us)
        wanted = slice_frames(events, clip.box, 9, 3, 200)
        np.testing.assert_array_equal(unpack(rows.of(number), 9), wanted)
        assert rows.counts_of(number).sum(axis=0).tolist() == [int(events.p.sum()), int((~events.p).sum())]
    assert rows.lengths().tolist() == [3] * len(clip_set.clips)


@pytest.mark.parametrize("size_px", [8, 9])
def test_packing_keeps_every_bit(size_px: int) -> None:
    frames = np.random.default_rng(0).integers(0, 2, (4, 2, size_px, size_px), np.uint8)
    np.testing.assert_array_equal(unpack(pack(frames), size_px), frames)


def test_live_frames_of_unchanged_events_are_the_cached_ones(blob_store: Path, tmp_path: Path) -> None:
    clip_set, settings = open_store(blob_store), SlicesConfig(frames=3, events=200)
    rows = clip_slices(clip_set, settings, 40, tmp_path)  # a pixel of the frames is one of the sensor
    live = LiveSlices(clip_set, settings, 40, EventOdds(flip=0.5))
    still, flipped = live.frames(5, EventAugment()), live.frames(5, EventAugment(flip=True))
    np.testing.assert_array_equal(still, unpack(rows.of(5), 40))
    np.testing.assert_array_equal(flipped, still[..., ::-1])
    assert still.any()


def test_the_twin_sees_the_same_frames_as_channels(sliced: Make, blob_store: Path, tmp_path: Path) -> None:
    tasks = {}
    for backend in ("snn", "ann"):
        task = prepare(sliced(backend), open_store(blob_store), None, tmp_path).task
        assert isinstance(task, SlicesTask)
        tasks[backend] = next(task.batches(np.random.default_rng(4)))
    frames, channels = tasks["snn"].frames, tasks["ann"].frames
    assert frames.shape == (3, len(tasks["snn"].labels), 2, 16, 16)
    assert set(frames.unique().tolist()) == {0.0, 1.0}
    for step in range(3):
        for polarity in range(2):
            assert torch.equal(channels[:, 2 * step + polarity], frames[step, :, polarity])
    assert torch.equal(tasks["snn"].labels, tasks["ann"].labels)


def test_every_training_clip_comes_once_an_epoch(sliced: Make, blob_store: Path, tmp_path: Path) -> None:
    prepared = prepare(sliced("snn", "augment.events.noise=1"), open_store(blob_store), None, tmp_path)
    labels = torch.cat([batch.labels for batch in prepared.task.batches(np.random.default_rng(0))])
    assert sorted(labels.tolist()) == sorted(prepared.labels[prepared.numbers["train"]].tolist())


@pytest.mark.parametrize("backend", ["snn", "ann"])
def test_a_run_learns_and_leaves_a_whole_folder(backend: str, sliced: Make, blob_store: Path) -> None:
    folder = train_recogniser(sliced(backend, "train.epochs=25"))
    run = load_run(folder)
    history = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert history[-1]["train_loss"] < 0.75 * history[0]["train_loss"]
    assert run.card["exportable"] is False
    assert ("batch norm" if backend == "snn" else "nothing in it fires") in run.card["not_exportable_because"]
    assert run.card["slices"] == {"frames": 3, "events": 200}
    assert run.card["window_us"] is None
    work = run.record["test"]["result"]["operations"]
    if isinstance(run.model, ResNet18):
        assert work["per_decision"] == work["per_clip"] == run.model.macs
    else:
        assert 0 < work["nonzero_operations_per_clip"] <= work["per_clip"] < work["dense_macs_per_clip"]
        assert work["per_clip"] == pytest.approx(sum(one["synaptic_operations_per_decision"] for one in work["layers"]))
        assert (work["steps_per_clip"], len(work["layers"])) == (3, 20)
    again = evaluate_run(run)
    assert again["metrics"] == run.record["test"]["result"]["metrics"]
    assert again["latency"]["evidence_ms"] == pytest.approx(350, abs=50)  # whole clips of 300 to 400 ms

    clip = next(one for one in open_store(blob_store).clips if one.name.startswith("s0"))
    with open_recording(clip.path) as recording:
        (said,) = Predictor(run).decide(recording)
    assert said.label in run.card["classes"]
    assert said.events > 0


def test_prediction_of_a_stretch_reads_in_pieces_what_training_reads_at_once(
        sliced: Make, blob_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.stream import whole

    config = sliced("snn")
    torch.manual_seed(0)
    model = build_recogniser(config, ("down", "left", "right"), 2).eval()
    clip = open_store(blob_store).clips[3]
    with open_recording(clip.path) as recording:
        events = recording.between(clip.start_us, clip.stop_us)
        assert len(events) > 600
        box = clip.box
        assert box is not None
        frames = torch.from_numpy(slice_frames(events, box, 16, 3, 200)).float()
        with torch.no_grad():
            wanted = torch.softmax(model(frames[:, None])[0].double(), 0)
        step = whole.WholeStep(model, config.slices, 16)  # type: ignore[arg-type]
        for piece_us in (7_000, 1_000_000):
            monkeypatch.setattr(whole, "PIECE_US", piece_us)
            found = step(recording, box, clip.start_us, clip.stop_us)
            np.testing.assert_array_equal(found.verdict.probabilities, wanted.numpy())
            assert found.events == len(events)


def test_a_stopped_run_goes_on_as_if_never_stopped(sliced: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train_recogniser(sliced("snn", "train.epochs=3", "train.momentum=0", out="whole"))
    calls = []

    def stop(*_: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        original = SlicesTask.validate
        patched.setattr(SlicesTask, "validate", lambda self, *words: (stop(), original(self, *words))[1])
        with pytest.raises(KeyboardInterrupt):
            train_recogniser(sliced("snn", "train.epochs=3", "train.momentum=0", out="cut"))
    cut = train_recogniser(sliced("snn", "train.epochs=3", "train.momentum=0", out="cut"), resume=True)
    assert (cut / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("backend", "words", "said"), [
    ("snn", ("snn.preset=tiny",), "belong together"), ("snn", ("snn.input=binary",), "belong together"),
    ("snn", ("snn.learn_theta=true",), "does not read snn.learn_theta"),
    ("snn", ("snn.alpha=0.5", "snn.loss=membrane"), "does not read snn.alpha, snn.loss"),
    ("snn", ("distill.run=teacher",), "learns from labels alone"),
    ("snn", ("parity.bn_train=true",), "does not read parity.bn_train"),
    ("ann", ("model.mode=random",), "has no encoder to take over or to freeze")])
def test_settings_that_do_not_go_together_are_told(backend: str, words: tuple[str, ...], said: str,
                                                   sliced: Make) -> None:
    with pytest.raises(UsageError, match=said):
        sliced(backend, *words)


def test_a_chip_is_refused_before_anything_is_read(sliced: Make, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot run this network exactly") as told:
        train_recogniser(sliced("snn", "snn.target=loihi2"))
    for reason in ("BatchNorm2d", "skip connection", "bias"):
        assert reason in str(told.value)
    assert not (tmp_path / "run").exists()


def test_a_batch_of_one_is_refused(sliced: Make, blob_store: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="batch of one, on which batch norm cannot learn"):
        prepare(sliced("ann", "train.batch=1"), open_store(blob_store), None, tmp_path)
