"""Micro-expressions and spotting: short ones in few frames, and all of a long video."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure


def key_frames(demo: Path) -> Figure:
    """Key frames of a micro-expression

    Eleven frames from onset to offset, and between neighbours the motion: hue is the direction, saturation the length.
    """
    import tempfile

    from neurofer.data.micro.pool import frames_of, open_pool
    from neurofer.data.micro.synthetic import MicroSyntheticPlan, prepare_micro_synthetic
    from neurofer.keyframes.flow import flow_maps
    from neurofer.keyframes.frames import nearest_frames
    from neurofer.keyframes.instants import frame_numbers, key_instants
    from neurofer.plot.keyframes import keyframes_figure
    from neurofer.train.micro.instants import annotated_moments

    store = Path(tempfile.mkdtemp()) / "store"
    prepare_micro_synthetic(store, MicroSyntheticPlan(subjects=1, seed=2, fps=200.0, per_class=(0, 1, 1)))
    clip = open_pool([store]).clips[1]
    film = frames_of(clip)
    instants = key_instants(*annotated_moments(clip, film))
    shown = nearest_frames(film.pictures, instants.times)
    times_ms = film.times_us[frame_numbers(instants.times)] / 1e3
    return keyframes_figure(shown, flow_maps(shown, 64), times_ms, instants.apex_place)


def apex(demo: Path) -> Figure:
    """Where the apex is

    How far a face has moved from its onset frame; the annotated expression is shaded. Below, each way of finding the
    apex and by how much it is off. Made-up numbers.
    """
    import numpy as np

    from neurofer.plot.apex import apex_figure

    times_ms = np.arange(320, 800, 5.0)
    motion_px = 1.2 * np.exp(-(((times_ms - 520) / 90) ** 2)) + 0.04 * np.sin(times_ms / 7) + 0.05
    return apex_figure(times_ms, motion_px, (400.0, 520.0, 690.0), {"event": 507.0, "flow maximum": 525.0,
                                                                    "midpoint": 545.0}, curve_name="motion [px]")


def spotting_timeline(demo: Path) -> Figure:
    """Spotting timeline

    Scores of both types over a long video, rows of about a minute. Below, truth above and what was spotted beneath:
    green where both agree, orange where they do not. Made-up scores.

    neurofer spot runs/spot face.mp4 -o intervals.csv --plot timeline.png
    """
    import numpy as np

    from neurofer.plot.spotting import timeline_figure
    from neurofer.spotting.interval import Interval
    from neurofer.spotting.settings import Decoding

    frames, generator = np.arange(1500), np.random.default_rng(0)
    scores = generator.uniform(0, 0.12, (1500, 2))
    for column, centre, wide in ((0, 300, 7), (0, 905, 7), (0, 1310, 6), (1, 520, 22), (1, 1100, 25)):
        scores[:, column] += 0.8 * np.exp(-(((frames - centre) / wide) ** 2))
    spotted = [Interval("v", kind, centre - half, centre + half, centre) for kind, centre, half in (
        ("micro", 300, 6), ("micro", 905, 6), ("micro", 1310, 6), ("macro", 520, 20), ("macro", 1100, 24))]
    truth = [Interval("v", "micro", 295, 308), Interval("v", "micro", 900, 912), Interval("v", "micro", 700, 712),
             Interval("v", "macro", 498, 545), Interval("v", "macro", 1070, 1128)]
    decodings = {"micro": Decoding(6, 6, floor=0.2), "macro": Decoding(18, 20, floor=0.2)}
    return timeline_figure(scores, 30.0, spotted, truth, decodings)
