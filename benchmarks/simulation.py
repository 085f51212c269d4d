"""How fast frames become events: our pixel beside eventcv.simulate and plain numpy; and how fast faces are drawn.

    python benchmarks/simulation.py [--seconds 2 --fps 200 --rounds 5] [--json simulation.json]

Films a procedural face at 346 x 260, lets each model turn the same grey frames into events, in turn, several rounds on
one core, and prints the best of each with its ratio to the first row. Then draws faces at 128 x 128 on one core, and
prepares a part of the synthetic data set.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("RAYON_NUM_THREADS", "1")   # eventcv on one core, too

import numpy as np
from numpy.typing import NDArray

from neurofer.data.synthetic import SyntheticPlan, jobs, prepare_synthetic
from neurofer.files import write_text
from neurofer.simulate.performance import draw_performance, draw_subject, film
from neurofer.simulate.pixel import PRESETS, EventPixel, PixelSettings
from neurofer.workers import processors

SENSOR = (346, 260)
Frames = NDArray[np.uint8]


def make_film(seconds: float, fps: float) -> Frames:
    """Grey frames of a face that smiles, turns and blinks, one clip after the other."""
    subject, parts, number = draw_subject(1, 0), list[NDArray[np.uint8]](), 0
    while sum(len(part) for part in parts) < seconds * fps:
        clip = film(draw_performance(1, subject, "happiness", number), SENSOR, fps)
        parts.append(np.array([np.rint(frame) for frame in clip.frames()], np.uint8))
        number += 1
    return np.concatenate(parts)[: round(seconds * fps)]


def ours(frames: Any, fps: float, settings: PixelSettings) -> int:
    """Our pixel."""
    pixel = EventPixel(settings, SENSOR, 0)
    return sum(len(pixel.step(frame, round(number * 1e6 / fps))) for number, frame in enumerate(frames))


def plain_numpy(frames: Frames, fps: float, settings: PixelSettings) -> int:
    """The same formulas in vectorised numpy, one draw per pixel for the noise, sorted by time."""
    random, shape = np.random.default_rng(0), frames.shape[1:]
    on, off = (np.maximum(mean + settings.threshold_sigma * random.standard_normal(shape), 0.01)
               for mean in (settings.threshold_on, settings.threshold_off))
    own_leak = 10 ** (0.1 * random.standard_normal(shape))
    base = low = last = None
    total, step_s = 0, 1 / fps
    for number, frame in enumerate(frames):
        light = frame.astype(np.float64)
        bright = np.where(light <= 20, light * np.log(20) / 20, np.log(np.maximum(light, 1)))
        if base is None:
            base, low, last = bright.copy(), bright.copy(), np.full(shape, -1.0)
            continue
        old = low
        if settings.cutoff_hz:
            low = low + np.minimum(1, (light + 20) / 275 * step_s * 2 * np.pi * settings.cutoff_hz) * (bright - low)
        else:
            low = bright
        if settings.leak_hz:
            base -= step_s * settings.leak_hz * own_leak * (1 - 0.1 * random.standard_normal(shape)) * on
        change, start = low - base, old - base
        up = change > 0
        threshold = np.where(up, on, off)
        counts = np.floor(np.abs(change) / threshold).astype(int)
        columns, kept = [], np.zeros(shape)
        for level in range(1, counts.max() + 1):
            y, x = np.nonzero(counts >= level)
            slope = np.where(up[y, x], 1, -1) * (change[y, x] - start[y, x])
            way = (level * threshold[y, x] - np.where(up[y, x], 1, -1) * start[y, x]) / np.maximum(slope, 1e-9)
            t = (number - 1 + np.clip(way, 0, 1)) * step_s
            if settings.refractory_us:
                free = (last[y, x] < 0) | (t - last[y, x] >= settings.refractory_us * 1e-6)
                y, x, t = y[free], x[free], t[free]
                last[y, x] = t
            kept[y, x] += 1
            columns.append(np.stack([t, x, y, up[y, x]]))
        base += np.where(up, 1, -1) * kept * threshold
        if settings.shot_hz:
            share = settings.shot_hz / 2 * step_s * (1 - 0.75 * (light + 20) / 275)
            draw = random.random(shape)
            noisy_on = draw > 1 - share * settings.threshold_on / on
            noisy_off = draw < share * settings.threshold_off / off
            base = np.where(noisy_on | noisy_off, low, base)
            y, x = np.nonzero(noisy_on | noisy_off)
            columns.append(np.stack([np.full(len(y), number * step_s), x, y, noisy_on[y, x]]))
        if columns:
            events = np.concatenate(columns, axis=1)
            total += events[:, np.argsort(events[0], kind="stable")].shape[1]
    return total


def eventcv(frames: Frames, fps: float, settings: PixelSettings) -> int:
    """eventcv.simulate with the same settings, without frames in between."""
    import eventcv as ecv

    return len(ecv.simulate(
        frames, fps=fps, pos_thres=settings.threshold_on, neg_thres=settings.threshold_off,
        sigma_thres=settings.threshold_sigma, refractory_us=settings.refractory_us, cutoff_hz=settings.cutoff_hz,
        leak_rate_hz=settings.leak_hz, shot_noise_rate_hz=settings.shot_hz, upsample="off", seed=0))


def bench_pixels(frames: Frames, fps: float, rounds: int) -> list[dict[str, Any]]:
    """Frames per second of every model, best of the rounds."""
    floats = frames.astype(np.float32)
    tasks: list[tuple[str, str, Callable[[Any, float, PixelSettings], int], Any]] = [
        (label, name, function, given) for name in ("clean", "default")
        for label, function, given in (("plain numpy", plain_numpy, frames), ("eventcv.simulate", eventcv, frames),
                                       ("neurofer, bytes", ours, frames), ("neurofer, floats", ours, floats))]
    best: dict[tuple[str, str], tuple[float, int]] = {}
    for turn in range(rounds + 1):
        for label, name, function, given in tasks:
            if function is plain_numpy and turn > 1:
                continue
            started = time.perf_counter()
            events = function(given, fps, PRESETS[name])
            seconds = time.perf_counter() - started
            best[label, name] = min(best.get((label, name), (np.inf, 0)), (seconds, events))
    return [{"model": label, "preset": name, "frames_per_s": len(frames) / best[label, name][0],
             "ms_per_frame": 1e3 * best[label, name][0] / len(frames), "events": best[label, name][1],
             "ratio": best["plain numpy", name][0] / best[label, name][0],
             "times_clean": best[label, name][0] / best[label, "clean"][0]} for label, name, _, _ in tasks]


def bench_faces(rounds: int) -> dict[str, float]:
    """Frames per second of drawing alone, and with the resting face that is drawn once a clip."""
    drawing, whole, frames = np.inf, np.inf, 0
    for _ in range(rounds + 1):
        started = time.perf_counter()
        subjects = [draw_subject(2, number) for number in range(6)]
        clips = [film(draw_performance(2, subject, "surprise", 0), (128, 128), 120) for subject in subjects]
        ready = time.perf_counter()
        frames = sum(1 for clip in clips for _ in clip.frames())
        ended = time.perf_counter()
        drawing, whole = min(drawing, ended - ready), min(whole, ended - started)
    return {"frames_per_s_drawing": frames / drawing, "frames_per_s_with_resting_face": frames / whole}


def bench_prepare(workers: int) -> dict[str, float]:
    """Clips per second of ``prepare synthetic``, and what its defaults take at that speed."""
    plan = SyntheticPlan(subjects=4)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        prepare_synthetic(Path(folder) / "store", plan, workers)
        seconds = time.perf_counter() - started
    speed = len(jobs(plan)) / seconds
    return {"workers": workers, "clips_per_s": speed, "defaults_s": len(jobs(SyntheticPlan())) / speed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--fps", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="for preparing; 0 for one per core")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    arguments = parser.parse_args()
    prepared = bench_prepare(arguments.workers or processors())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    frames = make_film(arguments.seconds, arguments.fps)
    rows = bench_pixels(frames, arguments.fps, arguments.rounds)
    faces = bench_faces(arguments.rounds)
    print(f"{len(frames)} frames of a face, {SENSOR[0]}x{SENSOR[1]}, {arguments.fps:g} frames/s, one core, best of "
          f"{arguments.rounds + 1} rounds\n")
    print("| model | preset | frames/s | ms/frame | events | times numpy | time of its clean |\n"
          "|---|---|---:|---:|---:|---:|---:|")
    for row in rows:
        print(f"| {row['model']} | {row['preset']} | {row['frames_per_s']:.0f} | {row['ms_per_frame']:.2f} | "
              f"{row['events']} | {row['ratio']:.1f} | {row['times_clean']:.2f} |")
    print("\n| faces, 128x128, one core | frames/s |\n|---|---:|")
    print(f"| drawing | {faces['frames_per_s_drawing']:.0f} |")
    print(f"| with the resting face, once a clip | {faces['frames_per_s_with_resting_face']:.0f} |")
    print(f"\nprepare synthetic: {prepared['clips_per_s']:.1f} clips/s with {prepared['workers']} workers; "
          f"its defaults would take {prepared['defaults_s']:.0f} s")
    if arguments.json is not None:
        write_text(arguments.json, json.dumps({"pixels": rows, "faces": faces, "prepare": prepared}, indent=2) + "\n")


if __name__ == "__main__":
    main()
