"""Lava's runner and what makes Lava importable, without Lava: other programs stand in for the process that runs it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neurofer.errors import BadFileError, MissingExtraError, NeuroferError
from neurofer.hardware.chip_file import write_chip
from neurofer.hardware.lava import _compat, installed, process_group, run_lava, run_lava_batch, runner
from neurofer.hardware.lava.worker import with_silence
from trees.chips import random_chip, random_spikes

NETWORK = random_chip(0)
STEPS = 12
SPIKES = random_spikes(NETWORK, STEPS)[:, 0]


@pytest.fixture
def chip_file(tmp_path: Path) -> Path:
    path = tmp_path / "net.h5"
    write_chip(path, NETWORK)
    return path


def stand_in(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let a program be the worker; it finds its folder in ``folder``."""
    head = "import json, os, sys, time; from pathlib import Path; folder = Path(sys.argv[1])\n"
    monkeypatch.setattr(runner, "_COMMAND", (sys.executable, "-c", head + program))
    monkeypatch.setattr(runner, "require_lava", lambda config: None)


RECORDS = """
import numpy as np
request = json.loads((folder / "request.json").read_text())
for recording in range(request["recordings"]):
    spikes = np.load(folder / f"spikes-{recording}.npy")
    for layer, shape in enumerate(SHAPES):
        generator = np.random.default_rng([recording, layer])
        recorded = generator.integers(0, 2, (len(spikes) + len(SHAPES), *shape[::-1])).astype(np.uint8)
        np.save(folder / f"layer-{recording}-{layer}.npy", recorded)
(folder / "answer.json").write_text(json.dumps({"seconds": [0.0] * (1 + request["recordings"])}))
"""


def recorded(recording: int, layer: int, steps: int) -> np.ndarray:
    """What RECORDS writes, in the order (C, H, W)."""
    shape = NETWORK.shapes[1 + layer]
    made = np.random.default_rng([recording, layer]).integers(0, 2, (steps + NETWORK.delay, *shape[::-1]))
    return np.moveaxis(made, (1, 3), (3, 1)) if len(shape) == 3 else made


def test_spikes_come_in_the_order_of_torch_and_without_delays(
        monkeypatch: pytest.MonkeyPatch, chip_file: Path) -> None:
    stand_in(monkeypatch, f"SHAPES = {NETWORK.shapes[1:]}\n{RECORDS}")
    several = [SPIKES, SPIKES[:5]]
    every = run_lava_batch(chip_file, several, layers="all")
    for recording, spikes in enumerate(several):
        for layer, got in enumerate(every[recording]):
            want = recorded(recording, layer, len(spikes))[layer + 1:][:len(spikes)]
            assert got.dtype == np.uint8
            np.testing.assert_array_equal(got, want)
    (last,) = run_lava(chip_file, SPIKES)
    np.testing.assert_array_equal(last, every[0][-1])
    (last,) = run_lava(chip_file, SPIKES, delayed=True)
    np.testing.assert_array_equal(last, recorded(0, NETWORK.delay - 1, STEPS))


def test_the_worker_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, chip_file: Path) -> None:
    stand_in(monkeypatch, """
request = json.loads((folder / "request.json").read_text())
threads = os.environ["OMP_NUM_THREADS"]
(folder / "answer.json").write_text(json.dumps({"error": f"{sorted(request.items())} {threads}"}))
""")
    with pytest.raises(NeuroferError) as caught:
        run_lava(chip_file, SPIKES, layers="all", config="loihi1sim")
    wanted = {"chip_file": str(chip_file), "recordings": 1, "layers": "all", "config": "loihi1sim"}
    assert str(caught.value) == f"{chip_file}: {sorted(wanted.items())} 1"


def test_the_workers_message_and_traceback_reach_the_error(monkeypatch: pytest.MonkeyPatch, chip_file: Path) -> None:
    stand_in(monkeypatch, """
answer = {"error": "Lava failed: ValueError: no", "traceback": "File where.py", "missing": False}
(folder / "answer.json").write_text(json.dumps(answer))
""")
    with pytest.raises(NeuroferError, match=r"net\.h5: Lava failed: ValueError: no") as caught:
        run_lava(chip_file, SPIKES)
    assert "where.py" in str(caught.value.__cause__)


def test_what_the_worker_misses_is_missing(monkeypatch: pytest.MonkeyPatch, chip_file: Path) -> None:
    stand_in(monkeypatch, """
(folder / "answer.json").write_text(json.dumps({"error": "Lava needs x", "missing": True}))
""")
    with pytest.raises(MissingExtraError, match="Lava needs x"):
        run_lava(chip_file, SPIKES)


