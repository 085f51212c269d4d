"""Losses by hand (acceptance test 2 of the micro-expression specification), and their gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from neurofer.train.micro.losses import class_weights, contrastive_loss, focal_loss, similarity_loss


def logits_of(probability: float) -> torch.Tensor:
    """Two logits whose first class has this probability."""
    return torch.tensor([[math.log(probability / (1 - probability)), 0.0]], dtype=torch.float64)


@pytest.mark.parametrize(("probability", "loss"), [(0.5, 0.173287), (0.9, 0.00105361)])
def test_focal_loss_by_hand(probability: float, loss: float) -> None:
    assert float(focal_loss(logits_of(probability), torch.tensor([0]))) == pytest.approx(loss, rel=1e-5)


def test_without_gamma_it_is_cross_entropy() -> None:
    logits, labels = torch.randn(7, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2, 2])
    torch.testing.assert_close(focal_loss(logits, labels, gamma=0), functional.cross_entropy(logits, labels))
    alpha = torch.tensor([0.5, 1.0, 2.0])
    weighed = functional.cross_entropy(logits, labels, alpha, reduction="none").mean()
    torch.testing.assert_close(focal_loss(logits, labels, 0, alpha), weighed)


def test_gradients_are_those_of_small_steps() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, dtype=torch.float64, generator=generator).requires_grad_()
    labels, alpha = torch.tensor([0, 1, 2, 1]), torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda one: focal_loss(one, labels, 2.0, alpha), logits)
    first, second = (torch.randn(4, 5, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(2))
    same = torch.tensor([True, False, True, False])
    assert torch.autograd.gradcheck(lambda a, b: contrastive_loss(a, b, same, 4.0), (first, second))


def test_a_sure_answer_has_finite_gradients() -> None:
    logits = torch.tensor([[80.0, 0.0], [0.0, 80.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([0, 0])).backward()
    assert torch.isfinite(logits.grad).all()
    same = torch.zeros(1, 3, requires_grad=True)
    contrastive_loss(same, torch.zeros(1, 3), torch.tensor([False])).backward()
    assert torch.isfinite(same.grad).all()


@pytest.mark.parametrize(("distance", "same", "loss"), [(0.3, True, 0.09), (0.4, False, 0.36), (1.0, False, 0.0),
                                                        (1.7, False, 0.0)])
def test_contrastive_loss_by_hand(distance: float, same: bool, loss: float) -> None:
    first, second = torch.tensor([[distance, 0.0]]), torch.zeros(1, 2)
    assert float(contrastive_loss(first, second, torch.tensor([same]))) == pytest.approx(loss, abs=1e-6)


def test_similarity_loss_is_least_when_it_is_right() -> None:
    right = similarity_loss(torch.tensor([9.0, -9.0]), torch.tensor([True, False]))
    assert float(right) < 1e-3 < float(similarity_loss(torch.tensor([-9.0, 9.0]), torch.tensor([True, False])))


def test_class_weights_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 1])  # no clip of class 2
    assert class_weights(labels, 3, "none").tolist() == [1, 1, 1]
    assert class_weights(labels, 3, "inverse") == pytest.approx([0.4, 1.6, 1])
    assert class_weights(labels, 3, "sqrt_inverse") == pytest.approx([2 / 3, 4 / 3, 1])
