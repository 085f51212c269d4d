"""A chip network on recordings decides as the trained network does, one by one and side by side, without torch."""

from __future__ import annotations

import csv
import io
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from neurofer.data.clip import Box
from neurofer.errors import BadFileError, MissingExtraError, NeuroferError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording
from neurofer.hardware import deploy, lava
from neurofer.hardware.chip_file import write_chip
from neurofer.hardware.decide import decide, probabilities
from neurofer.hardware.deploy import ChipPredictor, LavaPredictor, OpenedChip, read_event_network
from neurofer.hardware.engines import GpuEngine, SimulateEngine, apart, joined
from neurofer.hardware.network import ChipNetwork
from neurofer.hardware.quantise import Reading, chip_network
from neurofer.hardware.side_by_side import decide_side_by_side
from neurofer.hardware.simulate import simulate
from neurofer.models.build import build_snn
from neurofer.spiking import readout
from neurofer.spiking.bins import spike_tensor
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.network import SpikingNetwork
from neurofer.stream.predictor import Predictor
from neurofer.stream.tables import Request, write_decision

CLASSES = ("happy", "sad", "angry")
BOX = Box(30, 4, 70, 80)


def quantised_run(**card: Any) -> Any:
    """A network on the grid of a chip whose classes fire, as a run of ``neurofer train`` holds it."""
    torch.manual_seed(0)
    small = build_snn(3, 16, "tiny")
    model = SpikingNetwork.build(small.specs, small.input_shape, neuron=NeuronSettings(quantise=True, slope=5.0))
    spikes = torch.rand(50, 2, 2, 16, 16, generator=torch.Generator().manual_seed(0)) < 0.1
    calibrate_rates(model, spikes, 0.25)
    card = {"backend": "snn", "classes": list(CLASSES), "size_px": 16, "window_us": 50_000, "dt_us": 5_000,
            "rate_gain": 20.0, "readout_us": 100_000, **card}
    return SimpleNamespace(path=Path("runs/snn"), card=card, model=model.eval())


def chip_of(run: Any) -> ChipNetwork:
    return chip_network(run.model, Reading.of_card(run.card))


def engines(network: ChipNetwork) -> list[Any]:
    return [SimulateEngine(network), GpuEngine(network, "cpu")]


@pytest.fixture(scope="module")
def network() -> ChipNetwork:
    return chip_of(quantised_run())


@pytest.fixture
def recording(face_events: Events) -> MemoryRecording:
    return MemoryRecording(face_events)


@pytest.fixture
def chip_file(network: ChipNetwork, tmp_path: Path) -> Path:
    path = tmp_path / "net.h5"
    write_chip(path, network)
    return path


# The read-out.

def test_most_spikes_then_the_earlier_last_spike_then_the_lower_index_decide() -> None:
    def recorded(*rows: str) -> np.ndarray:
        return np.array([[[int(bit) for bit in row]] for row in zip(*rows, strict=True)], np.uint8)
    assert decide(recorded("1000", "0110", "0000"))[0] == 1
    assert decide(recorded("0101", "1010", "0110"))[0] == 1
    assert decide(recorded("0000", "0101", "1001"))[0] == 1
    assert decide(np.zeros((4, 2, 3), np.uint8)).tolist() == [0, 0]
    assert decide(np.zeros((0, 2, 3), np.uint8)).tolist() == [0, 0]


def test_the_read_out_is_that_of_training() -> None:
    generator = np.random.default_rng(0)
    for steps, rate in ((1, 0.5), (3, 0.3), (15, 0.2), (300, 0.5)):
        spikes = (generator.random((steps, 400, 5)) < rate).astype(np.uint8)
        assert np.array_equal(decide(spikes), readout.decide(torch.from_numpy(spikes)).numpy())
        wanted = readout.ReadOut("spikes", 10.0).probabilities(torch.from_numpy(spikes).double()).numpy()
        # The same formula in double precision; exponentials of two libraries may differ in their last bit.
        np.testing.assert_allclose(probabilities(spikes, 10.0), wanted, rtol=1e-14)
    assert probabilities(np.zeros((0, 1, 4), np.uint8), 10.0).tolist() == [[0.25] * 4]


