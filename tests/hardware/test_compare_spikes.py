"""One spike too many is found by layer, step, neuron and recording; nothing behind a recording's end counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurofer.errors import MissingExtraError, NeuroferError, UsageError
from neurofer.hardware.comparison import spikes as compare_spikes
from neurofer.hardware.comparison.data import SnnSide, open_both, shared_data
from neurofer.hardware.comparison.spikes import fire, pieces, told
from neurofer.hardware.comparison.targets import EngineTarget, Spikes, TorchTarget, chosen_targets, make_targets
from neurofer.hardware.engines import SimulateEngine
from neurofer.hardware.gpu import BatchSimulator
from neurofer.hardware.network import ChipNetwork
from neurofer.hardware.quantise import Reading, chip_network
from neurofer.train.run_folder import load_run
from trees.pair import trained_pair


@pytest.fixture(scope="module")
def snn(blob_store: Path, tmp_path_factory: pytest.TempPathFactory) -> SnnSide:
    pair = trained_pair(blob_store)
    ann, snn = load_run(pair.ann), load_run(pair.snn)
    return open_both(ann, snn, shared_data(ann, snn), None, tmp_path_factory.mktemp("spare")).snn


@pytest.fixture(scope="module")
def chip(snn: SnnSide) -> ChipNetwork:
    return chip_network(snn.network, Reading.of_card(snn.run.card))


@pytest.fixture(scope="module")
def clips(snn: SnnSide) -> Any:
    return snn.prepared.numbers["test"]


def simulate_target(chip: ChipNetwork) -> EngineTarget:
    return EngineTarget("simulate", SimulateEngine(chip))


class Changed(EngineTarget):
    """Runs the chip network and changes what it fired."""

    def __init__(self, chip: ChipNetwork, change: Callable[[list[Spikes], int], None]) -> None:
        super().__init__("changed", SimulateEngine(chip))
        self._change = change
        self.steps = 0

    def run(self, spikes: Spikes, state: Any = None) -> tuple[list[Spikes], Any]:
        self.steps = 0 if state is None else self.steps
        traces, state = super().run(spikes, state)
        self._change(traces, self.steps)
        self.steps += len(spikes)
        return traces, state


def flip(layer: int, step: int, column: int, neuron: tuple[int, ...]) -> Callable[[list[Spikes], int], None]:
    def change(traces: list[Spikes], start: int) -> None:
        if start <= step < start + len(traces[layer]):
            traces[layer][(step - start, column, *neuron)] ^= 1

    return change


@pytest.mark.parametrize("stretch", [250, 7])
def test_one_flipped_spike_is_found(snn: SnnSide, chip: ChipNetwork, clips: Any, stretch: int,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_spikes, "STRETCH_STEPS", stretch)
    changed = Changed(chip, flip(1, 23, 2, (5, 1, 3)))
    fired = fire(snn, clips, [TorchTarget(snn.network), simulate_target(chip), changed])
    names = [snn.prepared.clip_set.clips[clip].name for clip in clips]
    found = told(fired, chip, names)
    assert found["simulate"]["different"] == 0
    assert found["changed"]["different"] == 1
    assert [layer["different"] for layer in found["changed"]["layers"]] == [0, 1, 0]
    # conv2 has 8 channels of 4 x 4 neurons: 5 * 16 + 1 * 4 + 3
    assert found["changed"]["first"] == {"layer": "conv2", "step": 23, "ms": 230.0, "recording": names[2],
                                         "neuron": 87, "place": [5, 1, 3]}
    assert fired.steps == int(snn.prepared.rows.lengths()[clips].sum())


def test_the_first_difference_is_that_of_the_first_layer_then_of_the_earliest_step(
        snn: SnnSide, chip: ChipNetwork, clips: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_spikes, "MOST_TOGETHER", 2)
    late, early, deep = flip(1, 20, 0, (0, 0, 0)), flip(1, 9, 1, (7, 3, 3)), flip(2, 0, 0, (1,))

    def change(traces: list[Spikes], start: int) -> None:
        for one in (late, early, deep):
            one(traces, start)

    fired = fire(snn, clips, [TorchTarget(snn.network), Changed(chip, change)])
    found = told(fired, chip, [str(number) for number in range(len(clips))])["changed"]
    assert found["different"] == 3 * len(clips) // 2  # once in every two recordings that run together
    assert (found["first"]["layer"], found["first"]["step"], found["first"]["recording"]) == ("conv2", 9, "1")
    assert found["layers"][2]["first"]["step"] == 0


def test_spikes_behind_the_end_of_a_recording_do_not_count(snn: SnnSide, chip: ChipNetwork, clips: Any) -> None:
    lengths = snn.prepared.rows.lengths()[clips]
    assert len(set(lengths)) > 1

    def noise(traces: list[Spikes], start: int) -> None:
        for column, length in enumerate(lengths):
            for trace in traces:
                trace[length:, column] = 1

    fired = fire(snn, clips, [TorchTarget(snn.network), Changed(chip, noise)])
    assert [layer.different for layer in fired.layers["changed"]] == [0, 0, 0]
    assert [len(output) for output in fired.outputs["changed"]] == lengths.tolist()


def test_outputs_are_those_that_training_decides_by(snn: SnnSide, chip: ChipNetwork, clips: Any) -> None:
    fired = fire(snn, clips, [TorchTarget(snn.network)])
    for mine, theirs in zip(fired.outputs["torch"], snn.task.outputs(snn.network, clips), strict=True):
        np.testing.assert_array_equal(mine, theirs[:, 0].numpy())


def test_a_target_without_state_gets_whole_recordings(snn: SnnSide, chip: ChipNetwork, clips: Any,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_spikes, "STRETCH_STEPS", 7)
    seen = []

    class Forgetful(EngineTarget):
        keeps_state = False

        def run(self, spikes: Spikes, state: Any = None) -> tuple[list[Spikes], Any]:
            seen.append((len(spikes), state))
            return super().run(spikes)[0], None

    fired = fire(snn, clips[:2], [TorchTarget(snn.network), Forgetful("forgetful", SimulateEngine(chip))])
    assert sum(layer.different for layer in fired.layers["forgetful"]) == 0
    assert seen == [(int(snn.prepared.rows.lengths()[clips[:2]].max()), None)]


def test_pieces_are_the_recordings(snn: SnnSide, clips: Any) -> None:
    for place, clip in enumerate(clips):
        whole = snn.task.gather(clips[place : place + 1]).spikes[:, 0].numpy()
        parts = [piece.spikes[:, 0][: piece.left[0]] for piece in pieces(snn, np.array([clip]), 7)]
        assert [len(part) for part in parts[:-1]] == [7] * (len(parts) - 1)
        np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("name", ["torch", "simulate", "gpu"])
def test_the_answer_of_a_target_is_its_last_layer_and_its_state_goes_on(snn: SnnSide, chip: ChipNetwork, clips: Any,
                                                                        name: str, tmp_path: Path) -> None:
    (target,) = make_targets([name], snn.network, chip, tmp_path / "none.h5", "cpu")
    spikes = snn.task.gather(clips[:2]).spikes.numpy().astype(np.uint8)
    traces, _ = target.run(spikes)
    assert all(trace.dtype == np.uint8 for trace in traces)
    first, state = target.answer(spikes[:9])
    second, _ = target.answer(spikes[9:], state)
    np.testing.assert_array_equal(np.concatenate([first, second]), traces[-1])


def test_a_gpu_whose_memory_does_not_suffice_says_what_to_do(snn: SnnSide, chip: ChipNetwork, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any, **options: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(BatchSimulator, "run", full)
    (target,) = make_targets(["gpu"], snn.network, chip, tmp_path / "none.h5", "cpu")
    for answer in (target.run, target.answer):
        with pytest.raises(NeuroferError, match="does not hold 3 recordings side by side; run it with --device cpu"):
            answer(np.zeros((1, 3, *chip.input_shape), np.uint8))


def test_torch_is_always_there_and_first() -> None:
    assert chosen_targets("gpu, simulate") == ("torch", "gpu", "simulate")
    assert chosen_targets("simulate,torch") == ("torch", "simulate")


@pytest.mark.parametrize(("words", "said"), [("torch,cuda", "cuda unknown"), ("gpu,gpu", "gpu given twice"),
                                             ("", "none")])
def test_other_targets_are_refused(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"{said}; name some of torch, simulate, gpu, lava"):
        chosen_targets(words)


def test_lava_that_is_not_installed_is_refused_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.hardware.lava import installed

    monkeypatch.setattr(installed, "missing_parts", lambda: ["lava-nc"])
    with pytest.raises(MissingExtraError, match="make lava"):
        chosen_targets("torch,lava")
