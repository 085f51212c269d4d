"""A finished spiking run with another provider's neurons: the same weights, and the same spikes or a refusal."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from neurofer.config import dump_config
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.files import write_text
from neurofer.spiking.form_options import OPTIONS, WITHOUT_SYNAPSE
from neurofer.spiking.moving import Agreement, agreement, moving_problems, native_form, neuron_of, told
from neurofer.spiking.network import SpikingNetwork
from neurofer.train import run_folder
from neurofer.train.config import SnnConfig, TrainConfig


class Cast(NamedTuple):
    """What was done: the neurons before and after, and how far the two networks fire alike on random input.

    ``agreement`` is None where a library is not installed and only the exact map vouches for it; ``absent`` says why.
    """

    source: str
    target: str
    agreement: Agreement | None
    absent: str


def cast_run(run: Path, out: Path, form: str | None = None, *, overwrite: bool = False) -> Cast:
    """A run folder with the weights of ``run`` and other neurons; its card says where they came from.

    The library that the run was trained with need not be installed. The card keeps the scores of the run, for the
    spikes are the same; what it recorded while training stays in its folder.

    Args:
        run: Folder of a finished run with backend snn.
        out: Folder to make.
        form: The new neurons, a name in ``neurofer.spiking.forms.FORMS``; the native ones by default.
        overwrite: Replace the run in ``out``.

    Raises:
        UsageError: an unknown neuron, or ``out`` is ``run`` itself.
        NeuroferError: not a spiking network in our layers, or the neurons are not exactly the same: every reason is
            listed, by layer. Or ``out`` holds something else.
        BadFileError: ``run`` cannot be read or ``out`` not written.
        ImportError: the library of the new neurons is not installed.
    """
    if form is not None and form not in OPTIONS:
        raise UsageError(f"cast: unknown neuron {form!r}; choose one of {', '.join(OPTIONS)}")
    if out.resolve() == run.resolve():
        raise UsageError(f"cast: {out} is the run itself; name another folder for the new one")
    card = run_folder.read_card(run)
    if card.get("backend") != "snn" or card.get("task") == "reconstruct":
        raise NeuroferError(f"{run}: is no spiking recogniser, so it has no neurons to exchange")
    before = run_folder.run_settings(run, card)
    target = form or native_form(before.snn.neuron)
    config = before.model_copy(update={"snn": _with_neuron(before.snn, target)})
    moved = run_folder.load_run(run, config).model
    if not isinstance(moved, SpikingNetwork):
        raise NeuroferError(f"{run}: {type(moved).__name__} has neurons of its own, which no library provides")
    source = replace(neuron_of(moved), form=before.snn.neuron, options=before.snn.neuron_options)
    problems = moving_problems(moved, source, neuron_of(moved))
    if problems:
        raise NeuroferError(f"{run}: {told(source, neuron_of(moved), problems)}")
    found, absent = None, ""
    try:
        found = agreement(run_folder.load_run(run).model, moved)  # type: ignore[arg-type]
    except ImportError as error:
        absent = str(error)
    run_folder.claim_folder(out, resume=False, overwrite=overwrite)
    _write(run, out, config, card, Cast(source.form, target, found, absent))
    return Cast(source.form, target, found, absent)


def _with_neuron(snn: SnnConfig, form: str) -> SnnConfig:
    change: dict[str, Any] = {"neuron": form, "neuron_options": {}}
    if {snn.neuron, form} & WITHOUT_SYNAPSE:
        change["alpha"] = 0.0
        change["layers"] = snn.layers and [{**layer, "alpha": 0.0} for layer in snn.layers]
    return snn.model_copy(update=change)


def _write(run: Path, out: Path, config: TrainConfig, card: dict[str, Any], done: Cast) -> None:
    run_folder.clear_folder(out)
    try:
        shutil.copyfile(run / "model.safetensors", out / "model.safetensors")
    except OSError as error:
        raise BadFileError(f"{out}: cannot be written ({error.strerror or error}); choose another place") from error
    write_text(out / "config.yaml", dump_config(config))
    compared = None if done.agreement is None else done.agreement._asdict()
    run_folder.write_card(out, {**card, "cast": {"from_neuron": done.source, "to_neuron": done.target,
                                                 "from_digest": card["digest"], "from_card_digest": card["card_digest"],
                                                 "on_random_input": compared}})
