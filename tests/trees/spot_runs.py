"""Finished spotting runs without a training, and films of a square that brightens, which their stand-in scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from neurofer.config import dump_config
from neurofer.files import write_text
from neurofer.spotting.interval import Kind
from neurofer.spotting.settings import Decoding
from neurofer.train.run_folder import write_card
from neurofer.train.spot.config import SpotConfig
from neurofer.train.spot.inputs import Skips
from neurofer.train.spot.load import SpotRun
from neurofer.train.spot.optimise import empty_spotter

SIDE = 32
DECODINGS: Mapping[Kind, Decoding] = {"micro": Decoding(3, 3, floor=0.3), "macro": Decoding(8, 8, floor=0.3)}


class Brightness:
    """Scores a frame by its mean brightness, or by how many events it has; the last ``late`` frames wait."""

    def __init__(self, late: int = 5) -> None:
        self.late = late
        self.shapes: list[tuple[int, ...]] = []

    def start(self) -> list[float]:
        return []

    def push(self, state: list[float], frames: NDArray[Any]) -> tuple[list[float], NDArray[np.float64]]:
        self.shapes.append(frames.shape)
        full = 255.0 if frames.ndim == 3 else 2.0
        state = [*state, *(float(frame.mean()) / full for frame in frames)]
        ready = max(0, len(state) - self.late)
        return state[ready:], np.repeat(np.array(state[:ready])[:, None], 2, axis=1)

    def finish(self, state: list[float]) -> NDArray[np.float64]:
        return np.repeat(np.array(state).reshape(-1, 1), 2, axis=1)


class StandIn(SpotRun):
    """A run that scores by ``Brightness``."""

    def scorer(self, skips: Skips | None = None) -> Any:
        self.card["asked"] = skips
        return Brightness()


def stand_in(kind: str = "video", fps: float = 30.0, stride: int = 1) -> StandIn:
    """A run of distances 3 and 8."""
    config = SpotConfig.model_validate({"input": {"kind": kind, "size_px": SIDE, "frame_stride": stride}})
    card: dict[str, Any] = {"data": {"name": "made"}, "protocol": {"subjects": {"train": ["a"], "test": ["b"]}}}
    return StandIn(Path("runs/made"), config, card, empty_spotter(config), Skips(3, 8), dict(DECODINGS), SIDE, fps,
                   kind == "events")


def write_spot_run(folder: Path, kind: str = "video", test: tuple[str, ...] = ("b",)) -> Path:
    """A run folder of drawn weights, of 32-pixel faces at 30 frames a second."""
    torch.manual_seed(0)
    config = SpotConfig.model_validate({"input": {"kind": kind, "size_px": SIDE}})
    folder.mkdir(parents=True)
    write_text(folder / "config.yaml", dump_config(config))
    save_file(empty_spotter(config).state_dict(), folder / "model.safetensors")
    write_card(folder, {
        "task": "spot", "backend": "ann", "classes": ["micro", "macro"], "channels": 4 if kind == "events" else 1,
        "crop_px": SIDE, "fps": 30.0, "skips": {"micro": 3, "macro": 8}, "veto": kind == "events",
        "decodings": {name: vars(one) for name, one in DECODINGS.items()}, "data": {"name": "made", "digest": "0"},
        "protocol": {"name": "loso", "subjects": {"train": ["a"], "test": list(test)}}})
    return folder


def pulses(frames: int, *at: tuple[int, int], side: int = SIDE) -> NDArray[np.uint8]:
    """Dark frames that brighten from each first frame to each last and darken again."""
    light = np.zeros(frames)
    for first, last in at:
        light[first : last + 1] = np.hanning(last - first + 3)[1:-1]
    return np.broadcast_to((30 + 200 * light).astype(np.uint8)[:, None, None], (frames, side, side)).copy()
