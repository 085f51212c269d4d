"""The spotter: three convolutions that compare a frame with one before and one after, and a head for each type.

One network with shared weights looks at a moment t twice, with reference frames at the distance k of
micro-expressions and at that of macro-expressions. What the papers leave open (kernels, widths, pooling, fresh weights)
is ours. The first and last frame of a stack stand in for those before and after it; zeros would look like a change.

Source:
    Yap et al., "3D-CNN for Facial Micro- and Macro-expression Spotting on Long Video Sequences using Temporal Oriented
    Reference Frame", ACM MM 2022; spotting specification, sections 3 and 4.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from neurofer.models.depthwise import depthwise
from neurofer.spotting.contrast import LEAST, SIDE_PX, window_taps

CHANNELS = (16, 32, 64)
GREY_MIDDLE, GREY_SPREAD = 128.0, 64.0
"""A grey frame without contrast normalisation is fed as ``(x - 128) / 64``."""


def local_contrast(pictures: Tensor) -> Tensor:
    """Each picture with its local mean taken off, divided by its local deviation where that is above the average one.

    ``v = I - w*I``, ``s = sqrt(w*v^2)``, ``v / max(mean(s), s, 1e-5)`` with a Gaussian window w of 9 x 9 pixels. The
    same for ``a I + b``, a > 0; a picture without contrast gives 0.

    Args:
        pictures: ``(..., H, W)`` floats, 5 pixels or more to each side.

    Returns:
        Likewise.

    Raises:
        ValueError: smaller pictures, which cannot be reflected at their edges.

    Source:
        Spotting specification, section 3; window and normaliser are our choice.
    """
    height, width = pictures.shape[-2:]
    if min(height, width) <= SIDE_PX // 2:
        raise ValueError(f"local_contrast: need pictures of at least {SIDE_PX // 2 + 1} pixels, got "
                         f"{height} x {width}")
    flat = pictures.reshape(-1, 1, height, width)
    flat = flat - flat[:, :, :1, :1]  # what is constant becomes 0 to the last bit
    around = flat - _blur(flat)
    spread = _blur(around.square()).clamp_min(0).sqrt()
    usual = spread.mean(dim=(-2, -1), keepdim=True)
    return (around / torch.maximum(spread, usual).clamp_min(LEAST)).reshape(pictures.shape)


def _blur(pictures: Tensor) -> Tensor:
    """Rows, then columns, each by one product with a band matrix, which is faster than a convolution of one channel."""
    height, width = pictures.shape[-2:]
    return _window_matrix(height).to(pictures) @ pictures @ _window_matrix(width).to(pictures).T


@functools.lru_cache(maxsize=8)
def _window_matrix(size: int) -> Tensor:
    """``(size, size)`` the window around each place as a row, reflected at the ends without repeating the edge."""
    reach = SIDE_PX // 2
    places = torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)
    places = (size - 1) - ((size - 1) - places.abs()).abs()
    return torch.zeros(size, size).scatter_add_(1, places, torch.from_numpy(window_taps()).expand(size, -1))


class _Separable(nn.Module):
    """A depthwise and a pointwise convolution, and around both a residual of one pixel, all without bias."""

    def __init__(self, channels: int, out: int, times: int, keep_times: bool, residual: bool) -> None:
        super().__init__()
        self.depthwise = nn.Conv3d(channels, channels, (times, 3, 3), groups=channels, bias=False)
        self.pointwise = nn.Conv3d(channels, out, 1, bias=False)
        self.residual = nn.Conv3d(channels, out, 1, bias=False) if residual else None
        self.keep_times, self.centre = keep_times, None if keep_times else times // 2
        self.norm = nn.BatchNorm3d(out)
        self.pool = nn.MaxPool3d((1, 2, 2))

    def forward(self, maps: Tensor) -> Tensor:
        new = _per_pixel(self.pointwise, depthwise(maps, self.depthwise.weight, self.keep_times))
        if self.residual is not None:
            old = maps if self.centre is None else maps[:, :, self.centre : self.centre + 1]
            new = new + _per_pixel(self.residual, old)
        out: Tensor = self.pool(torch.relu(self.norm(new)))
        return out


def _per_pixel(convolution: nn.Conv3d, maps: Tensor) -> Tensor:
    """A convolution of one pixel without bias, as one product of matrices."""
    mixed = maps.permute(0, 2, 3, 4, 1) @ convolution.weight[:, :, 0, 0, 0].T
    return mixed.permute(0, 4, 1, 2, 3)


class Spotter(nn.Module):
    """Scores of moments by small stacks of frames.

    Attributes:
        channels: Of a frame: 1 grey, or 4 sums of events.
        times: Frames of a stack: 3, or 1 for events, whose windows are channels.
        lcn: Whether contrast is normalised locally.
    """

    def __init__(self, channels: int = 1, times: int = 3, width: float = 1.0, residual: bool = True,
                 dropout: float = 0.3, lcn: bool = True) -> None:
        """The network of section 4; with the default settings it has 7,218 parameters.

        Args:
            channels: 1 for grey frames in 0..255, else sums of events.
            times: 3, or 1.
            width: Factor of all channels.
            residual: Whether the second and third convolution have a path around them.
            dropout: Share of features left out in training.
            lcn: Whether contrast is normalised locally.

        Raises:
            ValueError: another number of times.
        """
        super().__init__()
        if times not in (1, 3):
            raise ValueError(f"Spotter: times is {times}; need 3 frames, or 1 stack of event sums")
        first, second, third = (max(1, round(width * count)) for count in CHANNELS)
        self.channels, self.times, self.lcn = channels, times, lcn
        self.conv = nn.Conv3d(channels, first, (times, 3, 3), (1, 2, 2), (0, 1, 1))
        self.norm = nn.BatchNorm3d(first)
        self.second = _Separable(first, second, times, keep_times=True, residual=residual)
        self.third = _Separable(second, third, times, keep_times=False, residual=residual)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(nn.Linear(third, 1) for _ in range(2))
        if times > 1:
            self._start_from_changes()

    def prepared(self, frames: Tensor) -> Tensor:
        """Frames ``(..., H, W)`` float32 as the convolutions get them: logarithm of event sums, contrast or scale."""
        if self.channels > 1:
            frames = torch.log1p(frames)
            return local_contrast(frames) if self.lcn else frames
        return local_contrast(frames) if self.lcn else (frames - GREY_MIDDLE) / GREY_SPREAD

    def features(self, stacks: Tensor) -> Tensor:
        """``(B, F)`` features of prepared stacks ``(B, C, T, H, W)``."""
        if self.times > 1:
            stacks = torch.cat([stacks[:, :, :1], stacks, stacks[:, :, -1:]], dim=2)
        stacks = stacks.contiguous(memory_format=torch.channels_last_3d)
        maps: Tensor = self.third(self.second(torch.relu(self.norm(self.conv(stacks)))))
        return maps.mean(dim=(2, 3, 4))

    @torch.no_grad()
    def _start_from_changes(self) -> None:
        """Take its mean over time off each kernel of the first convolution: a face at rest begins as nothing.

        Fresh kernels answer to what a face looks like, which is many times what an expression changes of it; a few
        minutes of training videos do not teach them otherwise.
        """
        self.conv.weight -= self.conv.weight.mean(dim=2, keepdim=True)

    def forward(self, stacks: Tensor, kinds: Tensor) -> Tensor:
        """Scores of stacks, each of one type.

        Args:
            stacks: ``(B, C, T, H, W)`` float32: grey frames at t - k, t, t + k in 0..255, or event sums.
            kinds: ``(B,)`` int64, 0 for the distance k of micro-expressions, 1 for that of macro-expressions.

        Returns:
            ``(B,)`` logits.
        """
        features = self.dropout(self.features(self.prepared(stacks)))
        both = torch.cat([head(features) for head in self.heads], dim=1)
        return both.gather(1, kinds[:, None])[:, 0]
