"""What differs between a pre-training on pictures and one on spikes: what is fed, how it starts, what the card says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from neurofer.data.clip import ClipSet
from neurofer.data.pairs import Pairs, face_pairs
from neurofer.errors import UsageError
from neurofer.models.spiking_generator import event_picture
from neurofer.represent import build_representation
from neurofer.train.front import measure_front
from neurofer.train.gan import Gan
from neurofer.train.pair_task import PairTask, spread
from neurofer.train.pretrain_config import PretrainConfig
from neurofer.train.spike_pairs import spike_pairs
from neurofer.train.spiking_gan import SpikingGan, start_encoder

START_WINDOWS = 64
"""Training windows on which fresh spiking layers are scaled."""


class Side(Protocol):
    """What a backend adds to the recipe of pre-training.

    Attributes:
        backend: Its name on the card; None for pictures.
        channels: Channels of what the discriminator sees beside a face.
        window_us: Length of a window.
        size_px: Side of faces and of what is fed.
        input_name: What is fed, in a word.
    """

    backend: str | None
    channels: int
    window_us: int
    size_px: int
    input_name: str

    def pairs(self, clip_set: ClipSet, cache: Path) -> Pairs:
        """What is fed and a face, for every window of every clip."""
        ...

    def start(self, gan: Gan, task: PairTask) -> None:
        """Measure on training clips, before the first step, what fresh weights need."""
        ...

    def shown(self, stored: Tensor) -> NDArray[Any]:
        """One stored input as a picture ``(C, S, S)`` for the eye."""
        ...

    def card(self) -> dict[str, Any]:
        """What a recogniser must know of the encoder."""
        ...


class PictureSide:
    """Pictures of a representation into a U-Net.

    Raises:
        UsageError: an unknown representation or setting.
    """

    def __init__(self, config: PretrainConfig) -> None:
        self._config, represent = config, config.represent
        try:
            self._representation = build_representation(represent.kind, **represent.settings)
        except (TypeError, ValueError) as error:
            raise UsageError(f"represent: {error}") from error
        self.backend: str | None = None
        self.channels = self._representation.channels
        self.size_px: int = config.model.size_px
        self.window_us, self.input_name = represent.window_us, represent.kind

    def pairs(self, clip_set: ClipSet, cache: Path) -> Pairs:
        """See ``Side``."""
        return face_pairs(clip_set, self._representation, self.window_us, self.size_px, self._config.frame_at, cache)

    def start(self, gan: Gan, task: PairTask) -> None:
        """See ``Side``."""
        front = getattr(gan.generator, "front", None)
        if front is not None:
            measure_front(front, task.pairs.pictures, task.train)

    def shown(self, stored: Tensor) -> NDArray[Any]:
        """See ``Side``."""
        return stored.numpy()

    def card(self) -> dict[str, Any]:
        """See ``Side``."""
        represent, model = self._config.represent, self._config.model
        skips = {} if model.skips == "all" else {"skips": model.skips}
        return {"representation": {"kind": represent.kind, "settings": represent.settings},
                "window_us": self.window_us, "size_px": self.size_px, "width": model.width, "channels": self.channels,
                **skips}


class SpikeSide:
    """Spikes of raw events into a spiking encoder.

    Raises:
        UsageError: a precision in which its sums are not exact.
    """

    def __init__(self, config: PretrainConfig) -> None:
        if config.train.precision != "no":
            raise UsageError(f"train.precision={config.train.precision}: the sums of a spiking network must be exact, "
                             "which needs 32 bits; use train.precision=no")
        self._config, snn = config, config.snn
        self.backend: str | None = "snn"
        self.size_px: int = snn.size_px
        self.channels, self.window_us, self.input_name = 2, snn.window_us, "spikes"
        self._lead = snn.lead_us // snn.dt_us

    def pairs(self, clip_set: ClipSet, cache: Path) -> Pairs:
        """See ``Side``."""
        snn = self._config.snn
        return spike_pairs(clip_set, snn.dt_us, snn.window_us // snn.dt_us, self._lead, snn.size_px,
                           snn.input == "graded", self._config.frame_at, cache)

    def start(self, gan: Gan, task: PairTask) -> None:
        """See ``Side``."""
        if isinstance(gan, SpikingGan):
            rows = task.pairs.rows_of(task.train)
            spikes, _ = task.read(rows[spread(len(rows), START_WINDOWS)])
            start_encoder(gan, spikes, self._config.snn.start_rate)

    def shown(self, stored: Tensor) -> NDArray[Any]:
        """See ``Side``."""
        return np.asarray(event_picture(stored[self._lead :, None])[0].numpy())

    def card(self) -> dict[str, Any]:
        """See ``Side``."""
        return {"representation": None, "window_us": self.window_us, "size_px": self.size_px,
                "channels": self.channels, "snn": self._config.snn.model_dump(mode="json")}


def side_of(config: PretrainConfig) -> Side:
    """The side that a configuration names.

    Raises:
        UsageError: see ``PictureSide`` and ``SpikeSide``.
    """
    if config.backend == "snn":
        return SpikeSide(config)
    return PictureSide(config)