# States.

def test_states_join_and_part_and_a_fresh_one_is_all_zeros(network: ChipNetwork) -> None:
    generator = np.random.default_rng(1)
    first = (generator.random((10, 3, 2, 16, 16)) < 0.2).astype(np.uint8)
    then = (generator.random((10, 3, 2, 16, 16)) < 0.2).astype(np.uint8)
    for engine in engines(network):
        _, states = engine(first[:, :2], [None, None])
        together, after = engine(then, [states[1], None, states[0]])
        for place, (number, state) in enumerate(((0, states[1]), (1, None), (2, states[0]))):
            alone, (own,) = engine(then[:, number : number + 1], [state])
            assert np.array_equal(together[:, place], alone[:, 0])
            for one, other in zip(after[place], own, strict=True):
                assert np.array_equal(np.asarray(one.u), np.asarray(other.u))
                assert np.array_equal(np.asarray(one.v), np.asarray(other.v))
    assert joined([None, None], np.concatenate, np.zeros_like) is None
    _, whole = simulate(network, first)
    assert all(np.array_equal(one.v, other.v) for one, other in
               zip(joined(apart(whole, 3), np.concatenate, np.zeros_like), whole, strict=True))


# Streams.

@pytest.mark.parametrize("card", [{}, {"readout_us": None}, {"readout_us": 20_000}, {"rate_gain": 3.5}])
def test_decisions_are_those_of_the_trained_network(card: dict[str, Any], recording: MemoryRecording) -> None:
    run = quantised_run(**card)
    wanted = list(Predictor(run).decide(recording, BOX))
    assert len({decision.probabilities for decision in wanted}) >= 3
    for engine in engines(chip_of(run)):
        found = list(ChipPredictor(engine).decide(recording, BOX))
        assert printed(found) == printed(wanted)
        assert all(decision.latency_ms > 0 for decision in found)


@pytest.mark.parametrize(("start_us", "stop_us"), [(0, 40_000), (0, 120_000), (0, 130_000), (70_000, 251_000)])
def test_stretches_are_cut_as_the_trained_network_cuts_them(start_us: int, stop_us: int,
                                                            recording: MemoryRecording) -> None:
    run = quantised_run()
    for box in (BOX, None):
        wanted = printed(Predictor(run).decide(recording, box, start_us, stop_us))
        assert wanted
        for engine in engines(chip_of(run)):
            assert printed(ChipPredictor(engine).decide(recording, box, start_us, stop_us)) == wanted


def test_windows_with_the_state_carried_equal_the_whole(network: ChipNetwork, recording: MemoryRecording) -> None:
    found = list(ChipPredictor(SimulateEngine(network)).decide(recording, BOX))
    start = recording.start_us
    spikes = spike_tensor(recording.events, start, start + 300_000, 5_000, BOX, 16).spikes
    output = simulate(network, spikes[:, None])[0][-1]
    assert output.sum() > 0
    assert len(found) == 6
    for number, decision in enumerate(found, 1):
        part = output[max(0, 10 * number - 20) : 10 * number]
        assert decision.label == CLASSES[decide(part)[0]]
        assert decision.probabilities == tuple(probabilities(part, 20.0)[0])


def test_impossible_stretches_and_boxes_are_refused(network: ChipNetwork, recording: MemoryRecording) -> None:
    predictor = ChipPredictor(SimulateEngine(network))
    with pytest.raises(UsageError, match="nothing lies between 900000 and 299"):
        next(predictor.decide(recording, BOX, 900_000))
    with pytest.raises(UsageError, match="shows nothing of the 128x96 sensor"):
        next(predictor.decide(recording, Box(500, 0, 10, 10)))
    with pytest.raises(NeuroferError, match="holds no events"):
        next(predictor.decide(MemoryRecording(Events.empty((16, 16)))))


# Side by side.

class Finished(NamedTuple):
    """What became of a recording."""

    rows: list[list[str]]
    failure: str


