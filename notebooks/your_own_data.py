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
# # How do I bring my own recordings?
#
# A folder of event files in whatever format, perhaps some videos, and a table that says who shows what. From there to a
# store that `neurofer train` takes are four steps: look, mend, make events of the videos, prepare.
#
# The folder is made up here, with drawn faces, so that there is something to look at; it takes a few seconds. Three of
# its files are in trouble, as some of yours will be.

# %%
# %matplotlib inline
import os
import tempfile
from pathlib import Path

import numpy as np

from neurofer import open_recording
from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic
from neurofer.events import write_recording

os.environ.setdefault("NEUROFER_PROGRESS", "0")
room = Path(os.environ.get("NEUROFER_NOTEBOOK") or tempfile.mkdtemp())
mine = room / "recordings"
mine.mkdir(parents=True, exist_ok=True)
drawn = prepare_synthetic(room / "faces", SyntheticPlan(subjects=4, clips_per_class=1, size_px=64, fps=60.0)).clips
kinds = {"s000": ".raw", "s001": ".npz", "s002": ".csv", "s003": ".store"}
for clip in drawn:
    if clip.label in ("happiness", "surprise"):
        with open_recording(clip.path) as recording:
            write_recording(mine / f"{clip.subject}-{clip.label}{kinds[clip.subject]}", recording)

cut = mine / "s000-surprise.raw"
cut.write_bytes(cut.read_bytes()[:-7])  # as when a disk was full
text = mine / "s002-happiness.csv"
lines = text.read_text().splitlines()
text.write_text("\n".join([*lines[:900], *lines[300:320], *lines[900:]]) + "\n")  # a block that came twice
print(sorted(path.name for path in mine.iterdir()))

# %% [markdown]
# ## 1. Look
#
# `neurofer info recordings/*` tells for every file what it is, how long it is, and what is wrong with it. The same from
# Python; `repair` leaves broken events out and counts them, `strict` (for all that makes results) stops at the first.
#
# Text files do not say how large the sensor was. Nobody can know but you: `--sensor 64x64`, `sensor=(64, 64)` here.

# %%
from neurofer.errors import NeuroferError
from neurofer.events.summary import summarise


def row(path, **how):
    try:
        with open_recording(path, **how) as recording:
            found = summarise(recording)
        damage = f"{found.dropped} events dropped, {found.tail_bytes} bytes cut off" if (
            found.dropped or found.tail_bytes) else "none"
        return f"{found.format:6s} {found.events:7,} events in {found.duration_us / 1e6:.2f} s, damage: {damage}"
    except NeuroferError as error:
        return "error: " + str(error).replace(f"{mine}/", "")


for path in sorted(mine.iterdir()):
    print(f"{path.name:22s} {row(path, mode='repair')}")

# %%
for path in (cut, text):
    print(row(path, sensor=(64, 64)))
    print("repaired:", row(path, sensor=(64, 64), mode="repair"))

# %% [markdown]
# Numbers can be right and the picture wrong: axes swapped, upside down, another sensor. So look once at each camera's
# files (`neurofer show FILE -o face.png`).

# %%
from neurofer.plot.frames import make_sheet, sheet_figure


def sheet(path, **how):
    with open_recording(path, **how) as recording:
        width, height = recording.sensor
        title = f"{path.name}, a sensor of {width} x {height} pixels"
        figure = sheet_figure(recording, make_sheet(recording, frames=4), title)
    figure.set_dpi(64)
    return figure


sheet(text, sensor=(64, 64), mode="repair")

# %% [markdown]
# Opened with the wrong size, a text file does not complain as long as all its events fit. It looks like this:

# %%
sheet(text, sensor=(160, 100), mode="repair")

# %% [markdown]
# ## 2. Mend
#
# Once and for all, into a file of its own: on the command line `neurofer convert s002-happiness.csv mended.npz --sensor
# 64x64 --mode repair`. Nothing is mended quietly, and no event is invented; what is missing stays missing. To leave
# files as they are, give `--mode repair` and `--sensor` to `prepare own` below.

# %%
for broken in (cut, text):
    with open_recording(broken, sensor=(64, 64), mode="repair") as recording:
        written = write_recording(mine / f"{broken.stem}-mended.npz", recording)
        print(f"{written.path.name}: {written.events:,} events, {recording.report().dropped} left out")

# %% [markdown]
# ## 3. Make events of videos
#
# A film of a face becomes what an event camera might have sent: `neurofer simulate film.avi -o film.npz`. Frames are
# blended in between where something moves by more than a pixel, and `film.npz.json` says how the events were made.
#
# A camera sees every change, and so does the simulation: what a codec does to a film becomes events, too. Here the same
# film is stored without loss and as JPEG pictures. And simulated events are not recorded ones; a store with both is for
# you to defend.

# %%
import cv2

