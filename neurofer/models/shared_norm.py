"""Batch norm and sums over the samples of all processes of a training, on any device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable


def processes() -> int:
    """Number of processes that train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


class SumOfAll(torch.autograd.Function):
    """The sum of a tensor over all processes, known to each; so is the sum of its gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        whole = values.clone()
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Tensor:
        whole: Tensor = gradients[0].contiguous().clone()
        distributed.all_reduce(whole)
        return whole


def mean_of_all(values: Tensor) -> Tensor:
    """Mean of a tensor's elements over all processes, 0-dimensional; the plain mean with one process."""
    if processes() == 1:
        return values.mean()
    both = torch.stack([values.sum(), values.new_tensor(float(values.numel()))])
    total, count = SumOfAll.apply(both)
    return total / count.detach()


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose batch is that of all processes together; in eval mode, or alone, it is the ordinary one.

    ``torch.nn.SyncBatchNorm`` does the same on GPUs only. Parameters and buffers have the names of ``BatchNorm2d``.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name
        if not self.training or processes() == 1:
            out: Tensor = super().forward(input)
            return out
        self._check_input_dim(input)
        out, mean, variance, count = _Normalise.apply(input, self.weight, self.bias, self.eps)
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            with torch.no_grad():
                self.num_batches_tracked.add_(1)
                share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
                self.running_mean.lerp_(mean, share)
                self.running_var.lerp_(variance * (count / (count - 1)), share)
        return out


def share_batch_norm(model: nn.Module) -> nn.Module:
    """Put ``SharedBatchNorm2d`` in the place of every ``BatchNorm2d`` inside a model, with the same tensors."""
    for name, child in model.named_children():
        if type(child) is nn.BatchNorm2d:
            norm = SharedBatchNorm2d(child.num_features, child.eps, child.momentum, child.affine,
                                     child.track_running_stats)
            norm.weight, norm.bias = child.weight, child.bias
            norm.running_mean, norm.running_var = child.running_mean, child.running_var
            norm.num_batches_tracked = child.num_batches_tracked
            norm.train(child.training)
            setattr(model, name, norm)
        else:
            share_batch_norm(child)
    return model


class _Normalise(torch.autograd.Function):
    """``(x (B, C, H, W), weight, bias, eps) -> (normalised, mean (C), variance (C), count)`` over all processes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, ...]:
        wide = x.float()
        variance, mean = torch.var_mean(wide, (0, 2, 3), correction=0)
        mine = torch.stack([mean, variance, torch.full_like(mean, x.numel() / x.shape[1])])
        each = [torch.empty_like(mine) for _ in range(processes())]
        distributed.all_gather(each, mine)
        means, variances, counts = torch.stack(each, dim=1).double()
        count = counts.sum(0)
        mean = (counts * means).sum(0) / count
        variance = (counts * (variances + (means - mean).square())).sum(0) / count
        scale = (variance + eps).rsqrt().float()
        mean, variance, total = mean.float(), variance.float(), count[0].float()
        out = (wide - _wide(mean)).mul_(_wide(scale * weight)).add_(_wide(bias)).to(x.dtype)
        ctx.save_for_backward(x, weight, mean, scale, total)
        ctx.mark_non_differentiable(mean, variance, total)
        return out, mean, variance, total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale, total = ctx.saved_tensors
        gradient = gradients[0].float()
        standard = (x.float() - _wide(mean)).mul_(_wide(scale))
        for_bias, for_weight = gradient.sum((0, 2, 3)), (gradient * standard).sum((0, 2, 3))
        whole = torch.stack([for_bias, for_weight])
        distributed.all_reduce(whole)
        through = whole / total
        back = (gradient - _wide(through[0]) - standard * _wide(through[1])) * _wide(scale * weight)
        return back.to(x.dtype), for_weight, for_bias, None


def _wide(by_channel: Tensor) -> Tensor:
    return by_channel[None, :, None, None]
