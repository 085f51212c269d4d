import pytest
import torch

from neurofer.models.spotter import Spotter, local_contrast
from neurofer.spotting.contrast import window_taps


def test_the_taps_are_those_of_the_specification():
    wanted = [.027631, .066282, .123832, .180174, .204164, .180174, .123832, .066282, .027631]
    assert window_taps().tolist() == pytest.approx(wanted, abs=5e-7)


def test_an_impulse_and_a_step_give_the_values_of_the_specification():
    impulse = torch.zeros(33, 33)
    impulse[16, 16] = 1
    assert float(local_contrast(impulse)[16, 16]) == pytest.approx(4.8642, abs=5e-5)
    step = torch.zeros(32, 32)
    step[:, 16:] = 1
    assert local_contrast(step)[5, 14:18].tolist() == pytest.approx([-.8683, -1.4338, 1.4338, .8683], abs=5e-5)


def test_light_and_its_gain_do_not_matter_and_the_negative_is_the_negative():
    torch.manual_seed(0)
    picture = torch.randint(0, 256, (2, 24, 20)).float()
    plain = local_contrast(picture)
    torch.testing.assert_close(local_contrast(3 * picture + 40), plain, atol=2e-4, rtol=1e-4)
    assert torch.equal(local_contrast(-picture), -plain)


@pytest.mark.parametrize("grey", [0.0, 0.3, 137.0, 255.0])
def test_a_constant_picture_gives_nothing(grey):
    assert torch.equal(local_contrast(torch.full((1, 16, 16), grey)), torch.zeros(1, 16, 16))


def test_too_small_a_picture_is_refused():
    with pytest.raises(ValueError, match="5 pixels"):
        local_contrast(torch.zeros(4, 4))


def test_the_shapes_and_the_number_of_weights_are_those_of_the_specification():
    model = Spotter()
    assert sum(value.numel() for value in model.parameters()) == 7218
    assert sum(value.numel() for value in Spotter(residual=False).parameters()) == 7218 - 512 - 2048
    stacks = torch.rand(2, 1, 3, 112, 112)
    first = model.conv(torch.cat([stacks[:, :, :1], stacks, stacks[:, :, -1:]], dim=2))
    second = model.second(first)
    third = model.third(second)
    assert [tuple(maps.shape[1:]) for maps in (first, second, third)] == [(16, 3, 56, 56), (32, 3, 28, 28),
                                                                          (64, 1, 14, 14)]
    assert model(stacks, torch.tensor([0, 1])).shape == (2,)


def test_both_types_share_all_weights_but_their_heads():
    model = Spotter().eval()
    stacks = torch.rand(1, 1, 3, 32, 32) * 255
    features = model.features(model.prepared(stacks))
    for kind, head in enumerate(model.heads):
        wanted = head(features)[:, 0]
        torch.testing.assert_close(model(stacks, torch.tensor([kind])), wanted)


def test_a_face_at_rest_gives_nothing_before_training():
    torch.manual_seed(0)
    still = torch.randint(0, 256, (2, 1, 1, 32, 32)).float().expand(2, 1, 3, 32, 32)
    model = Spotter().eval()
    with torch.no_grad():
        model.conv.bias.zero_()
    assert model.features(model.prepared(still)).abs().max() < 1e-5


def test_without_contrast_normalisation_light_matters():
    stacks = torch.rand(1, 1, 3, 32, 32) * 100
    torch.manual_seed(0)
    with_it, without = Spotter().eval(), Spotter(lcn=False).eval()
    kinds = torch.tensor([0])
    torch.testing.assert_close(with_it(stacks, kinds), with_it(2 * stacks, kinds), atol=1e-4, rtol=1e-4)
    assert abs(without(stacks, kinds).item() - without(2 * stacks, kinds).item()) > 1e-3


def test_event_sums_are_seen_as_one_stack_of_four():
    model = Spotter(channels=4, times=1, lcn=False).eval()
    assert model(torch.rand(3, 4, 1, 32, 32), torch.tensor([0, 1, 1])).shape == (3,)
    with pytest.raises(ValueError, match="times is 2"):
        Spotter(times=2)
