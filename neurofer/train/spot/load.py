"""A finished spotter, read back: its network, and all that a new recording needs besides the weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurofer.config import load_config
from neurofer.errors import BadFileError
from neurofer.keyframes.film_events import THRESHOLD
from neurofer.models.spotter import Spotter
from neurofer.models.spotter_dense import DenseScorer, EventScorer
from neurofer.spotting.interval import KINDS, Kind
from neurofer.spotting.settings import Decoding
from neurofer.train import run_folder
from neurofer.train.micro.load import fill
from neurofer.train.spot.config import SpotConfig
from neurofer.train.spot.inputs import Skips
from neurofer.train.spot.optimise import empty_spotter
from neurofer.train.spot.scores import scorer_of


@dataclass(frozen=True)
class SpotRun(run_folder.ShowsCard):
    """A finished run.

    Attributes:
        path: Its folder.
        config: How it was trained.
        card: What it is (``card.json``).
        model: In eval mode.
        skips: Distances k of micro and macro, in frames of videos of ``fps``.
        decodings: How scores become intervals, in the same frames.
        crop_px: Side of the aligned faces it was trained on.
        fps: Frames per second of the videos it was trained on.
        veto: Whether blinks are taken off what it spots.
        threshold: Change of the logarithm of light that made the events it was trained on.
    """

    path: Path
    config: SpotConfig
    card: dict[str, Any]
    model: Spotter
    skips: Skips
    decodings: dict[Kind, Decoding]
    crop_px: int
    fps: float
    veto: bool
    threshold: float = THRESHOLD

    @property
    def kind(self) -> str:
        """What it sees: ``video`` or ``events``."""
        return self.config.input.kind

    @property
    def size_px(self) -> int:
        """Side of the pictures or counts that the network is given."""
        return self.config.input.size_px

    def scorer(self, skips: Skips | None = None) -> DenseScorer | EventScorer:
        """What scores a video frame by frame.

        Args:
            skips: Distances in the frames that are pushed; by default the run's own, for every ``frame_stride``-th.
        """
        stride = self.config.input.frame_stride
        own = Skips(*(max(1, round(skip / stride)) for skip in self.skips))
        return scorer_of(self.model, self.config.input, skips or own)


def load_spot_run(path: Path | str) -> SpotRun:
    """The network in a run folder, after a check that its files are those that were written.

    Raises:
        BadFileError: no such folder, an unfinished run, one of another task, a missing or altered file (by name),
            another format or a newer version.
    """
    folder = Path(path)
    card = run_folder.checked_card(folder, "spot")
    config = load_config(SpotConfig, folder / "config.yaml")
    model = empty_spotter(config)
    fill(model, folder / "model.safetensors")
    try:
        decodings = {kind: Decoding(**card["decodings"][kind]) for kind in KINDS}
        skips = Skips(*(int(card["skips"][kind]) for kind in KINDS))
        return SpotRun(folder, config, card, model, skips, decodings, int(card["crop_px"]), float(card["fps"]),
                       bool(card["veto"]), float(card.get("threshold", THRESHOLD)))
    except (KeyError, TypeError, ValueError) as error:
        raise BadFileError(f"{folder / 'card.json'}: does not say {error}, which a new recording needs; train the run "
                           "again") from error
