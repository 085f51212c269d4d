import pytest
import torch

from neurofer.models.depthwise import depthwise


@pytest.mark.parametrize(("times", "taps", "keep_times"), [(3, 3, True), (3, 3, False), (1, 1, True), (5, 3, False)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_values_and_gradients_are_those_of_the_library(times, taps, keep_times, channels_last):
    torch.manual_seed(0)
    maps = torch.randn(2, 5, times, 6, 7)
    if channels_last:
        maps = maps.contiguous(memory_format=torch.channels_last_3d)
    weight = torch.randn(5, 1, taps, 3, 3)
    found, wanted = [], []
    for results, convolve in ((found, depthwise), (wanted, library)):
        given = [value.clone().requires_grad_() for value in (maps, weight)]
        out = convolve(*given, keep_times)
        (out * torch.arange(out.numel()).view(out.shape).sin()).sum().backward()
        results += [out.detach(), *(value.grad for value in given)]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_double_precision_goes_another_way():
    torch.manual_seed(0)
    maps, weight = torch.randn(1, 3, 3, 4, 4).double(), torch.randn(3, 1, 3, 3, 3).double()
    torch.testing.assert_close(depthwise(maps, weight, True), library(maps, weight, True))
    torch.testing.assert_close(depthwise(maps.float(), weight.float(), True), library(maps, weight, True).float(),
                               atol=1e-5, rtol=1e-5)


def library(maps, weight, keep_times):
    pad = (weight.shape[2] // 2 if keep_times else 0, 1, 1)
    return torch.conv3d(maps, weight, padding=pad, groups=len(weight))