@pytest.mark.parametrize("answer", ["", "[1]", "{", "{}"])
def test_a_worker_that_dies_is_quoted(monkeypatch: pytest.MonkeyPatch, chip_file: Path, answer: str) -> None:
    stand_in(monkeypatch, f"""
if {answer!r}:
    (folder / "answer.json").write_text({answer!r})
print("first"); print("out of cores", file=sys.stderr, flush=True); os._exit(3)
""")
    with pytest.raises(NeuroferError, match=r"net\.h5: .* ended with 3 and without an answer.*'out of cores'"):
        run_lava(chip_file, SPIKES)


GRANDCHILD = "import subprocess; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"


@pytest.mark.parametrize("deaf", [False, True])
def test_a_stalled_worker_ends_with_all_its_children(
        monkeypatch: pytest.MonkeyPatch, chip_file: Path, deaf: bool) -> None:
    groups = []
    real = process_group.end_group
    monkeypatch.setattr(process_group, "end_group", lambda group: (groups.append(group), real(group, 0.2)))
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if deaf else ""
    stand_in(monkeypatch, ignore + GRANDCHILD + "time.sleep(600)")
    with pytest.raises(NeuroferError, match=rf"net\.h5: Lava did not end {STEPS + NETWORK.delay} steps of "
                                            rf"{NETWORK.delay} layers within 0\.5 s"):
        run_lava(chip_file, SPIKES, limit_s=0.5)
    assert not process_group.group_runs(groups[0])


def test_children_that_outlive_the_worker_are_ended(monkeypatch: pytest.MonkeyPatch, chip_file: Path) -> None:
    groups = []
    real = process_group.end_group
    monkeypatch.setattr(process_group, "end_group", lambda group: (groups.append(group), real(group)))
    stand_in(monkeypatch, GRANDCHILD + '(folder / "answer.json").write_text(json.dumps({"error": "no"}))')
    with pytest.raises(NeuroferError, match="no"):
        run_lava(chip_file, SPIKES)
    assert not process_group.group_runs(groups[0])


PARENT = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may have it ignored
from neurofer.hardware.lava.process_group import run_group
program = '''
import os, time
from neurofer.hardware.lava.worker import end_with_parent
end_with_parent()
print(os.getpid(), flush=True)
time.sleep(600)
'''
run_group([sys.executable, "-c", program], Path("."), Path(sys.argv[1]), dict(__import__("os").environ), 600)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_no_worker_outlives_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    log = tmp_path / "log"
    with subprocess.Popen([sys.executable, "-c", PARENT, str(log)], stderr=subprocess.DEVNULL) as parent:
        while not (log.exists() and log.read_text().endswith("\n")):
            assert parent.poll() is None
            time.sleep(0.05)
        group = int(log.read_text())
        assert process_group.group_runs(group)
        parent.send_signal(how)
        assert parent.wait() != 0
    until = time.monotonic() + 60
    while process_group.group_runs(group) and time.monotonic() < until:
        time.sleep(0.05)
    assert not process_group.group_runs(group)


def test_a_group_that_is_gone_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as child:
        pass
    assert not process_group.group_runs(child.pid)
    process_group.end_group(child.pid)
    assert process_group.group_runs(os.getpgrp())


def test_the_limit_grows_with_steps_and_layers(monkeypatch: pytest.MonkeyPatch, chip_file: Path) -> None:
    monkeypatch.setattr(runner, "require_lava", lambda config: None)
    limits: list[float] = []
    monkeypatch.setattr(runner, "run_group", lambda *given: limits.append(given[-1]))
    for given in ([SPIKES], [SPIKES, SPIKES]):
        with pytest.raises(NeuroferError, match="did not end"):
            run_lava_batch(chip_file, given)
    one = 0.5 * (STEPS + NETWORK.delay) * NETWORK.delay
    assert limits == [30 + one, 30 + 2 * one]


@pytest.mark.parametrize(("given", "match"), [
    ({"spikes": SPIKES[:, :, :-1]}, r"input must be \(T, B, "),
    ({"spikes": 2 * SPIKES}, r"the spike at \(step, recording, channel, y, x\) \(\d+, 0, .*\) is 2, need 0 or 1"),
    ({"config": "loihi3sim"}, "'loihi3sim'.*need one of loihi2sim, loihi1sim, loihi2hw, loihi1hw"),
    ({"layers": "first"}, "'first'"),
])
def test_refusals(chip_file: Path, given: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        run_lava(**{"chip_file": chip_file, "spikes": SPIKES, **given})


def test_a_broken_file_is_refused_before_lava_starts(tmp_path: Path) -> None:
    (tmp_path / "net.h5").write_bytes(b"nothing")
    with pytest.raises(BadFileError, match=r"net\.h5"):
        run_lava(tmp_path / "net.h5", SPIKES)


def test_no_recordings_start_nothing(monkeypatch: pytest.MonkeyPatch, chip_file: Path) -> None:
    monkeypatch.setattr(runner, "require_lava", lambda config: None)
    monkeypatch.setattr(runner, "run_group", None)
    assert run_lava_batch(chip_file, []) == []


def test_without_lava_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, chip_file: Path) -> None:
    def version(name: str) -> str:
        if name == "lava-dl":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(MissingExtraError, match=r"^Lava needs lava-dl, .*: make lava, .* docs/lava\.md says$"):
        run_lava(chip_file, SPIKES)


