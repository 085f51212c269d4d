"""A decoder that knows the rates of spiking layers: traces by hand, skips, shapes, refusals."""

from __future__ import annotations

import pytest
import torch

from neurofer.models.reconstruct import Generator
from neurofer.models.spiking_generator import SpikingDiscriminator, SpikingEncoder, SpikingGenerator, event_picture
from neurofer.spiking.layers import LayerSpec, conv
from neurofer.spiking.network import SpikingNetwork, preset_layers


def encoder(preset: str = "small", size_px: int = 32, depth: int = 3, lead: int = 2) -> SpikingEncoder:
    torch.manual_seed(0)
    network = SpikingNetwork.build(preset_layers(preset, 3), (2, size_px, size_px))
    return SpikingEncoder(network.spiking_layers()[:depth], lead)


def spikes(steps: int, batch: int, size_px: int) -> torch.Tensor:
    return (torch.rand(steps, batch, 2, size_px, size_px) < 0.2).float()


def test_rates_by_hand_behind_the_lead() -> None:
    # One neuron that forgets: it fires where the current of this step is above 1.
    spec = LayerSpec("conv", 1, kernel=(1, 1), padding=(0, 0), alpha=0.0, beta=1e-6)
    network = SpikingNetwork.build([spec, LayerSpec("dense", 1)], (1, 1, 1))
    layer = network.spiking_layers()[0]
    with torch.no_grad():
        layer.weight.fill_(2.0)
    train = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0]).view(5, 1, 1, 1, 1)
    assert SpikingEncoder([layer], 0)(train).item() == pytest.approx(3 / 5)
    assert SpikingEncoder([layer], 1)(train).item() == pytest.approx(2 / 4)
    with pytest.raises(ValueError, match="5 steps leave none behind a lead of 5"):
        SpikingEncoder([layer], 5)(train)


def test_the_lead_warms_the_neurons_up() -> None:
    one, train = encoder(lead=3), spikes(7, 2, 32)
    whole = train
    for layer in one.spiking_layers():
        whole, _ = layer(whole)
    torch.testing.assert_close(one(train), whole[3:].mean(0), rtol=0, atol=0)


def test_without_skips_the_last_layer_is_all_that_is_known() -> None:
    network, train = SpikingGenerator(encoder(), 0.25).eval(), spikes(6, 2, 32)
    others = network.encoder(train.flip(1))
    torch.testing.assert_close(network.draw(train, others), network.draw(train.flip(1)), rtol=0, atol=0)
    handed = SpikingGenerator(encoder(), 0.25, skips=1).eval()
    assert handed.skips == [1, None]
    assert not torch.equal(handed.draw(train, others), handed.draw(train.flip(1)))


@pytest.mark.parametrize(("preset", "size_px", "depth", "skips"),
                         [("tiny", 16, 2, None), ("small", 32, 4, None), ("small", 32, 4, 2), ("base", 64, 3, 0)])
def test_shapes_and_range(preset: str, size_px: int, depth: int, skips: int | None) -> None:
    network = SpikingGenerator(encoder(preset, size_px, depth), 1 / 16, skips)
    train = spikes(4, 2, size_px)
    face = network(train)
    assert face.shape == (2, 3, size_px, size_px)
    assert face.abs().max() <= 1
    assert SpikingDiscriminator(size_px, 1 / 16, 5, 2)(train, face).shape == (2, 1, 14, 14)


def test_an_event_picture_by_hand() -> None:
    train = torch.zeros(4, 1, 2, 8, 8)
    train[:3, 0, 1, 2, 5] = 1
    train[:, 0, 0, 0, 0] = 9  # graded
    picture = event_picture(train)[0]
    assert (picture[1, 2, 5].item(), picture[0, 0, 0].item(), picture[0, 3, 3].item()) == (0.5, 1.0, -1.0)


def test_what_does_not_double_up_is_refused() -> None:
    with pytest.raises(ValueError, match="2 layers can be handed to the decoder, got skips=3"):
        SpikingGenerator(encoder(), 0.25, 3)
    uneven = SpikingNetwork.build([conv(4, stride=3), LayerSpec("dense", 2)], (2, 16, 16))
    with pytest.raises(ValueError, match="ends with maps of 6 px, which do not double up to 16"):
        SpikingGenerator(SpikingEncoder(uneven.spiking_layers()[:1]))
    level = SpikingNetwork.build([conv(4, stride=1), LayerSpec("dense", 2)], (2, 16, 16))
    with pytest.raises(ValueError, match="ends with maps of 16 px"):
        SpikingGenerator(SpikingEncoder(level.spiking_layers()[:1]))
    odd = SpikingNetwork.build([conv(4), LayerSpec("dense", 2)], (2, 24, 24))
    with pytest.raises(ValueError, match="a side that is a power of two of at least 8, got 24"):
        SpikingGenerator(SpikingEncoder(odd.spiking_layers()[:1]))


def test_skips_of_the_published_generator_are_a_choice() -> None:
    torch.manual_seed(0)
    whole = Generator(32, 1 / 8)
    torch.manual_seed(0)
    assert all(torch.equal(value, whole.state_dict()[name])
               for name, value in Generator(32, 1 / 8, skips=4).state_dict().items())
    alone = Generator(32, 1 / 8, skips=0).eval()
    pictures = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(alone.draw(pictures, alone.encoder(pictures.flip(0))), alone(pictures.flip(0)), rtol=0,
                               atol=0)
    assert [block.conv.in_channels for block in Generator(32, 1 / 8, skips=1).blocks] == [64, 128, 32, 16]
    with pytest.raises(ValueError, match="32 px have 4 skips, got skips=5"):
        Generator(32, 1 / 8, skips=5)
