"""What each neuron form can be told beyond the common settings, and which of them leave the CUBA neuron's meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OPTIONS: dict[str, dict[str, Any]] = {
    "cuba": {},
    "lif": {},
    "snntorch.leaky": {"reset_mechanism": "zero", "reset_delay": False},
    "snntorch.synaptic": {"reset_mechanism": "zero", "reset_delay": False},
    "norse.lifbox": {"method": "super", "alpha": 100.0, "reset_method": "value"},
    "norse.lif": {"method": "super", "alpha": 100.0},
    "slayer.cuba": {"tau_grad": 1.0, "scale_grad": 1.0},
}
"""Options of each form under its library's own names, with the values that equal the CUBA neuron."""

NATIVE_FORMS = ("cuba", "lif")
"""Forms of our own."""

CHOICES: dict[str, tuple[str, ...]] = {
    "reset_mechanism": ("zero", "subtract"),
    "reset_method": ("value", "subtract"),
    "method": ("super", "triangle", "tanh", "circ", "heavi_erfc"),
}
"""What an option that is a word may be."""

OWN_SURROGATE = {"norse.lifbox": "method", "norse.lif": "method", "slayer.cuba": "tau_grad, scale_grad"}
"""Forms whose library has surrogates of its own and takes no other, and the options that say which."""

WITHOUT_SYNAPSE = frozenset({"lif", "snntorch.leaky", "norse.lifbox"})
"""Forms without synaptic memory: alpha is 0."""


def checked_options(form: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a form, those given and the defaults of the others.

    Raises:
        ValueError: an unknown form, option or value; every option is named.
    """
    if form not in OPTIONS:
        raise ValueError(f"unknown neuron {form!r}; choose one of {', '.join(OPTIONS)}")
    known = OPTIONS[form]
    problems = [f"unknown option {name}" for name in options if name not in known]
    for name in known:
        if name not in options:
            continue
        value = options[name]
        if name in CHOICES and value not in CHOICES[name]:
            problems.append(f"{name} must be one of {', '.join(CHOICES[name])}, got {value!r}")
        elif isinstance(known[name], bool) and not isinstance(value, bool):
            problems.append(f"{name} must be true or false, got {value!r}")
        elif isinstance(known[name], float) and not _is_positive(value):
            problems.append(f"{name} must be a number above 0, got {value!r}")
    if problems:
        told = f"it has {', '.join(known)}" if known else "it has none"
        raise ValueError(f"neuron {form}: {'; '.join(problems)}; {told}")
    return {**known, **options}


def departures(form: str, options: Mapping[str, Any]) -> list[str]:
    """Why the neurons of a form, so told, are not exactly CUBA neurons; empty where they are."""
    told = checked_options(form, options)
    found = []
    if told.get("reset_mechanism") == "subtract" or told.get("reset_method") == "subtract":
        found.append("reset by subtraction (the native neuron resets to zero; train with "
                     f"{'reset_mechanism=zero' if 'reset_mechanism' in told else 'reset_method=value'})")
    if form == "snntorch.synaptic" and told["reset_delay"]:  # Leaky fires the same spikes with it, resetting to zero
        found.append("reset_delay=true drops the whole step after a spike (train with reset_delay=false)")
    if form == "slayer.cuba":
        found.append("state in fixed point, decays in steps of 1/4096, threshold in steps of 1/64 (no float neuron "
                     "equals it; keep neuron=slayer.cuba, or train with neuron=cuba)")
    return found


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")