def test_hardware_that_is_not_there_is_refused_before_lava_starts(
        monkeypatch: pytest.MonkeyPatch, chip_file: Path) -> None:
    monkeypatch.setattr(installed, "missing_parts", list)
    monkeypatch.setattr(runner, "run_group", None)
    monkeypatch.setattr(installed, "HARDWARE", "absent")
    for config in ("loihi2hw", "loihi1hw"):
        with pytest.raises(NeuroferError, match=f"config {config} needs a Loihi host .* take loihi2sim or loihi1sim"):
            run_lava(chip_file, SPIKES, config=config)
    monkeypatch.setattr(installed, "HARDWARE", "json")  # any module that is there
    installed.require_lava("loihi2hw")


def test_importing_costs_neither_torch_nor_lava() -> None:
    code = ("import sys; from neurofer.hardware.lava import run_lava; import neurofer.hardware.lava.worker; "
            "print([name for name in ('torch', 'lava') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_source_is_silent_after_the_recording() -> None:
    data = with_silence(SPIKES, STEPS + 3)
    assert data.dtype == np.int32
    for step, channel, y, x in np.argwhere(SPIKES):
        assert data[x, y, channel, step] == 1
    assert data.sum() == SPIKES.sum() > 0
    assert data.shape == (*NETWORK.input_shape[::-1], STEPS + 3)


AS_IN_LAVA = """
import dataclasses

@dataclasses.dataclass
class Plain:
    size: int = 1

@dataclasses.dataclass(order=True)
class Ordered:
    size: int = 1

@dataclasses.dataclass
class User:
    plain: Plain = Plain()
    ordered: Ordered = Ordered()
"""


def test_dataclasses_of_lava_may_be_defaults_of_others() -> None:
    real = dataclasses.dataclass
    here, elsewhere = {"__name__": "lava.here"}, {"__name__": "elsewhere"}
    with _compat._hashable_dataclasses("lava."):
        exec(compile(AS_IN_LAVA, "here", "exec", dont_inherit=True), here)
        alone = AS_IN_LAVA.partition("@dataclasses.dataclass\nclass User")[0]
        exec(compile(alone, "elsewhere", "exec", dont_inherit=True), elsewhere)
    assert dataclasses.dataclass is real
    user: Any = here["User"]
    assert user() == user()
    assert user().plain is user().plain
    assert elsewhere["Plain"].__hash__ is None
    assert elsewhere["Ordered"].__hash__ is None


def test_the_stand_in_is_gone_afterwards_and_never_hides_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with _compat._stand_in("lava_stand_in"):
        assert "lava_stand_in" in sys.modules
    assert "lava_stand_in" not in sys.modules
    real = ModuleType("lava_stand_in")
    monkeypatch.setitem(sys.modules, "lava_stand_in", real)
    with _compat._stand_in("lava_stand_in"):
        assert sys.modules["lava_stand_in"] is real
    assert sys.modules["lava_stand_in"] is real


def test_mended_ports_reshape_both_ways_in_other_processes() -> None:
    class ReshapePort:
        shape, old_shape = (6,), (2, 3)

    _compat.mend_reshaping(SimpleNamespace(ReshapePort=ReshapePort))
    forward, backward = ReshapePort().get_transform_func_fwd(), ReshapePort().get_transform_func_bwd()  # type: ignore[attr-defined]
    array = np.arange(6).reshape(2, 3)
    flat = pickle.loads(pickle.dumps(forward))(array)  # noqa: S301  our own, just made
    assert flat.tolist() == [0, 1, 2, 3, 4, 5]
    assert backward(flat).tolist() == array.tolist()


def test_tracebacks_of_parts_that_failed() -> None:
    actors = [SimpleNamespace(exception=None), SimpleNamespace(exception=(ValueError("x"), "File a\nValueError: x"))]
    runtime = SimpleNamespace(_messaging_infrastructure=SimpleNamespace(actors=actors))
    assert _compat.actor_tracebacks(SimpleNamespace(_runtime=runtime)) == ["File a\nValueError: x"]
    assert _compat.actor_tracebacks(SimpleNamespace(_runtime=None)) == []


def test_an_import_that_fails_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compat, "MODULES", ("absent_lava",))
    real = dataclasses.dataclass
    with pytest.raises(MissingExtraError, match="^Lava needs absent_lava, not installed here: make lava"):  # noqa: SIM117
        with _compat.lava_imports():
            pass
    assert dataclasses.dataclass is real
