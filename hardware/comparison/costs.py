"""The sections of a comparison's report that tell what a recording takes: operations, and memory on the chip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurofer.hardware.comparison.words import graded
from neurofer.hardware.layer_fit import memory_words
from neurofer.numbers import short_number
from neurofer.plot.report import Section, Table
from neurofer.spiking.registers import STATE_LIMIT

Found = Mapping[str, Any]
Row = tuple[str, ...]

def operations_section(found: Found) -> Section:
    """Parameters, operations, updates, rates and events of both networks, for the same recordings."""
    ann, snn, crop = found["operations"]["ann"], found["operations"]["snn"], found["data"]["crop_px"]
    both: tuple[Row, ...] = (
        ("parameters", f"{ann['parameters']:,}", f"{snn['parameters']:,}"),
        ("input", f"{crop['ann']} px, windows of {ann['window_ms']:g} ms",
         f"{crop['snn']} px, steps of {snn['dt_ms']:g} ms"),
        ("evidence of a recording", f"{ann['evidence_s']:.3f} s", f"{snn['evidence_s']:.3f} s"),
        ("events in the face box of a recording", *(short_number(one["input_events_per_recording"])
                                                    for one in (ann, snn))),
        ("counted", "MACs", "synaptic operations"),
        ("operations a recording", short_number(ann["per_recording"]), short_number(snn["per_recording"])),
        ("operations a decision", short_number(ann["per_decision"]), short_number(snn["per_decision"])),
        ("operations a second of events", short_number(ann["per_second"]), short_number(snn["per_second"])),
        ("unit values, neuron updates a recording", *(short_number(one["updates_per_recording"])
                                                      for one in (ann, snn))),
        ("passes, steps a recording", f"{ann['passes_per_recording']:.1f}", f"{snn['steps_per_recording']:.1f}"),
        ("spikes in, spikes sent a recording", "-", f"{snn['input_spikes_per_recording']:,.0f} in, "
                                                    f"{snn['spikes_per_recording']:,.0f} sent"),
        ("rate: spikes per neuron and step", "-", f"{snn['rate']:.4f}"),
        ("MACs of one dense pass of the same layers", "-", short_number(snn["dense_macs_per_step"])),
        ("operations per MAC of that pass", "-", f"{snn['synaptic_operations_per_dense_mac']:.2f}"),
        ("rule of thumb for it: rate x T", "-", f"{snn['rate_x_steps']:.2f}"))
    layers = tuple((layer["name"], f"{layer['neurons']:,}", f"{layer['rate']:.4f}",
                    f"{layer['spikes_per_recording']:,.0f}",
                    short_number(layer["synaptic_operations_per_recording"]),
                    short_number(layer["updates_per_recording"])) for layer in snn["layers"])
    return Section("What a recording takes", (
        "Means over the same test recordings and face boxes, input layers counted on both sides. A MAC is done whether "
        "anything moved or not. A synaptic operation is one spike at one synapse, counted from the spikes of every "
        "test recording. They are not the same work, so one is not divided by the other. One dense pass would run the "
        "SNN's own layers once, as those of an ordinary network, every synapse a MAC. The ANN leaves out a last window "
        "that the end cuts.",),
        tables=(Table("Both networks", ("", "ann", "snn"), both),
                Table("The SNN by layer, for a recording", ("", "neurons", "rate", "spikes sent",
                                                            "synaptic operations", "neuron updates"), layers)))


def memory_section(found: Found) -> Section:
    """Cores and memory on the chip, estimated from shapes."""
    memory = found["memory"]
    rows = [(layer["name"], *(graded(layer[name]) for name in ("neurons", "cores", "fan_in", "weights")),
             graded(layer["stored_bits"], memory_words)) for layer in memory["layers"]]
    rows.append(("all", graded(memory["neurons"]), graded(memory["cores"]), "",
                 graded(memory["weights"]), graded(memory["stored_bits"], memory_words)))
    peaks = found["chip"]["peaks"]
    wraps = ("A proof says that no current can leave the chip's 24 bits." if peaks is None else
             "No proof says that currents stay within 24 bits; on training recordings none wrapped, the largest was "
             f"{max(peak['peak_current'] for peak in peaks):,} of {STATE_LIMIT:,}.")
    return Section("On the chip", (
        f"How the network lies on {memory['chip']}, from its shapes alone. Cores: {graded(memory['cores'])}. "
        f"Chips: {graded(memory['chips'])}. Membranes and currents: {graded(memory['state_bits'], memory_words)}. "
        f"Weights alone: {graded(memory['weight_bits'], memory_words)}. The letter is how sure a number is: A counted, "
        "or fixed in public code; B one public log; C second-hand or inferred. 'neurofer export --report' says more.",
        wraps, *memory["refusals"], *memory["warnings"]),
        tables=(Table("By layer", ("", "neurons", "cores", "fan-in", "weights", "synapse memory"), tuple(rows)),))
