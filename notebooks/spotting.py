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
# # Where in a long recording is an expression?
#
# Recognition is given an expression. Here nobody says when there is one: a face blinks, turns and speaks for minutes,
# and two sorts of intervals are to be found in it, micro- and macro-expressions (`docs/spotting.md`).
#
# Five drawn people, 16 seconds of each, with the truth of every frame (`neurofer prepare synthetic --long` makes whole
# minutes). All of this takes less than a minute and is far too little to learn from, so nothing here is a result; those
# are in `docs/results.md`.

# %%
# %matplotlib inline
import os
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from neurofer.data.long.store import video_frames
from neurofer.data.long.synthetic import LongSyntheticPlan, prepare_long_synthetic

os.environ.setdefault("NEUROFER_PROGRESS", "0")
room = Path(os.environ.get("NEUROFER_NOTEBOOK") or tempfile.mkdtemp())
long_set = prepare_long_synthetic(room / "long", LongSyntheticPlan(subjects=5, videos=1, length_s=16, size_px=64))
for clip in long_set.videos:
    print(clip.name, [f"{one.kind} {one.onset}-{one.offset} {one.label}" for one in long_set.truth[clip.name]],
          clip.facts["nuisances"])

# %% [markdown]
# ## What the network sees of a moment
#
# The frame at t, one k frames before it and one k frames after it. k is half the mean length of an expression, so where
# t is the middle of one, both others show the face at rest. Long expressions need another k than short ones, so each
# moment is looked at twice. Beneath the frames: the same with local contrast normalised, which is what is compared.

# %%
from neurofer.models.spotter_dense import contrast
from neurofer.spotting.skip import skips_of

first = long_set.videos[0]
pictures = np.asarray(video_frames(first).pictures)
skips = skips_of(one for clip in long_set.videos[1:] for one in long_set.truth[clip.name])
macro = next(one for one in long_set.truth[first.name] if one.kind == "macro")
moments = [macro.apex - skips["macro"], macro.apex, macro.apex + skips["macro"]]
figure = Figure(figsize=(6.4, 4.5), dpi=60, layout="constrained")
axes = figure.subplots(2, 3)
for column, (number, name) in enumerate(zip(moments, ("t - k", "t", "t + k"), strict=True)):
    for row, picture in enumerate((pictures[number], contrast(pictures[number].astype(np.float32)))):
        axes[row, column].imshow(picture, cmap="gray")
        axes[row, column].set(xticks=[], yticks=[])
    axes[0, column].set_title(f"{name}: frame {number}", fontsize=9)
print(f"k is {skips['micro']} frames for micro- and {skips['macro']} for macro-expressions, from the other four people")
figure

# %% [markdown]
# ## From scores to intervals, without a network
#
# How much the normalised frame differs from both of its references, in brows, nose and mouth, is a score already.
# Scores are smoothed; a peak counts that reaches the threshold (dashed), the higher one of a relative threshold and of
# an absolute floor (dotted), both chosen on the other four people. In the lanes: truth above, what was spotted below;
# dots are hits, crosses false alarms, rings misses. A hit is an interval of the right type whose frames and those of a
# true one have an intersection over union of at least one half.

# %%
from neurofer.evaluate.spotting import score_spotting
from neurofer.plot.spotting import timeline_figure
from neurofer.spotting.decode import decode_all
from neurofer.spotting.difference import difference_scores
from neurofer.spotting.tune import choose_decodings
from neurofer.train.spot.config import SpotTuneConfig


def shown(scores, intervals, decodings, title):
    truth = long_set.truth[first.name]
    print(title, {name: f"{one.tp} hits, {one.fp} false alarms, {one.fn} missed"
                  for name, one in score_spotting(truth, intervals).by_name().items()})
    figure = timeline_figure(scores, 30.0, intervals, truth, decodings, title)
    figure.set_dpi(64)
    return figure


differences = {clip.name: difference_scores(video_frames(clip).pictures, skips) for clip in long_set.videos}
others = [clip.name for clip in long_set.videos[1:]]
decodings, _ = choose_decodings({name: differences[name] for name in others},
                                {name: long_set.truth[name] for name in others}, skips, skips, SpotTuneConfig())
shown(differences[first.name], decode_all(differences[first.name], first.name, decodings), decodings, "difference")

# %% [markdown]
# ## With the network
#
# 7,218 weights, trained on the other four people for four short epochs; that is `neurofer train --task spot` with
# `split.kind=loso split.subject=s000`. It has seen a minute of video with seven expressions in it.

# %%
from neurofer.stream.spot.opening import Looking, open_footage
from neurofer.stream.spot.sources import find_videos
from neurofer.stream.spot.spotter import spotted_in
from neurofer.train.spot.config import SpotConfig
from neurofer.train.spot.load import load_spot_run
from neurofer.train.spot.recipe import train_spot

config = SpotConfig.model_validate({
    "data": [str(room / "long")], "out": str(room / "run"), "split": {"kind": "loso", "subject": "s000"},
    "input": {"size_px": 64}, "sample": {"most": 40}, "decode": {"stride": 2},
    "train": {"epochs": 4, "lr": 2e-3, "schedule": "cosine"}})
run = load_spot_run(train_spot(config, overwrite=True))
source = find_videos([room / "long"], ["s000"])[0]
spotted = spotted_in(run, open_footage(source, run, Looking()))
shown(spotted.scored.scores, [one.interval for one in spotted.spots], run.decodings, "network")

# %% [markdown]
# ## With events
#
# A spotter of events needs no frames: it sees how many events of either sign came in the k frames before t and in the k
# frames after it. At the apex of an expression the face turns back, and both sums show the same places with opposite
# signs. Below, ON minus OFF of both windows, at onset, apex and offset.

# %%
from neurofer.spotting.windows import event_sums, window_sums
from neurofer.train.micro.instants import clip_events

events = clip_events(first)
sums = event_sums([events], video_frames(first).times_us, 64, events.sensor)
numbers = np.array([macro.onset, macro.apex, macro.offset])
figure = Figure(figsize=(6.4, 4.5), dpi=60, layout="constrained")
axes = figure.subplots(2, 3)
for column, (number, four) in enumerate(zip(numbers, window_sums(sums, numbers, skips["macro"]), strict=True)):
    for row, (off, on) in enumerate((four[:2], four[2:])):
        axes[row, column].imshow(on - off, cmap="RdBu_r", vmin=-6, vmax=6)
        axes[row, column].set(xticks=[], yticks=[])
    axes[0, column].set_title(f"frame {number}", fontsize=9)
axes[0, 0].set_ylabel("k frames before", fontsize=9)
axes[1, 0].set_ylabel("k frames after", fontsize=9)
figure

# %% [markdown]
# Without any training: a burst of events in brows, nose or mouth that is taken back again is an expression, and one
# that the eyelids alone make is a blink.

# %%
from neurofer.spotting.rate_baseline import spot_by_rate
from neurofer.spotting.veto import veto_blinks

for clip in long_set.videos:
    times_us, found_events = video_frames(clip).times_us, clip_events(clip)
    bursts = spot_by_rate(found_events, times_us, clip.name)
    kept, blinks = veto_blinks(bursts, found_events, times_us, 64)
    score = score_spotting(long_set.truth[clip.name], kept).overall
    print(f"{clip.name}: {len(bursts)} bursts, {len(blinks)} of them blinks; "
          f"{[(one.kind, one.onset, one.offset) for one in kept]}"
          f" {score.tp} hits, {score.fp} false alarms, {score.fn} missed")
