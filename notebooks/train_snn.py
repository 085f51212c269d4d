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
# # How does a spiking network decide?
#
# It gets the events themselves, step by step, and answers in spikes: whichever of its output neurons fires most has
# it. Nothing is computed where nothing arrives, so here one can watch a decision come about, spike by spike, and count
# what it cost (`docs/spiking.md`).
#
# The data and the trained run are those of `make demo`. Where they are not there, a few people are drawn here and a
# small network sees them for a moment; its scores mean nothing. (`NEUROFER_DEMO` names another folder.)

# %%
# %matplotlib inline
import os
import tempfile
import warnings
from pathlib import Path

from neurofer.data.store import open_store
from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic

os.environ.setdefault("NEUROFER_PROGRESS", "0")
warnings.filterwarnings("ignore", message="IProgress")  # of a bar that is not shown
demo = Path(os.environ.get("NEUROFER_DEMO", "../demo"))
room = Path(os.environ.get("NEUROFER_NOTEBOOK") or tempfile.mkdtemp())
trained = (demo / "snn" / "card.json").exists()
store = demo / "store" if trained else room / "store"
if not trained:
    prepare_synthetic(store, SyntheticPlan(subjects=5, clips_per_class=1, fps=60.0), workers=1)
clip_set = open_store(store)
print(f"{len(clip_set.clips)} recordings of {len(clip_set.subjects)} people: {', '.join(clip_set.classes)}")

# %% [markdown]
# ## Training
#
# One call, as for the ANN (`train_ann.ipynb`), with another configuration: spikes have no slope, so the backward pass
# goes through a smooth stand-in. The configuration asks for the integers of Loihi 2 from the start; the trained network
# computes in them. Three epochs are made here; what follows is shown on the run of the demo, 36 epochs, where it is
# there.

# %%
import json

from neurofer.config import find_shipped, load_config
from neurofer.plot.training import curves_figure
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run

config = load_config(TrainConfig, find_shipped("snn_demo"),
                     [f"data={store}", f"out={room / 'snn'}", "train.epochs=3"])
folder = train_recogniser(config, overwrite=True, cache=room / "cache")
run = load_run(demo / "snn" if trained else folder)
network, dt_us = run.model, run.card["dt_us"]
history = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
figure = curves_figure(history, "mean loss and share of right decisions, by recording")
figure.set_dpi(72)
figure

# %% [markdown]
# ## Events become spikes
#
# Time is cut into steps of 20 ms, the face box into 32 x 32 cells. A cell with an ON event in a step is one spike, one
# with an OFF event another; several at once count as one. Shown: one test recording, every other step around its
# busiest moment.

# %%
import numpy as np
from matplotlib.figure import Figure

from neurofer.evaluate.anytime import shown_clip
from neurofer.events import open_recording
from neurofer.plot.frames import frame_image
from neurofer.spiking.bins import spike_tensor
from neurofer.train.data import prepare

prepared = prepare(run.config, clip_set, None, room / "cache")
numbers = prepared.numbers["test"]
said = prepared.task.decide(network, numbers)
number, output, running = shown_clip(prepared.task, network, said, prepared.labels[numbers])
clip = clip_set.clips[number]
stop_us = clip.start_us + (clip.stop_us - clip.start_us) // dt_us * dt_us
with open_recording(clip.path) as recording:
    bins = spike_tensor(recording.between(clip.start_us, stop_us), clip.start_us, stop_us, dt_us, clip.box,
                        run.card["size_px"])
spikes = bins.spikes
print(f"{clip.name}: {bins.events:,} events in the box, {int(spikes.sum()):,} spikes in {len(spikes)} steps; "
      f"{spikes.mean():.1%} of all cells and steps")
