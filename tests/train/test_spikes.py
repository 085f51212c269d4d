"""Cached spikes and the batches made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neurofer.data.boxes import find_box
from neurofer.data.clip import Box
from neurofer.data.store import open_store
from neurofer.errors import BadFileError
from neurofer.events.open import open_recording
from neurofer.spiking import sparse
from neurofer.spiking.bins import spike_tensor
from neurofer.train import spikes
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


@pytest.mark.parametrize("graded", [False, True])
def test_rows_made_in_pieces_are_the_same(graded: bool, blob_store: Path, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    clip_set = open_store(blob_store)
    whole = clip_spikes(clip_set, 10_000, 16, tmp_path / "whole", graded)
    monkeypatch.setattr(sparse, "PIECE_US", 33_000)
    monkeypatch.setattr(spikes, "IN_MEMORY", 100)
    pieces = clip_spikes(clip_set, 10_000, 16, tmp_path / "pieces", graded)
    for name in ("rows", "cells", "counts", "inside"):
        np.testing.assert_array_equal(getattr(pieces, name), getattr(whole, name))
    assert (whole.values is not None) == graded
    if graded:
        np.testing.assert_array_equal(pieces.values, whole.values)
        assert whole.spikes(3).dense().sum() == whole.inside[3, 0]
    assert [path.name for path in (tmp_path / "pieces").iterdir()] == [pieces.folder.name]


def test_a_face_found_piece_by_piece_is_the_one_found_at_once(blob_store: Path, tmp_path: Path) -> None:
    clip = replace(open_store(blob_store).clips[2], box=None, start_us=40_000, stop_us=290_000)
    rows = clip_spikes(replace(open_store(blob_store), clips=(clip,), digest="no box"), 10_000, 16, tmp_path)
    with open_recording(clip.path) as recording:
        events = recording.between(40_000, 290_000)
    expected = spike_tensor(events, 40_000, 290_000, 10_000, find_box(events), 16)
    np.testing.assert_array_equal(rows.spikes(0).dense(), expected.spikes)
    assert rows.clipping([0]) == {"events": expected.events, "clipped": expected.clipped}


def test_a_clip_without_events_in_its_box_is_silent(blob_store: Path, tmp_path: Path) -> None:
    clip_set = open_store(blob_store)
    clips = (replace(clip_set.clips[0], box=Box(500, 500, 8, 8)),)
    for _ in range(2):  # made, and found
        rows = clip_spikes(replace(clip_set, clips=clips, digest="away"), 10_000, 16, tmp_path)
        assert rows.spikes(0).dense().shape == (30, 2, 16, 16)
        assert not rows.spikes(0).dense().any()
    assert rows.clip_counts().sum() == 4_000


def test_a_cut_cache_is_made_again_and_an_altered_one_is_told(blob_store: Path, tmp_path: Path) -> None:
    clip_set = open_store(blob_store)
    first = clip_spikes(clip_set, 10_000, 16, tmp_path)
    last, cells = first.spikes(35).dense(), first.folder / "cells.npy"
    cells.write_bytes(cells.read_bytes()[:-1])
    again = clip_spikes(clip_set, 10_000, 16, tmp_path)
    np.testing.assert_array_equal(again.spikes(35).dense(), last)
    rows = np.load(again.folder / "rows.npy")
    rows[5] = rows[-1]
    np.save(again.folder / "rows.npy", rows)
    with pytest.raises(BadFileError, match="the cache of spikes was altered; delete it"):
        clip_spikes(clip_set, 10_000, 16, tmp_path).spikes(0)
    assert clip_spikes(clip_set, 10_000, 200, tmp_path).cells.dtype == np.int32


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
