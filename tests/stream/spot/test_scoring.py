"""Blocks to scores: any blocks give the same, and of a strided run every frame has one."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.stream.spot.footage import in_blocks
from neurofer.stream.spot.scoring import UsedFrames, score_blocks
from trees.spot_runs import Brightness, pulses

PICTURES = pulses(50, (10, 20))
COUNTS = np.random.default_rng(0).integers(0, 9, (50, 2, 4, 4)).astype(np.uint16)


def rows(frames: np.ndarray) -> list[tuple[np.ndarray, int, int]]:
    return [(frame, number, 33_333 * number) for number, frame in enumerate(frames)]


@pytest.mark.parametrize("size", [1, 7, 50, 64])
@pytest.mark.parametrize("stride", [1, 3])
def test_chunks_equal_the_whole(size: int, stride: int) -> None:
    for frames in (PICTURES, COUNTS):
        whole = score_blocks(Brightness(), in_blocks(rows(frames), 64), stride)
        parts = score_blocks(Brightness(), in_blocks(rows(frames), size), stride)
        assert np.array_equal(parts.scores, whole.scores)
        assert parts.scores.shape == (50, 2)
        assert parts.numbers.tolist() == list(range(50))


def test_between_frames_that_are_used_goes_a_straight_line() -> None:
    found = score_blocks(Brightness(), in_blocks(rows(PICTURES)), 4).scores[:, 0]
    own = PICTURES.mean(axis=(1, 2)) / 255
    assert found[::4] == pytest.approx(own[::4])
    assert found[14] == pytest.approx((own[12] + own[16]) / 2)
    assert found[49] == found[48]


def test_no_event_is_lost_between_frames_that_are_used() -> None:
    used = UsedFrames(4)
    kept = np.concatenate([used.take(part) for part in (COUNTS[:3], COUNTS[3:30], COUNTS[30:])])
    assert len(kept) == 13
    assert np.array_equal(kept[0], COUNTS[0])
    assert np.array_equal(kept[3], COUNTS[9:13].sum(axis=0))
    assert kept.sum() == COUNTS[:49].sum()


def test_nothing_has_no_scores() -> None:
    assert score_blocks(Brightness(), []).scores.shape == (0, 2)
