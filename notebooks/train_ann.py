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
# # How is the ANN trained, and what did it learn?
#
# A store of recordings becomes pictures, pictures of training people become a network, and people whom it has never
# seen say whether it learned anything. Every step is one call of Python; on the command line all of them together are
# `neurofer train --config ann_demo --data store --out run`.
#
# The data and the trained run are those of `make demo`. Where they are not there, a few people are drawn here and
# everything is shown on them; their scores mean nothing. (`NEUROFER_DEMO` names another folder.)

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
trained = (demo / "ann" / "card.json").exists()
store = demo / "store" if trained else room / "store"
if not trained:
    prepare_synthetic(store, SyntheticPlan(subjects=5, clips_per_class=1, fps=60.0), workers=1)
clip_set = open_store(store)
print(f"{len(clip_set.clips)} recordings of {len(clip_set.subjects)} people: {', '.join(clip_set.classes)}")

# %% [markdown]
# ## What the network is given
#
# People, not recordings, are split: nobody is in two parts, the epoch is chosen on validation people, and test people
# are read once. A recording is cut into windows of 150 ms; each becomes a picture in which the time of the events is
# kept as brightness (TIE, `docs/representations.md`). Above: windows of one training recording, as they are stored.
# Below: the same ones as training sees them, after one draw of flip, shift, turn and hole for all of them.

# %%
import numpy as np
from matplotlib.figure import Figure

from neurofer.config import find_shipped, load_config
from neurofer.plot.representations import rgb_image
from neurofer.train.config import TrainConfig
from neurofer.train.data import prepare

config = load_config(TrainConfig, find_shipped("ann_demo"),
                     [f"data={store}", f"out={room / 'ann'}", "train.epochs=3"])
prepared = prepare(config, clip_set, None, room / "cache")
for part, numbers in prepared.numbers.items():
    print(f"{part}: {len(numbers)} recordings of {', '.join(sorted(set(prepared.subjects_of(numbers))))}")

# %%
from neurofer.train.ann import Pictures

clip = next(number for number in prepared.numbers["train"] if clip_set.clips[number].label == "surprise")
events = prepared.rows.counts_of(clip).sum(1)
start = int(np.convolve(events, np.ones(5), "valid").argmax())
windows = np.arange(start, start + 5)
samples = Pictures(config, prepared.rows).drawn(np.array([clip]), windows[None], np.array([0]),
                                                np.random.default_rng(34))
drawn = ((samples[0].numpy() + 1) * 127.5).round().clip(0, 255).astype(np.uint8)
figure = Figure(figsize=(7.6, 3.2), dpi=64, layout="constrained")
for panels, pictures, name in zip(figure.subplots(2, 5), (prepared.rows.of(clip)[windows], drawn),
                                  ("stored", "drawn"), strict=True):
    for axes, picture in zip(panels, pictures, strict=True):
        axes.imshow(rgb_image(picture))
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    panels[0].set_ylabel(name, fontsize=9)
figure.suptitle(f"{clip_set.clips[clip].name}: five windows of {config.represent.window_us / 1000:.0f} ms", x=0.01,
                ha="left", fontsize=11)
figure

# %% [markdown]
# ## Training
#
# A convolutional encoder makes one vector of each window, an LSTM reads three of them, a head decides. The loss looks
# at the mean of all decisions about a run of windows, since in many of them the face is at rest. One call trains and
# leaves a folder with weights, settings, scores and pictures; killed, it goes on with `resume=True` and ends with the
# same weights. Three epochs are made here. What follows is shown on the run of the demo, 36 epochs that started from
# the encoder of a pre-training (`gan_to_transfer.ipynb`), or, where that is not there, on these three.

# %%
from neurofer.plot.training import curves_figure
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run

folder = train_recogniser(config, overwrite=True, cache=room / "cache")
print(*sorted(path.name for path in folder.glob("*.*")), sep=", ")
run = load_run(demo / "ann" if trained else folder)
print(f"{run.card['parameters']:,} weights, epoch {run.card['metrics']['best_epoch']} chosen on validation people")

