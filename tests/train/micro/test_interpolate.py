"""Training of the interpolator: it follows motion, repeats itself, reads pieces, and says whom it read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from neurofer.config import dump_config, load_config
from neurofer.errors import NeuroferError, UsageError
from neurofer.train.micro.interpolate import (
    CANDIDATES,
    Film,
    InterpolateConfig,
    draw_triplet,
    relative_loss,
    train_interpolator,
)

SMALL = InterpolateConfig(steps=3, batch=2, crop_px=16, taps=3, width=2, gaps=[1, 2, 40])


def drifting(seed: int, count: int = 12, size_px: int = 32) -> NDArray[np.uint8]:
    """A texture that moves one pixel a frame, in a direction drawn from the seed."""
    random = np.random.default_rng(seed)
    side = size_px + 2 * count
    scene = gaussian_filter(random.normal(size=(side, side)), 1.2)
    scene = np.clip(128 + 50 * scene / scene.std(), 0, 255).astype(np.uint8)
    right, down = ((1, 0), (-1, 0), (0, 1), (0, -1))[seed % 4]
    return np.stack([scene[count - down * now:count - down * now + size_px,
                           count - right * now:count - right * now + size_px] for now in range(count)])


def people(count: int = 4) -> list[Film]:
    return [(f"s{number:02d}", drifting(number)) for number in range(count)]


class Pieces:
    """A film that gives pieces, never all, and counts the frames and bytes it gave."""

    ndim, dtype = 3, np.dtype(np.uint8)

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self._frames, self.shape = frames, frames.shape
        self.given, self.largest = 0, 0

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, place: Any) -> NDArray[np.uint8]:
        piece = self._frames[place]
        self.given, self.largest = self.given + 1, max(self.largest, piece.size)
        return piece


def test_it_follows_motion_on_films_it_has_not_seen() -> None:
    films = [(f"s{number:02d}", drifting(number)) for number in range(12)]
    config = InterpolateConfig(steps=100, batch=4, crop_px=24, taps=5, width=8, gaps=[1], lr=4e-3)
    model, record = train_interpolator(films, config, seed=0, threads=1)
    assert record["psnr_network_db"] > record["psnr_blend_db"] + 2
    assert record["loss_last"] < record["loss_first"]
    assert not model.training


def test_the_same_seed_gives_the_same_network() -> None:
    first, said = train_interpolator(people(), SMALL, seed=7, threads=1)
    torch.manual_seed(99)  # whatever was drawn elsewhere changes nothing
    again, said_again = train_interpolator(people(), SMALL, seed=7, threads=1)
    other, _ = train_interpolator(people(), SMALL, seed=8, threads=1)
    assert said == said_again
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert not torch.equal(first.head.weight, other.head.weight)


def test_draws_elsewhere_go_on_undisturbed() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    train_interpolator(people(2), SMALL, seed=0, threads=threads + 1)
    assert torch.equal(torch.rand(3), wanted)
    assert torch.get_num_threads() == threads


def test_record_names_who_was_read_and_what_was_scored() -> None:
    short = ("s77", drifting(0, count=2))  # too short for any gap
    _, record = train_interpolator([*people(5), short], SMALL, seed=0, threads=1)
    assert set(record["subjects"]) <= {f"s{number:02d}" for number in range(5)}
    assert record["subjects"] == sorted(record["subjects"])
    assert (record["steps"], record["films"], record["held_out_films"]) == (3, 4, 1)
    assert list(record["gaps"]) == ["1", "2"]  # no film has 81 frames
    assert set(record["gaps"]["1"]) == {"psnr_blend_db", "psnr_network_db"}
    assert record["gaps"]["2"]["psnr_blend_db"] < record["gaps"]["1"]["psnr_blend_db"]


def test_who_was_read_is_who_gave_frames() -> None:
    films = [(subject, Pieces(frames)) for subject, frames in people(8)]
    config = SMALL.model_copy(update={"steps": 1, "batch": 1})
    _, record = train_interpolator(films, config, seed=0, threads=1)  # type: ignore[arg-type]
    assert record["subjects"] == [subject for subject, film in films if film.given]
    assert len(record["subjects"]) <= CANDIDATES + 1


def test_a_film_is_read_in_pieces() -> None:
    films = [(subject, Pieces(frames)) for subject, frames in people(3)]
    train_interpolator(films, SMALL, seed=0, threads=1)  # type: ignore[arg-type]
    assert max(film.largest for _, film in films) == 3 * 32 * 32  # three whole frames, where it is scored


def test_untrained_and_still_is_as_good_as_a_blend_can_be() -> None:
    still = [("a", np.full((8, 16, 16), 90, np.uint8)), ("b", np.full((8, 16, 16), 30, np.uint8))]
    _, record = train_interpolator(still, SMALL, seed=0, threads=1)
    assert record["psnr_blend_db"] == record["psnr_network_db"] == pytest.approx(100)


def test_triplet_is_of_one_film_at_equal_distances() -> None:
    numbers = np.arange(30, dtype=np.uint8)[:, None, None] + np.zeros((1, 20, 20), np.uint8)
    films = [("a", numbers), ("b", numbers[:4] + np.uint8(100))]
    random = np.random.default_rng(0)
    gaps, ways, seen = set(), set(), set()
    for _ in range(60):
        triplet, subjects = draw_triplet(films, [1, 3, 9], 16, random)
        assert triplet.shape == (3, 16, 16)
        first, middle, last = (int(frame.flat[0]) for frame in triplet)
        assert last - middle == middle - first
        gaps.add(abs(middle - first))
        ways.add(np.sign(last - first))
        seen |= subjects
    assert gaps == {1, 3, 9}
    assert ways == {-1, 1}
    assert seen == {"a", "b"}


def test_crops_with_motion_are_preferred() -> None:
    moving = np.arange(0, 90, 10, dtype=np.uint8)[:, None, None] + np.zeros((1, 16, 16), np.uint8)
    films = [("still", np.zeros_like(moving)), ("moving", moving)]
    random = np.random.default_rng(0)
    drawn = sum(bool(draw_triplet(films, [2], 16, random)[0].any()) for _ in range(100))
    assert 85 <= drawn < 100  # 15 of 16 are expected, half without the preference


def test_loss_of_a_plain_blend_by_hand() -> None:
    class Mean(torch.nn.Module):
        def forward(self, pair: torch.Tensor) -> torch.Tensor:
            return pair.mean(dim=1)

    triplets = torch.tensor([[0.2, 0.5, 0.4], [0.1, 0.3, 0.5]])[:, :, None, None].expand(-1, -1, 4, 4)
    # Off by 0.2: sqrt(0.2^2 + 0.01^2) / (0.2 + 0.005); off by nothing: 0.01 / 0.005.
    wanted = (0.0401**0.5 / 0.205 + 2) / 2
    assert relative_loss(Mean(), triplets).item() == pytest.approx(wanted, rel=1e-5)  # type: ignore[arg-type]


def test_configuration_comes_back_from_its_text(tmp_path: Any) -> None:
    (tmp_path / "config.yaml").write_text(dump_config(SMALL))
    assert load_config(InterpolateConfig, tmp_path / "config.yaml") == SMALL


@pytest.mark.parametrize(("override", "message"), [
    ("taps=4", "taps must be odd"), ("gaps=[]", "gaps"), ("gaps=[2, 2]", "gaps must differ"), ("gaps=[0]", "gaps"),
    ("crop_px=8", "crop_px"), ("lr=0", "lr"), ("lr=.inf", "lr"), ("steps=0", "steps")])
def test_configuration_refuses(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_config(InterpolateConfig, overrides=[override])


def test_refusals() -> None:
    with pytest.raises(UsageError, match="1 of 2 films have more than 2 frames; need two"):
        train_interpolator([people()[0], ("s1", drifting(1, count=2))], SMALL, 0)
    with pytest.raises(UsageError, match="crop_px is 48, but a film of s00 has 32x32 pixels"):
        train_interpolator(people(), SMALL.model_copy(update={"crop_px": 48}), 0)
    with pytest.raises(ValueError, match=r"one of a is \(4, 16, 16\) float64"):
        train_interpolator([("a", np.zeros((4, 16, 16)))], SMALL, 0)  # type: ignore[list-item]


def test_a_loss_that_is_no_number_is_said() -> None:
    with pytest.raises(NeuroferError, match=r"the loss is (nan|inf) at step \d+; make lr, 1e\+30, smaller"):
        train_interpolator(people(), SMALL.model_copy(update={"lr": 1e30, "steps": 20}), 0, threads=1)
