"""A small store of long videos: a texture in which a bump moves, briefly for a micro-, longer for a macro-expression.

Nothing in it looks like a face; it has what the spotter looks for, and a training on it takes seconds.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from neurofer.config import load_config
from neurofer.data.clip import Box, Clip
from neurofer.data.frames import frames_digest, write_frames
from neurofer.data.long.store import LABELS, label_of, truth_digest, write_truth
from neurofer.data.micro.films import frame_times
from neurofer.data.store import StoredClip, write_store_index
from neurofer.events.columns import write_columns
from neurofer.keyframes.film_events import film_events
from neurofer.spotting.interval import Interval, Kind
from neurofer.train.spot.config import SpotConfig

FPS = 30.0
SMALL = ("input.size_px=32", "model.width=0.5", "sample.most=12", "train.epochs=2", "train.lr=3e-3", "decode.stride=2",
         "threads=1", "split.kind=loso", "split.fold=0")
_PEAK_PX = {"micro": 1.2, "macro": 2.5}


def planted(video: str, random: np.random.Generator, frames: int) -> tuple[Interval, ...]:
    """One micro-expression of 15 frames and one macro-expression of 40, in halves of the video."""
    half = frames // 2
    spans: tuple[tuple[Kind, int], ...] = (("micro", 15), ("macro", 40))
    order = random.permutation(2)
    found = []
    for place, (kind, length) in zip(order, spans, strict=True):
        onset = int(place * half + random.integers(30, half - length - 30))
        found.append(Interval(video, kind, onset, onset + length - 1, onset + length // 2, None, "happiness"))
    return tuple(sorted(found, key=lambda one: one.onset))


def texture_film(random: np.random.Generator, intervals: tuple[Interval, ...], frames: int,
                 size_px: int) -> NDArray[np.uint8]:
    """``(frames, size_px, size_px)``: a texture that is pushed aside and comes back during each interval."""
    rough = random.uniform(0, 255, (size_px // 2, size_px // 2)).astype(np.float32)
    texture = cv2.GaussianBlur(cv2.resize(rough, (size_px, size_px), interpolation=cv2.INTER_CUBIC), (0, 0), 1.0)
    y, x = np.mgrid[:size_px, :size_px].astype(np.float32)
    places = {"micro": 0.35, "macro": 0.65}
    film = np.empty((frames, size_px, size_px), np.uint8)
    for number in range(frames):
        shift = np.zeros((size_px, size_px), np.float32)
        for one in intervals:
            if one.onset <= number <= one.offset:
                share = (number - one.onset + 0.5) / one.frames
                middle = places[one.kind] * size_px
                bump = np.exp(-((x - middle) ** 2 + (y - middle) ** 2) / (2 * (0.18 * size_px) ** 2))
                shift += np.float32(_PEAK_PX[one.kind] * np.sin(np.pi * share)) * bump
        moved = cv2.remap(texture, x - shift, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        film[number] = np.clip(moved + random.normal(0, 1.0, moved.shape), 0, 255)
    return film


def write_long_store(folder: Path, subjects: int = 3, videos: int = 1, frames: int = 240, size_px: int = 32,
                     seed: int = 0, name: str = "texture") -> Path:
    """A store of a few people, whose first video alone may lack nothing: each has both types."""
    stored, truth = [], []
    for subject in range(subjects):
        for number in range(videos):
            video = f"p{subject}_{number}"
            random = np.random.default_rng((seed, subject, number))
            intervals = planted(video, random, frames)
            film, times_us = texture_film(random, intervals, frames, size_px), frame_times(frames, FPS)
            write_frames(folder, video, times_us, film)
            sensor = (size_px, size_px)
            info = write_columns(folder / "events" / video, film_events(film, times_us), sensor)
            facts = {"fps": f"{FPS:g}", "frames": str(frames), "first_frame": "0", "aligned": "whole picture",
                     "frames_digest": frames_digest(times_us, film), "truth": truth_digest(intervals), "micro": "1",
                     "macro": "1"}
            clip = Clip(video, folder / "events" / video, 0, int(times_us[-1]) + 1, f"p{subject}", label_of(intervals),
                        name, Box(0, 0, *sensor), sensor, {}, facts)
            stored.append(StoredClip(clip, info.events, info.digest))
            truth += intervals
    write_truth(folder, truth)
    write_store_index(folder, name, LABELS, (size_px, size_px), {"seed": seed}, stored, "test")
    return folder


def small_config(*overrides: str) -> SpotConfig:
    """Settings of a training on such a store, changed by overrides."""
    keys = {word.split("=")[0] for word in overrides}
    kept = [word for word in SMALL if word.split("=")[0] not in keys]
    return load_config(SpotConfig, None, [*kept, *overrides])
