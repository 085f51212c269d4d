"""Read-outs: decisions after every step are those of the steps up to it, ties included."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from neurofer.spiking.readout import ReadOut, decide, decide_membranes, running_decisions

SPIKES = (torch.rand(40, 6, 4, generator=torch.Generator().manual_seed(0)) < 0.15).float()


def test_running_decisions_by_hand() -> None:
    """Class 2 fires first; then 1 draws level, but 2's spike came first; then 1 leads; then 0 says nothing new."""
    spikes = torch.zeros(5, 1, 3)
    spikes[1, 0, 2] = spikes[2, 0, 1] = spikes[3, 0, 1] = spikes[4, 0, 0] = 1
    assert running_decisions(spikes)[:, 0].tolist() == [0, 2, 2, 1, 1]


def test_running_decisions_are_those_of_every_beginning() -> None:
    counts = SPIKES.cumsum(0)
    ties = (counts == counts.amax(-1, keepdim=True)).sum(-1) > 1
    assert 20 < int(ties.sum()) < 200  # both kinds are there
    wanted = torch.stack([decide(SPIKES[: step + 1]) for step in range(40)])
    assert torch.equal(running_decisions(SPIKES), wanted)


def test_an_integrator_decides_by_its_mean_membrane() -> None:
    membranes = torch.tensor([[[0.5, -1.0, 0.0]], [[0.0, 2.0, 0.0]], [[1.0, 0.5, 0.0]]])
    read_out = ReadOut("integrator", 2.0)
    assert read_out.running(membranes)[:, 0].tolist() == [0, 1, 0]  # 0.5; 1.0 against 0.5; level, so the lower index
    assert int(read_out.decide(membranes)[0]) == 0
    torch.testing.assert_close(read_out.probabilities(membranes)[0], torch.softmax(torch.tensor([1.0, 1.0, 0.0]), 0))


def test_an_integrator_in_pieces_decides_as_a_whole() -> None:
    membranes = torch.randn(40, 6, 4, generator=torch.Generator().manual_seed(1))
    wanted = torch.stack([decide_membranes(membranes[: step + 1]) for step in range(40)])
    assert torch.equal(ReadOut("integrator").running(membranes), wanted)


@pytest.mark.parametrize("kind", ["spikes", "integrator"])
def test_no_step_and_silence_give_the_first_class(kind: Literal["spikes", "integrator"]) -> None:
    read_out = ReadOut(kind, 10.0)
    assert read_out.decide(torch.zeros(0, 2, 3)).tolist() == [0, 0]
    assert read_out.decide(torch.zeros(7, 2, 3)).tolist() == [0, 0]
    assert read_out.running(torch.zeros(0, 2, 3)).shape == (0, 2)
    torch.testing.assert_close(read_out.probabilities(torch.zeros(7, 2, 3)), torch.full((2, 3), 1 / 3))
