"""How the chip network of a comparison lies on its chip, as ``neurofer.hardware.fit`` estimates it, ready for JSON."""

from __future__ import annotations

from typing import Any

from neurofer.hardware.fit import fit
from neurofer.hardware.layer_fit import Number
from neurofer.hardware.network import ChipNetwork

TOTALS = ("cores", "chips", "neurons", "weights", "connections", "weight_bits", "stored_bits", "state_bits")
OF_A_LAYER = ("neurons", "cores", "fan_in", "weights", "stored_bits")


def memory(chip: ChipNetwork) -> dict[str, Any]:
    """Cores and memory, each number ``{"low", "high", "grade", "source"}``: a range where sources differ.

    Grades: A, counted or fixed in public code; B, one public log; C, second-hand or inferred.

    Returns:
        ``{"target", "chip", *TOTALS, "layers": [{"name", *OF_A_LAYER}], "refusals", "warnings"}``.
    """
    found = fit(chip)
    return {"target": found.target, "chip": found.chip.name,
            **{name: _told(getattr(found, name)) for name in TOTALS},
            "layers": [{"name": layer.name, **{name: _told(getattr(layer, name)) for name in OF_A_LAYER}}
                       for layer in found.layers],
            "refusals": list(found.refusals), "warnings": list(found.warnings)}


def _told(number: Number) -> dict[str, Any]:
    return number._asdict()