# %%
import json

history = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
figure = curves_figure(history, "mean loss and share of right decisions, by recording")
figure.set_dpi(72)
figure

# %% [markdown]
# ## Does it know people whom it has never seen?
#
# Beside two guesses that need no face: the most frequent class, and a linear model on nothing but the number of ON and
# OFF events. The interval is over test people, drawn again with replacement (`docs/protocols.md`); there is none for a
# single person. UAR is the mean of the recalls of all classes.

# %%
from neurofer.evaluate.recognition import evaluate_run
from neurofer.plot.training import confusion_figure

found = evaluate_run(run, store, cache=room / "cache")
for name, scored in (("network", found["metrics"]["clip"]), *found["baselines"].items()):
    interval = scored["interval"]["uar"]
    between = f" ({interval[0]:.1%} to {interval[1]:.1%})" if interval else ""
    print(f"{name:12s} UAR {scored['uar']:6.1%}{between}")
figure = confusion_figure(found["confusion"], clip_set.classes, "test people")
figure.set_dpi(64)
figure

# %% [markdown]
# ## Decisions while a recording runs
#
# The first test recording that is no neutral one and is decided right in the end (the first of all, if none is), read
# from its events as `neurofer predict` does: a decision every 150 ms once three windows are there.

# %%
from neurofer.events import open_recording
from neurofer.plot.decisions import DecisionTrack, decisions_figure
from neurofer.stream.predictor import Predictor

numbers = prepared.numbers["test"]
said = prepared.task.decide(run.model, numbers)
truth = prepared.labels[numbers]
shown = clip_set.clips[numbers[np.argmax(2 * (said.predicted == truth) + (truth != clip_set.classes.index("neutral")))]]
with open_recording(shown.path) as recording:
    decisions = list(Predictor(run).decide(recording, shown.box))
    times_us = recording.between(shown.start_us, shown.stop_us).t
track = DecisionTrack("ANN", np.array([one.stop_us for one in decisions]),
                      np.array([one.probabilities for one in decisions]))
moments = {name: shown.truth[f"{name}_us"] for name in ("onset", "apex", "offset") if f"{name}_us" in shown.truth}
figure = decisions_figure([track], clip_set.classes, times_us, truth=shown.label, moments_us=moments,
                          title=f"{shown.name}: {shown.label}")
figure.set_dpi(72)
figure

# %% [markdown]
# ## What the encoder looks for
#
# The window of the apex, and the maps of each stage that vary most over their places. The picture is halved until one
# vector is left; the last row is what the LSTM gets of a window.

# %%
from neurofer.models.maps import encoder_maps
from neurofer.plot.features import feature_maps_figure
from neurofer.train.ann import pictures_to_network

number = numbers[[clip_set.clips[each].name for each in numbers].index(shown.name)]
apex_us = shown.truth.get("apex_us", (shown.start_us + shown.stop_us) // 2)
apex = min((apex_us - shown.start_us) // run.config.represent.window_us, len(prepared.rows.of(number)) - 1)
maps = encoder_maps(run.model, pictures_to_network(prepared.rows.of(number)[apex]))
figure = feature_maps_figure(maps, title=f"{shown.name}, {apex * run.config.represent.window_us / 1000:.0f} ms")
figure.set_dpi(60)
figure

# %% [markdown]
# ## Is it as sure as it is right?
#
# Decisions about the windows of test people, by the probability of the decided class. On the diagonal, of all decisions
# at 70 % seven in ten are right; light orange is by how much the network is surer than it is right. Windows of one
# recording are no independent samples, and with few decisions in a bar its height says little.

# %%
from neurofer.evaluate.calibration import calibration
from neurofer.plot.reliability import reliability_figure

figure = reliability_figure(calibration(said.window_probabilities, truth[said.window_clips]))
figure.set_dpi(64)
figure
