# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does a micro-expression look like to the network?
#
# Less than half a second, a pixel or two: next to nothing to the eye. The network (MERSiamC3D, `docs/micro.md`) never
# sees the film. It sees ten maps of motion between eleven key frames, or ten slices of events between eleven instants.
#
# The face is drawn, so the truth of every frame is known. Two clips are made here, which takes a few seconds
# (`neurofer prepare synthetic --micro` makes a whole store). They were picked for what they show, so nothing here is a
# result: of the ten such clips of seeds 0 to 4, two show the detector of events nothing that it accepts.

# %%
# %matplotlib inline
import os
import tempfile
from pathlib import Path

import numpy as np

from neurofer.data.micro.pool import frames_of, open_pool
from neurofer.data.micro.synthetic import MicroSyntheticPlan, prepare_micro_synthetic
from neurofer.train.micro.instants import annotated_moments, clip_events, found_in

os.environ.setdefault("NEUROFER_PROGRESS", "0")
store = Path(os.environ.get("NEUROFER_NOTEBOOK") or tempfile.mkdtemp()) / "store"
prepare_micro_synthetic(store, MicroSyntheticPlan(subjects=1, seed=2, fps=200.0, per_class=(0, 1, 1)))
clips = open_pool([store]).clips
for clip in clips:
    length_ms = (clip.truth["offset_us"] - clip.truth["onset_us"]) / 1e3
    print(f"{clip.name}: {clip.label}, units {clip.facts['aus']}, {length_ms:.0f} ms, also moving: "
          f"{clip.facts.get('nuisances', 'nothing but the head')}")

# %% [markdown]
# ## Key frames and the motion between them
#
# Onset, apex and offset are annotated; the other eight are shared by rise and fall in proportion to their durations.
# Beneath each pair is its optical flow, less its median, at the network's 64 pixels: hue is direction, saturation
# length.

# %%
from neurofer.keyframes.flow import flow_maps
from neurofer.keyframes.frames import nearest_frames
from neurofer.keyframes.instants import frame_numbers, key_instants
from neurofer.plot.keyframes import keyframes_figure


def strip(clip):
    film = frames_of(clip)
    instants = key_instants(*annotated_moments(clip, film))
    shown = nearest_frames(film.pictures, instants.times)
    times_ms = film.times_us[frame_numbers(instants.times)] / 1e3
    figure = keyframes_figure(shown, flow_maps(shown, 64), times_ms, instants.apex_place, f"{clip.name}: {clip.label}")
    figure.set_dpi(64)
    return figure


strip(clips[1])

# %% [markdown]
# ## When is the apex?
#
# How far the face has moved from its onset frame, by flow, over the annotated expression and a while after it. Beneath,
# the apex by three ways of finding it. `event` was given the events alone, without onset and offset; the other two were
# told them. At the apex nothing moves, so it is not where most events are: it is where the pattern of the first burst
# is there most, before it is taken back.

# %%
from neurofer.keyframes.apex import flow_maximum_apex, midpoint_apex, motion_curve
from neurofer.keyframes.detect import Detection
from neurofer.plot.apex import apex_figure
from neurofer.train.micro.config import EventKeyConfig


def apexes(clip):
    film = frames_of(clip)
    onset, apex, offset = (int(number) for number in annotated_moments(clip, film))
    numbers, motion_px = motion_curve(film.pictures, onset, min(offset + 40, len(film.pictures) - 1))
    found = found_in(clip_events(clip), EventKeyConfig(), clip.start_us, clip.stop_us)
    apex_ms = {"event": found.apex_us / 1e3 if isinstance(found, Detection) else np.nan,
               "flow maximum": film.times_us[flow_maximum_apex(film.pictures, onset, offset)] / 1e3,
               "midpoint": film.times_us[midpoint_apex(onset, offset)] / 1e3}
    print(found.reason if not isinstance(found, Detection) else
          f"found onset {found.onset_us / 1e3:.0f} ms (late, as ever), offset {found.offset_us / 1e3:.0f} ms")
    figure = apex_figure(film.times_us[numbers] / 1e3, motion_px, tuple(film.times_us[[onset, apex, offset]] / 1e3),
                         apex_ms, f"{clip.name}: {clip.label}")
    figure.set_dpi(80)
    return figure


apexes(clips[0])

# %%
apexes(clips[1])

# %% [markdown]
# ## Ten slices of events
#
# The same expression without frames: ON (red) and OFF (blue) between eleven instants, at equal distances in time above,
# at equal motion below. With equal motion no slice is empty and none holds the whole expression. A spiking network
# reads the slices as ten time steps.

# %%
from matplotlib.figure import Figure

from neurofer.keyframes.event_instants import equal_motion_instants
from neurofer.keyframes.instants import uniform_instants
from neurofer.keyframes.slices import event_slices

clip = clips[1]
events, (onset_us, apex_us, offset_us) = clip_events(clip), (clip.truth[f"{name}_us"] for name in
                                                             ("onset", "apex", "offset"))
ways = {"equal time": uniform_instants(onset_us, offset_us),
        "equal motion": equal_motion_instants(events, onset_us, apex_us, offset_us)}
figure = Figure(figsize=(11, 2.8), dpi=64, layout="constrained")
for row, (name, instants) in zip(figure.subplots(2, 10), ways.items(), strict=True):
    on, off, _ = event_slices(events, instants.times, 32)
    counts = np.histogram(events.t, instants.times)[0]
    print(f"{name}: {counts.min()} to {counts.max()} events a slice")
    for place, axes in enumerate(row):
        axes.imshow(on[place] - off[place], cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(f"{instants.times[place] / 1e3:.0f} ms", fontsize=8)
    row[0].set_ylabel(name, fontsize=9)
figure
