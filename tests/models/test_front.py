"""What stands before the encoder: a measured scale, and EST's learned grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurofer.errors import UsageError
from neurofer.events.events import Events
from neurofer.models.build import build_ann, build_model
from neurofer.models.front import KernelMlp, LearnedGrid, Scale
from neurofer.represent import Est
from neurofer.train.ann import pictures_to_network


def test_scale_by_hand():
    scale = Scale(1)
    pictures = torch.tensor([[[[0.0, 3.0], [-4.0, 0.0]]]])
    torch.testing.assert_close(scale(pictures), pictures, rtol=0, atol=0)  # unmeasured, it changes nothing
    scale.measure([pictures, torch.zeros(5, 1, 2, 2)])  # root of (9 + 16) / 2
    torch.testing.assert_close(scale(pictures), pictures / 12.5**0.5)
    scale.measure([pictures - 1], empty=-1.0)
    torch.testing.assert_close(scale(pictures - 1), pictures / 12.5**0.5)
    scale.measure([torch.zeros(2, 1, 2, 2)])
    assert (float(scale.divisor), float(scale.empty)) == (1.0, 0.0)


def test_scale_makes_one_of_the_root_mean_square_and_does_not_see_how_pictures_are_grouped():
    pictures = torch.randn(6, 2, 4, 4, generator=torch.Generator().manual_seed(0)).clamp(min=0) * 37
    scale, again = Scale(2), Scale(2)
    scale.measure([pictures])
    again.measure(pictures.split(1))
    out = scale(pictures)
    assert float(out[out != 0].square().mean()) == pytest.approx(1.0, abs=1e-5)
    torch.testing.assert_close(again.divisor, scale.divisor)


@pytest.mark.parametrize("half_width", [1 / 8, 1 / 14, 1.0])
def test_the_kernel_starts_as_a_triangle(half_width):
    u = torch.linspace(-3, 3, 2001)
    triangle = (1 - u.abs() / half_width).clamp(min=0)
    # Differences of hinges, each rounded to 32 bits, over the half-width.
    torch.testing.assert_close(KernelMlp(half_width)(u), triangle, rtol=0, atol=1e-5)


def test_the_kernel_has_the_published_size_and_every_layer_learns():
    kernel = KernelMlp(1 / 8)
    assert [tuple(value.shape) for value in kernel.parameters()] == [(30, 1), (30,), (30, 30), (30,), (1, 30), (1,)]
    kernel(torch.linspace(-1, 1, 101)).square().sum().backward()
    assert all(value.grad is not None and bool((value.grad != 0).any()) for value in kernel.parameters())


def direct_est(events: Events, window: tuple[int, int], bins: int, t0: np.ndarray) -> np.ndarray:
    """EST with the triangle, event by event, from its definition."""
    width, height = events.sensor
    grid = np.zeros((2, bins, height, width))
    for x, y, p, t in zip(events.x, events.y, events.p, t0, strict=True):
        for number in range(bins):
            grid[int(p), number, y, x] += t * max(0.0, 1 - (bins - 1) * abs(t - number / (bins - 1)))
    return grid.reshape(2 * bins, height, width)


def random_events(count: int, length_us: int) -> Events:
    generator = np.random.default_rng(3)
    t = np.sort(generator.integers(0, length_us, count))
    t[[0, -1]] = 0, length_us
    return Events(t, generator.integers(0, 8, count), generator.integers(0, 8, count), generator.random(count) < 0.5,
                  (8, 8))


@pytest.mark.parametrize(("steps", "bins"), [(32, 9), (16, 5)])
def test_the_grid_is_est_at_the_centres_of_the_steps(steps, bins):
    events = random_events(150, 6_400)
    recipe = Est(bins=bins, steps=steps, per_event=16)
    planes = recipe(events, (0, 6_401))
    grid = LearnedGrid(recipe.channels, bins).grid(pictures_to_network(planes[None]))[0].detach().numpy()
    centres = (np.minimum(events.t * steps // 6_400, steps - 1) + 0.5) / steps
    expected = direct_est(events, (0, 6_401), bins, centres)
    np.testing.assert_allclose(grid * 255 / 16, expected, atol=1e-4)  # bytes as 32-bit floats
    # Against exact times: no weight changes faster than (bins - 1) + 1 a unit of t0, and no step is wider than 1/steps.
    exact = direct_est(events, (0, 6_401), bins, events.t / 6_400)
    most = np.abs(planes / 16).reshape(2, steps, 8, 8).sum(1).max() * bins * 0.5 / steps
    assert np.abs(exact - expected).max() <= most + 1e-6


def test_silence_is_zero_and_the_kernel_learns_through_the_grid():
    torch.manual_seed(0)
    model = build_ann(3, 16, channels=64, width=0.125, front="est")
    assert not model.front.grid(torch.full((2, 64, 16, 16), -1.0)).any()
    pictures = torch.rand(2, 4, 64, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    model.front.measure(pictures[0].split(1))
    assert float(model.front(pictures[0]).detach().square().mean()) == pytest.approx(1.0, rel=0.05)
    before = model.front.weights().detach().clone()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    logits, _ = model(pictures)
    logits[..., 0].sum().backward()
    optimiser.step()
    assert (model.front.weights() - before).abs().max() > 1e-6


def test_a_stream_equals_the_whole_with_a_front():
    torch.manual_seed(0)
    model = build_ann(3, 16, channels=5, width=0.125, front="scale").eval()
    windows = torch.randn(1, 6, 5, 16, 16, generator=torch.Generator().manual_seed(1)) * 20
    model.front.measure(windows[0].split(1))
    whole, _ = model(windows)
    first, state = model(windows[:, :4])
    rest, _ = model(windows[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), whole)


def test_a_front_without_measures_or_none_leaves_the_network_as_it_was():
    torch.manual_seed(0)
    plain = build_ann(3, 16, channels=5, width=0.125).eval()
    scaled = build_ann(3, 16, channels=5, width=0.125, front="scale").eval()
    assert not [name for name in plain.state_dict() if name.startswith("front")]
    scaled.load_state_dict(plain.state_dict(), strict=False)
    windows = torch.randn(1, 3, 5, 16, 16, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(scaled(windows)[0], plain(windows)[0], rtol=0, atol=0)


def test_weights_bring_the_measures_back():
    torch.manual_seed(0)
    model = build_ann(3, 16, channels=64, width=0.125, front="est", front_bins=5)
    model.front.measure([torch.rand(3, 64, 16, 16) * 2 - 1])
    again = build_ann(3, 16, channels=64, width=0.125, front="est", front_bins=5)
    again.load_state_dict(model.state_dict())
    assert float(again.front.scale.divisor) == float(model.front.scale.divisor) != 1.0
    assert again.encoder.channels == 10


def test_operations_of_the_front_are_counted():
    plain, scaled = (build_ann(3, 16, channels=18, width=0.125, front=front) for front in ("none", "scale"))
    learned = build_ann(3, 16, channels=64, width=0.125, front="est")
    assert scaled.macs_per_decision - plain.macs_per_decision == 18 * 256
    kernel = 9 * 32 * (30 + 900 + 30)
    assert learned.window_macs - plain.window_macs == kernel + 2 * 9 * 32 * 256 + 18 * 256
    assert learned.macs_without_memory - plain.macs_without_memory == 3 * (learned.window_macs - plain.window_macs)


@pytest.mark.parametrize(("settings", "message"), [
    ({"front": "norm"}, "front: unknown kind 'norm'; choose none, scale, est"),
    ({"front": "est", "channels": 5}, "need an even number of channels and at least 2 bins, got 5 and 9"),
    ({"front": "est", "channels": 6, "front_bins": 1}, "got 6 and 1"),
])
def test_wrong_fronts_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        build_model("ann", classes=3, size_px=16, **settings)


def test_a_front_that_does_not_fit_the_encoder_is_refused():
    from neurofer.models.encoder import Encoder
    from neurofer.models.recurrent import SequenceClassifier

    with pytest.raises(ValueError, match="the front gives 2 channels but the encoder takes 3"):
        SequenceClassifier(Encoder(16, 0.125, 3), 3, front=Scale(2))
    with pytest.raises(ValueError, match="half_width > 0"):
        KernelMlp(0.0)
