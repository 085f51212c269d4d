"""Depthwise convolutions of 3 x 3 over T times, forward and backward, compiled for channels that lie last in memory.

PyTorch's gradient of a grouped 3D convolution on a CPU takes half of the time of a training of the spotter; with the
channels of all pixels of a row side by side, each tap is one multiplication of long vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.compiled import compiled

Floats = NDArray[np.float32]


def depthwise(maps: Tensor, weight: Tensor, keep_times: bool) -> Tensor:
    """A depthwise convolution without bias; rows and columns are padded by one zero.

    On a CPU in single precision by the compiled kernels, elsewhere by PyTorch; results differ by rounding alone.

    Args:
        maps: ``(B, C, T, H, W)``.
        weight: ``(C, 1, K, 3, 3)``, K odd.
        keep_times: Pad the times likewise, so that T stays; else T - K + 1 are left.

    Returns:
        ``(B, C, T', H, W)``.
    """
    pad = weight.shape[2] // 2 if keep_times else 0
    if maps.device.type == "cpu" and maps.dtype == weight.dtype == torch.float32:
        return _Depthwise.apply(maps, weight, pad)
    return torch.conv3d(maps, weight, padding=(pad, 1, 1), groups=len(weight))


class _Depthwise(torch.autograd.Function):
    """The compiled convolution with its gradients."""

    @staticmethod
    def forward(context: Any, maps: Tensor, weight: Tensor, pad: int) -> Tensor:
        context.save_for_backward(maps, weight)
        context.pad = pad
        out = _empty(maps, maps.shape[2] + 2 * pad - weight.shape[2] + 1)
        convolve(_rows(maps), _row_taps(weight, maps.shape[-1]), len(weight), pad, _rows(out))
        return out

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        maps, weight = context.saved_tensors
        channels, width = len(weight), maps.shape[-1]
        of_maps = of_weight = None
        if context.needs_input_grad[0]:
            of_maps = _empty(maps, maps.shape[2])
            mirrored = _row_taps(weight.flip(2, 3, 4), width)
            convolve(_rows(gradient), mirrored, channels, weight.shape[2] - 1 - context.pad, _rows(of_maps))
        if context.needs_input_grad[1]:
            sums = np.zeros((weight.shape[2], 3, 3, width * channels), np.float32)
            correlate(_rows(maps), _rows(gradient), channels, context.pad, sums)
            of_taps = torch.from_numpy(sums.reshape(-1, 3, 3, width, channels).sum(axis=3, dtype=np.float64)).float()
            of_weight = of_taps.permute(3, 0, 1, 2)[:, None].contiguous()
        return of_maps, of_weight, None


@compiled(fastmath=True)
def convolve(maps: Floats, taps: Floats, channels: int, pad: int, out: Floats) -> None:
    """The convolution, a row at a time: what a tap adds to a row is one product of vectors as long as that.

    Args:
        maps: ``(B, T, H, W * C)``, the channels of a pixel side by side.
        taps: ``(K, 3, 3, W * C)``, again for every pixel of a row.
        channels: C.
        pad: Zeros before and behind the times; may be more than ``K // 2``.
        out: ``(B, T + 2 pad - K + 1, H, W * C)``.
    """
    batch, times, height, length = maps.shape
    for b in range(batch):
        for time in range(out.shape[1]):
            for y in range(height):
                line = out[b, time, y]
                line[:] = np.float32(0)
                for k in range(taps.shape[0]):
                    source = time + k - pad
                    if source < 0 or source >= times:
                        continue
                    for row in range(max(0, 1 - y), min(3, height + 1 - y)):
                        above = maps[b, source, y + row - 1]
                        left, middle, right = taps[k, row, 0], taps[k, row, 1], taps[k, row, 2]
                        for at in range(length):
                            line[at] += middle[at] * above[at]
                        for at in range(length - channels):
                            line[at + channels] += left[at] * above[at]
                        for at in range(length - channels):
                            line[at] += right[at] * above[at + channels]


@compiled(fastmath=True)
def correlate(maps: Floats, gradient: Floats, channels: int, pad: int, sums: Floats) -> None:
    """The gradient of the taps, of each pixel of a row apart.

    Args:
        maps: ``(B, T, H, W * C)`` that were convolved.
        gradient: ``(B, T', H, W * C)`` of what came out.
        channels: C.
        pad: Of the convolution.
        sums: ``(K, 3, 3, W * C)``, to which it is added.
    """
    batch, times, height, length = maps.shape
    for b in range(batch):
        for time in range(gradient.shape[1]):
            for k in range(sums.shape[0]):
                source = time + k - pad
                if source < 0 or source >= times:
                    continue
                for row in range(3):
                    left, middle, right = sums[k, row, 0], sums[k, row, 1], sums[k, row, 2]
                    for y in range(max(0, 1 - row), min(height, height + 1 - row)):
                        above, change = maps[b, source, y + row - 1], gradient[b, time, y]
                        for at in range(length):
                            middle[at] += above[at] * change[at]
                        for at in range(length - channels):
                            left[at] += above[at] * change[at + channels]
                        for at in range(length - channels):
                            right[at] += above[at + channels] * change[at]


def _rows(maps: Tensor) -> Floats:
    """``(B, T, H, W * C)`` array of ``(B, C, T, H, W)``; a view where channels lie last in memory."""
    last = maps.detach().permute(0, 2, 3, 4, 1).contiguous()
    return np.asarray(last.flatten(3).numpy())


def _row_taps(weight: Tensor, width: int) -> Floats:
    """``(K, 3, 3, W * C)`` taps of ``(C, 1, K, 3, 3)``, again for every pixel of a row."""
    return np.tile(np.asarray(weight.detach()[:, 0].permute(1, 2, 3, 0).numpy()), width)


def _empty(maps: Tensor, times: int) -> Tensor:
    batch, channels, _, height, width = maps.shape
    return torch.empty((batch, channels, times, height, width), memory_format=torch.channels_last_3d)
