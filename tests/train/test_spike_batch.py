"""Batches of spikes: the same as ever, in any pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from neurofer.data.store import open_store
from neurofer.train.augment import draw_holes, draw_maps, warp_spikes
from neurofer.train.config import AugmentConfig, TrainConfig
from neurofer.train.data import prepare
from neurofer.train.processes import place
from neurofer.train.spike_batch import SpikeSource
from neurofer.train.spike_rows import SpikeRows
from neurofer.train.spikes import clip_spikes

Make = Callable[..., TrainConfig]
MOVED = ("augment.flip=0.5", "augment.shift=0.03", "augment.rotate_deg=5.0", "augment.zoom=0.04", "augment.erase=0.3")
LIVE = ("augment.events.flip=0.5", "augment.events.noise=0.5", "augment.events.reverse=0.5",
        "augment.events.mirror=0.5", "augment.events.drop=0.5", "augment.events.crop=0.5")


@pytest.mark.parametrize(("settings", "digest"), [
    (MOVED, "61fbe251e0072ee0"),
    (("snn.size_px=32", "snn.dt_us=4000", "snn.decision_us=100000", *MOVED), "daa64223f977051c"),
    ((*MOVED, *LIVE), "fe8229b89e6278f7"),
    ((*LIVE, "augment.shift=0", "augment.zoom=0", "augment.erase=0"), "cd8315ef6934e60e"),
])
def test_batches_are_those_of_old(settings: tuple[str, ...], digest: str, small_config: Make, blob_store: Path,
                                  tmp_path: Path) -> None:
    task = prepare(small_config("snn", *settings), open_store(blob_store), None, tmp_path).task
    found = hashlib.sha256()
    for batch in task.batches(np.random.default_rng(11)):
        spikes = batch.spikes.numpy()
        found.update(f"{spikes.shape} {spikes.dtype} {batch.lengths.tolist()} {batch.labels.tolist()}".encode())
        found.update(spikes.tobytes())
    assert found.hexdigest()[:16] == digest


@pytest.fixture
def rows(blob_store: Path, tmp_path: Path) -> SpikeRows:
    return clip_spikes(open_store(blob_store), 10_000, 16, tmp_path)


@pytest.fixture
def source(rows: SpikeRows) -> SpikeSource:
    return SpikeSource(rows, np.arange(36) % 3)


@pytest.mark.parametrize("graded", [False, True])
def test_moved_spikes_are_those_of_moved_pictures(graded: bool, blob_store: Path, tmp_path: Path) -> None:
    rows = clip_spikes(open_store(blob_store), 30_000, 16, tmp_path, graded)
    drawn = AugmentConfig(flip=0.5, shift=0.3, rotate_deg=30.0, zoom=0.5, erase=0.5)
    clips, generator = np.arange(36), np.random.default_rng(4)
    maps, holes = draw_maps(generator, drawn, 36), draw_holes(generator, drawn, 36, 16)
    batch = SpikeSource(rows, clips % 3).gather(clips, list(maps), 20, holes=holes)
    expected = np.zeros((20, 36, 2, 16, 16), np.float32)
    for clip, (left, top, right, bottom) in enumerate(holes):
        whole = rows.spikes(clip)
        expected[: whole.steps, clip] = warp_spikes(whole.dense(), maps[clip])
        expected[:, clip, :, top:bottom, left:right] = 0
    np.testing.assert_array_equal(batch.spikes.numpy(), expected)
    assert expected.max() == (52 if graded else 1)
    assert (batch.values is not None) == graded


def test_chunks_are_the_whole_and_reach_no_further(source: SpikeSource) -> None:
    batch = source.gather(np.array([0, 4, 2]))
    whole = batch.spikes
    assert whole.shape == (batch.steps, 3, 2, 16, 16)
    assert whole.dtype == torch.float32
    for every in (1, 7, 100):
        parts = [batch.chunk(start, start + every) for start in range(0, batch.steps, every)]
        assert torch.equal(torch.cat(parts), whole)
    assert batch.chunk(5, 5).shape == batch.chunk(9, 3).shape == (0, 3, 2, 16, 16)
    assert batch.lengths.tolist() == [30, 35, 40]
    assert not whole[30:, 0].any()
    assert whole[30:35, 1].any()


def test_company_changes_nothing(source: SpikeSource) -> None:
    together = source.gather(np.arange(12)).spikes
    for clip in range(12):
        alone = source.gather(np.array([clip])).spikes
        assert torch.equal(together[: len(alone), clip], alone[:, 0])


def test_a_batch_keeps_its_spikes_where_it_is_placed(source: SpikeSource) -> None:
    batch = source.gather(np.array([1, 2]))
    moved = place(batch, torch.device("cpu"))
    assert torch.equal(moved.spikes, batch.spikes)
    if torch.cuda.is_available():
        there = place(batch.pin_memory(), torch.device("cuda"))
        assert there.chunk(3, 9).is_cuda
        assert torch.equal(there.spikes.cpu(), batch.spikes)


def test_the_busiest_stretch(source: SpikeSource, rows: SpikeRows) -> None:
    clips = np.array([0, 4, 2])
    short = source.busiest(clips, 12)
    assert short.lengths.tolist() == [12, 12, 12]
    for column, clip in enumerate(clips):
        each = rows.spikes(int(clip)).dense().reshape(-1, 512).sum(1, dtype=np.int64)
        sums = np.convolve(each, np.ones(12, np.int64), "valid")
        start = int(sums.argmax())
        assert torch.equal(short.spikes[:, column], torch.from_numpy(rows.spikes(int(clip)).dense(start, start + 12)))
    assert torch.equal(source.busiest(clips, 40).spikes, source.gather(clips).spikes)
    assert source.busiest(clips, 36).lengths.tolist() == [30, 35, 36]
