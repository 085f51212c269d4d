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
# # From a trained spiking network to a chip, and to numbers that can be compared
#
# Does the chip say what the trainer said? What does it cost? A spiking network that was trained in the chip's own
# integers is exported, run by a simulator that shares no arithmetic with the trainer, and put beside an ordinary
# network on the same people.
#
# The runs are those of `make demo`. Where they are not there, small ones are trained here in a minute or two: they show
# every step, and their scores mean nothing. (`NEUROFER_DEMO` names another folder.)

# %%
# %matplotlib inline
import os
from pathlib import Path

import matplotlib.pyplot as plt

from neurofer.config import find_shipped, load_config
from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser

os.environ.setdefault("NEUROFER_PROGRESS", "0")
folder = Path(os.environ.get("NEUROFER_DEMO", "../demo"))
if not (folder / "snn" / "card.json").exists():
    folder = Path(os.environ.get("NEUROFER_NOTEBOOK", "export_and_compare"))
    plan = SyntheticPlan(subjects=5, clips_per_class=1, fps=60.0)
    prepare_synthetic(folder / "store", plan, workers=1)
    for backend in ("ann", "snn"):
        if not (folder / backend / "card.json").exists():
            words = [f"data={folder / 'store'}", f"out={folder / backend}", "train.epochs=3"]
            train_recogniser(load_config(TrainConfig, find_shipped(f"{backend}_demo"), words), overwrite=True)
print(folder.name)

# %% [markdown]
# ## What was trained
#
# `snn.quantise` put weights, decays and thresholds on the chip's grid from the first epoch on, and let the network
# compute in integers for the last ones. Whenever it is judged, it computes in integers; the card says what the same
# weights would reach in float numbers.

# %%
from neurofer.train.run_folder import load_run

run = load_run(folder / "snn")
print("test accuracy, integers:", f"{run.card['metrics']['test']['accuracy']:.1%}")
print("the same weights in floats:", f"{run.card['quantised']['float']['accuracy']:.1%}", "same decisions:",
      run.card["quantised"]["same_decisions"], "of", run.card["quantised"]["clips"])

# %% [markdown]
# ## The export
#
# On the command line: `neurofer export demo/snn --target loihi2 -o net.h5 --report fit.html`. The chip network holds
# integers and nothing else. It is compared with the trained network before it is written.

# %%
from neurofer.hardware.chip_file import read_chip, write_chip
from neurofer.hardware.export import export_chip

made = export_chip(run, "loihi2")
write_chip(folder / "net.h5", made.network)
network = read_chip(folder / "net.h5")
for layer, compared in zip(network.layers, made.compared, strict=True):
    print(f"{layer.name}: {layer.weight.dtype} {layer.weight.shape}, iDecay {layer.current_decay}, vDecay "
          f"{layer.voltage_decay}, vThMant {layer.threshold}; {compared.different} of {compared.spikes} spikes differ")

# %% [markdown]
# What a chip cannot say exactly is refused, all of it at once. Decays of each channel and counts instead of spikes:

# %%
from neurofer.errors import UsageError
from neurofer.train.target import refuse_outside_target

wrong = load_config(TrainConfig, find_shipped("snn_demo"), ["snn.per_channel=true", "snn.input=graded"])
try:
    refuse_outside_target(wrong, network.classes)
except UsageError as refusal:
    print(refusal)

# %% [markdown]
# ## How it lies on the chip
#
# Cores and memory by what is public of Loihi 2: estimates, with how sure each number is in the report of the command.

# %%
from neurofer.hardware.fit import fit
from neurofer.hardware.fit_figure import fit_figure

fit_figure(fit(network, "loihi2"))

# %% [markdown]
# ## The same spikes, every one
#
# One test recording through the trained network in torch, through the integer simulator in numpy, and as the chip would
# give it: each layer one step later than the one before.

# %%
import numpy as np
import torch

