"""The batched simulator: the reference's spikes in any batch and piece, and refusals; recording for a GPU."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from neurofer.errors import UsageError
from neurofer.hardware import cuda_graph
from neurofer.hardware import gpu as module
from neurofer.hardware.cuda_graph import Replayed
from neurofer.hardware.gpu import BatchSimulator
from neurofer.hardware.simulate import simulate
from trees.chips import extreme_runs, golden_traces, random_chip, random_spikes


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_reference_in_every_layer(seed: int) -> None:
    network = random_chip(seed)
    spikes = random_spikes(network, 30, 3, seed)
    found, _ = BatchSimulator(network, "cpu").run(spikes, every_layer=True)
    wanted, _ = simulate(network, spikes)
    assert all(np.array_equal(one.numpy(), two) for one, two in zip(found, wanted, strict=True))


@pytest.mark.parametrize("name", sorted(extreme_runs()))
def test_equals_the_reference_where_registers_end(name: str) -> None:
    network, spikes = extreme_runs()[name]
    found, _ = BatchSimulator(network, "cpu").run(spikes, every_layer=True)
    assert all(np.array_equal(one.numpy(), two) for one, two in zip(found, simulate(network, spikes)[0], strict=True))


@pytest.mark.parametrize("name", sorted(golden_traces()))
def test_golden_traces(name: str) -> None:
    golden = golden_traces()[name]
    found, _ = BatchSimulator(golden.network, "cpu").run(golden.spikes, every_layer=True)
    assert all(np.array_equal(one.numpy(), two) for one, two in zip(found, golden.traces, strict=True))


@pytest.mark.parametrize("numbers", [1, 1 << 10, 1 << 30])
def test_pieces_batches_and_chunks_change_nothing(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_chip(2)
    spikes = random_spikes(network, 40, 3, 1)
    whole, end = BatchSimulator(network, "cpu").run(spikes)
    monkeypatch.setattr(module, "CPU_NUMBERS", numbers)
    simulator = BatchSimulator(network, "cpu")
    first, state = simulator.run(spikes[:13])
    second, state = simulator.run(spikes[13:], state)
    assert whole[0].sum() > 0
    assert torch.equal(torch.cat([first[0], second[0]]), whole[0])
    assert all(torch.equal(one.v, other.v) for one, other in zip(state, end, strict=True))
    for member in range(3):
        assert torch.equal(simulator.run(spikes[:, member : member + 1])[0][0][:, 0], whole[0][:, member])


def test_sums_beyond_single_precision_are_exact() -> None:
    from neurofer.hardware.network import ChipLayer, ChipNetwork

    weight = np.full((2, 2 * 200 * 200), 254, np.int16)
    weight[1, ::2] = -256
    layer = ChipLayer("dense1", "dense", weight, 4096, 4095, 131_071)
    assert layer.largest_drive > 1 << 24
    network = ChipNetwork((2, 200, 200), (layer,), 1000, 5, 5000, ("a", "b"))
    spikes = random_spikes(network, 4, 1, rate=0.97)
    assert np.array_equal(BatchSimulator(network, "cpu").run(spikes)[0][0].numpy(), simulate(network, spikes)[0][0])


def test_no_step_and_no_recording() -> None:
    network = random_chip(0)
    simulator = BatchSimulator(network, "cpu")
    none, state = simulator.run(random_spikes(network, 0, 2))
    assert none[0].shape[:2] == (0, 2)
    assert simulator.run(random_spikes(network, 3, 2), state)[0][0].shape[0] == 3
    assert simulator.run(random_spikes(network, 3, 0))[0][0].shape[:2] == (3, 0)


def test_refusals() -> None:
    network = random_chip(0)
    simulator, spikes = BatchSimulator(network, "cpu"), random_spikes(network, 3, 2)
    with pytest.raises(ValueError, match=r"input must be \(T, B"):
        simulator.run(spikes[:, 0])
    with pytest.raises(ValueError, match="zeros and ones") as caught:
        simulator.run(spikes * 2)
    for run, given in ((simulator.run, torch.from_numpy(spikes * 2)), (partial(simulate, network), spikes * 2)):
        with pytest.raises(ValueError, match="several events of a step count as one") as again:
            run(given)
        assert str(again.value) == str(caught.value)
    _, state = simulator.run(spikes)
    with pytest.raises(ValueError, match="pass state=None"):
        simulator.run(spikes[:, :1], state)
    with pytest.raises(UsageError, match="need auto, cpu or cuda"):
        BatchSimulator(network, "tpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no GPU"):
            BatchSimulator(network, "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_equals_the_reference_replayed_or_not() -> None:
    network = random_chip(3)
    spikes = random_spikes(network, 30, 4)
    simulator = BatchSimulator(network, "cuda")
    wanted = simulate(network, spikes)[0]
    for _ in range(3):
        found, _ = simulator.run(spikes, every_layer=True)
        assert all(np.array_equal(one.cpu().numpy(), two) for one, two in zip(found, wanted, strict=True))


def doubled(given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(2 * one for one in given)


def test_a_recording_is_made_once_a_shape_and_used_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, ...]] = []

    def record(run: cuda_graph.Run, inputs: cuda_graph.Tensors) -> cuda_graph.Run:
        made.append(tuple(inputs[0].shape))
        return run

    monkeypatch.setattr(cuda_graph, "record", record)
    replayed = Replayed(doubled, shapes_kept=2)
    for length in (2, 2, 3, 2, 4, 3, 4):
        assert replayed([torch.ones(length)])[0].tolist() == [2.0] * length
    assert made == [(2,), (3,)]


@pytest.mark.parametrize("trouble", ["wrong", "raises"])
def test_a_recording_that_cannot_be_trusted_is_not_used(trouble: str, monkeypatch: pytest.MonkeyPatch,
                                                        caplog: pytest.LogCaptureFixture) -> None:
    def record(run: cuda_graph.Run, inputs: cuda_graph.Tensors) -> cuda_graph.Run:
        if trouble == "raises":
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        return lambda given: tuple(3 * one for one in given)

    monkeypatch.setattr(cuda_graph, "record", record)
    replayed = Replayed(doubled)
    for _ in range(3):
        assert replayed([torch.ones(2)])[0].tolist() == [2.0, 2.0]
    assert len(caplog.records) == 1
    assert "slower" in caplog.text


def test_importing_it_imports_no_torch(root: Path) -> None:
    import subprocess
    import sys

    code = "import neurofer.hardware.gpu, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
