"""The loss of a batch of spikes in chunks."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neurofer.spiking.counting import count_activity
from neurofer.spiking.layers import conv, dense
from neurofer.spiking.network import SpikingNetwork, detached, step_mask
from neurofer.train.config import SnnConfig
from neurofer.train.loop import StepLoss
from neurofer.train.spike_losses import Target
from neurofer.train.spike_parts import SpikeLoss

LENGTHS, LABELS = torch.tensor([20, 13, 6]), torch.tensor([0, 2, 1])


@pytest.fixture
def network() -> SpikingNetwork:
    torch.manual_seed(1)
    built = SpikingNetwork.build([conv(4), dense(8), dense(3)], (2, 8, 8))
    with torch.no_grad():
        for layer in built.spiking_layers():
            layer.weight.mul_(1.5)
    return built


@pytest.fixture
def spikes() -> Tensor:
    return (torch.rand(20, 3, 2, 8, 8, generator=torch.Generator().manual_seed(2)) < 0.15).float()


def parts(network: SpikingNetwork, spikes: Tensor, **settings: Any) -> Iterator[StepLoss]:
    loss = SpikeLoss(SnnConfig(**settings))
    return loss.parts(network, lambda start, stop: spikes[start:stop], LENGTHS, len(spikes), Target(LABELS))


def losses(network: SpikingNetwork, spikes: Tensor, **settings: Any) -> list[StepLoss]:
    """All parts, with their gradients added up in the network."""
    network.zero_grad()
    found = []
    for part in parts(network, spikes, **settings):
        part.total.backward()
        found.append(part)
    return found


def gradients(network: SpikingNetwork) -> list[Tensor]:
    return [value.grad.clone() for value in network.parameters() if value.grad is not None]


def test_one_part_by_hand(network: SpikingNetwork, spikes: Tensor) -> None:
    (part,) = losses(network, spikes, drive_weight=0.5, rate_gain=10.0, drive_gain=4.0)
    activity, _ = network.activity(spikes)
    mask = step_mask(LENGTHS, 20).unsqueeze(-1)
    rates = (activity[-1] * mask).sum(0) / LENGTHS[:, None]
    drive = (network.spiking_layers()[-1].current(activity[-2]) * mask).sum(0) / LENGTHS[:, None]
    wanted = functional.cross_entropy(10 * rates, LABELS) + 0.5 * functional.cross_entropy(4 * drive, LABELS)
    assert part.last
    assert part.samples == 3
    torch.testing.assert_close(part.total, wanted, rtol=0, atol=0)
    assert part.plain == pytest.approx(float(functional.cross_entropy(10 * rates, LABELS).detach()))


@pytest.mark.parametrize("loss", ["rate", "membrane", "first_correct"])
def test_one_chunk_is_the_whole(loss: str, network: SpikingNetwork, spikes: Tensor) -> None:
    (whole,) = losses(network, spikes, loss=loss)
    before = gradients(network)
    (chunk,) = losses(network, spikes, loss=loss, truncate_steps=20)
    torch.testing.assert_close(chunk.total, whole.total, rtol=0, atol=0)
    torch.testing.assert_close(gradients(network), before, rtol=0, atol=0)
    assert any(bool(each.any()) for each in before)


def test_chunks_are_those_of_a_loop_that_cuts_the_history(network: SpikingNetwork, spikes: Tensor) -> None:
    chunks = losses(network, spikes, truncate_steps=8, drive_weight=0.0)
    found = gradients(network)
    network.zero_grad()
    state, counted, total = None, torch.zeros(3, 3), 0.0
    for start in (0, 8, 16):
        stop = min(start + 8, 20)
        out, state = network(spikes[start:stop], state)
        state = detached(state)
        mask = ((torch.arange(start, stop)[:, None] < LENGTHS) * 1.0).unsqueeze(-1)
        counted = counted + (out * mask).sum(0)
        so_far = LENGTHS.clamp_max(stop)
        each = functional.cross_entropy(10 * counted / so_far[:, None], LABELS, reduction="none")
        loss = (each * mask.squeeze(-1).sum(0) / LENGTHS).mean()
        loss.backward()
        total, counted = total + float(loss), counted.detach()
    assert [part.last for part in chunks] == [False, False, True]
    assert sum(float(part.total) for part in chunks) == pytest.approx(total)
    torch.testing.assert_close(found, gradients(network))
    (whole,) = losses(network, spikes, drive_weight=0.0)
    assert chunks[-1].plain == pytest.approx(whole.plain)  # what is reported is the whole clip's
    assert chunks[-1].right == whole.right


@pytest.mark.parametrize("loss", ["rate", "membrane", "first_correct"])
@pytest.mark.parametrize("every", [0, 7])
def test_silence_behind_the_longest_clip_changes_nothing(loss: str, every: int, network: SpikingNetwork,
                                                         spikes: Tensor) -> None:
    settings = {"loss": loss, "truncate_steps": every, "rate_weight": 1.0, "rate_target": 0.01,
                "operations_weight": 1.0}
    before = sum(float(part.total) for part in losses(network, spikes, **settings))
    found = gradients(network)
    longer = torch.cat([spikes, torch.ones(15, 3, 2, 8, 8)])
    assert sum(float(part.total) for part in losses(network, longer, **settings)) == pytest.approx(before, rel=1e-5)
    torch.testing.assert_close(gradients(network), found, rtol=1e-4, atol=1e-6)


def test_a_chunk_that_is_done_leaves_nothing_behind(network: SpikingNetwork, spikes: Tensor) -> None:
    seen: list[weakref.ref[Tensor]] = []
    activity = network.activity

    def watched(*words: Any) -> Any:
        found, state = activity(*words)
        seen.extend(weakref.ref(each) for each in found)
        return found, state

    network.activity = watched  # type: ignore[method-assign, assignment]
    settings = {"truncate_steps": 5, "rate_weight": 1.0, "operations_weight": 1.0, "loss": "first_correct"}
    for number, part in enumerate(parts(network, spikes, **settings)):
        part.total.backward()
        gc.collect()
        assert len(seen) == 3 * (number + 1)
        assert not [ref for ref in seen if ref() is not None]


def test_a_dropout_mask_holds_for_all_chunks(spikes: Tensor) -> None:
    torch.manual_seed(1)
    network = SpikingNetwork.build([dense(64), dense(3)], (2, 8, 8), dropout=0.5).train()
    drawn: list[Tensor] = []
    dropout = functional.dropout

    def watched(*words: Any, **named: Any) -> Tensor:
        drawn.append(dropout(*words, **named))
        return drawn[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("torch.nn.functional.dropout", watched)
        losses(network, spikes, truncate_steps=5)
    assert len(drawn) == 8  # two layers, four chunks
    for later in range(2, 8):
        torch.testing.assert_close(drawn[later], drawn[later % 2], rtol=0, atol=0)
    assert 0 < float((drawn[0] == 0).float().mean()) < 1


@pytest.mark.parametrize("loss", ["rate", "membrane", "first_correct"])
def test_an_integrator_learns_from_its_membrane(loss: str, spikes: Tensor) -> None:
    torch.manual_seed(1)
    network = SpikingNetwork.build([conv(4), dense(8), dense(3, fires=False)], (2, 8, 8))
    with torch.no_grad():
        for layer in network.spiking_layers():
            layer.weight.mul_(1.5)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    first = losses(network, spikes, loss=loss)[0]
    for _ in range(40):
        optimiser.step()
        (last,) = losses(network, spikes, loss=loss)
    assert float(last.total.detach()) < 0.5 * float(first.total.detach())
    assert last.right >= 2
    (gained,) = losses(network, spikes, loss="rate", membrane_gain=3.0)
    membranes, _ = network(spikes)
    means = (membranes * step_mask(LENGTHS, 20).unsqueeze(-1)).sum(0) / LENGTHS[:, None]
    torch.testing.assert_close(gained.total, functional.cross_entropy(3 * means, LABELS))  # and no drive beside it


def test_one_layer_alone_learns(spikes: Tensor) -> None:
    torch.manual_seed(1)
    network = SpikingNetwork.build([dense(3)], (2, 8, 8))
    (part,) = losses(network, spikes, operations_weight=1.0, rate_weight=1.0)
    assert float(part.total.detach()) > 0
    assert bool(gradients(network)[0].any())


def test_low_precision_is_for_the_sums_alone(network: SpikingNetwork, spikes: Tensor) -> None:
    (exact,) = losses(network, spikes)
    wanted = gradients(network)[0]
    states = []
    activity = network.activity

    def watched(*words: Any, **named: Any) -> Any:
        found, state = activity(*words, **named)
        states.extend([*found, *(tensor for layer in state for tensor in layer)])
        return found, state

    network.activity = watched  # type: ignore[method-assign]
    with torch.autocast("cpu", torch.bfloat16):
        (rounded,) = parts(network, spikes)
    network.zero_grad()
    rounded.total.backward()
    assert {tensor.dtype for tensor in states} == {torch.float32}
    assert float(rounded.total.detach()) != float(exact.total.detach())  # sums of 8 bits
    assert float(rounded.total.detach()) == pytest.approx(float(exact.total.detach()), rel=0.05)
    found = gradients(network)[0]
    assert float(functional.cosine_similarity(found.flatten(), wanted.flatten(), dim=0)) > 0.8
    assert found.dtype == torch.float32
    with torch.no_grad():
        again, _ = network(spikes)
    assert torch.equal(again, activity(spikes)[0][-1])


def test_the_operations_term_is_what_counting_finds(network: SpikingNetwork, spikes: Tensor) -> None:
    (plain,) = losses(network, spikes)
    (more,) = losses(network, spikes, operations_weight=2.0)
    _, _, counted = count_activity(network, spikes, lengths=LENGTHS)
    hidden = sum(layer.synaptic_operations for layer in counted.layers[1:])
    wanted = 2.0 * hidden / counted.sample_steps / network.dense_macs
    assert float(more.total - plain.total) == pytest.approx(wanted, rel=1e-3)
    assert hidden


def test_the_operations_term_makes_hidden_neurons_quieter(network: SpikingNetwork, spikes: Tensor) -> None:
    def hidden() -> int:
        counted = count_activity(network, spikes, lengths=LENGTHS)[2]
        return sum(layer.synaptic_operations for layer in counted.layers[1:])

    before = hidden()
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
    for _ in range(10):
        losses(network, spikes, operations_weight=20.0, rate_gain=1e-6, drive_weight=0.0)
        optimiser.step()
    assert hidden() < before / 2