@pytest.fixture
def day(tmp_path: Path, face_events: Events) -> list[Path]:
    """Seven recordings of different lengths; one is broken, one has no events where they are looked for."""
    paths = []
    for number, stop_us in enumerate((300_000, 90_000, 210_000, 0, 300_000, 20_000, 160_000)):
        part = face_events.between(10_000 * number, stop_us)
        paths.append(tmp_path / f"{number}.npz")
        np.savez(paths[-1], t=part.t, x=part.x, y=part.y, p=part.p)
    paths[2].write_bytes(b"cut")
    return paths


@pytest.mark.parametrize("batch", [2, 3, 50])
def test_side_by_side_equals_one_by_one(batch: int, network: ChipNetwork, day: list[Path]) -> None:
    request = Request(BOX, (128, 96))
    predictors = [ChipPredictor(engine) for engine in engines(network)]
    alone = {path: finished(predictors[0], [path], request, 1)[path] for path in day}
    assert [len(one.rows) for one in alone.values()] == [6, 2, 0, 0, 5, 0, 2]
    assert "holds no events" in alone[day[3]].failure
    for predictor in predictors:
        assert finished(predictor, day, request, batch) == alone


def test_a_recording_that_breaks_on_its_way_keeps_its_rows_and_leaves_the_others_alone(
        network: ChipNetwork, day: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    import neurofer.hardware.side_by_side as module

    def torn(recording: Any, window_us: float, first: int, last: int) -> Any:
        for number, window in enumerate(deploy.decision_windows(recording, window_us, first, last)):
            if recording.path == day[0] and number == 2:
                raise BadFileError(f"{day[0]}: torn")
            yield window

    request, predictor = Request(BOX, (128, 96)), ChipPredictor(SimulateEngine(network))
    whole = finished(predictor, [day[0], day[4]], request, 2)
    monkeypatch.setattr(module, "decision_windows", torn)
    found = finished(predictor, [day[0], day[4]], request, 2)
    assert found == {day[0]: Finished(whole[day[0]].rows[:2], f"{day[0]}: torn"), day[4]: whole[day[4]]}


def test_no_more_recordings_are_open_than_the_system_lets(network: ChipNetwork, day: list[Path],
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    import neurofer.hardware.side_by_side as module

    predictor, request = ChipPredictor(SimulateEngine(network)), Request(BOX, (128, 96))
    alone = finished(predictor, day, request, 1)
    together: list[int] = []
    monkeypatch.setattr(module, "_files_at_once", lambda: module.FILES_OF_US + 2 * module.FILES_OF_A_RECORDING)
    advance = module._advance
    monkeypatch.setattr(module, "_advance", lambda who, going: (together.append(len(going)), advance(who, going)))
    assert finished(predictor, day, request, 50) == alone
    assert max(together) == 2


def test_a_batch_that_the_gpu_cannot_hold_says_what_to_do(network: ChipNetwork,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any, **options: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine = GpuEngine(network, "cpu")
    monkeypatch.setattr(engine._simulator, "run", full)
    with pytest.raises(NeuroferError, match="does not hold 2 recordings side by side; take a smaller --batch"):
        engine(np.zeros((1, 2, 2, 16, 16), np.uint8), [None, None])


# Lava, by another program that simulates.

@pytest.fixture
def simulated_lava(monkeypatch: pytest.MonkeyPatch, network: ChipNetwork) -> list[dict[str, Any]]:
    """What Lava was asked for; the simulator answers."""
    asked: list[dict[str, Any]] = []

    def run_lava(chip_file: Path, spikes: np.ndarray, **options: Any) -> list[np.ndarray]:
        asked.append({"chip_file": chip_file, "steps": len(spikes), **options})
        return [simulate(network, spikes[:, None])[0][-1][:, 0]]

    monkeypatch.setattr(lava, "run_lava", run_lava, raising=False)
    monkeypatch.setattr(lava, "require_lava", lambda config: None, raising=False)
    return asked


def test_lava_gets_the_whole_recording_and_its_decisions_have_no_time(
        chip_file: Path, network: ChipNetwork, recording: MemoryRecording,
        simulated_lava: list[dict[str, Any]]) -> None:
    for start_us, stop_us, steps in ((0, None, 60), (0, 40_000, 10), (30_000, 250_000, 40)):
        found = list(LavaPredictor(chip_file, "loihi1sim", 9.0).decide(recording, BOX, start_us, stop_us))
        wanted = ChipPredictor(SimulateEngine(network)).decide(recording, BOX, start_us, stop_us)
        assert printed(found) == printed(wanted)
        assert all(math.isnan(decision.latency_ms) for decision in found)
        assert simulated_lava[-1] == {"chip_file": chip_file, "steps": steps, "config": "loihi1sim", "limit_s": 9.0}
    out = io.StringIO()
    write_decision(out, Path("a"), found[0])
    assert out.getvalue().endswith(",\n")


@pytest.mark.usefixtures("simulated_lava")
def test_a_recording_too_long_for_lava_is_refused(chip_file: Path, recording: MemoryRecording,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "MOST_AT_ONCE", 512 * 30)
    predictor = LavaPredictor(chip_file)
    with pytest.raises(NeuroferError, match="59 steps of 5000 us, Lava takes at most 30 at once; choose a part"):
        next(predictor.decide(recording, BOX))
    assert len(list(predictor.decide(recording, BOX, 0, 150_000))) == 3


def test_without_lava_the_way_to_get_it_is_named(chip_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurofer.hardware.lava.installed.missing_parts", lambda: ["lava-nc"])
    with pytest.raises(MissingExtraError, match="make lava"):
        OpenedChip(chip_file, "lava")()


# Files.

def test_a_network_of_other_input_or_endless_windows_is_refused(network: ChipNetwork, tmp_path: Path) -> None:
    from trees.chips import random_chip

    path = tmp_path / "net.h5"
    write_chip(path, random_chip(0))
    channels, height, width = random_chip(0).input_shape
    assert (channels, height) != (2, width)
    with pytest.raises(BadFileError, match=f"net.h5: its input is {channels} x {height} x {width}, but recordings"):
        read_event_network(path)
    for changed, told in ((replace(network, decision_us=5_000 * 10**9), "1000000000 steps between decisions and 20"),
                          (replace(network, steps=10**12), "10 steps between decisions and 1000000000000 that")):
        write_chip(path, changed)
        with pytest.raises(BadFileError, match=f"{told}.* more than fit into memory"):
            read_event_network(path)


def test_equal_openers_open_once_in_a_worker(chip_file: Path) -> None:
    assert hash(OpenedChip(chip_file)) == hash(OpenedChip(Path(str(chip_file))))
    assert OpenedChip(chip_file) != OpenedChip(chip_file, "gpu")
    assert OpenedChip(chip_file)().classes == CLASSES


def test_deciding_needs_neither_torch_nor_what_trains(chip_file: Path) -> None:
    code = f"""
import sys
sys.modules["torch"] = None  # any import of it fails
from pathlib import Path
import numpy as np
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording
from neurofer.hardware import lava
from neurofer.hardware.deploy import OpenedChip
from neurofer.hardware.side_by_side import decide_side_by_side
lava.require_lava = lambda config: None
lava.run_lava = lambda path, spikes, **options: [np.ones((len(spikes), 3), np.uint8)]
events = Events([0, 300_000], [1, 2], [3, 4], [0, 1], (20, 20))
for on in ("simulate", "lava"):
    print(len(list(OpenedChip(Path({str(chip_file)!r}), on)().decide(MemoryRecording(events)))))
print([name for name in sys.modules if name.startswith(("neurofer.train", "neurofer.models", "lava", "h5py"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:3] == ["6", "6", "[]"], done.stderr


def printed(decisions: Any) -> list[str]:
    """The rows that are written, without the time."""
    rows = []
    for decision in decisions:
        out = io.StringIO()
        write_decision(out, Path("a"), decision)
        rows.append(out.getvalue().rpartition(",")[0])
    return rows


def finished(predictor: ChipPredictor, paths: list[Path], request: Request, batch: int) -> dict[Path, Finished]:
    """Rows without the time, and failures, by recording."""
    found = {}
    for path, (rows, summary) in decide_side_by_side(predictor, paths, request, batch):
        cells = [row[:-1] for row in csv.reader(rows.splitlines())]
        assert summary.decisions == {path: len(cells)}
        found[path] = Finished(cells, str(summary.failures.get(path, "")))
    assert set(found) == set(paths)
    return found
