"""The folder a training run leaves: a model that can be checked, and the record of how it came to be.

``model.safetensors`` weights · ``config.yaml`` resolved settings · ``card.json`` what the model is, digests of the
other files · ``metrics.jsonl`` one line an epoch · ``run.json`` versions, data, subjects · ``predictions.csv`` what was
said about each test clip · ``windows.csv`` and about each decision window in it · ``curves.png`` · ``confusion.png`` ·
``anytime.png`` how early it is right. A spotter has ``truth.csv`` beside its intervals, and ``timeline.png`` of one
video. A pre-training has neither of the last two and no predictions, but its
``discriminator.safetensors``, the generator of earlier epochs in ``epochs/`` and ``sheet-*.png``. While a run is under
way there is a ``checkpoint.safetensors`` and no card.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurofer.config import dump_config, load_config
from neurofer.errors import BadFileError, NeuroferError
from neurofer.files import atomic_path, file_digest, read_json, write_text
from neurofer.launch import together
from neurofer.train.config import TrainConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pydantic import BaseModel
    from torch import nn

FORMAT = "neurofer-model"
VERSION = 1
MODEL_FILES = ("model.safetensors", "config.yaml")
RECORD_FILES = ("metrics.jsonl", "run.json", "predictions.csv", "windows.csv", "curves.png", "confusion.png",
                "anytime.png", "discriminator.safetensors", "interpolator.safetensors", "keyframes.png", "truth.csv",
                "timeline.png")
RECORD_PATTERNS = ("sheet-[0-9]*.png", "epochs/[0-9]*.safetensors")
_OF_THE_STATE = ("card.json", "checkpoint.safetensors", "checkpoint-prior.safetensors", "checkpoint-inner0.safetensors",
                 "checkpoint-inner1.safetensors")
_AGAIN = "copy the folder again, or train it again"


class ShowsCard:
    """What has a run folder and shows itself by its card in notebooks."""

    path: Path
    card: dict[str, Any]

    def _repr_html_(self) -> str:
        from neurofer.train.run_card import run_card

        return run_card(self.path, self.card)


@dataclass(frozen=True)
class Run(ShowsCard):
    """A finished run.

    Attributes:
        path: Its folder.
        config: How it was trained.
        card: What it is (``card.json``).
        model: The network with its weights, in eval mode.
        record: How it came to be (``run.json``); empty when only the model's files were copied.
    """

    path: Path
    config: TrainConfig
    card: dict[str, Any]
    model: nn.Module
    record: dict[str, Any]


def load_run(path: Path | str, config: TrainConfig | None = None) -> Run:
    """The model in a run folder, after a check that its files are those that were written.

    Needs ``card.json``, ``config.yaml`` and ``model.safetensors``; a record file may be absent, but not altered.

    Args:
        path: The folder.
        config: What to build the network from, instead of the run's own configuration.

    Raises:
        BadFileError: no such folder, an unfinished run, a missing or altered file (by name), another format or a newer
            version.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from neurofer.train.build import build_recogniser

    folder = Path(path)
    card = read_card(folder)
    if card.get("task") == "reconstruct":
        raise BadFileError(f"{folder}: is a pre-training, which recognises nothing yet; train on it with "
                           f"'neurofer train model.encoder_from={folder} model.mode=finetune'")
    if card.get("task") == "micro":
        raise BadFileError(f"{folder}: recognises micro-expressions, which this verb does not know; use 'neurofer "
                           "evaluate' or 'neurofer predict --task micro'")
    if card.get("task") == "spot":
        raise BadFileError(f"{folder}: spots expressions in long recordings, which this verb does not; use 'neurofer "
                           "evaluate' or 'neurofer spot'")
    check_files(folder, card)
    config = config or load_config(TrainConfig, folder / "config.yaml")
    model = build_recogniser(config, tuple(card["classes"]), int(card["channels"]))
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (RuntimeError, SafetensorError, OSError) as error:
        raise BadFileError(f"{folder / 'model.safetensors'}: does not fit its config.yaml "
                           f"({str(error).splitlines()[0]}); {_AGAIN}") from error
    model.eval()
    record = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
    return Run(folder, config, card, model, record)


def read_card(folder: Path) -> dict[str, Any]:
    """``card.json`` of a run folder, checked to be whole and of a version that this program reads.

    Raises:
        BadFileError: absent, altered, of another format or of a newer version.
    """
    path = folder / "card.json"
    if folder.is_file():
        raise BadFileError(f"{folder}: is a file, need the run folder that 'neurofer train' made; a network that was "
                           "exported from it holds less")
    if not folder.is_dir():
        raise BadFileError(f"{folder}: no such run folder; 'neurofer train --out {folder}' makes one")
    if not path.exists():
        if any((folder / name).exists() for name in _OF_THE_STATE[1:]):
            raise BadFileError(f"{folder}: this run is not finished; go on with the same command and --resume")
        raise BadFileError(f"{path}: missing, so {folder} is no run folder or a part of one; {_AGAIN}")
    try:
        card = read_json(path)
        if not isinstance(card, dict):
            raise ValueError("not a mapping")
    except ValueError as error:
        raise BadFileError(f"{path}: is not a model card ({error}); {_AGAIN}") from error
    if card.get("format") != FORMAT:
        raise BadFileError(f"{path}: format is {card.get('format')!r}, expected {FORMAT!r}; {_AGAIN}")
    if not isinstance(card.get("version"), int) or card["version"] > VERSION:
        raise BadFileError(f"{path}: version {card.get('version')} is newer than {VERSION}; update neurofer")
    if card.get("card_digest") != _card_digest(card):
        raise BadFileError(f"{path}: was altered after training; {_AGAIN}")
    return card


