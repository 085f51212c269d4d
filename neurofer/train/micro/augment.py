"""Random changes of a clip's maps, the same for all of them: mirrored, turned, cropped, moved more or less."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


class Changes(NamedTuple):
    """One draw for each of B clips.

    Attributes:
        flip: ``(B,)`` True where left and right are exchanged.
        turn_rad: ``(B,)`` clockwise as one sees it.
        crop: ``(B,)`` side of the part that is kept and enlarged, as a share of the whole.
        shift: ``(B, 2)`` middle of that part, right and down, in half sides.
        gain: ``(B,)`` factor of the motion.
    """

    flip: NDArray[np.bool_]
    turn_rad: NDArray[np.float64]
    crop: NDArray[np.float64]
    shift: NDArray[np.float64]
    gain: NDArray[np.float64]


def draw_changes(count: int, flip: float, turn_deg: float, crop: float, gain: tuple[float, float],
                 generator: np.random.Generator) -> Changes:
    """Draws for ``count`` clips.

    Args:
        count: B.
        flip: Chance of a mirrored clip.
        turn_deg: Largest turn to either side.
        crop: Smallest side of the part that is kept, 0..1.
        gain: Smallest and largest factor of the motion.
        generator: Source of the draws.

    Source:
        Micro-expression specification, section 2.5.
    """
    sides = generator.uniform(crop, 1, count)
    return Changes(generator.random(count) < flip, np.radians(generator.uniform(-turn_deg, turn_deg, count)), sides,
                   generator.uniform(-1, 1, (count, 2)) * (1 - sides)[:, None], generator.uniform(*gain, count))


def change_flow(flow: Tensor, changes: Changes) -> Tensor:
    """Flow maps as the changed film would have them: vectors turn, grow and mirror with the picture.

    Args:
        flow: ``(B, 2, T, S, S)`` displacements right and down.
        changes: Of each clip.
    """
    moved = _resampled(flow, changes)
    cosine, sine = np.cos(changes.turn_rad), np.sin(changes.turn_rad)
    scale = changes.gain / changes.crop
    mirrored = np.where(changes.flip, -1.0, 1.0)
    rows = np.stack([np.stack([cosine * mirrored, -sine], axis=1), np.stack([sine * mirrored, cosine], axis=1)], axis=1)
    vectors = torch.from_numpy(rows * scale[:, None, None]).to(flow)
    return torch.einsum("bij,bjthw->bithw", vectors, moved)


def change_slices(slices: Tensor, changes: Changes) -> Tensor:
    """Event slices ``(B, C, T, S, S)`` of the changed scene; counts and times are resampled, there is no gain."""
    return _resampled(slices, changes)


def _resampled(maps: Tensor, changes: Changes) -> Tensor:
    """The picture of each map mirrored, then turned, then cropped and enlarged; zero outside."""
    batch, channels, steps, height, width = maps.shape
    cosine, sine = np.cos(changes.turn_rad) * changes.crop, np.sin(changes.turn_rad) * changes.crop
    mirrored = np.where(changes.flip, -1.0, 1.0)
    back_x, back_y = changes.shift.T
    turn_c, turn_s = np.cos(changes.turn_rad), np.sin(changes.turn_rad)
    # Where a pixel of the result comes from: its place in the crop, turned back, mirrored back.
    rows = np.stack([
        np.stack([mirrored * cosine, mirrored * sine, mirrored * (turn_c * back_x + turn_s * back_y)], axis=1),
        np.stack([-sine, cosine, -turn_s * back_x + turn_c * back_y], axis=1)], axis=1)
    flat = maps.reshape(batch, channels * steps, height, width)
    grid = functional.affine_grid(torch.from_numpy(rows).to(maps), list(flat.shape), align_corners=False)
    moved = functional.grid_sample(flat, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return moved.reshape(maps.shape)
