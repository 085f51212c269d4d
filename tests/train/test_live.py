"""Training sequences made from events: equal to the cached ones where nothing was drawn, changed as drawn elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neurofer.data.clip import ClipSet
from neurofer.data.store import open_store
from neurofer.data.windows import clip_windows, window_edges
from neurofer.errors import BadFileError
from neurofer.events.augment import EventAugment, EventOdds
from neurofer.represent import build_representation
from neurofer.train import live
from neurofer.train.ann import AnnTask
from neurofer.train.config import TrainConfig
from neurofer.train.data import prepare
from neurofer.train.frozen import keeps_embeddings
from neurofer.train.live import LivePictures, LiveSpikes
from neurofer.train.processes import Share
from neurofer.train.recognise import train_recogniser
from neurofer.train.spikes import clip_spikes

Make = Callable[..., TrainConfig]
WINDOW_US, SIZE_PX = 40_000, 16
EVENTS = ("augment.events.flip=0.5", "augment.events.noise=0.5", "augment.events.reverse=0.5",
          "augment.events.mirror=0.5", "augment.events.drop=1", "augment.events.crop=1", "augment.shift=0",
          "augment.zoom=0")


@pytest.fixture
def clip_set(blob_store: Path) -> ClipSet:
    return open_store(blob_store)


@pytest.mark.parametrize("kind", ["tie", "counts", "voxel"])
def test_nothing_drawn_gives_the_cached_pictures(kind: str, clip_set: ClipSet, tmp_path: Path) -> None:
    settings = {"variant": "t_t0"} if kind == "tie" else {}  # of recording time, so the origin matters
    representation = build_representation(kind, **settings)
    rows = clip_windows(clip_set, representation, WINDOW_US, SIZE_PX, tmp_path)
    pictures = LivePictures(clip_set, representation, WINDOW_US, SIZE_PX, EventOdds())
    for clip in (0, 7, 20):
        for windows in ([0, 1, 2], [3, 4, 3], [6], list(range(len(rows.of(clip))))):
            made = pictures.sample(clip, np.array(windows), EventAugment())
            assert made.dtype == rows.rows.dtype
            np.testing.assert_array_equal(made, rows.of(clip)[windows])


@pytest.mark.parametrize("graded", [False, True])
def test_nothing_drawn_gives_the_cached_spikes(graded: bool, clip_set: ClipSet, tmp_path: Path) -> None:
    rows = clip_spikes(clip_set, 7_000, SIZE_PX, tmp_path, graded)  # steps that leave a rest
    spikes = LiveSpikes(clip_set, 7_000, SIZE_PX, EventOdds(), graded)
    for clip in (0, 7, 20):
        np.testing.assert_array_equal(spikes.spikes(clip, EventAugment()).dense(), rows.spikes(clip).dense())


def test_a_face_that_must_be_found_is_the_cached_one(clip_set: ClipSet, tmp_path: Path) -> None:
    unknown = replace(clip_set, clips=tuple(replace(clip, box=None) for clip in clip_set.clips[:3]), digest="no boxes")
    counts = build_representation("counts")
    rows = clip_windows(unknown, counts, WINDOW_US, SIZE_PX, tmp_path)
    pictures = LivePictures(unknown, counts, WINDOW_US, SIZE_PX, EventOdds())
    np.testing.assert_array_equal(pictures.sample(1, np.arange(3), EventAugment()), rows.of(1)[:3])
    spikes = LiveSpikes(unknown, 7_000, SIZE_PX, EventOdds()).spikes(1, EventAugment()).dense()
    np.testing.assert_array_equal(spikes, clip_spikes(unknown, 7_000, SIZE_PX, tmp_path).spikes(1).dense())


def test_a_flip_of_events_is_a_flip_of_pictures_and_spikes(clip_set: ClipSet) -> None:
    pictures = LivePictures(clip_set, build_representation("counts"), WINDOW_US, 40, EventOdds())
    plain, flipped = (pictures.sample(3, np.arange(2, 5), EventAugment(flip=flip)) for flip in (False, True))
    np.testing.assert_array_equal(flipped, plain[..., ::-1])
    spikes = LiveSpikes(clip_set, 10_000, 40, EventOdds())
    plain, flipped = (spikes.spikes(3, EventAugment(flip=flip)).dense() for flip in (False, True))
    np.testing.assert_array_equal(flipped, plain[..., ::-1])


def test_a_reversal_is_of_the_whole_run(clip_set: ClipSet) -> None:
    pictures = LivePictures(clip_set, build_representation("counts"), WINDOW_US, SIZE_PX, EventOdds())
    windows = np.array([2, 3, 4, 5])
    plain, reversed_ = (pictures.sample(3, windows, EventAugment(reverse=reverse)) for reverse in (False, True))
    # Windows in reverse order, ON and OFF exchanged. Edges are whole microseconds here, so it is exact.
    assert len(set(np.diff(window_edges(0, 300_000, WINDOW_US)))) == 1
    np.testing.assert_array_equal(reversed_, plain[::-1, ::-1])
    np.testing.assert_array_equal(pictures.sample(3, np.array([2, 3, 2]), EventAugment(reverse=True)),
                                  plain[:2][::-1, ::-1][[0, 1, 0]])
    spikes = LiveSpikes(clip_set, 10_000, SIZE_PX, EventOdds())
    plain, reversed_ = (spikes.spikes(3, EventAugment(reverse=reverse)).dense() for reverse in (False, True))
    np.testing.assert_array_equal(reversed_, plain[::-1, ::-1])


def test_one_draw_for_all_windows(clip_set: ClipSet) -> None:
    pictures = LivePictures(clip_set, build_representation("counts"), WINDOW_US, 40, EventOdds(mirror=1.0))
    rows = pictures.drawn(np.full(8, 3), np.arange(2, 5) + np.zeros((8, 1), np.int64), np.arange(8),
                          np.random.default_rng(0))
    assert rows.shape == (8, 3, 2, 40, 40)
    np.testing.assert_array_equal(rows, rows[..., ::-1])
    assert len({row.tobytes() for row in rows}) == 2  # the left or the right half, in all windows of a sample
    assert len({window.tobytes() for window in rows.reshape(24, -1)}) == 6


@pytest.mark.parametrize("backend", ["ann", "snn"])
def test_shares_of_two_processes_are_the_batches_of_one(backend: str, small_config: Make, clip_set: ClipSet,
                                                        tmp_path: Path) -> None:
    task = prepare(small_config(backend, *EVENTS), clip_set, None, tmp_path).task
    whole, first, second = (list(task.batches(np.random.default_rng(5), share)) for share in
                            (Share(), Share(0, 2), Share(1, 2)))
    axis = 0 if backend == "ann" else 1
    for one, even, odd in zip(whole, first, second, strict=True):
        inputs, *halves = (np.moveaxis((part[0] if backend == "ann" else part.spikes).numpy(), axis, 0)
                           for part in (one, even, odd))
        np.testing.assert_array_equal(inputs[0::2], halves[0])
        np.testing.assert_array_equal(inputs[1::2], halves[1])


@pytest.mark.parametrize("backend", ["ann", "snn"])
def test_only_training_is_changed(backend: str, small_config: Make, clip_set: ClipSet, tmp_path: Path,
                                  monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.train.build import build_recogniser

    plain = prepare(small_config(backend), clip_set, None, tmp_path)
    changed = prepare(small_config(backend, *EVENTS), clip_set, None, tmp_path)
    torch.manual_seed(1)
    model = build_recogniser(small_config(backend), clip_set.classes, plain.channels).eval()
    clips = plain.numbers["validation"]
    monkeypatch.setattr(live, "open_recording", None)  # decisions read the cache alone
    np.testing.assert_array_equal(plain.task.decide(model, clips).probabilities,
                                  changed.task.decide(model, clips).probabilities)


def test_published_samples_of_changed_events(small_config: Make, clip_set: ClipSet, tmp_path: Path) -> None:
    config = small_config("ann", *EVENTS, "sample.kind=every", "parity.double_windowing=true")
    task = prepare(config, clip_set, None, tmp_path).task
    pictures, labels = next(task.batches(np.random.default_rng(7)))
    assert pictures.shape == (len(labels), 3, 3, 16, 16)
    assert pictures.std() > 0


def test_embeddings_are_not_kept_where_events_change(small_config: Make) -> None:
    linear = ("model.mode=linear", "model.encoder_from=somewhere")
    assert keeps_embeddings(small_config("ann", *linear))
    assert not keeps_embeddings(small_config("ann", *linear, "augment.events.drop=1"))


def test_off_draws_nothing_more(small_config: Make, clip_set: ClipSet, tmp_path: Path) -> None:
    task = prepare(small_config("ann"), clip_set, None, tmp_path).task
    assert isinstance(task, AnnTask)
    generator = np.random.default_rng(6)
    for _ in task.batches(generator):
        pass
    # Starts, their order, and for each batch a turn, a zoom, a mirror, two shifts, and two sides and places of a hole.
    expected = np.random.default_rng(6)
    for clip in task._train:
        task._draw_starts(clip, expected)
    order = expected.permutation(len(task._train))
    for part in np.array_split(order, task.steps):
        expected.random(9 * len(part))
    assert generator.random() == expected.random()


@pytest.mark.parametrize("backend", ["ann", "snn"])
def test_training_with_changed_events_repeats_and_differs(backend: str, small_config: Make) -> None:
    runs = [train_recogniser(small_config(backend, "train.epochs=1", *changes, out=name))
            for name, changes in (("one", EVENTS), ("two", EVENTS), ("plain", EVENTS[-2:]))]
    losses = [[json.loads(line)["train_loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
              for run in runs]
    assert losses[0] == losses[1] != losses[2]
    assert (runs[0] / "model.safetensors").read_bytes() == (runs[1] / "model.safetensors").read_bytes()


def test_few_recordings_are_open_and_each_is_checked_once(clip_set: ClipSet, monkeypatch: pytest.MonkeyPatch) -> None:
    modes, honest = [], live.open_recording

    def counted(path: Path, mode: str):  # type: ignore[no-untyped-def]
        modes.append((path, mode))
        return honest(path, mode=mode)  # type: ignore[arg-type]

    monkeypatch.setattr(live, "open_recording", counted)
    monkeypatch.setattr(live, "OPEN_AT_ONCE", 2)
    spikes = LiveSpikes(clip_set, 10_000, SIZE_PX, EventOdds())
    for clip in (0, 1, 0, 1, 2, 0):
        spikes.spikes(clip, EventAugment())
        assert len(spikes._open._recordings) <= 2
    paths = [clip_set.clips[clip].path for clip in (0, 1, 2, 0)]
    assert modes == list(zip(paths, ["strict", "strict", "strict", "trust"], strict=True))


def test_a_recording_that_is_gone_is_named(clip_set: ClipSet, tmp_path: Path) -> None:
    gone = replace(clip_set, clips=(replace(clip_set.clips[0], path=tmp_path / "gone"),))
    with pytest.raises(BadFileError, match="gone"):
        LiveSpikes(gone, 10_000, SIZE_PX, EventOdds()).spikes(0, EventAugment())
