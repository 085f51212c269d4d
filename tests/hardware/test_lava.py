"""Lava itself, on the same files: every spike of every layer, what a part that fails says, and the documented graph."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neurofer.errors import NeuroferError
from neurofer.events import write_recording
from neurofer.events.events import Events
from neurofer.hardware.chip_file import write_chip
from neurofer.hardware.lava import process_group, run_lava, run_lava_batch, runner
from neurofer.hardware.network import ChipLayer, ChipNetwork
from neurofer.hardware.simulate import observe, simulate, simulate_chip
from neurofer.spiking.bins import spike_tensor
from trees.chips import even_weights, random_chip, random_spikes
from trees.lava import needs_lava

pytestmark = [pytest.mark.lava, needs_lava]

STEPS = 30


def written(folder: Path, network: ChipNetwork) -> Path:
    path = folder / "net.h5"
    write_chip(path, network)
    return path


def assert_equal_to_the_simulator(folder: Path, network: ChipNetwork, spikes: np.ndarray, config: str) -> None:
    """T + L steps of all layers, so that each is late by its own number of steps and by no other."""
    got = run_lava(written(folder, network), spikes[:, 0], layers="all", delayed=True, config=config)
    want = simulate_chip(network, spikes)
    assert len(got) == len(want) == network.delay
    for layer, lava, ours in zip(network.layers, got, want, strict=True):
        assert ours.any(), f"{layer.name} never fires, so nothing is compared"
        np.testing.assert_array_equal(lava, ours[:, 0], err_msg=layer.name)


@pytest.mark.parametrize("seed", range(6))
def test_every_spike_of_random_networks(tmp_path: Path, seed: int) -> None:
    network = random_chip(seed)
    assert (network.layers[0].kind == "dense") == (seed == 4)
    assert_equal_to_the_simulator(tmp_path, network, random_spikes(network, STEPS, seed=seed), "loihi2sim")


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_loihi_1_gives_the_same_spikes(tmp_path: Path, seed: int) -> None:
    network = random_chip(seed)
    assert_equal_to_the_simulator(tmp_path, network, random_spikes(network, STEPS, seed=seed), "loihi1sim")


def dense_pair(first: ChipLayer, second_threshold: int) -> ChipNetwork:
    """A dense layer on 2 x 8 x 8 pixels, and two classes that read it."""
    weight = np.tile(np.array([[40], [-20]], np.int16), (1, first.outputs))
    weight[:, ::2] = 16
    second = ChipLayer("dense2", "dense", weight, 4096, 1000, second_threshold)
    return ChipNetwork((2, 8, 8), (first, second), 1000, 60, 5000, ("a", "b"))


def test_currents_that_wrap(tmp_path: Path) -> None:
    weight = even_weights(np.full((6, 128), 254.0), 1.0)
    weight[3:] = -256
    network = dense_pair(ChipLayer("dense1", "dense", weight, 4, 400, 300 * 254), 10)
    spikes = random_spikes(network, 80, seed=3, rate=0.4)
    assert observe(network, spikes)[0].wraps > 0
    assert_equal_to_the_simulator(tmp_path, network, spikes, "loihi2sim")


def test_membranes_that_saturate(tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    weight = even_weights(generator.normal(-60, 90, (6, 128)), 1.0)
    weight[0] = 254
    network = dense_pair(ChipLayer("dense1", "dense", weight, 800, 0, 131_071), 10)
    spikes = random_spikes(network, 80, seed=4, rate=0.4)
    peaks = observe(network, spikes)[0]
    assert peaks.saturations > 0
    assert_equal_to_the_simulator(tmp_path, network, spikes, "loihi2sim")


def test_each_recording_gets_a_fresh_network(tmp_path: Path) -> None:
    network = random_chip(2)
    recordings = [random_spikes(network, steps, seed=steps) for steps in (20, 9, 20)]
    got = run_lava_batch(written(tmp_path, network), [spikes[:, 0] for spikes in recordings], layers="all")
    for spikes, found in zip(recordings, got, strict=True):
        for lava, ours in zip(found, simulate(network, spikes)[0], strict=True):
            np.testing.assert_array_equal(lava, ours[:, 0])


BROKEN_PART = """
import sys, time
from pathlib import Path
from neurofer.hardware.lava import recorder, worker

def run_spk(self):
    if self.time_step == 5:
        {what}
    self.a_in.recv()