def checked_card(folder: Path, task: str) -> dict[str, Any]:
    """The card of a finished run of a task, after a check that its files are those that were written.

    Raises:
        BadFileError: see ``read_card`` and ``check_files``; or it is a run of another task.
    """
    card = read_card(folder)
    found = card.get("task", "recognise")
    if found != task:
        raise BadFileError(f"{folder}: is a run of task {found}, need one of task {task}, which 'neurofer train --task "
                           f"{task}' makes")
    check_files(folder, card)
    return card


def check_files(folder: Path, card: Mapping[str, Any]) -> None:
    """Refuse a run whose files are not those that were written; a record may be absent, but not altered.

    Raises:
        BadFileError: weights or settings are missing, or a file is altered; with its name.
    """
    for name in (*MODEL_FILES, *RECORD_FILES):
        _check_file(folder / name, card["files"].get(name), needed=name in MODEL_FILES)


def write_card(folder: Path, card: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``card.json`` with the digests of the files beside it; the last file that a run writes.

    Args:
        folder: The run folder, holding all other files.
        card: What the model is; that of a recogniser must hold ``classes``, ``channels`` and ``backend``.

    Returns:
        The card as written.
    """
    names = [name for name in _files_of_a_run(folder) if name not in _OF_THE_STATE]
    files = {name: file_digest(folder / name) for name in names}
    whole = {"format": FORMAT, "version": VERSION, **card, "digest": files["model.safetensors"], "files": files}
    whole["card_digest"] = _card_digest(whole)
    write_text(folder / "card.json", json.dumps(whole, indent=1) + "\n")
    return whole


def claim_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Make ``folder`` ready for a run, or refuse to touch what is there; ``clear_folder`` removes an earlier run.

    Raises:
        NeuroferError: the folder holds a run and neither ``resume`` nor ``overwrite`` was asked for, or holds
            something else.
    """
    if folder.exists() and not folder.is_dir():
        raise NeuroferError(f"{folder}: is a file; name a folder for the run")
    ours = _files_of_a_run(folder)
    if not ours and folder.exists() and any(item.name != "cache" for item in folder.iterdir()):
        raise NeuroferError(f"{folder}: holds other files; name a new or empty folder for the run")
    if ours and not (resume or overwrite):
        state = "a finished run" if "card.json" in ours else "an unfinished run"
        raise NeuroferError(f"{folder}: holds {state}; go on with --resume, replace it with --overwrite, "
                            "or name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadFileError(f"{folder}: cannot be written ({error.strerror or error}); choose another place") from error


def clear_folder(folder: Path) -> None:
    """Remove an earlier run's files, once everything that the new one reads is known to be good.

    Raises:
        BadFileError: they cannot be removed.
    """
    try:
        for name in _files_of_a_run(folder):
            (folder / name).unlink()
        if (epochs := folder / "epochs").is_dir() and not any(epochs.iterdir()):
            epochs.rmdir()
    except OSError as error:
        raise BadFileError(f"{folder}: cannot be written ({error.strerror or error}); choose another place") from error


def _files_of_a_run(folder: Path) -> list[str]:
    named = [name for name in (*_OF_THE_STATE, *MODEL_FILES, *RECORD_FILES) if (folder / name).exists()]
    return named + [path.relative_to(folder).as_posix() for pattern in RECORD_PATTERNS
                    for path in sorted(folder.glob(pattern))]


def write_settings(folder: Path, config: BaseModel, *, resume: bool = False) -> None:
    """Write ``config.yaml``; not over that of a run to go on with, which may yet be refused with other settings.

    Args:
        folder: The run folder.
        config: Its settings.
        resume: Whether the checkpoint in the folder, if there is one, is still to be taken.
    """
    if not (resume and any((folder / name).exists() for name in _OF_THE_STATE[1:])):
        write_text(folder / "config.yaml", dump_config(config))


def run_settings(folder: Path, card: Mapping[str, Any]) -> TrainConfig:
    """The settings of a finished recogniser.

    Raises:
        BadFileError: ``config.yaml`` is missing or altered.
    """
    _check_file(folder / "config.yaml", card["files"].get("config.yaml"), needed=True)
    return load_config(TrainConfig, folder / "config.yaml")


def settings_digest(config: BaseModel) -> str:
    """SHA-256 of all settings of a run but the places ``data`` and ``out``."""
    said = config.model_dump(mode="json", exclude={"data", "out"})
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in one step; the same figure gives the same bytes."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def host_facts() -> dict[str, Any]:
    """Versions and machine, without names of users or places."""
    import numpy
    import torch

    from neurofer import __version__

    packages = {}
    for name in ("numba", "safetensors", "scikit-learn", "eventcv", "opencv-python-headless"):
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"neurofer": __version__, "python": platform.python_version(), "torch": torch.__version__,
            "numpy": numpy.__version__, **packages, "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(), "threads": torch.get_num_threads(), "processes": together(),
            **({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {})}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _card_digest(card: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in card.items() if key != "card_digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _check_file(path: Path, digest: str | None, *, needed: bool) -> None:
    if not path.exists():
        if needed:
            raise BadFileError(f"{path}: missing; {_AGAIN}")
        return
    if digest is not None and file_digest(path) != digest:
        raise BadFileError(f"{path}: was altered after training (its SHA-256 is not the card's); {_AGAIN}")
