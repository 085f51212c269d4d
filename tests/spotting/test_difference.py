"""Baselines without learning: a planted change peaks in its middle, blocks change nothing, even spacing by hand."""

import numpy as np
import pytest

from neurofer.models.spotter_dense import contrast
from neurofer.spotting import difference
from neurofer.spotting.difference import difference_scores, evenly_spaced
from trees.bump import bump_film

SKIPS = {"micro": 6, "macro": 18}


def bump_pictures(seed=0, rise=7, fall=7, still=60):
    pictures, _, onset, apex, offset = bump_film(seed, 2.0, 0.005, 48, 5.0, still, rise, fall)
    return pictures, onset, apex, offset


def test_a_short_movement_scores_highest_at_its_apex():
    pictures, onset, apex, offset = bump_pictures()
    scores = difference_scores(pictures, SKIPS)[:, 0]
    assert abs(int(scores.argmax()) - apex) <= 2
    still = np.concatenate((scores[: onset - 6], scores[offset + 6 :]))
    assert scores.max() > 2 * still.max()


def test_only_the_difference_to_both_references_counts():
    pictures = bump_pictures(rise=14, fall=14)[0]
    stays = np.concatenate((pictures[:74], np.repeat(pictures[74:75], 80, axis=0)))
    both, one = (difference_scores(film, {"micro": 10, "macro": 10})[:, 0].max() for film in (pictures, stays))
    assert one < 0.7 * both


def test_scores_by_hand():
    pictures = np.random.default_rng(0).integers(0, 256, (4, 16, 16)).astype(np.uint8)
    y = np.stack([contrast(one.astype(np.float32)) for one in pictures])
    face = np.zeros((16, 16), bool)  # boxes of brows, nose and mouth in a crop of 16 pixels
    face[1:4, 2:14] = face[6:9, 4:12] = face[9:14, 4:12] = True
    d = np.minimum(np.abs(y[1] - y[0]), np.abs(y[1] - y[2]))[face].mean(dtype=np.float64)
    scores = difference_scores(pictures, {"micro": 1, "macro": 5})
    assert scores[1, 0] == pytest.approx(d / (1 + d), rel=1e-6)  # means of float32
    assert scores[0].tolist() == [0, 0]
    assert scores[3].tolist() == [0, 0]


def test_light_and_gain_change_little():
    pictures = bump_pictures()[0] // 2
    scores = difference_scores(pictures, SKIPS)
    np.testing.assert_allclose(difference_scores(pictures + np.uint8(100), SKIPS), scores, atol=1e-5)  # of float32


@pytest.mark.parametrize("block", [1, 5, 1000])
def test_blocks_change_nothing(monkeypatch, block):
    pictures = bump_pictures(still=20)[0]
    whole = difference_scores(pictures, SKIPS)
    monkeypatch.setattr(difference, "FRAMES_AT_ONCE", block)
    np.testing.assert_array_equal(difference_scores(pictures, SKIPS), whole)


@pytest.mark.parametrize("frames", [1, 3, 30])
def test_a_video_shorter_than_its_skips_has_a_score_for_each_frame(frames):
    scores = difference_scores(bump_pictures()[0][:frames], {"micro": 37, "macro": 170})
    assert scores.shape == (frames, 2)
    assert ((scores >= 0) & (scores < 1)).all()


def test_even_intervals_stay_in_the_video():
    found = evenly_spaced(10, "v", "macro", 0.2, 4)
    assert [(one.onset, one.apex, one.offset, one.kind, one.video) for one in found] == [
        (0, 2, 6, "macro", "v"), (3, 7, 9, "macro", "v")]
    assert evenly_spaced(10, "v", "micro", 0.04, 4) == []


def test_refusals():
    with pytest.raises(ValueError, match=r"\(N, S, S\) frames"):
        difference_scores(np.zeros((0, 32, 32), np.uint8), SKIPS)
    with pytest.raises(ValueError, match="skips of at least 1 for micro and macro"):
        difference_scores(np.zeros((3, 32, 32), np.uint8), {"micro": 3})
    with pytest.raises(ValueError, match="numbers of 0 or more"):
        evenly_spaced(10, "v", "micro", -1.0, 4)
