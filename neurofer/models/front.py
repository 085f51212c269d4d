"""What stands before an encoder: pictures whose values are no bytes are scaled, and EST's grid is learned."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

FRONTS = ("none", "scale", "est")
HIDDEN = 30
"""Width of both hidden layers of EST's kernel."""


class Scale(nn.Module):
    """``(picture - empty) / divisor``: 0 where nothing happened, and of the size that an encoder expects elsewhere.

    Counts may reach hundreds and a voxel grid's cells hardly one; an encoder learns at the same pace from both only
    when they come to it on one scale. Both numbers are measured once, before training, and kept with the weights;
    until then the scale changes nothing.

    Attributes:
        channels: Channels of the pictures, before and after.
    """

    empty: Tensor
    divisor: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = self.out_channels = channels
        self.register_buffer("empty", torch.zeros(()))
        self.register_buffer("divisor", torch.ones(()))

    def forward(self, pictures: Tensor) -> Tensor:
        """``(N, C, S, S)`` to the same shape."""
        return (pictures - self.empty) / self.divisor

    @torch.no_grad()
    def measure(self, pictures: Iterable[Tensor], empty: float = 0.0) -> None:
        """Let the root mean square of what differs from ``empty`` be 1.

        Args:
            pictures: ``(N, C, S, S)`` each, from training clips; with nothing but ``empty`` the divisor is 1.
            empty: What a pixel without events is in them.
        """
        filled, total = 0, 0.0
        for some in pictures:
            values = some.double() - empty
            filled += int(torch.count_nonzero(values))
            total += float(values.square().sum())
        self.empty.fill_(empty)
        self.divisor.fill_((total / filled) ** 0.5 if total > 0 else 1.0)

    def macs(self, size_px: int) -> int:
        """Multiplications of one picture."""
        return self.channels * size_px * size_px


