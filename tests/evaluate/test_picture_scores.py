"""Scores of drawn pictures: by hand, by law, in mean over pictures."""

from __future__ import annotations

import pytest
import torch

from neurofer.evaluate.pictures import NAMES, picture_scores


def faces(count: int = 1, side: int = 16, channels: int = 3) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1


def test_a_tenth_brighter_by_hand() -> None:
    found = {name: value.item() for name, value in picture_scores(faces() + 0.1, faces()).items()}
    assert tuple(found) == NAMES
    # 10 log10(1 / 0.1^2) = 20 dB; float32 sums of 768 numbers are good to 1e-5
    wanted = {"psnr_db": 20.0, "mae": 0.1, "mse": 0.01, "rmse": 0.1, "ncc": 1.0}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=1e-4)
    assert 0.9 < found["ssim"] < 1


def test_ssim_of_two_greys_by_hand() -> None:
    found = picture_scores(torch.full((1, 1, 16, 16), 0.5), torch.full((1, 1, 16, 16), 0.25))
    # Without variance only the luminance term is left: (2 a b + c) / (a^2 + b^2 + c) with c = 0.01^2.
    assert found["ssim"].item() == pytest.approx((0.25 + 1e-4) / (0.3125 + 1e-4), abs=1e-5)
    assert found["ncc"].item() == 0.0


def test_the_same_picture_and_its_negative() -> None:
    same, negative = picture_scores(faces(), faces()), picture_scores(1 - faces(), faces())
    assert same["psnr_db"].item() == float("inf")
    assert same["ssim"].item() == pytest.approx(1.0, abs=1e-6)
    assert same["mae"].item() == 0.0
    assert negative["ncc"].item() == pytest.approx(-1.0, abs=1e-6)


def test_each_picture_has_its_own_scores() -> None:
    true = faces(3)
    drawn = torch.stack([true[0] + 0.1, true[1], true[2].flip(-1)])
    together = picture_scores(drawn, true)
    for number in range(3):
        alone = picture_scores(drawn[number : number + 1], true[number : number + 1])
        for name in NAMES:
            assert together[name][number].item() == pytest.approx(alone[name].item(), abs=1e-5), name


def test_mirroring_changes_nothing() -> None:
    drawn, true = faces(2).roll(1, dims=-1), faces(2)
    one, other = picture_scores(drawn, true), picture_scores(drawn.flip(-1), true.flip(-1))
    for name in NAMES:
        torch.testing.assert_close(one[name], other[name], rtol=1e-5, atol=1e-6)  # sums in another order


def test_what_is_no_pair_of_pictures_is_refused() -> None:
    with pytest.raises(ValueError, match=r"two \(B, C, H, W\) of one shape, got \(1, 3, 16, 16\) and \(1, 1, 16, 16\)"):
        picture_scores(faces(), faces(channels=1))
    with pytest.raises(ValueError, match=r"drawn must be in 0\.\.1, is in -0\.8990"):
        picture_scores(faces() - 1, faces())
    with pytest.raises(ValueError, match="true must be in"):
        picture_scores(faces(), faces() * float("nan"))
