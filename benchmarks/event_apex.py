"""Onset, apex and offset of the simulated bump, found in its events: how often, how late, how far off.

    python benchmarks/event_apex.py [--seeds 20]

The film, its noise and its thresholds are those of the table in section 3 of the micro-expression specification; the
film is that of the tests (``tests/trees/bump.py``). Errors are in frames of 5 ms. About a minute on one core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from neurofer.cli.options import text_table
from neurofer.keyframes.detect import Detection, detect_expression
from neurofer.keyframes.film_events import film_events
from neurofer.keyframes.regions import grid_regions

CASES = ((2.0, 0.005, 0.05), (2.0, 0.005, 0.10), (2.0, 0.010, 0.10), (1.0, 0.005, 0.05), (1.0, 0.005, 0.10),
         (1.0, 0.010, 0.10), (0.5, 0.005, 0.05), (2.0, 0.005, 0.20), (0.0, 0.005, 0.10))
"""Peak displacement in pixels, standard deviation of the noise, threshold."""

FRAME_US = 5_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="films of each case")
    seeds = parser.parse_args().seeds
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    rows = [row(peak_px, noise_sigma, threshold, seeds) for peak_px, noise_sigma, threshold in CASES]
    print(text_table(("peak px", "noise", "threshold", "accepted", "apex MAE", "largest", "onset lag", "offset bias"),
                     rows))


def row(peak_px: float, noise_sigma: float, threshold: float, seeds: int) -> tuple[str, ...]:
    """One line of the table."""
    from trees.bump import bump_film

    errors = []
    for seed in range(seeds):
        frames, times_us, *true = bump_film(seed, peak_px, noise_sigma)
        events = film_events(frames, times_us, threshold)
        found = detect_expression(events, grid_regions(events.sensor), start_us=int(times_us[0]),
                                  stop_us=int(times_us[-1]) + FRAME_US)
        if isinstance(found, Detection):
            errors.append(np.array([found.onset_us, found.apex_us, found.offset_us]) / FRAME_US - true)
    case = (f"{peak_px:g}", f"{noise_sigma:g}", f"{threshold:.2f}", f"{len(errors)} of {seeds}")
    if not errors:
        return (*case, "-", "-", "-", "-")
    onset, apex, offset = np.array(errors).T
    return (*case, f"{np.abs(apex).mean():.1f}", f"{np.abs(apex).max():.1f}", f"{onset.mean():+.0f}",
            f"{offset.mean():+.1f}")


if __name__ == "__main__":
    main()
