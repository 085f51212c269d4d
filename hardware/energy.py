"""Energy per operation as published. A count times one of these numbers is an estimate, never a measurement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EnergyTable:
    """Picojoules per operation of one technology; None where the source gives none.

    Attributes:
        name: What a report prints beside every number that comes from here.
        mac_pj: One multiply and accumulate of a dense network.
        accumulate_pj: One accumulate, the work of a spike at a synapse in conventional hardware.
        synaptic_operation_pj: One spike at one synapse of a neuromorphic chip; ``(low, high)`` over layer kinds.
        neuron_update_pj: One neuron, one step.
        spike_out_pj: One spike sent; ``(low, high)``.
        hop_pj: One hop of a spike between cores; ``(low, high)``.
        source: Where the numbers come from.
        caveat: What has to be said with them.
    """

    name: str
    source: str
    mac_pj: float | None = None
    accumulate_pj: float | None = None
    synaptic_operation_pj: tuple[float, float] | None = None
    neuron_update_pj: float | None = None
    spike_out_pj: tuple[float, float] | None = None
    hop_pj: tuple[float, float] | None = None
    caveat: str = ""

    @property
    def break_even(self) -> float | None:
        """Synaptic operations per multiply-accumulate of one dense pass (rule of thumb: rate x T) below which they cost
        less than that pass."""
        if self.mac_pj is None or self.accumulate_pj is None:
            return None
        return self.mac_pj / self.accumulate_pj


_HOROWITZ = "Horowitz, ISSCC 2014, doi 10.1109/ISSCC.2014.6757323"
_NO_MEMORY = "arithmetic only: memory traffic is not in it"
_PRE_SILICON = "pre-silicon; published Loihi 1 tables differ by a factor of 1.5"

CMOS_45_FP32 = EnergyTable("45 nm FP32", _HOROWITZ, mac_pj=4.6, accumulate_pj=0.9, caveat=_NO_MEMORY)
CMOS_45_FP16 = EnergyTable("45 nm FP16", _HOROWITZ, mac_pj=1.5, accumulate_pj=0.4, caveat=_NO_MEMORY)
CMOS_45_INT8 = EnergyTable("45 nm INT8", _HOROWITZ, mac_pj=0.23, accumulate_pj=0.03, caveat=_NO_MEMORY)
LOIHI_1_DAVIES = EnergyTable("Loihi 1 (Davies)", "Davies et al., IEEE Micro 2018", synaptic_operation_pj=(23.6, 23.6),
                             caveat=_PRE_SILICON)
LOIHI_1_KERAS_SPIKING = EnergyTable("Loihi 1 (KerasSpiking)", "KerasSpiking documentation",
                                    synaptic_operation_pj=(27.1, 27.1), neuron_update_pj=81.0, caveat=_PRE_SILICON)
LOIHI_1_SANA_FE = EnergyTable("Loihi 1 (SANA-FE)", "SANA-FE loihi.yaml", synaptic_operation_pj=(24.0, 35.5),
                              neuron_update_pj=51.2 + 21.6, spike_out_pj=(69.3, 111.0), hop_pj=(3.0, 4.2),
                              caveat=_PRE_SILICON)

TABLES = {
    "fp32": CMOS_45_FP32,
    "fp16": CMOS_45_FP16,
    "int8": CMOS_45_INT8,
    "loihi1-davies": LOIHI_1_DAVIES,
    "loihi1-keras-spiking": LOIHI_1_KERAS_SPIKING,
    "loihi1-sana-fe": LOIHI_1_SANA_FE,
}
"""No table for Loihi 2: none is known in public."""
