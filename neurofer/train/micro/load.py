"""A finished micro-expression run, read back: its network, and all that a new recording needs besides the weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from neurofer.config import load_config
from neurofer.errors import BadFileError
from neurofer.models.interpolate import SeparableInterpolator
from neurofer.models.siamese import MicroClassifier
from neurofer.train import run_folder
from neurofer.train.micro.config import MicroConfig
from neurofer.train.micro.stages import empty_classifier

INTERPOLATOR = "interpolator.safetensors"


@dataclass(frozen=True)
class MicroRun(run_folder.ShowsCard):
    """A finished run.

    Attributes:
        path: Its folder.
        config: How it was trained.
        card: What it is (``card.json``).
        model: The network of stage 2 with its weights, in eval mode.
        interpolator: The network that draws key frames for ``key.kind=interp_cnn``, in eval mode, else None.
    """

    path: Path
    config: MicroConfig
    card: dict[str, Any]
    model: MicroClassifier
    interpolator: SeparableInterpolator | None


def load_micro_run(path: Path | str) -> MicroRun:
    """The networks in a run folder, after a check that its files are those that were written.

    Needs ``card.json``, ``config.yaml``, ``model.safetensors`` and, for ``key.kind=interp_cnn``,
    ``interpolator.safetensors``; a record file may be absent, but not altered.

    Raises:
        BadFileError: no such folder, an unfinished run, one of another task, a missing or altered file (by name),
            another format or a newer version.
    """
    folder = Path(path)
    card = run_folder.checked_card(folder, "micro")
    config = load_config(MicroConfig, folder / "config.yaml")
    model = empty_classifier(config, len(card["classes"]))
    fill(model, folder / "model.safetensors")
    interpolator = None
    if config.key.kind == "interp_cnn":
        if not (folder / INTERPOLATOR).exists():
            raise BadFileError(f"{folder / INTERPOLATOR}: missing, but the run draws its key frames by it; copy the "
                               "folder again")
        interpolator = SeparableInterpolator(config.interpolate.taps, config.interpolate.width)
        fill(interpolator, folder / INTERPOLATOR)
    return MicroRun(folder, config, card, model, interpolator)


def fill(network: nn.Module, file: Path) -> None:
    """Put weights from a file into a network, and the network into eval mode.

    Raises:
        BadFileError: they do not fit, or the file cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(file))
    except (RuntimeError, SafetensorError, OSError) as error:
        raise BadFileError(f"{file}: does not fit its config.yaml ({str(error).splitlines()[0]}); copy the folder "
                           "again, or train it again") from error
    network.eval()
