"""Losses on outputs over time: by hand, padded as unpadded, in stretches as whole."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurofer.train.spike_losses import (
    Target,
    early_loss,
    membrane_loss,
    per_step_of_all,
    rate_loss,
    rate_penalty,
    running_sums,
    stretch,
)

LENGTHS = torch.tensor([5, 3, 8])


@pytest.fixture
def values() -> Tensor:
    """Outputs ``(8, 3, 4)`` of three clips; what stands behind their ends must not matter."""
    return torch.rand(8, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def target() -> Target:
    return Target(torch.tensor([1, 0, 3]))


def whole(steps: int = 8) -> tuple[Tensor, int, int, int]:
    return LENGTHS, 0, steps, steps


def odds(*logits: float) -> float:
    """Negative log probability of the first class."""
    return math.log(sum(math.exp(value) for value in logits)) - logits[0]


def test_the_rate_loss_by_hand() -> None:
    spikes = torch.tensor([[[1.0, 0.0]], [[1.0, 1.0]], [[1.0, 1.0]]])  # the clip ends after two steps
    lengths = torch.tensor([2])
    loss, means, sums = rate_loss(spikes, stretch(lengths, 0, 3, 3), Target(torch.tensor([0])), 2.0)
    assert means.tolist() == [[1.0, 0.5]]
    assert sums.tolist() == [[2.0, 1.0]]
    assert float(loss) == pytest.approx(odds(2.0, 1.0))


def test_the_rate_loss_of_chunks_by_hand() -> None:
    spikes = torch.tensor([[[1.0, 0.0]], [[1.0, 1.0]], [[0.0, 1.0]]])
    lengths, target = torch.tensor([3]), Target(torch.tensor([0]))
    first, _, sums = rate_loss(spikes[:2], stretch(lengths, 0, 2, 3), target, 3.0)
    second, _, _ = rate_loss(spikes[2:], stretch(lengths, 2, 3, 3), target, 3.0, sums)
    assert float(first) == pytest.approx(2 / 3 * odds(3.0, 1.5), rel=1e-6)
    assert float(second) == pytest.approx(1 / 3 * odds(2.0, 2.0), rel=1e-6)


def test_the_membrane_loss_by_hand() -> None:
    membranes = torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]], [[9.0, 0.0]]])
    loss = membrane_loss(membranes, stretch(torch.tensor([2]), 0, 3, 3), Target(torch.tensor([0])), 2.0)
    assert float(loss) == pytest.approx((odds(2.0, 0.0) + odds(0.0, 4.0)) / 2)


def test_the_early_loss_by_hand() -> None:
    """Class 0 is level at step 0, behind at step 1, level at step 2, first at step 3; step 4 costs nothing."""
    spikes = torch.tensor([[[0.0, 0.0]], [[0.0, 1.0]], [[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
    loss, searching = early_loss(spikes, stretch(torch.tensor([5]), 0, 5, 5), Target(torch.tensor([0])), 1.0)
    steps = odds(0.0, 0.0), odds(0.0, 0.5), odds(1 / 3, 1 / 3), odds(2 / 4, 1 / 4)
    assert float(loss) == pytest.approx(sum(steps) / 5)
    assert searching.tolist() == [False]
    never, searching = early_loss(spikes[:2], stretch(torch.tensor([2]), 0, 2, 2), Target(torch.tensor([0])), 1.0)
    assert float(never) == pytest.approx(sum(steps[:2]) / 2)
    assert searching.tolist() == [True]


def test_being_right_early_costs_less() -> None:
    lengths, target = torch.tensor([6]), Target(torch.tensor([0]))
    loss = []
    for first in (0, 2, 5):
        spikes = torch.zeros(6, 1, 3)
        spikes[first, 0, 0] = 1
        loss.append(float(early_loss(spikes, stretch(lengths, 0, 6, 6), target, 5.0)[0]))
    assert loss == sorted(loss)
    assert loss[0] < loss[1] < loss[2]


@pytest.mark.parametrize("kind", ["rate", "membrane", "early"])
def test_padded_is_unpadded(kind: str, values: Tensor, target: Target) -> None:
    def loss(outputs: Tensor, lengths: Tensor, labels: Tensor) -> Tensor:
        here, what = stretch(lengths, 0, len(outputs), len(outputs), torch.float64), Target(labels)
        return {"rate": lambda: rate_loss(outputs, here, what, 5.0)[0],
                "membrane": lambda: membrane_loss(outputs, here, what, 5.0),
                "early": lambda: early_loss(outputs, here, what, 5.0)[0]}[kind]()

    together = loss(values, LENGTHS, target.labels)
    alone = [loss(values[:length, one : one + 1], LENGTHS[one : one + 1], target.labels[one : one + 1])
             for one, length in enumerate(LENGTHS.tolist())]
    torch.testing.assert_close(together, torch.stack(alone).mean(), rtol=1e-12, atol=0)
    changed = values.clone()
    changed[5:, 0], changed[3:, 1] = 100, -100
    torch.testing.assert_close(loss(changed, LENGTHS, target.labels), together, rtol=0, atol=0)


@pytest.mark.parametrize("every", [1, 3, 5, 8])
def test_chunks_of_the_losses_over_time_add_up_to_the_whole(every: int, values: Tensor, target: Target) -> None:
    here = stretch(*whole(), torch.float64)
    early, _ = early_loss(values, here, target, 5.0)
    found = [values.new_zeros(()), values.new_zeros(())]
    before, searching = None, None
    for start in range(0, 8, every):
        stop = min(start + every, 8)
        part, piece = stretch(LENGTHS, start, stop, 8, torch.float64), values[start:stop]
        found[0] += membrane_loss(piece, part, target, 5.0)
        more, searching = early_loss(piece, part, target, 5.0, before, searching)
        found[1] += more
        before = running_sums(piece, part, before)[-1]
    # Sums in another order.
    torch.testing.assert_close(found[0], membrane_loss(values, here, target, 5.0), rtol=1e-12, atol=0)
    torch.testing.assert_close(found[1], early, rtol=1e-12, atol=0)


def test_the_shares_of_a_clip_add_up_to_one() -> None:
    parts = [stretch(LENGTHS, start, start + 2, 8) for start in range(0, 8, 2)]
    shares = [part.shares for part in parts if part.shares is not None]
    torch.testing.assert_close(torch.stack(shares).sum(0), torch.ones(3))
    assert parts[2].so_far.tolist() == [5, 3, 6]
    assert parts[2].mask.tolist() == [[1, 0, 1], [0, 0, 1]]


def test_a_teacher_is_a_second_target() -> None:
    logits = torch.tensor([[1.0, 0.0, 0.0]])
    taught = torch.softmax(logits, -1)
    alike = Target(torch.tensor([0]), 0.0, taught, weight=1.0, temperature=2.0)
    assert float(alike.mean(logits)) == pytest.approx(0, abs=1e-6)
    # By hand: two classes, teacher 0.8 : 0.2 softened by 2 is 2 : 1; the student says 1 : 1.
    other = Target(torch.tensor([0]), 0.0, torch.tensor([[0.8, 0.2]]), weight=0.25, temperature=2.0)
    apart = 2 / 3 * math.log(2 / 3 / 0.5) + 1 / 3 * math.log(1 / 3 / 0.5)
    wanted = 0.75 * math.log(2) + 0.25 * 4 * apart
    assert float(other.mean(torch.zeros(1, 2))) == pytest.approx(wanted)


def test_what_a_rate_off_its_target_costs() -> None:
    rates = torch.tensor([0.1, 0.3, 0.6])
    assert float(rate_penalty(rates, 0.2, "above")) == pytest.approx(0.01 + 0.16)
    assert float(rate_penalty(rates, 0.2, "both")) == pytest.approx(0.01 + 0.01 + 0.16)


def test_means_per_step_count_the_chunks_before_without_their_history() -> None:
    first, second = torch.tensor([6.0], requires_grad=True), torch.tensor([3.0], requires_grad=True)
    lengths = torch.tensor([4, 2])
    _, before = per_step_of_all(first, stretch(lengths, 0, 2, 4))
    means, _ = per_step_of_all(second, stretch(lengths, 2, 4, 4), before)
    assert means.tolist() == [9 / 6]
    means.sum().backward()
    assert first.grad is None
    assert second.grad is not None
    assert second.grad.tolist() == [pytest.approx(1 / 6)]
