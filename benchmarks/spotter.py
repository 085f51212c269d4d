"""Scores of every frame of a long video: frames a second, beside playing it and beside scoring stack by stack.

    python benchmarks/spotter.py [--seconds 300] [--fps 200] [--size 112] [--skips 37,170]

On one core. The video is a grating that moves, as frames in memory; the network has fresh weights. ``dense`` is
``neurofer.models.spotter_dense``, ``stack by stack`` the network itself on batches of 48 stacks, contrast normalised
for each stack anew, in the memory format that it is fastest in; ``event sums`` is ``EventScorer``. The last two are
timed on fewer frames. ``MiB more`` is by how much scoring raised the peak of the process.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from neurofer.cli.options import text_table
from neurofer.models.spotter import Spotter
from neurofer.models.spotter_dense import DenseScorer, EventScorer

BLOCK = 64
BATCH = 48


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0, help="length of the video")
    parser.add_argument("--fps", type=float, default=200.0, help="frames a second")
    parser.add_argument("--size", type=int, default=112, help="side of the frames")
    parser.add_argument("--skips", default="37,170", help="distances k of micro and macro")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    micro, macro = (int(word) for word in asked.skips.split(","))
    frames, skips = int(asked.seconds * asked.fps), (micro, macro)
    torch.manual_seed(0)
    dense = DenseScorer(Spotter().eval(), skips, asked.size)
    events = EventScorer(Spotter(channels=4, times=1, lcn=False).eval(), skips, asked.size)
    few = min(frames, 20 * BATCH)
    rates = [("dense", *rate(dense, film(frames, asked.size, np.uint8), frames)),
             ("stack by stack", *by_stacks(Spotter().eval(), skips, asked.size, few)),
             ("event sums", *rate(events, film(few, asked.size, np.uint16), few))]
    rows = [(name, f"{per_s:.0f}", f"{per_s / asked.fps:.2f}", f"{per_s / rates[1][1]:.2f}", f"{grown_mib:.0f}")
            for name, per_s, grown_mib in rates]
    print(f"{frames} frames of {asked.size} x {asked.size} at {asked.fps:g} a second, k {micro} and {macro}, one core")
    print(text_table(("", "frames/s", "x real time", "x stack by stack", "MiB more"), rows))


def film(frames: int, size_px: int, dtype: type) -> Iterator[NDArray[np.generic]]:
    """Blocks of frames, or of count images with both signs; a grating that comes back after 256 frames."""
    across, moments = np.arange(size_px, dtype=np.float64), np.arange(4 * BLOCK)[:, None, None]
    phase = 0.3 * across + 0.2 * across[:, None] - 2 * np.pi * moments / len(moments)
    light = (128 + 100 * np.sin(phase)).astype(np.uint8)
    counts = np.stack([light, light], axis=1).astype(np.uint16) // 100
    again: NDArray[np.generic] = light if dtype is np.uint8 else counts
    for start in range(0, frames, BLOCK):
        place = start % len(again)
        yield again[place : place + min(BLOCK, frames - start)]


def rate(scorer: DenseScorer | EventScorer, blocks: Iterator[NDArray[np.generic]], frames: int) -> tuple[float, float]:
    """Frames a second of a scorer, and how many MiB the process grew."""
    dtype = np.uint8 if isinstance(scorer, DenseScorer) else np.uint16
    state, _ = scorer.push(scorer.start(), next(film(8, scorer.size_px, dtype)))
    scorer.finish(state)  # compiles

    def score() -> None:
        state, scored = scorer.start(), 0
        for block in blocks:
            state, scores = scorer.push(state, block)
            scored += len(scores)
        scored += len(scorer.finish(state))
        if scored != frames:
            raise RuntimeError(f"{scored} of {frames} frames were scored")

    seconds, grown = timed(score)
    return frames / seconds, grown


def by_stacks(model: Spotter, skips: tuple[int, int], size_px: int, frames: int) -> tuple[float, float]:
    """Frames a second of the network on stacks that are cut out of the video for each frame and type."""
    model = model.to(memory_format=torch.channels_last_3d)
    pictures = np.concatenate(list(film(frames, size_px, np.uint8)))

    @torch.inference_mode()
    def score() -> None:
        for start in range(0, frames, BATCH):
            now = np.arange(start, min(start + BATCH, frames))
            for kind, skip in enumerate(skips):
                places = np.clip(np.stack([now - skip, now, now + skip], axis=1), 0, frames - 1)
                model(torch.from_numpy(pictures[places]).float()[:, None], torch.full((len(now),), kind))

    seconds, grown = timed(score)
    return frames / seconds, grown


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds that work takes, and by how many MiB it raises the peak of memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    work()
    return time.perf_counter() - started, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


if __name__ == "__main__":
    main()
