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
# # What does an event camera see of a face?
#
# No pictures. Each pixel watches its own brightness and sends an event (time, x, y, polarity) when it has changed by a
# fifth or so: ON for brighter, OFF for darker. What does not move does not exist.
#
# A face is drawn here and seen by a simulated camera, which takes a few seconds. To look at a recording of your own,
# in any format of `docs/events.md`, put its path in `mine`.

# %%
# %matplotlib inline
import os
import tempfile
from pathlib import Path

from neurofer import open_recording
from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic

mine = None  # such as "face.raw"

os.environ.setdefault("NEUROFER_PROGRESS", "0")
room = Path(os.environ.get("NEUROFER_NOTEBOOK") or tempfile.mkdtemp())
truth = {}
if mine is None:
    plan = SyntheticPlan(subjects=1, clips_per_class=1, seed=5, fps=120.0)
    clip = next(one for one in prepare_synthetic(room / "face", plan).clips if one.label == "happiness")
    mine, truth = clip.path, clip.truth
recording = open_recording(mine)
print(recording.format, recording.sensor, truth)

# %% [markdown]
# ## The facts
#
# `neurofer info FILE` prints the same and more. A `Recording` is not in memory: it knows its sensor and its times, and
# gives the events of any interval. Times are microseconds on its own clock.

# %%
from neurofer.events.summary import summarise

facts = summarise(recording)
print(f"{facts.events:,} events in {facts.duration_us / 1e6:.2f} s, {facts.on_fraction:.0%} of them ON")
print(f"{facts.rate_per_s:,.0f} a second on average, {facts.peak_rate_per_s:,.0f} in the fullest 10 ms")
pixels = facts.width * facts.height * 30
print(f"a camera of {facts.width} x {facts.height} pixels and 30 frames sends {pixels:,} values a second")

# %% [markdown]
# ## When does something happen?
#
# The rate of events is the motion of the face, and all of its motion: the expression comes and goes, but the eyes blink
# and the head sways, too, so many events are not yet an expression.

# %%
from neurofer.plot.rate import rate_figure

moments = {name.removesuffix("_us"): time for name, time in truth.items()}
figure = rate_figure(recording, moments_us=moments, title="How many events come in a second")
figure.set_dpi(72)
figure

# %% [markdown]
# ## Where does it happen?
#
# Events of a window put back on the sensor: ON red, OFF blue. An edge that moves draws a line in each colour. The sheet
# takes the busiest window of each eighth of the recording and chooses a length at which the face is seen and not
# smeared. Of the drawn face, the busiest window of all (the first) is a blink; the smile comes after it.

# %%
from neurofer.plot.frames import make_sheet, sheet_figure

sheet = make_sheet(recording, frames=8)
print(f"windows of {(sheet.frames[0].stop_us - sheet.frames[0].start_us) / 1e3:.0f} ms")
figure = sheet_figure(recording, sheet, "the busiest windows")
figure.set_dpi(64)
figure

# %% [markdown]
# ## One window, as events
#
# `between` gives `Events`: four columns that were checked once (order, range, type) and cannot be written to. Any slice
# is made without a copy.

# %%
import numpy as np

busiest = max(sheet.frames, key=lambda frame: frame.counts.sum())
window_us = (busiest.start_us, busiest.stop_us)
events = recording.between(*window_us)
print(events)
print("the first three:", [tuple(int(value) for value in event) for event in events.to_array()[:3]])
gaps_us = np.diff(events.t)
print(f"{(gaps_us == 0).mean():.0%} of the events come in the same microsecond as the one before, the longest pause is "
      f"{gaps_us.max()} us")

# %% [markdown]
# ## As they are: points in space and time
#
# No frame anywhere. A surface in this cloud is an edge that moves; the green tunnel is the box of the face, which
# `neurofer` finds in the events themselves where nobody gives one.

# %%
from neurofer.data.boxes import locate_face
from neurofer.plot.cloud import event_cloud_figure

face = locate_face(recording)
print("box:", tuple(face.box), "found in", face.source)
middle = sum(window_us) // 2
figure = event_cloud_figure(recording.between(middle - 150_000, middle + 150_000), most=5_000, box=face.box,
                            title="0.3 s around the busiest window")
figure.set_dpi(76)
figure

# %% [markdown]
# ## What is face and what is noise?
#
# Pixels fire without cause, too. An edge makes its neighbours fire at about the same time, noise does not, so an event
# without a neighbour within the last 10 ms goes. Then only the box is kept. Below 30,000 events of pure noise a second
# were added first, as a camera in the dark gives them.

# %%
from matplotlib.figure import Figure

from neurofer.events import Events, write_recording
from neurofer.events.noise import pixel_counts, without_background
from neurofer.plot.frames import frame_image

random = np.random.default_rng(0)
width, height = recording.sensor
before = recording.between(window_us[0] - 50_000, window_us[1])  # the filter needs to see what came before
count = int(30_000 * (before.end_us - before.start_us) / 1e6)
noise = np.sort(random.integers(before.start_us, before.end_us, count))
t = np.concatenate([before.t, noise])
order = np.argsort(t, kind="stable")
noisy = Events(t[order], *(np.concatenate([column, random.integers(0, side, count)])[order] for column, side in
                           ((before.x, width), (before.y, height), (before.p, 2))), recording.sensor)
filtered, _ = without_background(noisy)
left, top, wide, tall = face.box
cropped = filtered.crop(left, top, wide, tall)


def frame(events):
    inside = events.between(*window_us)
    return np.stack([pixel_counts(Events(*(column[inside.p == sign] for column in
                                           (inside.t, inside.x, inside.y, inside.p)), inside.sensor))
                     for sign in (False, True)])


figure = Figure(figsize=(9, 3.3), dpi=68, layout="constrained")
for axes, (name, shown) in zip(figure.subplots(1, 3), (("with noise", noisy), ("without background", filtered),
                                                       ("in the box", cropped)), strict=True):
    axes.imshow(frame_image(frame(shown), 3.0))
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"{name}: {len(shown.between(*window_us)):,} events", fontsize=10)
figure

# %% [markdown]
# ## Save, open again, and lose nothing
#
# The suffix chooses the format: here Prophesee's EVT3, numpy, text, and a folder of columns, which is mapped into
# memory and the fastest. Every file is read again before it takes its place (`neurofer convert` does the same).

# %%
whole = recording.between(recording.start_us, recording.end_us + 1)
for name in ("face.raw", "face.npz", "face.csv", "face.store"):
    path = room / name
    write_recording(path, whole)
    size = sum(part.stat().st_size for part in (path.iterdir() if path.is_dir() else [path]))
    with open_recording(path, sensor=recording.sensor) as again:
        found = again.between(again.start_us, again.end_us + 1)
        same = all(np.array_equal(getattr(found, column), getattr(whole, column)) for column in "txyp")
        print(f"{name:12s} {again.format:6s} {size / len(whole):5.1f} bytes an event, the same events: {same}")

# %% [markdown]
# ## Window by window
#
# Whatever its length, a recording is read in constant memory; this is how networks and the live view read it. A length
# that is no whole number of microseconds does not drift.

# %%
counts = [(window.start_us, len(window.events)) for window in recording.windows(1e6 / 30)]
print(f"{len(counts)} windows of a 30th of a second; the fullest begins at {max(counts, key=lambda one: one[1])[0]} us")
print("events of each:", [count for _, count in counts])
