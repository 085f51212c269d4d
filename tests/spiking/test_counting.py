"""Synaptic operations by hand and by the definition; read-outs by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from neurofer.spiking.counting import count_activity, fan_out, synaptic_operations
from neurofer.spiking.layers import LayerSpec, SpikingLayer, conv, dense
from neurofer.spiking.network import SpikingNetwork
from neurofer.spiking.readout import decide, rate_probabilities, spike_counts


def test_fan_out_of_a_small_convolution_by_hand() -> None:
    layer = SpikingLayer(conv(3, kernel=3, stride=1), (1, 4, 4), "conv1")
    # 3 x 3 kernel with padding 1: a corner is under 2 x 2 places, an edge under 2 x 3, the middle under 3 x 3.
    assert fan_out(layer)[0].tolist() == [[12, 18, 18, 12], [18, 27, 27, 18], [18, 27, 27, 18], [12, 18, 18, 12]]
    spikes = torch.zeros(2, 1, 1, 4, 4)
    spikes[0, 0, 0, 0, 0] = spikes[0, 0, 0, 1, 1] = spikes[1, 0, 0, 3, 1] = 1
    assert synaptic_operations(layer, spikes) == 12 + 27 + 18


@pytest.mark.parametrize("spec", [conv(5, kernel=3, stride=2), conv(4, kernel=5, stride=3),
                                  LayerSpec("conv", 3, (3, 2), (1, 2), (0, 1), (2, 1)), dense(6)])
def test_fan_out_agrees_with_the_definition(spec: LayerSpec) -> None:
    layer = SpikingLayer(spec, (2, 9, 8), "layer")
    spikes = (torch.rand(4, 3, 2, 9, 8, generator=torch.Generator().manual_seed(0)) < 0.3).double()
    ones = torch.ones_like(layer.weight, dtype=torch.float64)
    if spec.kind == "dense":
        wanted = functional.linear(spikes.flatten(2), ones).sum()
    else:
        wanted = functional.conv2d(spikes.flatten(0, 1), ones, None, spec.stride, spec.padding, spec.dilation).sum()
    assert synaptic_operations(layer, spikes) == int(wanted)


def test_counts_of_a_run_add_up() -> None:
    torch.manual_seed(0)
    network = SpikingNetwork.build([conv(4), dense(3)], (2, 8, 8))
    spikes = (torch.rand(10, 2, 2, 8, 8, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    out, _, counted = count_activity(network, spikes)
    found, _ = network.activity(spikes)
    assert torch.equal(out, found[-1])
    assert [layer.spikes for layer in counted.layers] == [int(part.sum()) for part in found]
    assert counted.input_spikes == int(spikes.sum())
    assert counted.layers[0].updates == 4 * 4 * 4 * 20
    assert counted.layers[1].synaptic_operations == counted.layers[0].spikes * 3
    assert counted.dense_macs == network.dense_macs * 20
    assert counted.layers[0].rate == pytest.approx(float(found[0].detach().mean()))
    assert 0 < counted.synaptic_operations < counted.dense_macs
    one, other = (count_activity(network, spikes[:, part : part + 1])[2] for part in (0, 1))
    assert one + other == counted


def test_counting_works_in_inference_mode() -> None:
    network = SpikingNetwork([conv(3), dense(4)], (2, 6, 6))
    spikes = torch.ones(2, 1, 2, 6, 6)
    with torch.inference_mode():
        inside = count_activity(network, spikes)[2]
    assert inside == count_activity(network, spikes)[2]


def test_nothing_behind_the_end_is_counted() -> None:
    torch.manual_seed(0)
    network = SpikingNetwork.build([dense(3)], (2, 4, 4))
    spikes = torch.ones(10, 1, 2, 4, 4)
    whole = count_activity(network, spikes[:4])[2]
    assert count_activity(network, spikes, lengths=torch.tensor([4]))[2] == whole


def test_most_spikes_win_then_the_earlier_last_spike_then_the_lower_index() -> None:
    spikes = torch.zeros(5, 4, 3)
    spikes[[0, 1, 4], 0, 1] = 1
    spikes[[2], 0, 2] = 1
    spikes[[0, 4], 1, 0] = 1
    spikes[[1, 3], 1, 2] = 1
    spikes[[0, 3], 2, 1] = 1
    spikes[[1, 3], 2, 2] = 1
    assert decide(spikes).tolist() == [1, 2, 1, 0]
    assert spike_counts(spikes)[0].tolist() == [0, 3, 1]


def test_probabilities_follow_the_rates() -> None:
    probabilities = rate_probabilities(torch.tensor([[5.0, 0.0, 5.0]]), 10, gain=4.0)
    assert torch.allclose(probabilities, torch.softmax(torch.tensor([[2.0, 0.0, 2.0]]), -1))
