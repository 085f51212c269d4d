"""Augmentation: by hand, laws, and one draw for a whole sequence."""

from __future__ import annotations

import numpy as np
import torch

from neurofer.train.augment import draw_holes, draw_maps, warp_pictures, warp_spikes
from neurofer.train.config import AugmentConfig

NOTHING = AugmentConfig(flip=0.0, shift=0.0, rotate_deg=0.0, zoom=0.0)
MIRROR = np.array([[[-1, 0, 0], [0, 1, 0]]], np.float32)


def test_no_change_changes_nothing() -> None:
    maps = draw_maps(np.random.default_rng(0), NOTHING, 2)
    pictures = torch.rand(2, 3, 1, 8, 8)
    torch.testing.assert_close(warp_pictures(pictures, maps, -1.0), pictures, rtol=0, atol=1e-6)  # interpolation rounds
    spikes = (np.random.default_rng(1).random((4, 2, 8, 8)) < 0.5).astype(np.uint8)
    np.testing.assert_array_equal(warp_spikes(spikes, maps[0]), spikes)


def test_a_mirror_by_hand() -> None:
    pictures = torch.arange(4.0).reshape(1, 1, 1, 1, 4).expand(1, 1, 1, 4, 4)
    assert warp_pictures(pictures, MIRROR, 0.0)[0, 0, 0, 0].tolist() == [3.0, 2.0, 1.0, 0.0]
    spikes = np.zeros((1, 2, 4, 4), np.uint8)
    spikes[0, 1, 2, 0] = 1
    assert np.argwhere(warp_spikes(spikes, MIRROR[0])).tolist() == [[0, 1, 2, 3]]


def test_what_comes_from_outside_is_empty() -> None:
    away = np.array([[[1, 0, 1], [0, 1, 0]]], np.float32)  # half a picture to the left
    moved = warp_pictures(torch.zeros(1, 1, 1, 4, 4), away, -1.0)
    assert moved[0, 0, 0, 0].tolist() == [0.0, 0.0, -1.0, -1.0]
    assert warp_spikes(np.ones((1, 2, 4, 4), np.uint8), away[0])[0, 0, 0].tolist() == [1, 1, 0, 0]


def test_a_sequence_moves_as_one() -> None:
    maps = draw_maps(np.random.default_rng(2), AugmentConfig(), 1)
    still = torch.rand(1, 1, 1, 16, 16).expand(1, 5, 1, 16, 16)
    moved = warp_pictures(still, maps, 0.0)
    assert all(torch.equal(moved[0, 0], moved[0, step]) for step in range(5))


def test_holes_lie_inside_and_are_no_larger_than_said() -> None:
    holes = draw_holes(np.random.default_rng(4), AugmentConfig(erase=0.5), 200, 32)
    assert holes.min() >= 0
    assert holes.max() <= 32
    sides = holes[:, 2:] - holes[:, :2]
    assert 0 <= sides.min() < 3
    assert 14 <= sides.max() <= 17  # half of 32, and a pixel of rounding
    assert not (draw_holes(np.random.default_rng(4), NOTHING, 5, 32)[:, 2:]
                - draw_holes(np.random.default_rng(4), NOTHING, 5, 32)[:, :2]).any()


def test_spikes_stay_zeros_and_ones_and_about_as_many() -> None:
    generator = np.random.default_rng(3)
    spikes = np.zeros((10, 2, 32, 32), np.uint8)
    spikes[:, :, 10:22, 10:22] = generator.random((10, 2, 12, 12)) < 0.3
    for one_map in draw_maps(generator, AugmentConfig(), 8):
        moved = warp_spikes(spikes, one_map)
        assert set(np.unique(moved)) <= {0, 1}
        assert 0.75 < moved.sum() / spikes.sum() < 1.3  # a zoom of 8 % changes areas by up to 18 %
