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
# # What does the network see?
#
# A network that reads pictures cannot read events. A *representation* makes an array of the events of a window, and
# whatever it leaves out the network never learns. TIE (evTransFER's picture) is the one that `neurofer train --backend
# ann` takes by default; thirteen are there (`docs/representations.md`).
#
# A face is drawn and seen by a simulated camera, which takes a few seconds. The window was picked by hand: the smile
# moves and nobody blinks.

# %%
# %matplotlib inline
import os
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from neurofer import open_recording
from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic
from neurofer.represent import build_representation

os.environ.setdefault("NEUROFER_PROGRESS", "0")
room = Path(os.environ.get("NEUROFER_NOTEBOOK") or tempfile.mkdtemp())
clips = prepare_synthetic(room / "face", SyntheticPlan(subjects=1, clips_per_class=1, seed=5, fps=120.0)).clips
clip = next(one for one in clips if one.label == "happiness")
recording = open_recording(clip.path)
window_us = (752_000, 785_333)
events = recording.between(*window_us)
print(clip.label, events, "face box", tuple(clip.box))

# %% [markdown]
# ## TIE: when, as colour
#
# Events of a window are laid into nine bins of time by polarity and folded into three channels: early OFF is red, late
# OFF and early ON are green, late ON is blue, and the later the brighter. The strip shows it for events made by hand,
# one at every instant. Below it the face, and what each channel holds.

# %%
from neurofer.data.crop import crop_resize
from neurofer.events import Events
from neurofer.plot.representations import rgb_image


