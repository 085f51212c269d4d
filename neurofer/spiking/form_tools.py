"""What the neuron forms of other libraries share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurofer.errors import MissingExtraError
from neurofer.spiking.form_options import OWN_SURROGATE
from neurofer.spiking.forms import NeuronSettings

PINNED = {"norse": "norse==1.1.0", "lava": "lava-dl==0.6.0 lava-nc==0.10.0"}
"""Libraries whose own requirements would replace torch; see requirements-nodeps.txt."""


def missing_pinned(form: str, library: str, error: ImportError) -> MissingExtraError:
    """The error for a library that no extra brings and that cannot be imported."""
    if (error.name or library).split(".")[0] != library:
        return MissingExtraError(f"neuron {form} needs {library}, which cannot be imported here ({error}); "
                                 "see requirements-nodeps.txt")
    return MissingExtraError(f"neuron {form} needs {library}: pip install --no-deps --ignore-requires-python "
                             f"{PINNED[library]} (see requirements-nodeps.txt)")


def refuse_unknown_settings(settings: NeuronSettings) -> None:
    """Refuse what only the native neuron can do.

    Raises:
        ValueError: a setting that the form would not follow; every one is named.
    """
    problems = []
    if settings.recompute_steps:
        problems.append("recompute_steps needs the native neuron; use 0, or neuron cuba or lif")
    if settings.form in OWN_SURROGATE and settings.surrogate != "fast_sigmoid":
        problems.append(f"surrogate {settings.surrogate} cannot be chosen, the library has its own; leave it and set "
                        f"the option {OWN_SURROGATE[settings.form]}")
    if problems:
        raise ValueError(f"neuron {settings.form}: {'; '.join(problems)}")


def beside_channels(number: Tensor | float, current: Tensor) -> Tensor:
    """A parameter of a layer or of each channel, shaped to multiply one step of its current.

    Args:
        number: One number, or ``(C,)``.
        current: ``(T, B, C, ...)``.
    """
    value = torch.as_tensor(number, dtype=current.dtype, device=current.device)
    return value.reshape(-1, *[1] * (current.ndim - 3)) if value.ndim else value


def over_time(spikes: Sequence[Tensor], current: Tensor) -> Tensor:
    """The spikes of all steps as one tensor shaped like the current, also when there is no step."""
    return torch.stack(list(spikes)) if spikes else torch.zeros_like(current)