middle = int(np.clip(spikes.sum((1, 2, 3)).argmax(), 8, len(spikes) - 8))
figure = Figure(figsize=(9, 1.7), dpi=72, layout="constrained")
for step, axes in zip(range(middle - 8, middle + 8, 2), figure.subplots(1, 8), strict=True):
    axes.imshow(frame_image(spikes[step], 1.0), interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(f"{step * dt_us / 1000:.0f} ms", fontsize=9)
figure

# %% [markdown]
# ## The network
#
# Every neuron has two memories: a synaptic current that decays with alpha, and a membrane that decays with beta and is
# set to zero when it fires. Both decays were trained. They are numbers between 0 and 1 for each step; as times they say
# how long a layer remembers.

# %%
import math

import torch

for layer in network.spiking_layers():
    used = layer.used()
    memory_ms = [-dt_us / 1000 / math.log(max(float(decay.detach()), 1e-9)) for decay in (used.alpha, used.beta)]
    print(f"{layer.name:7s} {math.prod(layer.output_shape):5,} neurons {str(layer.output_shape):13s} "
          f"{layer.weight.numel():6,} weights   current {memory_ms[0]:4.0f} ms, membrane {memory_ms[1]:4.0f} ms")
print(f"{network.parameter_count:,} trained numbers")

# %% [markdown]
# ## One decision, in spikes
#
# Every spike of every layer while the recording runs; of large layers some neurons, at the right how often each fires.
# The last layer has a neuron for each class. The decision is the one with the most spikes so far; the strip below is
# blue while it is right.

# %%
from neurofer.plot.raster import raster_figure

whole = torch.from_numpy(spikes)[:, None]
with torch.inference_mode():
    activity, _ = network.activity(whole)
layers = {layer.name: said_by.flatten(1).numpy() for layer, said_by in
          zip(network.spiking_layers(), activity, strict=True)}
figure = raster_figure(layers, dt_us / 1000, classes=clip_set.classes, decided=running[: len(spikes)],
                       truth=int(prepared.labels[number]), most=48, title=f"{clip.name}: {clip.label}")
figure.set_dpi(72)
figure

# %% [markdown]
# ## Inside a neuron
#
# Four neurons of the last hidden layer, from one that fires often to one that hardly does. Their membranes rise with
# what comes in, leak, and fall to zero where they pass the threshold; that is all a neuron does. These traces are made
# step by step with the state in the open, and give the same output spikes as the network does at once.

# %%
from neurofer.plot.membranes import membrane_figure
from neurofer.spiking.traces import membrane_traces

hidden = network.spiking_layers()[-2].name
counts = layers[hidden].sum(0)
fired = np.argsort(-counts, kind="stable")[: max(4, int((counts > 0).sum()))]
shown = fired[[len(fired) // 8, len(fired) // 3, len(fired) // 2, -1]].tolist()
traces = membrane_traces(network, whole, hidden, shown)
print("the same output, every spike:", bool((traces.output == activity[-1][:, 0].numpy()).all()))
figure = membrane_figure(traces.membranes, traces.spikes, dt_us / 1000,
                         names=[f"{hidden} {place}" for place in traces.neurons])
figure.set_dpi(64)
figure

# %% [markdown]
# ## How early, and at what price
#
# Left: the share of test recordings that are right if they ended now. Right: how often neurons of each layer fire, and
# what the spikes that reach it cost, beside what an ordinary network of that shape would compute.

# %%
from neurofer.evaluate.recognition import evaluate_run
from neurofer.plot.spiking import time_figure

found = evaluate_run(run, store, cache=room / "cache")
cost = found["operations"]
figure = time_figure(found["anytime"], found["baselines"]["majority"]["accuracy"], cost["layers"])
figure.set_dpi(72)
figure

# %%
from neurofer.numbers import short_number

score = found["metrics"]["clip"]
between = score["interval"]["accuracy"]
print(f"accuracy {score['accuracy']:.1%}" + (f" ({between[0]:.1%} to {between[1]:.1%} over people)" if between else ""),
      f"on {score['samples']} recordings, majority {found['baselines']['majority']['accuracy']:.1%}")
print(f"{short_number(cost['per_second'])} synaptic operations a second of input, "
      f"{cost['per_clip'] / cost['dense_macs_per_clip']:.0%} of the multiply-accumulates of the same layers "
      "if every weight were used at every step")

# %% [markdown]
# ## A stream gives what the whole gives
#
# The state goes in and comes out of the network, and there is no other. So a recording may come in pieces of any
# length: every output spike and every number of the state is the same, not nearly the same.

# %%
with torch.inference_mode():
    expected, expected_state = network(whole)
    generator, told = np.random.default_rng(0), []
    for attempt in range(4):
        cuts = [0, *sorted(generator.choice(np.arange(1, len(whole)), 2 + 6 * attempt, replace=False)), len(whole)]
        state, pieces = None, []
        for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
            piece, state = network(whole[start:stop], state)
            pieces.append(piece)
        same = torch.equal(torch.cat(pieces), expected)
        same_state = all(torch.equal(mine, other) for ours, theirs in zip(state, expected_state, strict=True)
                         for mine, other in zip(ours, theirs, strict=True))
        told.append(f"{len(pieces):2d} pieces of {min(np.diff(cuts)):2d} to {max(np.diff(cuts)):2d} steps: "
                    f"output equal {same}, state equal {same_state}")
print("\n".join(told))

# %% [markdown]
# With the same state a live stream decides while the events arrive: every 100 ms, by the spikes of the last 300.

# %%
from neurofer.plot.decisions import DecisionTrack, decisions_figure
from neurofer.stream.predictor import Predictor

with open_recording(clip.path) as recording:
    decisions = list(Predictor(run).decide(recording, clip.box))
    times_us = recording.between(clip.start_us, clip.stop_us).t
track = DecisionTrack("SNN", np.array([one.stop_us for one in decisions]),
                      np.array([one.probabilities for one in decisions]))
moments = {name: clip.truth[f"{name}_us"] for name in ("onset", "apex", "offset") if f"{name}_us" in clip.truth}
figure = decisions_figure([track], clip_set.classes, times_us, truth=clip.label, moments_us=moments,
                          title=f"{clip.name}: {clip.label}")
figure.set_dpi(72)
figure
