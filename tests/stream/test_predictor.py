"""Decisions over a recording: every window from the first context on, equal to the network on the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurofer.data.clip import Box
from neurofer.data.crop import crop_resize
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording
from neurofer.models.build import build_ann
from neurofer.represent import build_representation
from neurofer.spiking.bins import spike_tensor
from neurofer.spiking.network import SpikingNetwork
from neurofer.spiking.readout import decide, rate_probabilities, spike_counts
from neurofer.stream.inputs import find_recordings
from neurofer.stream.predictor import Predictor, find_face
from neurofer.train.ann import pictures_to_network
from trees.live_runs import CLASSES, ann_run, snn_run

BOX = Box(30, 4, 70, 80)


@pytest.fixture
def recording(face_events: Events) -> MemoryRecording:
    return MemoryRecording(face_events)


def test_an_ann_decides_on_every_window_from_its_third_on(recording: MemoryRecording) -> None:
    found = list(Predictor(ann_run()).decide(recording, BOX))
    start = recording.start_us
    assert [decision.start_us for decision in found] == [start + 33_333 * k for k in range(2, 9)]
    assert all(decision.stop_us - decision.start_us == 33_333 for decision in found)
    assert all(decision.label == CLASSES[int(np.argmax(decision.probabilities))] for decision in found)
    assert all(sum(decision.probabilities) == pytest.approx(1) for decision in found)
    assert all(decision.latency_ms > 0 for decision in found)
    assert found[0].events == len(recording.between(found[0].start_us, found[0].stop_us))


def test_an_ann_stream_equals_the_network_on_all_windows(recording: MemoryRecording) -> None:
    run = ann_run()
    found = [decision.probabilities for decision in Predictor(run).decide(recording, BOX)]
    tie, origin_us = build_representation("tie"), recording.start_us
    pictures = [crop_resize(tie(window.events, window[:2], origin_us=origin_us), BOX, 16)
                for window in recording.windows(33_333)]
    with torch.inference_mode():
        logits, _ = run.model(pictures_to_network(np.stack(pictures)[None]))
    # Windows are encoded one at a time in the stream and together here.
    assert np.allclose(found, torch.softmax(logits[0].double(), -1).numpy(), atol=1e-5)


@pytest.mark.parametrize("context_windows", [1, 3, 5])
def test_a_decision_costs_one_encoder_pass(recording: MemoryRecording, context_windows: int) -> None:
    run = ann_run(context_windows=context_windows)
    torch.manual_seed(0)
    run.model = build_ann(3, 16, width=0.125, context_windows=context_windows).eval()
    predictor, encoded = Predictor(run), []
    assert list(predictor.decide(recording, BOX))  # the first call also warms up
    run.model.encoder.register_forward_hook(lambda encoder, inputs, output: encoded.append(len(inputs[0])))
    assert len(list(predictor.decide(recording, BOX))) == 9 - context_windows + 1
    assert encoded == [1] * 9


def test_an_snn_stream_carries_its_state(recording: MemoryRecording) -> None:
    run = snn_run()
    found = list(Predictor(run).decide(recording, BOX))
    start = recording.start_us
    spikes = spike_tensor(recording.events, start, start + 300_000, 5_000, BOX, 16).spikes
    with torch.inference_mode():
        out, _ = run.model(torch.from_numpy(spikes).unsqueeze(1))
    assert len(found) == 6
    assert out.sum() > 0
    for number, decision in enumerate(found):
        part = out[10 * number : 10 * number + 10]
        assert decision.label == CLASSES[int(decide(part)[0])]
        wanted = rate_probabilities(spike_counts(part).double(), 10, 20.0)[0]
        assert decision.probabilities == tuple(wanted.tolist())


def test_a_longer_read_out_looks_back_over_windows(recording: MemoryRecording) -> None:
    run = snn_run(readout_us=100_000)
    found = list(Predictor(run).decide(recording, BOX))
    start = recording.start_us
    with torch.inference_mode():
        out, _ = run.model(torch.from_numpy(spike_tensor(
            recording.events, start, start + 300_000, 5_000, BOX, 16).spikes).unsqueeze(1))
    for number, decision in enumerate(found):
        part = out[max(0, 10 * number - 10) : 10 * number + 10]
        wanted = rate_probabilities(spike_counts(part).double(), len(part), 20.0)[0]
        assert decision.probabilities == tuple(wanted.tolist())


def test_an_integrator_decides_by_the_mean_membrane_of_the_read_out(recording: MemoryRecording) -> None:
    run = snn_run(readout_us=100_000)
    specs = [*run.model.specs[:-1], replace(run.model.specs[-1], fires=False)]
    model = SpikingNetwork(specs, run.model.input_shape).eval()
    model.load_state_dict(run.model.state_dict())
    run.model = model
    found = list(Predictor(run).decide(recording, BOX))
    start = recording.start_us
    bins = spike_tensor(recording.events, start, start + 300_000, 5_000, BOX, 16)
    with torch.inference_mode():
        membranes, _ = model(torch.from_numpy(bins.spikes).unsqueeze(1))
    assert len(found) == 6
    assert not bool(((membranes == 0) | (membranes == 1)).all())
    for number, decision in enumerate(found):
        mean = membranes[max(0, 10 * number - 10) : 10 * number + 10, 0].double().mean(0)
        assert decision.label == CLASSES[int(mean.argmax())]
        assert decision.probabilities == pytest.approx(torch.softmax(20.0 * mean, 0).tolist(), abs=1e-4)


@pytest.mark.parametrize("make", [ann_run, snn_run])
def test_two_passes_are_equal(make: Any, recording: MemoryRecording) -> None:
    predictor = Predictor(make())
    one, other = ([decision[:5] for decision in predictor.decide(recording, BOX)] for _ in range(2))
    assert one == other


@pytest.mark.parametrize("make", [ann_run, snn_run])
def test_a_stretch_equals_the_recording_cut_there(make: Any, recording: MemoryRecording) -> None:
    predictor = Predictor(make())
    start = recording.start_us
    cut = MemoryRecording(recording.events.between(start + 50_000, start + 250_000))
    shift = cut.start_us - start
    inside = [decision[:5] for decision in predictor.decide(recording, BOX, shift, 250_000)]
    assert inside == [decision[:5] for decision in predictor.decide(cut, BOX, 0, 250_000 - shift)]
    assert inside[-1][1] <= start + 250_000 + predictor.window_us / 2


@pytest.mark.parametrize("make", [ann_run, snn_run])
def test_a_recording_shorter_than_a_decision_gets_one(make: Any, recording: MemoryRecording) -> None:
    short = MemoryRecording(recording.events.between(0, 40_000))
    found = list(Predictor(make()).decide(short, BOX))
    assert len(found) == 1
    assert sum(found[0].probabilities) == pytest.approx(1)


def test_a_short_recording_is_decided_as_if_silence_came_before(recording: MemoryRecording) -> None:
    run = ann_run()
    short = MemoryRecording(recording.events.between(0, 33_000))
    found = next(iter(Predictor(run).decide(short, BOX)))
    window = next(short.windows(33_333))
    picture = crop_resize(build_representation("tie")(window.events, window[:2]), BOX, 16)
    silence = np.zeros_like(picture)
    with torch.inference_mode():
        logits, _ = run.model(pictures_to_network(np.stack([silence, silence, picture])[None]))
    assert np.allclose(found.probabilities, torch.softmax(logits[0, 0].double(), -1).numpy(), atol=1e-5)


def test_a_last_window_cut_in_more_than_half_is_left_out(recording: MemoryRecording) -> None:
    start = recording.start_us
    for length, decisions in ((100_000, 2), (120_000, 2), (130_000, 3)):
        found = list(Predictor(snn_run()).decide(recording, BOX, 0, length))
        assert len(found) == decisions
        assert found[-1].stop_us == start + 50_000 * decisions


def test_another_sensor_works_through_the_crop(recording: MemoryRecording) -> None:
    width, height = 640, 480
    events = recording.events
    larger = Events(events.t, events.x * 4, events.y * 4, events.p, (width, height))
    for make in (ann_run, snn_run):
        assert list(Predictor(make()).decide(MemoryRecording(larger)))


def test_empty_windows_are_decided_too() -> None:
    events = Events([0, 400_000], [10, 20], [10, 20], [1, 0], (32, 32))
    for make in (ann_run, snn_run):
        assert len(list(Predictor(make()).decide(MemoryRecording(events), Box(0, 0, 32, 32)))) >= 8


def test_impossible_stretches_and_boxes_are_refused(recording: MemoryRecording) -> None:
    predictor = Predictor(snn_run())
    with pytest.raises(UsageError, match="nothing lies between 900000 and 299"):
        next(predictor.decide(recording, BOX, 900_000))
    with pytest.raises(UsageError, match="shows nothing of the 128x96 sensor"):
        next(predictor.decide(recording, Box(500, 0, 10, 10)))
    with pytest.raises(NeuroferError, match="holds no events"):
        next(predictor.decide(MemoryRecording(Events.empty((16, 16)))))


def test_a_card_that_lacks_its_recipe_is_refused() -> None:
    run = ann_run()
    del run.card["representation"]
    with pytest.raises(BadFileError, match=r"runs/ann: its card.json does not say .*'representation'"):
        Predictor(run)
    with pytest.raises(BadFileError, match="dt_us=7000 does not divide window_us=50000"):
        Predictor(snn_run(dt_us=7_000))
    run.model = torch.nn.Linear(1, 1)
    with pytest.raises(BadFileError, match="no recogniser but a Linear"):
        Predictor(run)


def test_the_face_box_says_where_it_came_from(recording: MemoryRecording) -> None:
    assert find_face(recording, BOX).source == "user"
    assert find_face(recording, None).source in ("events", "density")


def test_folders_give_their_recordings_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "columns").mkdir()
    for name in ("b/columns/meta.json", "b/columns/t.npy", "b/two.RAW", "one.es", "README.md", ".hidden.raw",
                 "film.mp4", "failures.csv", "out.csv", "three.csv"):
        (tmp_path / name).touch()
    found = find_recordings([tmp_path, tmp_path / "one.es", tmp_path / "missing.raw"], leave_out=tmp_path / "out.csv")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "b/columns", "b/two.RAW", "one.es", "three.csv", "missing.raw"]
    with pytest.raises(UsageError, match="no recording there; name files"):
        find_recordings([_empty(tmp_path)])


def _empty(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


def test_a_clip_of_a_store_brings_its_box(tmp_path: Path, face_events: Events) -> None:
    from neurofer.data.clip import Clip
    from neurofer.data.store import StoredClip, write_store_index
    from neurofer.events.columns import write_columns
    from neurofer.events.open import open_recording

    path = tmp_path / "store" / "events" / "one"
    info = write_columns(path, face_events, face_events.sensor)
    clip = Clip("one", path, 0, 300_000, "s", "happy", "test", BOX, face_events.sensor)
    stored = StoredClip(clip, len(face_events), info.digest)
    write_store_index(tmp_path / "store", "test", CLASSES, face_events.sensor, {}, [stored], "1")
    with open_recording(path) as recording:
        assert find_face(recording, None) == (BOX, "truth")
        assert find_face(recording, Box(0, 0, 9, 9)).source == "user"
    assert find_recordings([tmp_path / "store"]) == [path]


def test_a_link_back_up_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "day" / "one").mkdir(parents=True)
    (tmp_path / "day" / "one" / "face.raw").touch()
    (tmp_path / "day" / "one" / "up").symlink_to(tmp_path / "day")
    (tmp_path / "day" / "again").symlink_to(tmp_path / "day" / "one")
    found = [str(path.relative_to(tmp_path)) for path in find_recordings([tmp_path / "day"])]
    assert found == ["day/again/face.raw", "day/one/face.raw"]
