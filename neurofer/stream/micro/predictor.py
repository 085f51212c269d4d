"""A finished micro-expression run applied to aligned faces: key frames, maps, probabilities."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from neurofer.data.micro.align import SIZE_PX
from neurofer.errors import BadFileError, UsageError
from neurofer.stream.micro.clips import FaceClip, made_up_clip
from neurofer.stream.micro.given import Given, moments_in
from neurofer.stream.micro.places import Placed, found_in, place_found, place_given, place_whole
from neurofer.train.micro.inputs import Statistics, clip_maps, seen
from neurofer.train.micro.instants import Moments
from neurofer.train.micro.load import MicroRun

Reading = Callable[[int], FaceClip]
"""Reads a clip whose face is aligned by the frame of this number, if it shows one."""


class MicroDecision(NamedTuple):
    """What a clip shows.

    Attributes:
        clip: The aligned face.
        placed: Its key instants.
        why: Why no expression was found in its events; empty where one was, or where moments were given.
        maps: ``(C, 10, S, S)`` what the network was fed.
        label: The class decided for.
        probabilities: ``(K,)``.
        latency_ms: From the aligned face to the decision on this machine, without reading and finding the face.
    """

    clip: FaceClip
    placed: Placed
    why: str
    maps: NDArray[np.float16]
    label: str
    probabilities: NDArray[np.float64]
    latency_ms: float


class MicroPredictor:
    """Decides which micro-expression a clip shows.

    Attributes:
        classes: Class names.
        size_px: Side of the aligned faces that the run was trained on.
        run: What decides.
        midpoint: The network that draws key frames, as a function; None without one.
    """

    def __init__(self, run: MicroRun) -> None:
        """Take the networks and their way of seeing from a loaded run.

        Raises:
            BadFileError: the card lacks what is needed to prepare the network's input.
        """
        self.run = run
        self.classes: tuple[str, ...] = tuple(run.card["classes"])
        try:
            self._lag_us = int(run.card["lag_us"])
            self._statistics = Statistics(*(tuple(run.card["statistics"][name]) for name in ("mean", "deviation")))
        except (KeyError, TypeError, ValueError) as error:
            raise BadFileError(f"{run.path / 'card.json'}: does not say {error}, which a new recording needs; train "
                               "the run again") from error
        self.size_px = int(run.card.get("crop_px", SIZE_PX))
        self.midpoint = None
        if run.interpolator is not None:
            from neurofer.models.interpolate import interpolate_midpoint

            self.midpoint = interpolate_midpoint(run.interpolator)
        self._warm = False

    def require_events_suffice(self, path: Path) -> None:
        """Refuse a recording of events for a run that looks at frames.

        Raises:
            UsageError: with what to do.
        """
        config = self.run.config
        if config.input.kind == "flow":
            raise UsageError(f"{path}: is a recording of events, but {self.run.path} sees optical flow between frames; "
                             "give it a video, or train a run with input.kind=slices")
        if config.key.apex == "flow":
            raise UsageError(f"{path}: is a recording of events, but {self.run.path} places its apex by optical flow "
                             "(key.apex=flow); give it a video, or train a run with another key.apex")

    def decide(self, read: Reading, given: Given | None = None) -> MicroDecision:
        """What a clip shows.

        Without given moments they are looked for in the events of the clip aligned by its first frame; a face that the
        detector has to find is then aligned anew by the onset frame, as for training.

        Args:
            read: Gives the clip.
            given: The user's moments.

        Raises:
            NeuroferError: it cannot be read, or shows no face.
            UsageError: a given moment lies outside of it.
        """
        self._warm_up(given is None)
        if given is not None:
            clip = read(0 if given.onset.in_ms else int(given.onset.value))
            started = time.perf_counter()
            return self._decided(clip, place_given(clip, self.run.config.key, moments_in(clip, given)), "", started)
        clip = read(0)
        started = time.perf_counter()
        found = found_in(clip, self.run.config.event)
        if isinstance(found, str):
            return self._decided(clip, place_whole(clip), found, started)
        if clip.aligned_by.startswith("detected"):
            spent = time.perf_counter() - started
            onset_us = max(found[0] - self._lag_us, clip.times_us[0])
            clip = read(clip.first_frame + int(np.searchsorted(clip.times_us, onset_us, side="right")) - 1)
            started = time.perf_counter() - spent
        return self._decided(clip, place_found(clip, self.run.config.key, found, self._lag_us), "", started)

    def _warm_up(self, finding: bool) -> None:
        """Decide about a made-up film once, so that compilers and caches have settled when a latency is measured."""
        if self._warm:
            return
        self._warm = True
        clip = made_up_clip(self.size_px)
        if finding:
            found_in(clip, self.run.config.event)
        self._decided(clip, place_given(clip, self.run.config.key, Moments(0.0, 1.0, float(clip.last))), "", 0.0)

    def _decided(self, clip: FaceClip, placed: Placed, why: str, started: float) -> MicroDecision:
        config = self.run.config
        events = clip.events if config.input.kind == "slices" else None
        maps = clip_maps(config.input, config.key.kind, placed.moments, placed.instants.times, clip.times_us,
                         clip.pictures, events, self.midpoint)
        odds = self._probabilities(maps)
        spent_ms = 1e3 * (time.perf_counter() - started)
        return MicroDecision(clip, placed, why, maps, self.classes[int(odds.argmax())], odds, spent_ms)

    @torch.no_grad()
    def _probabilities(self, maps: NDArray[np.float16]) -> NDArray[np.float64]:
        batch = torch.from_numpy(maps[None]).float()
        logits = self.run.model(seen(self.run.config.input.kind, batch, self._statistics))
        return np.asarray(functional.softmax(logits.double(), dim=1)[0].numpy())
