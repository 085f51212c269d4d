"""The picture halfway between two others: for every pixel, kernels that say where in both it comes from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from neurofer.keyframes.frames import Midpoint, Pictures

HINT_WINDOW_PX = 7
"""Side of the square over which the hints of motion are measured."""

_DAMPING = 1e-4
_LARGEST_HINT_PX = 4.0
_CONTRAST = 4.0
_COARSEST = 8


class Kernels(NamedTuple):
    """Where each pixel of the middle comes from: ``(B, K, H, W)`` each, K odd; tap k reads k - K // 2 down or right.

    The weight of a place of a neighbour is the product of a vertical and a horizontal tap.
    """

    first_vertical: Tensor
    first_horizontal: Tensor
    second_vertical: Tensor
    second_horizontal: Tensor


class SeparableInterpolator(nn.Module):
    """Frame interpolation by adaptive separable convolution: two grey frames to the one halfway.

    A small U-shaped network, whose finest maps have half the side of the frames, gives each pixel four one-dimensional
    kernels of ``taps``; those of a neighbour reach ``taps // 2`` pixels, so motion between the frames may be twice
    that. Taps may be negative, but all weights of a pixel sum to one, so what is flat stays flat. Untrained, it gives
    the mean of the two frames.

    Beside the frames the network is shown two rough measures of motion (``motion_hint``, at full and at half
    resolution): in a hundred steps of training it does not learn to measure motion, but it does learn what to do with
    it. The published network has 51 taps, four times the width and no hints.

    One pair of 128 x 128 with 9 taps and width 16: 123 million multiplications in convolutions and 2.9 million in the
    blend, 12 ms on one core at 2.6 GHz, of which the blend takes 3; 120,181 parameters.

    Attributes:
        taps: Length of the kernels.

    Source:
        Niklaus et al., ICCV 2017 (arXiv:1708.01692).
    """

    def __init__(self, taps: int = 9, width: int = 16) -> None:
        """Build with torch's initial weights, and kernels that average.

        Args:
            taps: Length of each kernel, odd, at least 3.
            width: Channels at half resolution; there are twice and four times as many below.

        Raises:
            ValueError: an even or too small number of taps, or no width.
        """
        super().__init__()
        if taps < 3 or taps % 2 == 0 or width < 1:
            raise ValueError(f"SeparableInterpolator: need taps odd and at least 3 and width >= 1, got {taps}, {width}")
        self.taps = taps
        self.down_half = nn.Sequential(_convolution(6, width, 2), _convolution(width, width))
        self.down_quarter = nn.Sequential(_convolution(width, 2 * width, 2), _convolution(2 * width, 2 * width))
        self.down_eighth = nn.Sequential(_convolution(2 * width, 4 * width, 2), _convolution(4 * width, 4 * width))
        self.up_quarter = _convolution(4 * width, 2 * width)
        self.at_quarter = _convolution(2 * width, 2 * width)
        self.up_half = _convolution(2 * width, width)
        self.at_half = _convolution(width, 2 * width)
        self.head = nn.Conv2d(2 * width, 4 * taps + 1, 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, pair: Tensor) -> Tensor:
        """``(B, 2, H, W)`` in 0..1 to the frames halfway, ``(B, H, W)``, which may leave 0..1 by a little."""
        return separable_blend(pair[:, 0], pair[:, 1], *self.kernels(pair))

    def kernels(self, pair: Tensor) -> Kernels:
        """Kernels of ``(B, 2, H, W)`` frames.

        Raises:
            ValueError: another shape.
        """
        if pair.ndim != 4 or pair.shape[1] != 2:
            raise ValueError(f"SeparableInterpolator: need pairs (B, 2, H, W), got {tuple(pair.shape)}")
        height, width = pair.shape[2:]
        right, down = -width % _COARSEST, -height % _COARSEST
        half = self.down_half(_seen(functional.pad(pair, (0, right, 0, down), mode="replicate")))
        quarter = self.down_quarter(half)
        out = self.at_quarter(_doubled(self.up_quarter(self.down_eighth(quarter))) + quarter)
        out = self.at_half(_doubled(self.up_half(out)) + half)
        out = _doubled(self.head(out))[:, :, :height, :width]
        taps = out[:, :-1].unflatten(1, (4, self.taps))
        taps = taps - taps.mean(dim=2, keepdim=True) + _centre(taps)
        share = torch.sigmoid(out[:, -1:])
        return Kernels(taps[:, 0] * share, taps[:, 1], taps[:, 2] * (1 - share), taps[:, 3])


def separable_blend(first: Tensor, second: Tensor, first_vertical: Tensor, first_horizontal: Tensor,
                    second_vertical: Tensor, second_horizontal: Tensor) -> Tensor:
    """Both frames, each convolved at every pixel with that pixel's own kernel, added up.

    ``out[y, x] = sum_ij v[i, y, x] h[j, y, x] frame[y + i - K // 2, x + j - K // 2]`` over both frames, whose border
    goes on outside. Patches are never laid out: one row of taps at a time meets a view of the frame.

    Args:
        first: ``(B, H, W)``.
        second: ``(B, H, W)``.
        first_vertical: ``(B, K, H, W)``, K odd, as are the other kernels; see ``Kernels``.
        first_horizontal: Along x.
        second_vertical: Of the second frame.
        second_horizontal: Of the second frame.

    Returns:
        ``(B, H, W)``.

    Raises:
        ValueError: shapes that do not fit, or an even number of taps.

    Source:
        Niklaus et al., ICCV 2017 (arXiv:1708.01692), section 3.
    """
    kernels = (first_vertical, first_horizontal, second_vertical, second_horizontal)
    taps = first_vertical.shape[1] if first_vertical.ndim == 4 else 0
    wanted = (first.shape[0], taps, *first.shape[1:])
    if first.ndim != 3 or second.shape != first.shape or taps % 2 == 0 or any(one.shape != wanted for one in kernels):
        raise ValueError("separable_blend: need two (B, H, W) and four (B, K, H, W) with K odd, got "
                         f"{', '.join(str(tuple(one.shape)) for one in (first, second, *kernels))}")
    return _convolved(first, first_vertical, first_horizontal) + _convolved(second, second_vertical, second_horizontal)


def motion_hint(first: Tensor, second: Tensor) -> Tensor:
    """Rough motion from the first frame to the second in pixels, by least squares on brightness in a small window.

    Right where motion is below about two pixels; towards zero where nothing has an edge.

    Args:
        first: ``(B, H, W)`` in 0..1.
        second: ``(B, H, W)``.

    Returns:
        ``(B, 2, H, W)``, right and down, each within 4 pixels.

    Source:
        Lucas and Kanade, IJCAI 1981.
    """
    mean = functional.pad(((first + second) / 2)[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    along_x = (mean[:, 1:-1, 2:] - mean[:, 1:-1, :-2]) / 2
    along_y = (mean[:, 2:, 1:-1] - mean[:, :-2, 1:-1]) / 2
    change = second - first
    products = torch.stack([along_x * along_x, along_y * along_y, along_x * along_y, along_x * change,
                            along_y * change], dim=1)
    xx, yy, xy, xt, yt = functional.avg_pool2d(products, HINT_WINDOW_PX, 1, HINT_WINDOW_PX // 2,
                                               count_include_pad=False).unbind(dim=1)
    xx, yy = xx + _DAMPING, yy + _DAMPING
    motion = torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / (xx * yy - xy * xy)[:, None]
    return motion.clamp(-_LARGEST_HINT_PX, _LARGEST_HINT_PX)


def interpolate_midpoint(model: SeparableInterpolator) -> Midpoint:
    """A network as the function that ``neurofer.keyframes.frames.interpolated_frames`` asks for.

    Args:
        model: Put in eval mode; used where it lies.

    Returns:
        Takes two ``(B, H, W)`` uint8 arrays and gives the pictures halfway, likewise.
    """
    model.eval()
    device = model.head.weight.device

    @torch.inference_mode()
    def midpoint(first: Pictures, second: Pictures) -> Pictures:
        if not len(first):
            return first.copy()
        pair = torch.from_numpy(np.stack([first, second], axis=1)).to(device).float() / 255
        middle: Pictures = (model(pair).clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        return middle

    return midpoint


def _convolved(frame: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    taps, (height, width) = vertical.shape[1], frame.shape[1:]
    reach = taps // 2
    padded = functional.pad(frame[:, None], (reach, reach, reach, reach), mode="replicate")[:, 0]
    shifted = padded.unfold(2, width, 1).transpose(1, 2)  # (B, K, H + K - 1, W), a view: tap k is k to the right
    out = torch.zeros_like(frame)
    for row in range(taps):
        out = out + vertical[:, row] * (shifted[:, :, row:row + height] * horizontal).sum(dim=1)
    return out


def _seen(pair: Tensor) -> Tensor:
    """``(B, 2, H, W)`` as the network takes it, ``(B, 6, H, W)``: brightness, its change, two hints of motion."""
    first, second = pair[:, 0], pair[:, 1]
    coarse = functional.avg_pool2d(pair, 2)
    fine_hint = motion_hint(first, second)
    coarse_hint = _doubled(motion_hint(coarse[:, 0], coarse[:, 1]))
    pictures = torch.stack([first + second - 1, (second - first) * _CONTRAST], dim=1)
    return torch.cat([pictures, fine_hint / 2, coarse_hint / 2], dim=1)


def _centre(taps: Tensor) -> Tensor:
    """One at the middle tap, to be added to ``(B, 4, K, H, W)``."""
    centre = torch.zeros(taps.shape[2], 1, 1, dtype=taps.dtype, device=taps.device)
    centre[taps.shape[2] // 2] = 1
    return centre


def _doubled(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.ReLU())
