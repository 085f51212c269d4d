"""Changed flow is the flow of the changed film: mirrored, turned, enlarged vectors lie where the picture went."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurofer.train.micro.augment import Changes, change_flow, change_slices, draw_changes


def changes(flip: bool = False, turn_deg: float = 0.0, crop: float = 1.0, shift: tuple[float, float] = (0, 0),
            gain: float = 1.0) -> Changes:
    return Changes(np.array([flip]), np.radians([turn_deg]), np.array([crop]), np.array([shift], float),
                   np.array([gain]))


def field(size: int = 32) -> torch.Tensor:
    """A smooth field that is different everywhere, ``(1, 2, 1, S, S)``."""
    place = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(place, place, indexing="ij")
    return torch.stack([x + 0.5 * y * y, torch.sin(2 * y) - 0.3 * x])[None, :, None]


def test_nothing_changes_nothing() -> None:
    torch.testing.assert_close(change_flow(field(), changes()), field())


def test_a_mirrored_film_moves_to_the_other_side() -> None:
    flow = field()
    mirrored = flow.flip(-1) * torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1, 1)
    torch.testing.assert_close(change_flow(flow, changes(flip=True)), mirrored)
    twice = change_flow(change_flow(flow, changes(flip=True)), changes(flip=True))
    torch.testing.assert_close(twice, flow)


def test_a_quarter_turn_turns_places_and_vectors_clockwise() -> None:
    flow = torch.zeros(1, 2, 1, 4, 4)
    flow[0, 0, 0, 0, 1] = 1.0  # to the right, in the top row
    turned = change_flow(flow, changes(turn_deg=90))
    expected = torch.zeros_like(flow)
    expected[0, 1, 0, 1, 3] = 1.0  # down, in the right column
    torch.testing.assert_close(turned, expected, atol=1e-6, rtol=0)  # cosines of right angles are not exact


@pytest.mark.parametrize("flip", [False, True])
def test_a_radial_field_stays_radial(flip: bool) -> None:
    place = (torch.arange(33) + 0.5) / 33 * 2 - 1
    y, x = torch.meshgrid(place, place, indexing="ij")
    radial = torch.stack([x, y])[None, :, None]
    turned = change_flow(radial, changes(flip=flip, turn_deg=20))
    inside = (x.square() + y.square() < 0.8)[None, None, None].expand_as(radial)
    torch.testing.assert_close(turned[inside], radial[inside], atol=1e-4, rtol=0)  # linear in between is exact here


def test_a_crop_enlarges_places_and_vectors() -> None:
    place = (torch.arange(32) + 0.5) / 32 * 2 - 1
    _, x = torch.meshgrid(place, place, indexing="ij")
    flow = torch.stack([x, torch.zeros_like(x)])[None, :, None]
    half = change_flow(flow, changes(crop=0.5, shift=(0.25, 0.0)))
    # The part from -0.25 to 0.75, whose displacements are twice as many of the new pixels.
    torch.testing.assert_close(half[0, 0, 0], 2 * (0.5 * x + 0.25), atol=1e-5, rtol=0)
    torch.testing.assert_close(change_flow(flow, changes(gain=1.5)), 1.5 * flow)


def test_slices_are_moved_and_keep_their_channels() -> None:
    slices = torch.rand(1, 3, 10, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(change_slices(slices, changes(flip=True, gain=3.0)), slices.flip(-1))


def test_one_draw_holds_for_all_maps() -> None:
    flow = field().expand(1, 2, 10, 32, 32)
    drawn = draw_changes(1, 0.5, 5.0, 0.9, (0.7, 1.5), np.random.default_rng(3))
    moved = change_flow(flow, drawn)
    for step in range(10):
        torch.testing.assert_close(moved[:, :, step], moved[:, :, 0])


def test_draws_stay_within_their_bounds() -> None:
    drawn = draw_changes(500, 0.5, 5.0, 0.9, (0.7, 1.5), np.random.default_rng(0))
    assert np.abs(np.degrees(drawn.turn_rad)).max() <= 5
    assert 0.9 <= drawn.crop.min() <= drawn.crop.max() <= 1
    assert (np.abs(drawn.shift) <= (1 - drawn.crop)[:, None]).all()
    assert 0.7 <= drawn.gain.min() <= drawn.gain.max() <= 1.5
    assert 0.4 < drawn.flip.mean() < 0.6