class KernelMlp(nn.Module):
    """EST's kernel, a function of one number: 1-30-30-1 with LeakyReLU 0.1, a triangle to begin with.

    Source:
        Gehrig et al., ICCV 2019, section 3.2 (arXiv:1904.08245).
    """

    def __init__(self, half_width: float) -> None:
        """Start as ``max(0, 1 - |u| / half_width)``, written down rather than fitted.

        With ``b(u) = leaky(u + h) - 2 leaky(u) + leaky(u - h)``, the straight parts of the leaks cancel, and what is
        left is ``0.9 h`` times the triangle of half-width h. Three hinges and one unit behind them carry it; the
        hinges of the others lie evenly over -1..1 and the units behind them wait with an outgoing weight of 0, from
        which they are learned.

        Args:
            half_width: Where the triangle reaches 0.

        Raises:
            ValueError: ``half_width`` <= 0.
        """
        super().__init__()
        if half_width <= 0:
            raise ValueError(f"KernelMlp: need half_width > 0, got {half_width}")
        self.first, self.second, self.last = nn.Linear(1, HIDDEN), nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, 1)
        hinges = torch.tensor([-half_width, 0.0, half_width])
        with torch.no_grad():
            self.first.weight.fill_(1.0)
            self.first.bias.copy_(-torch.cat([hinges, torch.linspace(-1, 1, HIDDEN - 3)]))
            self.second.weight[0].zero_()
            self.second.weight[0, :3] = torch.tensor([1.0, -2.0, 1.0]) / (0.9 * half_width)
            self.second.bias[0] = 0.0
            self.last.weight.zero_()
            self.last.weight[0, 0] = 1.0
            self.last.bias.zero_()

    def forward(self, u: Tensor) -> Tensor:
        """The kernel at each number; any shape."""
        hidden = functional.leaky_relu(self.first(u.unsqueeze(-1)), 0.1)
        hidden = functional.leaky_relu(self.second(hidden), 0.1)
        out: Tensor = self.last(hidden)
        return out.squeeze(-1)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one value."""
        return sum(layer.weight.numel() for layer in (self.first, self.second, self.last))


class LearnedGrid(nn.Module):
    """EST's learned grid, from counts of events in fine time steps; trained together with what follows.

    An event at ``t0`` (0 at the window's first event, 1 at its last) adds ``t0 * kernel(t0 - i / (bins - 1))`` to bin i
    of its polarity. Here ``t0`` is the centre of the event's fine step, which is what lets pictures be cropped, cached
    and turned without their events: the grid is EST's with time rounded to 1/steps of the window, and so is its
    gradient. Cells are divided by a constant as in ``Scale``.

    Attributes:
        channels: Channels of the pictures it takes, ``2 * steps``: OFF, then ON, each from early to late.
        out_channels: ``2 * bins``, in the same order.

    Source:
        Gehrig et al., ICCV 2019, section 3 (arXiv:1904.08245).
    """

    centres: Tensor

    def __init__(self, channels: int, bins: int = 9) -> None:
        """Build with the triangle of half-width ``1 / (bins - 1)``, for which every event adds just ``t0``.

        Raises:
            ValueError: an odd number of channels, or fewer than 2 bins.
        """
        super().__init__()
        if channels < 2 or channels % 2 or bins < 2:
            raise ValueError(f"LearnedGrid: need an even number of channels and at least 2 bins, got {channels} and "
                             f"{bins}")
        self.channels, self.out_channels, self.bins, self.steps = channels, 2 * bins, bins, channels // 2
        self.kernel = KernelMlp(1.0 / (bins - 1))
        self.scale = Scale(self.out_channels)
        centres = (torch.arange(self.steps, dtype=torch.float32) + 0.5) / self.steps
        self.register_buffer("centres", centres, persistent=False)

    def weights(self) -> Tensor:
        """What an event of each fine step adds to each bin: ``(bins, steps)``."""
        places = torch.arange(self.bins, dtype=self.centres.dtype, device=self.centres.device) / (self.bins - 1)
        weights: Tensor = self.centres * self.kernel(self.centres - places[:, None])
        return weights

    def grid(self, pictures: Tensor) -> Tensor:
        """The cells before they are scaled, ``(N, 2 * bins, S, S)``, in units of the events that fill a byte."""
        planes = (pictures * 0.5 + 0.5).unflatten(1, (2, self.steps))
        cells = self.weights() @ planes.flatten(3)
        return cells.flatten(1, 2).unflatten(-1, pictures.shape[-2:])

    def forward(self, pictures: Tensor) -> Tensor:
        """``(N, 2 * steps, S, S)`` in -1..1, where -1 is no event, to ``(N, 2 * bins, S, S)``."""
        out: Tensor = self.scale(self.grid(pictures))
        return out

    @torch.no_grad()
    def measure(self, pictures: Iterable[Tensor], empty: float = -1.0) -> None:
        """Let the root mean square of the non-zero cells be 1 for the kernel as it is now."""
        self.scale.measure(self.grid(some) for some in pictures)

    def macs(self, size_px: int) -> int:
        """Multiply-accumulates of one picture: the kernel at every pair of step and bin, then the sums."""
        pairs = self.bins * self.steps
        return pairs * self.kernel.macs + 2 * pairs * size_px * size_px + self.scale.macs(size_px)


def build_front(kind: str, channels: int, bins: int = 9) -> Scale | LearnedGrid | None:
    """The front of a kind.

    Args:
        kind: ``none``, ``scale`` or ``est``.
        channels: Channels of the representation.
        bins: Time bins of ``est``.

    Raises:
        ValueError: an unknown kind, or numbers out of range.
    """
    if kind not in FRONTS:
        raise ValueError(f"front: unknown kind {kind!r}; choose {', '.join(FRONTS)}")
    if kind == "none":
        return None
    return Scale(channels) if kind == "scale" else LearnedGrid(channels, bins)
