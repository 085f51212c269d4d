"""Training the network that draws key frames, on frames of the training subjects alone."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, PositiveFloat, PositiveInt, field_validator

from neurofer.config import StrictModel
from neurofer.errors import NeuroferError, UsageError
from neurofer.progress import progress as shown

if TYPE_CHECKING:
    from torch import Tensor

    from neurofer.models.interpolate import SeparableInterpolator

Film = tuple[str, NDArray[np.uint8]]
"""Name of a subject, and frames ``(N, H, W)`` of theirs, which may be memory-mapped."""

HELD_SHARE = 0.15
"""Of the films, at least one, is left out of training, to say how well it went."""

HELD_PER_GAP = 24
"""Triplets of each gap drawn from those films."""

CANDIDATES = 4
"""Crops drawn for each one that is taken, which is the one with most motion."""

_WARM_STEPS = 10
_SMOOTH = 0.01
_GOOD_BLEND = 0.005


class InterpolateConfig(StrictModel):
    """How the network of ``key.kind=interp_cnn`` is trained: ``steps`` of ``batch`` crops of ``crop_px``.

    It learns the frame at ``t`` from those at ``t - gap`` and ``t + gap``, for gaps drawn from ``gaps``; the key frames
    between two annotated ones are drawn by halving, so they need a half, a quarter and an eighth of their distance.
    ``taps`` (odd) and ``width`` are those of ``neurofer.models.interpolate.SeparableInterpolator``.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    steps: PositiveInt = 150
    batch: PositiveInt = Field(8, le=4096)
    crop_px: int = Field(64, ge=16, le=512)
    lr: PositiveFloat = 1e-3
    taps: int = Field(9, ge=3, le=51)
    width: PositiveInt = Field(16, le=256)
    gaps: list[PositiveInt] = Field([2, 4, 8, 16, 32], min_length=1)

    @field_validator("taps")
    @classmethod
    def _odd(cls, taps: int) -> int:
        if taps % 2 == 0:
            raise ValueError(f"taps must be odd, so that a kernel has a middle; {taps} is even")
        return taps

    @field_validator("gaps")
    @classmethod
    def _once(cls, gaps: list[int]) -> list[int]:
        if len(set(gaps)) < len(gaps):
            raise ValueError(f"gaps must differ, they are {gaps}")
        return gaps


def train_interpolator(films: Sequence[Film], config: InterpolateConfig, seed: int,
                       threads: int = 0) -> tuple[SeparableInterpolator, dict[str, Any]]:
    """A network that draws the frame halfway, and the record of how it came to be.

    Everything drawn follows from the seed and the order of the films. Of these, only the crops and frames that are
    used are read. The loss is the Charbonnier distance divided by how far the mean of the two neighbours is off, so
    that weak motion counts, too.

    Args:
        films: Those of the training subjects.
        config: Steps, sizes, gaps. Gaps that no film is long enough for are left out.
        seed: Of the run.
        threads: Of torch while it trains, on which the last bits depend; 0 leaves those it has.

    Returns:
        The network, in eval mode on the CPU, and ``subjects`` whose films were read, sorted; ``steps``; ``loss_first``
        and ``loss_last``, means of a fifth of the steps; numbers of ``films`` and ``held_out_films``; and, on triplets
        of the films held out, ``psnr_blend_db`` of the mean of the neighbours and ``psnr_network_db``, over all and
        for each gap in ``gaps``.

    Raises:
        UsageError: fewer than two films that are long enough, or one that is smaller than a crop.
        NeuroferError: the loss is no longer a number.
        ValueError: a film that is not ``(N, H, W)`` uint8.
    """
    import torch

    from neurofer.models.interpolate import SeparableInterpolator

    usable = _usable(films, config)
    init, order, drawn, scored = np.random.SeedSequence(seed).spawn(4)
    turns = np.random.default_rng(order).permutation(len(usable))
    held = [usable[turn] for turn in turns[:max(1, round(HELD_SHARE * len(usable)))]]
    taught = [usable[turn] for turn in turns[len(held):]]
    read: set[str] = set()
    with _torch_threads(threads):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(init.generate_state(1, np.uint64)[0] >> np.uint64(1)))
            model = SeparableInterpolator(config.taps, config.width)
        losses = _fit(model, taught, config, np.random.default_rng(drawn), read)
        scores = _scores(model, held, config, np.random.default_rng(scored), read)
    few = math.ceil(len(losses) / 5)
    return model, {"subjects": sorted(read), "steps": config.steps, "loss_first": float(np.mean(losses[:few])),
                   "loss_last": float(np.mean(losses[-few:])), "films": len(taught), "held_out_films": len(held),
                   **scores}


def draw_triplet(films: Sequence[Film], gaps: Sequence[int], crop_px: int,
                 random: np.random.Generator) -> tuple[NDArray[np.uint8], set[str]]:
    """A crop at three times of one film, and whose films were looked at for it.

    The gap is drawn first, then that of ``CANDIDATES`` places and times where most moves; it is played backwards or
    mirrored half of the time.

    Args:
        films: One of them at least must be long enough for each gap.
        gaps: Distances in frames between neighbours of the triplet.
        crop_px: Side of the crop.
        random: Source of the draws.

    Returns:
        ``(3, crop_px, crop_px)`` uint8, the middle one in the middle; and names of subjects.
    """
    gap = int(random.choice(gaps))
    long = [film for film in films if len(film[1]) > 2 * gap]
    best, most, seen = None, -1.0, set()
    for _ in range(CANDIDATES):
        subject, frames = long[random.integers(len(long))]
        middle = int(random.integers(gap, len(frames) - gap))
        top, left = (int(random.integers(side - crop_px + 1)) for side in frames.shape[1:])
        crop = frames[middle - gap:middle + gap + 1:gap, top:top + crop_px, left:left + crop_px]
        motion = float(np.abs(crop[0].astype(np.int16) - crop[2]).mean())
        seen.add(subject)
        if motion > most:
            best, most = crop, motion
    triplet = np.asarray(best)
    triplet = triplet[::-1] if random.random() < 0.5 else triplet
    return (triplet[:, :, ::-1] if random.random() < 0.5 else triplet), seen


