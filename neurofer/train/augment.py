"""Random flips, shifts, turns and zooms of training sequences: one draw for a whole sequence."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neurofer.train.config import AugmentConfig


def draw_maps(generator: np.random.Generator, settings: AugmentConfig, count: int) -> NDArray[np.float32]:
    """Affine maps from a result's place to its source's, both in -1..1 from edge to edge.

    Args:
        generator: Source of the draws.
        settings: Largest changes; ``shift`` in parts of the picture, ``zoom`` as a factor's distance from 1.
        count: Number of sequences B.

    Returns:
        ``(B, 2, 3)`` float32, for ``affine_grid``.
    """
    angle = np.deg2rad(settings.rotate_deg) * generator.uniform(-1, 1, count)
    scale = 1 + settings.zoom * generator.uniform(-1, 1, count)
    mirror = np.where(generator.random(count) < settings.flip, -1.0, 1.0)
    shift = 2 * settings.shift * generator.uniform(-1, 1, (count, 2))
    maps = np.empty((count, 2, 3), np.float32)
    maps[:, 0, 0], maps[:, 0, 1] = mirror * scale * np.cos(angle), -mirror * scale * np.sin(angle)
    maps[:, 1, 0], maps[:, 1, 1] = scale * np.sin(angle), scale * np.cos(angle)
    maps[:, :, 2] = shift
    return maps


def draw_holes(generator: np.random.Generator, settings: AugmentConfig, count: int, size_px: int) -> NDArray[np.int64]:
    """A rectangle to empty in each sequence: ``(B, 4)`` left, top, right, bottom in pixels.

    Sides are drawn evenly between nothing and ``erase`` of the picture's; a network that may miss any part of a face
    learns to look at all of them.

    Args:
        generator: Source of the draws.
        settings: ``erase`` in parts of the picture's side.
        count: Number of sequences B.
        size_px: Side of the pictures.
    """
    sides = generator.uniform(0, settings.erase, (count, 2)) * size_px
    starts = generator.random((count, 2)) * (size_px - sides)
    return np.rint(np.concatenate([starts, starts + sides], axis=1)).astype(np.int64)


def warp_pictures(pictures: Tensor, maps: NDArray[np.float32], empty: float) -> Tensor:
    """Every sequence's pictures moved by its map, bilinear; what comes from outside is ``empty``.

    Args:
        pictures: ``(B, T, C, S, S)`` float.
        maps: ``(B, 2, 3)``, see ``draw_maps``.
        empty: Value of a pixel without events.
    """
    flat = pictures.flatten(1, 2) - empty
    grid = functional.affine_grid(torch.from_numpy(maps).to(flat.device), list(flat.shape), align_corners=False)
    moved = functional.grid_sample(flat, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return (moved + empty).unflatten(1, pictures.shape[1:3])


def warp_spikes(spikes: NDArray[np.uint8], one_map: NDArray[np.float32]) -> NDArray[np.uint8]:
    """One sequence's spikes moved by one map, nearest neighbour, so that they stay zeros and ones.

    Args:
        spikes: ``(T, 2, S, S)``.
        one_map: ``(2, 3)``, see ``draw_maps``.
    """
    size = spikes.shape[-1]
    place = source_places(one_map, size)
    moved = spikes.reshape(-1, size * size)[:, np.maximum(place, 0)]
    moved *= (place >= 0).astype(np.uint8)
    return moved.reshape(spikes.shape)


def source_places(one_map: NDArray[np.float32], size_px: int) -> NDArray[np.int64]:
    """``(S * S,)`` place that each place of a moved picture is taken from, row by row; -1 where that lies outside.

    Args:
        one_map: ``(2, 3)``, see ``draw_maps``.
        size_px: Side S.
    """
    centre = (2 * np.arange(size_px, dtype=np.float32) + 1) / size_px - 1
    x, y = np.meshgrid(centre, centre)
    source = one_map @ np.stack([x.ravel(), y.ravel(), np.ones(size_px * size_px, np.float32)])
    column, row = np.floor((source + 1) * size_px / 2).astype(np.int64)
    inside = (column >= 0) & (column < size_px) & (row >= 0) & (row < size_px)
    return np.where(inside, row * size_px + column, -1)
