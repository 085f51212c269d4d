"""What an event pixel is set to, and the named presets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from neurofer.errors import UsageError


@dataclass(frozen=True)
class PixelSettings:
    """Settings of the event pixel; brightness is the natural logarithm of light.

    Attributes:
        threshold_on: Mean rise of brightness that makes an ON event.
        threshold_off: Mean fall of brightness that makes an OFF event.
        threshold_sigma: Standard deviation of both thresholds from pixel to pixel.
        cutoff_hz: Bandwidth of a pixel in full light, lower in the dark; 0 for unlimited.
        leak_hz: Mean rate of ON events of a pixel in a still scene.
        shot_hz: Noise events per second of a dark pixel, ON and OFF together; a bright pixel has a quarter of it.
        refractory_us: Shortest time between two events of a pixel; 0 for none.
        exposure_us: Longest time between two frames; whoever feeds the pixel blends frames until none is longer.
            0 leaves the frames as they come.

    Raises:
        ValueError: a threshold that is not positive, or anything else that is negative.
    """

    threshold_on: float = 0.2
    threshold_off: float = 0.2
    threshold_sigma: float = 0.0
    cutoff_hz: float = 0.0
    leak_hz: float = 0.0
    shot_hz: float = 0.0
    refractory_us: int = 0
    exposure_us: int = 0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            least = 0.01 if name in ("threshold_on", "threshold_off") else 0
            if not least <= value < 1e9:
                raise ValueError(f"PixelSettings: {name} is {value}; need a number of at least {least}")


PRESETS = {
    "clean": PixelSettings(threshold_sigma=0.02),
    "spiking_fer": PixelSettings(threshold_sigma=0.02),
    "c_v2e": PixelSettings(0.15, 0.15, threshold_sigma=0.03),
    "default": PixelSettings(threshold_sigma=0.03, cutoff_hz=300, leak_hz=0.01, shot_hz=0.001, refractory_us=500),
    "noisy": PixelSettings(threshold_sigma=0.05, cutoff_hz=30, leak_hz=0.1, shot_hz=5, refractory_us=500),
    "eck": PixelSettings(0.15, 0.15, threshold_sigma=0.03, exposure_us=5_000),
}


def preset(name: str) -> PixelSettings:
    """The settings of a preset.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