from neurofer.data.store import open_store
from neurofer.events import open_recording
from neurofer.hardware.simulate import simulate, simulate_chip
from neurofer.spiking.bins import spike_tensor

test = run.card["protocol"]["split"]["test"]
clip = next(clip for clip in open_store(folder / "store").clips if clip.subject in test and clip.label != "neutral")
stop_us = clip.start_us + (clip.stop_us - clip.start_us) // network.dt_us * network.dt_us
with open_recording(clip.path) as recording:
    spikes = spike_tensor(recording.between(clip.start_us, stop_us), clip.start_us, stop_us, network.dt_us, clip.box,
                          network.input_shape[1]).spikes[:, None]
with torch.no_grad():
    trained = [trace.numpy() for trace in run.model.activity(torch.from_numpy(spikes))[0]]
simulated, _ = simulate(network, spikes)
delayed = simulate_chip(network, spikes)
for number, layer in enumerate(network.layers):
    different = int((trained[number] != simulated[number]).sum())
    later = bool((delayed[number][number + 1 : number + 1 + len(spikes)] == simulated[number]).all())
    print(f"{layer.name}: {int(trained[number].sum())} spikes, {different} differ; the same on the chip with a delay "
          f"of {number + 1}: {later}")

# %%
figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
hidden = simulated[-2][:, 0].reshape(len(spikes), -1)
step, neuron = np.nonzero(hidden)
axes.scatter(step * network.dt_us / 1000, neuron, s=6, color="#2563a8", label="torch = simulate")
step, neuron = np.nonzero(delayed[-2][:, 0].reshape(len(delayed[-2]), -1))
axes.scatter(step * network.dt_us / 1000, neuron, s=16, facecolors="none", edgecolors="#d9730d", linewidths=0.6,
             label=f"on the chip, {len(network.layers) - 1} steps later")
axes.set(xlabel="ms", ylabel=f"neuron of {network.layers[-2].name}", title=f"{clip.name}: {clip.label}")
figure.legend(loc="outside lower center", ncols=2, frameon=False)
plt.close(figure)
figure

# %% [markdown]
# ## Decisions without the training stack
#
# `neurofer deploy net.h5 --on simulate RECORDING` does this; `--on gpu` and `--on lava` give the same decisions.

# %%
from neurofer.hardware.deploy import ChipPredictor, read_event_network
from neurofer.hardware.engines import SimulateEngine

predictor = ChipPredictor(SimulateEngine(read_event_network(folder / "net.h5")))
with open_recording(clip.path) as recording:
    for decision in predictor.decide(recording, clip.box):
        print(f"{(decision.stop_us - clip.start_us) / 1000:6.0f} ms  {decision.label:10s} "
              f"{max(decision.probabilities):.2f}")

# %% [markdown]
# ## Beside an ordinary network
#
# `neurofer compare demo/ann demo/snn --targets torch,simulate,gpu --data demo/store -o report` writes all of this into
# one page. Where Lava is installed (`make lava`), add `lava` to the targets.

# %%
from neurofer.hardware.compare import Wanted, compare
from neurofer.hardware.comparison.folder import write_comparison
from neurofer.hardware.energy import TABLES

wanted = Wanted(("torch", "simulate", "gpu"), tables=tuple(TABLES.values()), decisions=40)
found = compare(load_run(folder / "ann"), run, wanted, folder / "store")
write_comparison(folder / "report", found)
for name, target in found["spikes"].items():
    print(f"{name}: {target['different']} of {target['spikes']} spikes differ from torch's over {target['recordings']} "
          "test recordings")
for name in ("ann", "torch", "simulate", "gpu"):
    print(f"{name}: accuracy {found['accuracy'][name]['accuracy']:.1%}")

# %%
from neurofer.hardware.comparison.figures import early_figure, energy_figure

early_figure(found)

# %% [markdown]
# Energy is counted operations times published costs: *estimated*, with the table, the rate and the number of steps
# beside every figure, and none for Loihi 2, of which no cost is public.

# %%
energy_figure(found)