def _usable(films: Sequence[Film], config: InterpolateConfig) -> list[Film]:
    for subject, frames in films:
        if frames.ndim != 3 or frames.dtype != np.uint8:
            raise ValueError(f"train_interpolator: need films (N, H, W) uint8, one of {subject} is {frames.shape} "
                             f"{frames.dtype}")
        if min(frames.shape[1:]) < config.crop_px:
            raise UsageError(f"interpolate: crop_px is {config.crop_px}, but a film of {subject} has "
                             f"{frames.shape[2]}x{frames.shape[1]} pixels; make crop_px smaller")
    usable = [film for film in films if len(film[1]) > 2 * min(config.gaps)]
    if len(usable) < 2:
        raise UsageError(f"interpolate: {len(usable)} of {len(films)} films have more than {2 * min(config.gaps)} "
                         "frames; need two, one to learn from and one held out: add films, or smaller gaps")
    return usable


def _fit(model: SeparableInterpolator, films: Sequence[Film], config: InterpolateConfig, random: np.random.Generator,
         read: set[str]) -> list[float]:
    """Train in place; gives the loss of every step."""
    import torch

    optimiser = torch.optim.Adam(model.parameters(), lr=config.lr)
    gaps = _fitting(config.gaps, films)
    losses: list[float] = []
    with shown(total=config.steps, unit="step", desc="interpolator") as bar:
        for step in range(config.steps):
            for group in optimiser.param_groups:
                group["lr"] = config.lr * _rate(step, config.steps)
            triplets = [draw_triplet(films, gaps, config.crop_px, random) for _ in range(config.batch)]
            read.update(*(seen for _, seen in triplets))
            loss = relative_loss(model, torch.from_numpy(np.stack([crops for crops, _ in triplets])).float() / 255)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                raise NeuroferError(f"interpolate: the loss is {losses[-1]} at step {step + 1}; make lr, "
                                    f"{config.lr:g}, smaller")
            bar.update()
    model.eval()
    return losses


def relative_loss(model: SeparableInterpolator, triplets: Tensor) -> Tensor:
    """Charbonnier distance of the middle frames, relative to the error of blending.

    Args:
        model: Draws the middle.
        triplets: ``(B, 3, H, W)`` in 0..1.
    """
    neighbours, middle = triplets[:, ::2], triplets[:, 1]
    blend_error = (neighbours.mean(dim=1) - middle).abs().mean(dim=(1, 2))
    distance = ((model(neighbours) - middle).square() + _SMOOTH**2).sqrt().mean(dim=(1, 2))
    return (distance / (blend_error + _GOOD_BLEND)).mean()


def _scores(model: SeparableInterpolator, films: Sequence[Film], config: InterpolateConfig,
            random: np.random.Generator, read: set[str]) -> dict[str, Any]:
    """PSNR of the network and of blending, both rounded to bytes, by gap and over all."""
    from neurofer.models.interpolate import interpolate_midpoint

    midpoint = interpolate_midpoint(model)
    errors: dict[int, list[tuple[float, float]]] = {}
    for gap in _fitting(config.gaps, films):
        long = [film for film in films if len(film[1]) > 2 * gap]
        errors[gap] = []
        for _ in range(HELD_PER_GAP):
            subject, frames = long[random.integers(len(long))]
            read.add(subject)
            place = int(random.integers(gap, len(frames) - gap))
            first, middle, second = np.asarray(frames[place - gap:place + gap + 1:gap])
            blend = (first.astype(np.int64) + second + 1) // 2
            drawn = midpoint(first[None], second[None])[0]
            errors[gap].append((_mean_square(blend, middle), _mean_square(drawn, middle)))
    over_all = [pair for pairs in errors.values() for pair in pairs]
    return {**_psnr(over_all), "gaps": {str(gap): _psnr(pairs) for gap, pairs in errors.items()}}


def _psnr(errors: Sequence[tuple[float, float]]) -> Mapping[str, float]:
    """Of the mean squared errors of blends and of drawn frames; 100 dB at most."""
    blend, drawn = np.maximum(np.mean(errors, axis=0) / 255**2, 1e-10)
    return {"psnr_blend_db": float(-10 * np.log10(blend)), "psnr_network_db": float(-10 * np.log10(drawn))}


def _mean_square(drawn: NDArray[Any], true: NDArray[np.uint8]) -> float:
    return float(np.square(drawn.astype(np.float64) - true).mean())


def _fitting(gaps: Sequence[int], films: Sequence[Film]) -> list[int]:
    """The gaps for which one film at least is long enough."""
    longest = max(len(frames) for _, frames in films)
    return [gap for gap in gaps if longest > 2 * gap]


def _rate(step: int, steps: int) -> float:
    """Factor of the learning rate: a linear warm-up of a few steps on a cosine that ends at zero."""
    return min((step + 1) / _WARM_STEPS, 1.0) * 0.5 * (1 + math.cos(math.pi * step / steps))


@contextlib.contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