recorder.SpikeRecorderModel.run_spk = run_spk
worker.main(Path(sys.argv[1]))
"""


def test_a_part_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network = random_chip(0)
    program = BROKEN_PART.format(what="raise ValueError('the part has had enough')")
    monkeypatch.setattr(runner, "_COMMAND", (sys.executable, "-c", program))
    with pytest.raises(NeuroferError, match=r"net\.h5: Lava failed: ValueError: the part has had enough$") as caught:
        run_lava(written(tmp_path, network), random_spikes(network, STEPS)[:, 0])
    assert "run_spk" in str(caught.value.__cause__)


def test_a_stalled_run_ends_at_its_limit_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network, groups = random_chip(0), []
    real = process_group.end_group
    monkeypatch.setattr(process_group, "end_group", lambda group: (groups.append(group), real(group)))
    stalled = tmp_path / "stalled"
    what = f"Path({str(stalled)!r}).touch(); time.sleep(600)"
    monkeypatch.setattr(runner, "_COMMAND", (sys.executable, "-c", BROKEN_PART.format(what=what)))
    steps = STEPS + network.delay
    with pytest.raises(NeuroferError, match=rf"net\.h5: Lava did not end {steps} steps .* within 25 s"):
        run_lava(written(tmp_path, network), random_spikes(network, STEPS)[:, 0], limit_s=25)
    assert stalled.exists(), "Lava had not begun to run"
    assert not process_group.group_runs(groups[0])


def test_without_a_chip_the_hardware_is_refused(tmp_path: Path) -> None:
    network = random_chip(4)
    with pytest.raises(NeuroferError, match="config loihi2hw needs a Loihi host .* take loihi2sim"):
        run_lava(written(tmp_path, network), random_spikes(network, 2)[:, 0], config="loihi2hw")


def test_the_documented_graph_runs(tmp_path: Path, root: Path, small_events: Events) -> None:
    (script,) = re.findall(r"^```python\n(.*?)^```", (root / "docs" / "lava.md").read_text(), re.MULTILINE | re.DOTALL)
    generator = np.random.default_rng(5)
    conv = ChipLayer("conv1", "conv", even_weights(generator.normal(20, 60, (4, 2, 3, 3)), 1.0), 2000, 900, 60,
                     stride=(2, 2), padding=(1, 1))
    dense = ChipLayer("dense1", "dense", even_weights(generator.normal(5, 60, (3, 4 * 8 * 8)), 1.0), 2000, 900, 90)
    network = ChipNetwork((2, 16, 16), (conv, dense), 1000, 40, 5000, ("anger", "joy", "surprise"))
    (tmp_path / "graph.py").write_text(script)
    write_recording(tmp_path / "recording.npz", small_events)
    chip_file = written(tmp_path, network)
    done = subprocess.run([sys.executable, "graph.py", chip_file.name, "recording.npz"], cwd=tmp_path,
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    start_us = int(small_events.t[0])
    bits = spike_tensor(small_events, start_us, start_us + 40_000, 1000, size_px=16).spikes
    counts = simulate(network, bits[:, None])[0][-1].sum(axis=(0, 1))
    assert counts.all()
    assert done.stdout.splitlines() == [f"{name}\t{count}" for name, count in
                                        zip(network.classes, counts, strict=True)]


def test_the_demos_network_on_recordings(tmp_path: Path) -> None:
    """As the demo trains it, but on few people and for two epochs; its spikes on test recordings, every layer."""
    from neurofer.config import find_shipped, load_config
    from neurofer.data.store import open_store
    from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic
    from neurofer.events import open_recording
    from neurofer.hardware.export import export_chip
    from neurofer.train.config import TrainConfig
    from neurofer.train.recognise import train_recogniser
    from neurofer.train.run_folder import load_run

    prepare_synthetic(tmp_path / "store", SyntheticPlan(subjects=3, clips_per_class=1, fps=60.0), 1)
    words = [f"data='{tmp_path / 'store'}'", f"out='{tmp_path / 'run'}'", "train.epochs=2"]
    run = load_run(train_recogniser(load_config(TrainConfig, find_shipped("snn_demo"), words)))
    network = export_chip(run, "loihi2").network
    path = written(tmp_path, network)
    test = run.card["protocol"]["split"]["test"]
    recordings = []
    for clip in [clip for clip in open_store(tmp_path / "store").clips if clip.subject in test][:2]:
        stop_us = clip.start_us + (clip.stop_us - clip.start_us) // network.dt_us * network.dt_us
        with open_recording(clip.path) as recording:
            events = recording.between(clip.start_us, stop_us)
        recordings.append(spike_tensor(events, clip.start_us, stop_us, network.dt_us, clip.box, 32).spikes)
    for spikes, found in zip(recordings, run_lava_batch(path, recordings, layers="all"), strict=True):
        wanted, _ = simulate(network, spikes[:, None])
        assert sum(int(one.sum()) for one in wanted) > 1000
        for one, two in zip(wanted, found, strict=True):
            assert np.array_equal(one[:, 0], two)