def by_hand(length=128, rows=20):
    """At each instant one column of OFF events (above) and of ON events (below)."""
    x, y = (part.ravel() for part in np.mgrid[:length, :rows])
    return Events(x * 260, x, y, y >= rows // 2, (length, rows)), (0, length * 260)


def shown(axes, picture, title, below=""):
    axes.imshow(picture, cmap="gray", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(below, fontsize=8)


tie = build_representation("tie")
print(tie)
picture = crop_resize(tie(events, window_us), clip.box, 144)
figure = Figure(figsize=(9, 3.7), dpi=66, layout="constrained")
strip, faces = figure.subfigures(2, 1, height_ratios=(1, 2.9))
shown(strip.subplots(), rgb_image(tie(*by_hand())), "what a time becomes: OFF above, ON below", "time in the window")
panels = faces.subplots(1, 4)
shown(panels[0], rgb_image(picture), "TIE")
for axes, channel, name in zip(panels[1:], picture, ("R: early OFF", "G: late OFF, early ON", "B: late ON"),
                               strict=True):
    shown(axes, channel, name)
figure

# %% [markdown]
# ## Kernels and variants
#
# The kernel says how far an event spreads over neighbouring bins: `triangle14` is narrow, so that times between two
# bins get little; `triangle8` gives every event of one time the same; `est` is the published one with its long tails.

# %%
figure = Figure(figsize=(9, 1.5), dpi=66, layout="constrained")
for axes, kernel in zip(figure.subplots(1, 3), ("triangle14", "triangle8", "est"), strict=True):
    shown(axes, rgb_image(build_representation("tie", kernel=kernel)(*by_hand())), kernel)
figure

# %% [markdown]
# The variant names two times: how much an event weighs, and in which bin it lies. `t0` counts within the window, `t`
# from the start of the recording. Below are the same events, once as they are and once as if the camera had run three
# seconds longer. `t0_t0` sees exactly the same. The bins of `*_t` are those of the recording's first second: a window
# falls into one of them, then into none. They are for comparison with published files and not for streams.

# %%
later = Events(events.t + 3_000_000, events.x, events.y, events.p, events.sensor)
figure = Figure(figsize=(9, 4.7), dpi=60, layout="constrained")
for row, (part, name) in zip(figure.subplots(2, 4), ((events, "0.75 s"), (later, "3.75 s")), strict=True):
    start_us = window_us[0] + int(part.t[0] - events.t[0])
    for axes, variant in zip(row, ("t0_t0", "t_t0", "t0_t", "t_t"), strict=True):
        made = build_representation("tie", variant=variant)(
            part, (start_us, start_us + window_us[1] - window_us[0]), origin_us=0)
        shown(axes, rgb_image(crop_resize(made, clip.box, 96)), variant if part is events else "")
    row[0].set_ylabel(f"{name} after the start", fontsize=9)
figure

# %% [markdown]
# ## The relatives
#
# The same window in every representation, each with its default settings.

# %%
from neurofer.plot.relatives import representations_sheet

figure = representations_sheet(events, window_us, box=clip.box)
figure.set_dpi(76)
figure

# %% [markdown]
# ## What is kept, and what is lost?
#
# Change the events in a way that matters or does not, and see whether the representation notices. 0 (empty) is the very
# same array, bit for bit; 100 is an array that has nothing in common with the one before.

# %%
from neurofer.represent.registry import KINDS

random = np.random.default_rng(0)
start_us, stop_us = window_us
shuffled = random.permutation(len(events))
half = np.sort(random.choice(len(events), len(events) // 2, replace=False))
sensor = events.sensor
changes = {
    "time runs\nbackwards": (Events((start_us + stop_us - 1 - events.t)[::-1], events.x[::-1], events.y[::-1],
                                    events.p[::-1], sensor), 0),
    "times\nshuffled": (Events(events.t, events.x[shuffled], events.y[shuffled], events.p[shuffled], sensor), 0),
    "ON and OFF\nswapped": (Events(events.t, events.x, events.y, ~events.p, sensor), 0),
    "every event\ntwice": (Events(*(np.repeat(column, 2) for column in (events.t, events.x, events.y, events.p)),
                                  sensor), 0),
    "every other\nevent lost": (Events(events.t[half], events.x[half], events.y[half], events.p[half], sensor), 0),
    "recorded\n3 s later": (later, 3_000_000),
}
recipes = {kind: build_representation(kind) for kind in KINDS}
recipes["tie, t_t"] = build_representation("tie", variant="t_t")


def difference(recipe, changed, shift_us):
    """Share of what two arrays hold that is not in both, in per cent."""
    first, second = (recipe(part, (start_us + by, stop_us + by), origin_us=0).astype(np.float64) - recipe.empty_value
                     for part, by in ((events, 0), (changed, shift_us)))
    return 100 * np.abs(first - second).sum() / max(np.abs(first).sum() + np.abs(second).sum(), 1e-9)


table = np.array([[difference(recipe, *change) for change in changes.values()] for recipe in recipes.values()])
figure = Figure(figsize=(7.6, 5.4), dpi=72, layout="constrained")
axes = figure.subplots()
axes.imshow(np.log1p(table), cmap="Blues", vmin=0, vmax=np.log1p(160), aspect="auto")
for (row, column), value in np.ndenumerate(table):
    axes.text(column, row, "" if value == 0 else f"{value:.0f}" if value >= 1 else "< 1", ha="center", va="center",
              fontsize=9, color="white" if value > 24 else "#1f2933")
axes.set_xticks(range(len(changes)), list(changes), fontsize=8)
axes.set_yticks(range(len(recipes)), list(recipes), fontsize=9)
axes.xaxis.tick_top()
axes.tick_params(length=0)
for side in axes.spines.values():
    side.set_visible(False)
figure

# %% [markdown]
# Read a column: `behi` does not notice anything but lost events, `counts` notices neither order nor time, `tbr` no
# polarity. Read a row: TIE keeps order and polarity, does not see how many events there were in all, and does not mind
# how long the camera has been on.

# %% [markdown]
# ## How long a window?
#
# Too short, and there is no face; too long, and it smears. TIE's grey levels are ranks among all pixels of the sensor
# (`scale=sensor`), so where few pixels fire everything is as bright as can be. `scale=active` ranks among those that
# fire.

# %%
lengths_us = (3_000, 10_000, 33_333, 100_000, 300_000)
figure = Figure(figsize=(9, 4.2), dpi=60, layout="constrained")
for row, scale in zip(figure.subplots(2, 5), ("sensor", "active"), strict=True):
    recipe = build_representation("tie", scale=scale)
    for axes, length_us in zip(row, lengths_us, strict=True):
        span_us = (start_us, start_us + length_us)
        part = recording.between(*span_us)
        shown(axes, rgb_image(crop_resize(recipe(part, span_us), clip.box, 96)), f"{length_us / 1e3:.0f} ms",
              f"{len(part):,} events")
    row[0].set_ylabel(f"scale={scale}", fontsize=9)
figure

# %% [markdown]
# ## What goes into the network
#
# The square around the face box, brought to the network's size, and bytes as -1 to 1. A pixel without events is the
# representation's empty value, also beyond the edge of the sensor, so no edge is seen that is none.

# %%
into = crop_resize(tie(events, window_us), clip.box, 64, tie.empty_value) / 127.5 - 1
print(into.shape, f"from {into.min():.0f} to {into.max():.0f}, {np.mean(into == -1):.0%} of it empty")

# %% [markdown]
# Another one on the command line, as a picture and in training:
#
#     neurofer represent face.raw --kind tencode --start-us 752000 --window-us 33333 -o face.png
#     neurofer train --backend ann --data STORE --out RUN represent.kind=voxel represent.settings.bins=5
#
# How fast they are is not for a notebook to say: `python benchmarks/run.py representations` measures all of them on
# your machine, beside the simplest compiled loop and tonic's; `docs/benchmarks.md` has ours.