from neurofer.simulate.film_events import simulate_to_file
from neurofer.simulate.performance import draw_performance, draw_subject, film
from neurofer.simulate.settings import preset
from neurofer.simulate.video import open_frames

frames = [frame.astype(np.uint8) for frame in
          film(draw_performance(0, draw_subject(0, 4), "surprise", 0), (64, 64), 60.0).frames()]
for name, codec in (("film", "FFV1"), ("film-lossy", "MJPG")):
    writer = cv2.VideoWriter(str(mine / f"{name}.avi"), cv2.VideoWriter_fourcc(*codec), 60, (64, 64))
    for frame in frames:
        writer.write(np.repeat(frame[:, :, None], 3, axis=2))
    writer.release()
    made = simulate_to_file(open_frames(mine / f"{name}.avi"), mine / f"{name}.npz", preset("default"))
    print(f"{name}: {made.frames} frames, {made.info.events:,} events")
for left_over in mine.glob("film-lossy*"):
    left_over.unlink()
sheet(mine / "film.npz")

# %% [markdown]
# ## 4. Labels in a table of your own
#
# One row a clip: file, label, subject. `start_us` and `stop_us` take a part of a file, or several in several rows;
# `box` gives the face if you know where it is; any other column is kept. Who is seen matters as much as what is shown:
# nobody may be on both sides of a split. On the command line:
#
#     neurofer prepare own --root recordings --table clips.csv --out mine --sensor 64x64
#
# The first attempt at a table has its mistakes. They are told together, by line; the rest is prepared.

# %%
from neurofer.data.own import OwnPlan, prepare_own

table = room / "clips.csv"
rows = ["file,label,subject,start_us,stop_us,box"]
for path in sorted(mine.iterdir()):
    subject, _, label = path.stem.removesuffix("-mended").partition("-")
    if path.suffix in kinds.values() and subject in kinds and path not in (cut, text):
        rows.append(f"{path.name},{label},{subject},,,")
first_try = [*rows, "film.avi,surprise,s004,,,", "film.npz,Surprise,s004,,,", "s001-happines.npz,happiness,s001,,,",
             "s003-happiness.store,happiness,,300,1200,", "s001-surprise.npz,surprise,s001,5000000,6000000,"]
table.write_text("\n".join(first_try) + "\n")
plan = OwnPlan(sensor=(64, 64))
store = room / "mine"
summary = prepare_own(mine, table, store, plan)
print(f"prepared {summary.prepared} of {summary.wanted} clips")
for problem in summary.problems:
    print(" ", str(problem).replace(f"{room}/", ""))

# %% [markdown]
# Mend the table and give the same command again: what was prepared stays, the rest is taken in.

# %%
rows = [one.replace("s001,,,", "s001,150000,,") for one in rows]  # this person is at rest at first
table.write_text("\n".join([*rows, "film.npz,surprise,s004,,,"]) + "\n")
summary = prepare_own(mine, table, store, plan)
print(f"prepared {summary.prepared} of {summary.wanted} clips, {len(summary.problems)} problems")
for clip in summary.clip_set.clips:
    print(f"{clip.name:26s} {clip.label:10s} {clip.subject} {(clip.stop_us - clip.start_us) / 1e6:.2f} s, box "
          f"{tuple(clip.box)} by {clip.facts['box_from']}")

# %% [markdown]
# A box by `density` is where the events are, and not a face that was found: look at those first. Here is what the
# network will be shown of each clip, the busiest window of 33 ms in its box (often a blink).

# %%
from matplotlib.figure import Figure

from neurofer.data.crop import crop_resize
from neurofer.plot.representations import rgb_image
from neurofer.represent import build_representation

clips, tie = summary.clip_set.clips, build_representation("tie")
figure = Figure(figsize=(9, 4.2), dpi=70, layout="constrained")
panels = figure.subplots(2, -(-len(clips) // 2)).ravel()
for axes in panels:
    axes.set_axis_off()
for axes, clip in zip(panels, clips, strict=False):
    with open_recording(clip.path) as recording:
        window = max(recording.windows(33_333), key=lambda one: len(one.events))
    axes.imshow(rgb_image(crop_resize(tie(window.events, (window.start_us, window.stop_us)), clip.box, 64)))
    axes.set_title(f"{clip.subject}\n{clip.label}", fontsize=9)
figure

# %% [markdown]
# ## Train
#
#     neurofer train --backend snn --data mine --out run
#
# takes the store as it takes any other. Who trains and who is tested follows from the people's names and a seed; it is
# what the run's card says, too. Five people are enough to see that it works, and for nothing else.

# %%
from neurofer.data.splits import split_subjects

split = split_subjects(summary.clip_set)
for part in ("train", "validation", "test"):
    shown = [clip for clip in clips if clip.subject in split.subjects(part)]
    print(f"{part}: {', '.join(split.subjects(part))}, {len(shown)} clips, "
          f"{sum(clip.label == 'surprise' for clip in shown)} of them surprise")
