"""Frame interpolation by separable kernels: traces by hand, laws of the blend, and what the untrained network does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neurofer.models.interpolate import (
    Kernels,
    SeparableInterpolator,
    interpolate_midpoint,
    motion_hint,
    separable_blend,
)


def everywhere(taps: list[float], like: Tensor) -> Tensor:
    """The same kernel at every pixel of ``(B, H, W)``."""
    column = torch.tensor(taps, dtype=like.dtype)[None, :, None, None]
    return column.expand(len(like), -1, *like.shape[1:])


def random_kernels(frames: Tensor, taps: int, count: int = 4) -> list[Tensor]:
    return [torch.randn(len(frames), taps, *frames.shape[1:], dtype=frames.dtype) for _ in range(count)]


def restless(taps: int = 5, width: int = 4) -> SeparableInterpolator:
    """A network whose kernels differ from pixel to pixel."""
    torch.manual_seed(3)
    network = SeparableInterpolator(taps, width)
    torch.nn.init.normal_(network.head.weight, 0, 0.5)
    torch.nn.init.normal_(network.head.bias, 0, 0.5)
    return network.eval()


def test_blend_by_hand() -> None:
    first = torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
    second = torch.tensor([[[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]]])
    above, right, centre = (everywhere(taps, first) for taps in ([1, 0, 0], [0, 0, 1], [0, 1, 0]))
    nothing = torch.zeros_like(above)
    # From the row above and the column to the right, where there is one.
    assert separable_blend(first, second, above, right, nothing, centre).tolist() == [[[2, 3, 3], [2, 3, 3]]]
    # Twice the row below plus the own row, of the second frame.
    below = everywhere([0, 1, 2], first)
    assert separable_blend(first, second, nothing, centre, below, centre).tolist() == [[[90, 120, 150],
                                                                                       [120, 150, 180]]]


def test_each_pixel_has_its_own_kernel() -> None:
    frame = torch.tensor([[[1.0, 2.0, 4.0]]])
    still = everywhere([0, 1, 0], frame)
    across = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.5], [0.0, 0.0, 3.0]]).T[None, :, None, :].contiguous()
    # x = 0 takes itself, x = 1 its left and half of its right, x = 2 three times the border behind it.
    assert across[0, :, 0, 1].tolist() == [1.0, 0.0, 0.5]
    assert separable_blend(frame, frame, still, across, torch.zeros_like(still), still).tolist() == [[[1, 3, 12]]]


def test_blend_is_the_sum_over_patches() -> None:
    torch.manual_seed(0)
    first, second = torch.rand(2, 2, 6, 7, dtype=torch.float64)
    kernels = random_kernels(first, 5)
    slow = torch.zeros_like(first)
    for frame, vertical, horizontal in ((first, *kernels[:2]), (second, *kernels[2:])):
        for y in range(6):
            for x in range(7):
                rows = [min(max(y + tap - 2, 0), 5) for tap in range(5)]
                columns = [min(max(x + tap - 2, 0), 6) for tap in range(5)]
                slow[:, y, x] += torch.einsum("bi,bij,bj->b", vertical[:, :, y, x], frame[:, rows][:, :, columns],
                                              horizontal[:, :, y, x])
    # Sums of 50 products of order one in float64.
    torch.testing.assert_close(separable_blend(first, second, *kernels), slow, rtol=0, atol=1e-13)


def test_kernels_that_sum_to_one_keep_what_is_flat() -> None:
    torch.manual_seed(0)
    flat = torch.full((2, 5, 6), 0.3, dtype=torch.float64)
    kernels = [kernel / kernel.sum(dim=1, keepdim=True) for kernel in random_kernels(flat, 3)]
    share = torch.rand(2, 1, 5, 6, dtype=torch.float64)
    kernels[0], kernels[2] = kernels[0] * share, kernels[2] * (1 - share)
    # Quotients of normal numbers may be some hundreds, whose rounding is 1e-13.
    torch.testing.assert_close(separable_blend(flat, flat, *kernels), flat, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("right", "down"), [(2, 0), (-1, 2), (0, -2)])
def test_a_whole_shift_is_drawn_exactly(right: int, down: int) -> None:
    torch.manual_seed(0)
    scene = torch.rand(1, 20, 22)

    def seen(times: int) -> Tensor:
        """After as many shifts, far from the border."""
        return scene[:, 6 - times * down:14 - times * down, 6 - times * right:16 - times * right]

    first, middle, second = seen(-1), seen(0), seen(1)
    taps = torch.eye(5)
    kernels = [everywhere(row.tolist(), first) for row in (taps[2 - down] / 2, taps[2 - right],
                                                           taps[2 + down] / 2, taps[2 + right])]
    drawn = separable_blend(first, second, *kernels)
    inside = (slice(None), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(drawn[inside], middle[inside], rtol=0, atol=0)


def test_gradients() -> None:
    torch.manual_seed(0)
    frames = torch.rand(2, 1, 3, 4, dtype=torch.float64)
    inputs = [*frames.unbind(0), *random_kernels(frames[0], 3)]
    assert torch.autograd.gradcheck(separable_blend, [one.clone().requires_grad_() for one in inputs])


def test_untrained_it_gives_the_mean() -> None:
    torch.manual_seed(0)
    pair = torch.rand(2, 2, 16, 24)
    with torch.no_grad():
        torch.testing.assert_close(SeparableInterpolator(7, 4)(pair), (pair[:, 0] + pair[:, 1]) / 2, rtol=0, atol=1e-7)


@pytest.mark.parametrize("size", [(16, 16), (21, 34), (5, 9)])
def test_whatever_the_weights_flat_stays_flat(size: tuple[int, int]) -> None:
    network = restless()
    torch.manual_seed(0)
    with torch.no_grad():
        kernels = network.kernels(torch.rand(2, 2, *size))
        flat = torch.full((2, *size), 0.7)
        drawn = separable_blend(flat, flat, *kernels)
    assert kernels.first_vertical.shape == (2, 5, *size)
    assert not torch.equal(kernels.first_horizontal[:, :, 0, 0], kernels.first_horizontal[:, :, -1, -1])
    torch.testing.assert_close(drawn, flat, rtol=0, atol=1e-5)  # taps of order one in float32


def test_a_pair_does_not_see_its_neighbours_in_the_batch() -> None:
    network = restless()
    torch.manual_seed(0)
    pairs = torch.rand(3, 2, 18, 20)
    with torch.no_grad():  # convolutions of another batch size may add up in another order
        torch.testing.assert_close(network(pairs)[1:2], network(pairs[1:2]), rtol=0, atol=1e-5)


def test_every_weight_learns() -> None:
    network = restless()
    network(torch.rand(1, 2, 32, 32)).square().sum().backward()
    assert [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_parameters() -> None:
    assert sum(value.numel() for value in SeparableInterpolator().parameters()) == 120_181


@pytest.mark.parametrize(("right", "down"), [(1.0, 0.0), (-0.5, 1.0)])
def test_hint_is_the_motion(right: float, down: float) -> None:
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(40.0), indexing="ij")

    def scene(times: float) -> Tensor:
        return ((x - 17 - times * right).square() + 2 * (y - 14 - times * down).square())[None]

    hint = motion_hint(scene(0), scene(1))[0, :, 4:-4, 4:-4]
    wanted = torch.tensor([right, down])[:, None, None].expand_as(hint)
    # Brightness is quadratic, so differences are exact but for float32; the damping is nothing to slopes of order one.
    torch.testing.assert_close(hint, wanted, rtol=0, atol=1e-3)


def test_hint_is_bounded() -> None:
    slope = (0.05 * torch.arange(24.0)).expand(1, 24, 24)
    hint = motion_hint(slope, slope + 1)  # as if 20 px to the left
    assert hint[0, 0, 8:-8, 8:-8].unique().tolist() == [-4]
    assert not hint[0, 1].any()


def test_hint_is_nothing_where_nothing_is_seen() -> None:
    assert not motion_hint(torch.full((1, 16, 16), 0.2), torch.full((1, 16, 16), 0.8)).any()


def test_midpoint_of_bytes() -> None:
    midpoint = interpolate_midpoint(SeparableInterpolator(3, 2))
    first = np.array([[[0, 255, 10, 200]]], np.uint8).repeat(3, axis=1)
    second = np.array([[[0, 255, 20, 100]]], np.uint8).repeat(3, axis=1)
    drawn = midpoint(first, second)
    assert drawn.dtype == np.uint8
    assert drawn.tolist() == [[[0, 255, 15, 150]] * 3]
    assert midpoint(first[:0], second[:0]).shape == (0, 3, 4)


def test_midpoint_stays_within_bytes() -> None:
    random = np.random.default_rng(0)
    first, second = random.choice(np.array([0, 255], np.uint8), (2, 1, 16, 16))
    network = restless()
    with torch.no_grad():
        real = network(torch.from_numpy(np.stack([first, second], axis=1)).float() / 255)
    drawn = interpolate_midpoint(network)(first, second)
    assert real.max() > 1
    assert real.min() < 0
    assert (drawn[real.numpy() >= 1] == 255).all()
    assert (drawn[real.numpy() <= 0] == 0).all()


@pytest.mark.parametrize(("taps", "width"), [(4, 8), (1, 8), (9, 0)])
def test_network_refuses(taps: int, width: int) -> None:
    with pytest.raises(ValueError, match=rf"taps odd and at least 3 and width >= 1, got {taps}, {width}"):
        SeparableInterpolator(taps, width)


def test_network_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"need pairs \(B, 2, H, W\), got \(1, 3, 8, 8\)"):
        SeparableInterpolator(3, 2).kernels(torch.zeros(1, 3, 8, 8))


def test_blend_refuses_what_does_not_fit() -> None:
    frame = torch.zeros(1, 4, 4)
    good = Kernels(*[torch.zeros(1, 3, 4, 4)] * 4)
    for first, second, kernels in ((frame, frame[:, :3], good),
                                   (frame, frame, good._replace(second_vertical=torch.zeros(1, 3, 4, 5))),
                                   (frame, frame, Kernels(*[torch.zeros(1, 2, 4, 4)] * 4))):
        with pytest.raises(ValueError, match=r"four \(B, K, H, W\) with K odd, got \(1, 4, 4\), "):
            separable_blend(first, second, *kernels)
