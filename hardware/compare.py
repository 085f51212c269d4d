"""An ANN and an SNN side by side, and the SNN on everything that runs it: one mapping, ready for JSON.

``compare`` gives::

    format, version     "neurofer-comparison", 1
    runs                {"ann", "snn"}: {name, digest, settings_digest, seed, protocol, best_epoch, trained_on (versions
                        and machine), quantised (what the card says of an SNN that computes in integers, or None)}
    data                {name, digest, part, recordings, subjects, classes, seconds_per_recording, crop_px}
    chip                {target, digest, trained, dt_ms, delay_steps, delay_ms, peaks, layers}; peaks (how near currents
                        came to wrapping) is None where a proof says that none can
    targets             {name: {where, recordings}} in order; the first one, torch, is what the others are compared with
    accuracy            {name: scores} per recording; see neurofer.evaluate.metrics.scores. Names: ann, the targets
                        (torch: the SNN as trained), float (its weights before they were rounded; absent where they are
                        not), majority and event_count (baselines from training subjects alone)
    decisions           [{one, other, recordings, same}] of every two of these networks
    spikes              {target: {recordings, steps, spikes, different, first, layers}}: spikes of torch, spikes that
                        only one of both fired, and the first of them ({layer, step, ms, recording, neuron, place} or
                        None), over all steps of so many recordings; layers: {name, spikes, different, first} of each
    early               {at_ms, since_start, since_onset}; see neurofer.hardware.comparison.early.early
    time                {latency, throughput, ann, snn, chip_delay_ms}: quantiles and rates by name, see
                        neurofer.hardware.comparison.time, of this host alone; ann and snn: {evidence_ms, decision_ms}.
                        Waiting in a queue is not measured. A simulator's time is never a chip's, so lava has none
    operations          {"ann", "snn"}: what each does for a recording; see neurofer.hardware.comparison.counts
    energy              {tables, estimates, ratios, break_even, sweep}: every estimate, ratio and verdict has kind
                        "estimated" and carries table, source, rate and steps; none is of Loihi 2; see
                        neurofer.hardware.comparison.energy
    memory              how the chip network lies on the chip; see neurofer.hardware.comparison.memory
    host                versions and machine of this comparison

A comparison reads the test part of both runs; nothing is trained or chosen by it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurofer.hardware.chip_file import write_chip
from neurofer.hardware.comparison.counts import ann_work, snn_work
from neurofer.hardware.comparison.data import Both, open_both, shared_data
from neurofer.hardware.comparison.energy import energy
from neurofer.hardware.comparison.format import FORMAT, VERSION
from neurofer.hardware.comparison.memory import memory
from neurofer.hardware.comparison.said import (
    Voice,
    accuracy,
    ann_voice,
    float_voice,
    how_early,
    same_decisions,
    spiking_voices,
)
from neurofer.hardware.comparison.spikes import fire, told
from neurofer.hardware.comparison.targets import Target, make_targets
from neurofer.hardware.comparison.time import contestants, measure_latency, measure_throughput
from neurofer.hardware.energy import EnergyTable
from neurofer.hardware.export import Exported, export_chip
from neurofer.hardware.gpu import chosen_device
from neurofer.train.run_folder import Run, host_facts, settings_digest


@dataclass(frozen=True)
class Wanted:
    """What a comparison is asked for.

    Attributes:
        targets: What runs the SNN, from ``chosen_targets``.
        chip: Key of the chip; None for that of the run, Loihi 2 if it names none.
        after_training: Round a network that was trained in float numbers.
        tables: Costs of operations.
        lava_clips: Recordings that Lava runs, at most.
        decisions: Timed of each contestant.
        device: Of the gpu target, ``auto``, ``cpu`` or ``cuda``.
    """

    targets: tuple[str, ...]
    chip: str | None = None
    after_training: bool = False
    tables: tuple[EnergyTable, ...] = ()
    lava_clips: int = 2
    decisions: int = 200
    device: str = "auto"


def compare(ann: Run, snn: Run, wanted: Wanted, data: Path | None = None, cache: Path | None = None,
            tell: Callable[[str], None] = lambda step: None) -> dict[str, Any]:
    """Everything that is described above.

    Args:
        ann: A run of backend ``ann``.
        snn: A run of backend ``snn``.
        wanted: What is asked for.
        data: The store; by default where the runs say.
        cache: Where to keep network inputs; beside the store by default.
        tell: Is told what is being done, step by step.

    Raises:
        UsageError: runs in the wrong order, no store, or no such device.
        NeuroferError: the runs do not test the same people; every reason is told.
        CannotSay: a chip cannot run the SNN exactly; every reason is told.
        BadFileError: the store or a recording cannot be used.
    """
    if "gpu" in wanted.targets:
        chosen_device(wanted.device)  # a GPU that is not there is told before any work
    shared = shared_data(ann, snn, data)
    made = export_chip(snn, wanted.chip or snn.config.snn.chip or "loihi2", after_training=wanted.after_training,
                       data=shared.place, cache=cache)
    with tempfile.TemporaryDirectory(prefix="neurofer-") as spare:
        tell("inputs of both networks")
        both = open_both(ann, snn, shared, cache, Path(spare))
        found = _compared(both, made, wanted, Path(spare), tell)
        del both  # its memory maps may lie in the folder that goes
    return found


def _compared(both: Both, made: Exported, wanted: Wanted, spare: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    chip = made.network
    write_chip(spare / "chip.h5", chip)
    targets = make_targets(wanted.targets, both.snn.network, chip, spare / "chip.h5", wanted.device)
    voices, spikes = _run(both, made, targets, wanted.lava_clips, tell)
    tell("operations of both networks")
    (ann, of_ann), (snn, of_snn) = ann_work(both), snn_work(both)
    tell(f"time of {wanted.decisions} decisions of each, in turns")
    times = _times(both, targets, wanted.decisions) | {"chip_delay_ms": chip.delay * chip.dt_us / 1000}
    return {
        "format": FORMAT, "version": VERSION, "runs": _run_facts(both), "data": _data_facts(both),
        "chip": _chip_facts(made),
        "targets": {one.name: {"where": one.where, "recordings": len(voices[one.name].places)} for one in targets},
        "accuracy": accuracy(both, voices), "decisions": same_decisions(voices), "spikes": spikes,
        "early": how_early(both, voices), "time": times, "operations": {"ann": of_ann, "snn": of_snn},
        "energy": energy(ann, snn, of_snn, wanted.tables), "memory": memory(chip), "host": host_facts(),
    }


def _run(both: Both, made: Exported, targets: list[Target], lava_clips: int,
         tell: Callable[[str], None]) -> tuple[dict[str, Voice], dict[str, Any]]:
    """What everyone said, and how far the spikes of the targets agree."""
    names, every = [clip.name for clip in both.tested], np.arange(len(both.clips))
    tell("decisions of the ANN")
    voices = {"ann": ann_voice(both)}
    tell(f"spikes of {', '.join(one.name for one in targets if one.keeps_state)}")
    fired = fire(both.snn, both.clips, [one for one in targets if one.keeps_state])
    voices |= spiking_voices(both.snn, fired, every)
    spikes = told(fired, made.network, names)
    few = np.unique(np.linspace(0, len(every) - 1, min(len(every), lava_clips)).astype(int))
    for slow in (one for one in targets if not one.keeps_state):
        tell(f"spikes of {slow.name}, {len(few)} recordings")
        fired = fire(both.snn, both.clips[few], [targets[0], slow])
        voices[slow.name] = spiking_voices(both.snn, fired, few)[slow.name]
        spikes |= told(fired, made.network, [names[place] for place in few])
    floats = float_voice(both)
    return voices | ({} if floats is None else {"float": floats}), spikes


def _times(both: Both, targets: list[Target], decisions: int) -> dict[str, Any]:
    who = contestants(both, targets)
    ann, snn = both.ann.run.config, both.snn.run.config.snn
    return {
        "latency": measure_latency(who, both.clips, decisions), "throughput": measure_throughput(who, both),
        "ann": {"evidence_ms": ann.represent.window_us * ann.model.context_windows / 1000,
                "decision_ms": ann.represent.window_us / 1000},
        "snn": {"evidence_ms": snn.readout_us / 1000, "decision_ms": snn.decision_us / 1000},
    }


def _run_facts(both: Both) -> dict[str, Any]:
    return {name: {"name": run.path.name, "digest": run.card["digest"], "settings_digest": settings_digest(run.config),
                   "seed": run.config.seed, "protocol": run.card["protocol"]["name"],
                   "best_epoch": run.card["metrics"]["best_epoch"], "trained_on": run.record.get("host"),
                   "quantised": run.card.get("quantised")}
            for name, run in (("ann", both.ann.run), ("snn", both.snn.run))}


def _data_facts(both: Both) -> dict[str, Any]:
    ann, snn = both.ann.run.config, both.snn.run.config
    return {"name": both.clip_set.name, "digest": both.clip_set.digest, "part": "test", "recordings": len(both.clips),
            "subjects": sorted(set(both.subjects)), "classes": list(both.clip_set.classes),
            "seconds_per_recording": both.seconds, "crop_px": {"ann": ann.model.size_px, "snn": snn.snn.size_px}}


def _chip_facts(made: Exported) -> dict[str, Any]:
    chip = made.network
    layers = [{"name": layer.name, "kind": layer.kind, "shape": list(shape), "iDecay": layer.current_decay,
               "vDecay": layer.voltage_decay, "vThMant": layer.threshold, "scale": layer.scale,
               "cannot_wrap": layer.cannot_wrap} for layer, shape in zip(chip.layers, chip.shapes[1:], strict=True)]
    return {"target": chip.target, "digest": chip.digest, "trained": chip.source["trained"],
            "dt_ms": chip.dt_us / 1000, "delay_steps": chip.delay, "delay_ms": chip.delay * chip.dt_us / 1000,
            "peaks": None if made.peaks is None else [asdict(one) for one in made.peaks], "layers": layers}
