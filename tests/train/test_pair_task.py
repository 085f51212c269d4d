"""Which pairs an epoch shows and which are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurofer.data.pairs import Pairs, face_pairs
from neurofer.data.store import open_store
from neurofer.represent import build_representation
from neurofer.train.pair_task import PairTask, spread
from neurofer.train.pretrain_config import PretrainOptimise
from neurofer.train.processes import Share

TRAIN, HELD_OUT = (0, 1, 2, 3, 7), (20, 21, 22)


@pytest.fixture(scope="module")
def pairs(framed_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    cache = tmp_path_factory.mktemp("cache")
    return face_pairs(open_store(framed_store), build_representation("tie"), 50_000, 16, "middle", cache)


def task(pairs: Pairs, **settings: object) -> PairTask:
    return PairTask(PretrainOptimise.model_validate({"batch": 8, **settings}), pairs, TRAIN, HELD_OUT)


def shown(work: PairTask, share: Share = Share(), seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: B008
    batches = list(work.batches(np.random.default_rng(seed), share))
    assert len(batches) == work.steps
    return torch.cat([batch.pictures for batch in batches]), torch.cat([batch.faces for batch in batches])


def as_set(pictures: torch.Tensor, faces: torch.Tensor) -> list[bytes]:
    return sorted(picture.numpy().tobytes() + face.numpy().tobytes()
                  for picture, face in zip(pictures, faces, strict=True))


def test_an_epoch_shows_every_pair_of_the_training_clips_once(pairs: Pairs) -> None:
    work = task(pairs)
    pictures, faces = shown(work)
    assert as_set(pictures, faces) == as_set(*work.read(pairs.rows_of(TRAIN)))
    assert work.steps == -(-len(pictures) // 8)
    assert not torch.equal(pictures, shown(work, seed=1)[0])


def test_pairs_drawn_of_each_clip_are_its_own_and_different(pairs: Pairs) -> None:
    work = task(pairs, pairs_per_clip=3, event_power=1.0)
    pictures, faces = shown(work)
    assert len(pictures) == 3 * len(TRAIN)
    everything = as_set(*work.read(pairs.rows_of(TRAIN)))
    drawn = as_set(pictures, faces)
    assert set(drawn) <= set(everything)
    assert len(set(drawn)) == len(drawn)
    # More than a clip has: all of them.
    assert as_set(*shown(task(pairs, pairs_per_clip=99))) == everything


def test_picture_and_face_are_mirrored_together(pairs: Pairs) -> None:
    plain, mirrored = shown(task(pairs)), shown(task(pairs, augment_flip=1.0))
    for one, other in zip(plain, mirrored, strict=True):
        assert torch.equal(one.flip(-1), other)


@pytest.mark.parametrize("of", [2, 3])
def test_shares_are_the_whole_whatever_their_number(pairs: Pairs, of: int) -> None:
    work = task(pairs, augment_flip=0.5)
    parts = [list(work.batches(np.random.default_rng(0), Share(rank, of))) for rank in range(of)]
    for whole, *shares in zip(work.batches(np.random.default_rng(0)), *parts, strict=True):
        assert sum(batch.weight for batch in shares) == pytest.approx(1.0)
        together = as_set(torch.cat([batch.pictures for batch in shares]), torch.cat([batch.faces for batch in shares]))
        assert together == as_set(whole.pictures, whole.faces)


def test_held_out_pairs_are_bounded_and_of_all_clips(pairs: Pairs) -> None:
    work = task(pairs, held_out_pairs=6)
    assert len(work.held_out) == 6
    assert {pairs.clip_of(int(row)) for row in work.held_out} == set(HELD_OUT)
    assert task(pairs, held_out_pairs=10_000).held_out.tolist() == pairs.rows_of(HELD_OUT).tolist()
    rows = work.busiest(2)
    for row in rows:
        events = pairs.pictures.counts_of(pairs.clip_of(int(row))).sum(axis=1)
        assert pairs.pictures.counts[row].sum() == events.max()
    assert len(PairTask(PretrainOptimise(), pairs, TRAIN, ()).busiest(8)) == 0


def test_spread_by_hand() -> None:
    assert spread(10, 2).tolist() == [2, 7]
    assert spread(3, 8).tolist() == [0, 1, 2]
    assert spread(0, 8).tolist() == []
