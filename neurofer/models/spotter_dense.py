"""Scores of every frame of a long video, in constant memory, each frame looked at once.

The first convolution is a sum of one term a frame, so what a frame adds to any stack is computed when it comes, after
its contrast has been normalised once. A stack then costs what lies behind that convolution. Every frame is worked on
alone and by the same operations, so any chunking gives the same scores, bit for bit.

Source:
    Spotting specification, section 4; the order of the computation is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurofer.models import spotter_kernel as kernel
from neurofer.models.spotter import GREY_MIDDLE, GREY_SPREAD, Spotter
from neurofer.spotting.contrast import contrast

Floats = NDArray[np.float32]


@dataclass
class DenseState:
    """Where a video is.

    Attributes:
        ring: ``(R, 3, C, H, W)`` what the latest frames add to stacks; frame n lies at ``n % R``.
        last: The latest frame, which stands in for those behind the end.
        frames: How many have come.
        scored: How many have their scores.
    """

    ring: Floats = field(repr=False)
    last: NDArray[np.uint8] | None = field(default=None, repr=False)
    frames: int = 0
    scored: int = 0


class DenseScorer:
    """Scores every frame of a video with a trained spotter, on one core.

    Attributes:
        skips: Distances k of the reference frames for micro and macro.
        size_px: Side of the frames that the network sees.
        lookahead: Frames that must have come before one is scored.
        stride: Only frames 0, stride, 2 stride, ... are scored.
    """

    def __init__(self, spotter: Spotter, skips: tuple[int, int], size_px: int, before_only: bool = False,
                 stride: int = 1) -> None:
        """Take the weights of a spotter of grey frames, batch norms folded into them.

        Args:
            spotter: In eval mode; later changes of its weights are not seen.
            skips: Distances for micro and macro, at least 1.
            size_px: Side of the network's frames.
            before_only: The last frame of a stack is t itself, as for ``references=before``.
            stride: Score every so many-th frame.

        Raises:
            ValueError: a spotter of event sums, or a distance or stride below 1.
        """
        if spotter.channels != 1 or spotter.times != 3:
            raise ValueError("DenseScorer: need a spotter of grey frames; EventScorer is for event sums")
        _check_steps("DenseScorer", skips, stride)
        self.skips, self.size_px, self.stride, self._before_only = skips, size_px, stride, before_only
        self.lookahead = 0 if before_only else max(skips)
        self._lcn = spotter.lcn
        with torch.no_grad():
            self._front = _Front(spotter)
            self._second = _Mixed(spotter.second)
            self._third = _Mixed(spotter.third)
            heads: list[Any] = list(spotter.heads)
            self._head = np.stack([head.weight[0].double().numpy() for head in heads])
            self._shift = np.array([float(head.bias[0]) for head in heads])
        self._room = _Room(size_px, self._front.channels, self._second.out, self._third.out)

    def start(self) -> DenseState:
        """The state before the first frame."""
        side = self._room.side
        return DenseState(np.zeros((self.lookahead + max(self.skips) + 1, 3, self._front.channels, side, side),
                                   np.float32))

    def push(self, state: DenseState, frames: NDArray[np.uint8]) -> tuple[DenseState, NDArray[np.float64]]:
        """Take further frames.

        Args:
            state: By ``start`` or ``push``; its memory is used again, so the given one is over.
            frames: ``(n, S, S)`` uint8 of any side.

        Returns:
            The state after them, and ``(m, 2)`` scores of the frames that can be scored now, micro and macro, 0..1.
        """
        scores = []
        for frame in frames:
            if self._is_used(state.frames):
                state.ring[state.frames % len(state.ring)] = self._front(self._prepared(frame))
            state.frames += 1
            if state.frames - state.scored > self.lookahead:
                scores += self._score(state)
        if len(frames):
            state.last = np.array(frames[-1])
        return state, _table(scores)

    def finish(self, state: DenseState) -> NDArray[np.float64]:
        """``(r, 2)`` scores of the frames whose references lie behind the end, which the last frame stands in for."""
        if state.last is not None and not self._is_used(state.frames - 1):
            state.ring[(state.frames - 1) % len(state.ring)] = self._front(self._prepared(state.last))
        return _table([one for _ in range(state.frames - state.scored) for one in self._score(state)])

    def _is_used(self, number: int) -> bool:
        """Whether a frame is scored, or is a reference of one that is; of the last frame that shows at the end."""
        shifts = (0, *self.skips, *(-skip for skip in self.skips))
        return any((number + shift) % self.stride == 0 for shift in shifts)

    def _prepared(self, frame: NDArray[np.uint8]) -> Floats:
        import cv2

        if frame.shape != (self.size_px, self.size_px):
            frame = np.asarray(cv2.resize(frame, (self.size_px, self.size_px), interpolation=cv2.INTER_AREA))
        grey = frame.astype(np.float32)
        return contrast(grey) if self._lcn else (grey - np.float32(GREY_MIDDLE)) / np.float32(GREY_SPREAD)

    def _score(self, state: DenseState) -> list[tuple[float, float]]:
        """The scores of the next frame, if it is one that is scored."""
        now, last = state.scored, state.frames - 1
        state.scored += 1
        if now % self.stride:
            return []
        logits = []
        for kind, skip in enumerate(self.skips):
            after = now if self._before_only else min(now + skip, last)
            places = [number % len(state.ring) for number in (max(now - skip, 0), now, after)]
            features = self._stack(*(state.ring[place] for place in places))
            logits.append(float(self._head[kind] @ features.astype(np.float64) + self._shift[kind]))
        return [_probabilities(logits)]

    def _stack(self, before: Floats, now: Floats, after: Floats) -> Floats:
        """``(F,)`` features of a stack."""
        room, first = self._room, self._front.channels
        kernel.combine(before, now, after, self._front.bias, room.first, room.mix_second[first:])
        kernel.depthwise_same(room.first, self._second.taps, room.mix_second[:first])
        self._second.mix(room.mix_second, room.second)
        kernel.pooled_bordered(room.second, self._second.bias, room.pooled)
        second = self._second.out
        kernel.depthwise_valid(room.pooled, self._third.taps, room.mix_third[:second])
        room.mix_third[second:] = room.pooled[:, 1, 1:-1, 1:-1]
        self._third.mix(room.mix_third, room.third)
        kernel.pooled_mean(room.third, self._third.bias, room.features)
        return room.features


@dataclass
class EventState:
    """Where a recording is.

    Attributes:
        ring: ``(R, 2, S, S)`` uint16 running sums modulo 65,536; those after n frames lie at ``n % R``.
        frames: How many have come.
        scored: How many have their scores.
    """

    ring: NDArray[np.uint16] = field(repr=False)
    frames: int = 0
    scored: int = 0


class EventScorer:
    """Scores every frame period of a recording of events; used as ``DenseScorer`` is.

    Attributes:
        skips: Widths k of the windows for micro and macro, in frame periods.
        size_px: Side of the count images.
        lookahead: Frames that must have come before one is scored.
        stride: Only frames 0, stride, 2 stride, ... are scored.
    """

    def __init__(self, spotter: Spotter, skips: tuple[int, int], size_px: int, stride: int = 1) -> None:
        """Take a spotter of event sums.

        Args:
            spotter: In eval mode; it is used, not copied.
            skips: Widths for micro and macro, at least 1.
            size_px: Side of the count images.
            stride: Score every so many-th frame.

        Raises:
            ValueError: a spotter of grey frames, or a width or stride below 1.
        """
        if spotter.channels != 4 or spotter.times != 1:
            raise ValueError("EventScorer: need a spotter of event sums; DenseScorer is for grey frames")
        _check_steps("EventScorer", skips, stride)
        self.skips, self.size_px, self.stride, self._spotter = skips, size_px, stride, spotter
        self.lookahead = max(skips)

    def start(self) -> EventState:
        """The state before the first frame."""
        return EventState(np.zeros((2 * max(self.skips) + 2, 2, self.size_px, self.size_px), np.uint16))

    def push(self, state: EventState, frames: NDArray[np.uint16]) -> tuple[EventState, NDArray[np.float64]]:
        """Take the counts of further frame periods, ``(n, 2, S, S)`` uint16, OFF and ON; see ``DenseScorer.push``."""
        scores = []
        for counts in frames:
            room = len(state.ring)
            state.ring[(state.frames + 1) % room] = state.ring[state.frames % room] + counts
            state.frames += 1
            if state.frames - state.scored > self.lookahead:
                scores += self._score(state)
        return state, _table(scores)

    def finish(self, state: EventState) -> NDArray[np.float64]:
        """``(r, 2)`` scores of the frames whose windows would reach behind the end."""
        return _table([one for _ in range(state.frames - state.scored) for one in self._score(state)])

    @torch.inference_mode()
    def _score(self, state: EventState) -> list[tuple[float, float]]:
        """The scores of the next frame, if it is one that is scored; always a batch of its two stacks."""
        now, last, room = state.scored, state.frames - 1, len(state.ring)
        state.scored += 1
        if now % self.stride:
            return []
        stacks = [np.concatenate([state.ring[(right + 1) % room] - state.ring[(left + 1) % room]
                                  for left, right in ((max(now - skip, 0), now), (now, min(now + skip, last)))])
                  for skip in self.skips]
        batch = torch.from_numpy(np.stack(stacks).astype(np.float32))[:, :, None]
        return [_probabilities(self._spotter(batch, torch.arange(2)).tolist())]


def _probabilities(logits: Sequence[float]) -> tuple[float, float]:
    micro, macro = (1 / (1 + np.exp(-np.asarray(logits, np.float64)))).tolist()
    return micro, macro


def _check_steps(who: str, skips: tuple[int, int], stride: int) -> None:
    if min(*skips, stride) < 1:
        raise ValueError(f"{who}: need distances and a stride of at least 1 frame, got {skips} and {stride}")


def _table(scores: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    return np.array(scores, np.float64).reshape(-1, 2)


def _folded(weight: torch.Tensor, norm: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A convolution and the batch norm behind it as one: weights ``(out, ...)``, bias and factors ``(out,)``."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return weight * scale.view(-1, *[1] * (weight.ndim - 1)), norm.bias - norm.running_mean * scale, scale


class _Front:
    """What one frame adds to any stack: its response to each temporal tap of the first convolution."""

    def __init__(self, spotter: Spotter) -> None:
        conv: Any = spotter.conv
        weight, bias, scale = _folded(conv.weight, spotter.norm)
        self.channels = weight.shape[0]
        self.bias = (bias + conv.bias * scale).numpy()
        self._weight = weight[:, 0].transpose(0, 1).reshape(-1, 1, 3, 3).contiguous()

    def __call__(self, frame: Floats) -> Floats:
        with torch.inference_mode():
            maps = nn.functional.conv2d(torch.from_numpy(frame)[None, None], self._weight, stride=2, padding=1)
        return np.asarray(maps[0].numpy().reshape(3, self.channels, *maps.shape[-2:]))


class _Mixed:
    """A separable block: depthwise taps, and one matrix for pointwise and residual together."""

    def __init__(self, block: Any) -> None:
        pointwise, bias, _ = _folded(block.pointwise.weight[:, :, 0, 0, 0], block.norm)
        if block.residual is None:
            residual = torch.zeros_like(pointwise)
        else:
            residual, _, _ = _folded(block.residual.weight[:, :, 0, 0, 0], block.norm)
        self._matrix = torch.cat([pointwise, residual], dim=1).contiguous()
        self.bias = bias.numpy()
        self.taps = np.ascontiguousarray(block.depthwise.weight[:, 0].numpy())
        self.out = len(self.bias)

    def mix(self, maps: Floats, out: Floats) -> None:
        """The matrix times maps ``(2 C, ...)`` into ``(out, ...)``."""
        with torch.inference_mode():
            torch.mm(self._matrix, torch.from_numpy(maps.reshape(len(maps), -1)),
                     out=torch.from_numpy(out.reshape(len(out), -1)))


class _Room:
    """Memory for one stack, used again and again; borders stay 0."""

    def __init__(self, size_px: int, first: int, second: int, third: int) -> None:
        self.side = (size_px + 1) // 2
        half = self.side // 2
        self.first = np.zeros((3, first, self.side + 2, self.side + 2), np.float32)
        self.mix_second = np.zeros((2 * first, 3, self.side, self.side), np.float32)
        self.second = np.zeros((second, 3, self.side, self.side), np.float32)
        self.pooled = np.zeros((second, 3, half + 2, half + 2), np.float32)
        self.mix_third = np.zeros((2 * second, half, half), np.float32)
        self.third = np.zeros((third, half, half), np.float32)
        self.features = np.zeros(third, np.float32)
