"""Recordings: what a camera gave."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure


def event_frames(demo: Path) -> Figure:
    """Event frames over the rate

    The busiest window of each eighth of a recording, ON red and OFF blue; below, when events came, with the windows
    shaded.

    neurofer show demo/store/events/s019_surprise_02 -o face.png
    """
    from neurofer.events import open_recording
    from neurofer.plot.frames import make_sheet, sheet_figure

    recording = open_recording(demo / "store/events/s019_surprise_02")
    return sheet_figure(recording, make_sheet(recording, frames=8, window_us=20_000), "s019, surprise")


def event_cloud(demo: Path) -> Figure:
    """Events in space and time

    Every event is a point; time runs into the depth, so what holds still leaves no trace, an edge that moves
    becomes a sheet, and a blink a short burst. The green tunnel is the face box.
    """
    from neurofer.data.store import open_store
    from neurofer.events import open_recording
    from neurofer.plot.cloud import event_cloud_figure

    clip = next(one for one in open_store(demo / "store").clips if one.name == "s019_surprise_02")
    events = open_recording(clip.path).between(clip.start_us, clip.stop_us)
    return event_cloud_figure(events, box=clip.box)


def event_rate(demo: Path) -> Figure:
    """Event rate

    Events a second, OFF on top of ON. A rate says when something moves, not what: before the onset it was a
    glance. The annotated moments of the expression are dashed.
    """
    from neurofer.data.store import open_store
    from neurofer.events import open_recording
    from neurofer.plot.rate import rate_figure

    clip = next(one for one in open_store(demo / "store").clips if one.name == "s019_surprise_02")
    moments_us = {name.removesuffix("_us"): at_us for name, at_us in clip.truth.items()}
    return rate_figure(open_recording(clip.path), moments_us=moments_us)


def representations(demo: Path) -> Figure:
    """One window in every representation

    The same events inside the face box as each representation sees them; of many channels four are tiles.
    """
    from neurofer.data.store import open_store
    from neurofer.events import open_recording
    from neurofer.plot.relatives import representations_sheet

    clip = next(one for one in open_store(demo / "store").clips if one.name == "s019_surprise_02")
    window_us = (390_000, 423_000)
    return representations_sheet(open_recording(clip.path).between(*window_us), window_us, box=clip.box)


def one_representation(demo: Path) -> Figure:
    """One representation, channel by channel

    All channels on one colour scale: red is brighter, blue is darker, white is nothing.

    neurofer represent demo/store/events/s019_surprise_02 --kind voxel --start-us 390000 -o voxel.png
    """
    from neurofer.events import open_recording
    from neurofer.plot.representations import representation_figure
    from neurofer.represent import build_representation

    voxel = build_representation("voxel", bins=3)
    events = open_recording(demo / "store/events/s019_surprise_02").between(390_000, 440_000)
    return representation_figure(voxel(events, (390_000, 440_000)), voxel.channel_names, title="voxel grid, 50 ms")
