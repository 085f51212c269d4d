"""Random changes of the events of a training sequence: all that is random is drawn once, then applied to its events."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from neurofer.events import edits
from neurofer.events.edits import Box, Half, Region
from neurofer.events.events import Events

Strategy = Literal["time", "area", "random"]
STRATEGIES: tuple[Strategy | None, ...] = (None, "time", "area", "random")
"""What EventDrop may drop, each as likely."""

DROP_PARTS = tuple(tenth / 10 for tenth in range(1, 10))
"""Parts of the time, or of the events, that EventDrop removes: 0.1 to 0.9."""

DROP_AREA = tuple(twentieth / 20 for twentieth in range(1, 6))
"""Parts of the box's sides that EventDrop removes: 0.05 to 0.25."""

LONGEST_SIDE = 4 / 3
"""Most that a zoomed region's sides differ, as a ratio."""


@dataclass(frozen=True)
class EventOdds:
    """How likely each change is; nothing by default.

    Attributes:
        flip: Odds of exchanging left and right.
        noise: Odds of noise events.
        noise_share: How many of them, in parts of the events there are.
        reverse: Odds of time running backwards, polarities inverted.
        polarity: Share of the events whose polarity is inverted, each by its own draw, in every sequence.
        drop: Odds of EventDrop, which does nothing, drops a time, an area or single events, each as likely.
        crop: Odds of showing a region of the face box over the whole box.
        crop_smallest: Smallest area of that region, in parts of the box's.
        mirror: Odds of one half of the face being mirrored onto the other.

    Raises:
        ValueError: odds outside 0..1, a negative share of noise, or an area outside 0.05..1.
    """

    flip: float = 0.0
    noise: float = 0.0
    noise_share: float = 0.2
    reverse: float = 0.0
    polarity: float = 0.0
    drop: float = 0.0
    crop: float = 0.0
    crop_smallest: float = 0.08
    mirror: float = 0.0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            least, most = {"noise_share": (0.0, 10.0), "crop_smallest": (0.05, 1.0)}.get(name, (0.0, 1.0))
            if not least <= value <= most:
                raise ValueError(f"EventOdds: {name} is {value}; need a number of {least:g} to {most:g}")

    @property
    def active(self) -> bool:
        """Whether anything can change."""
        return any((self.flip, self.noise, self.reverse, self.polarity, self.drop, self.crop, self.mirror))


class Drop(NamedTuple):
    """What EventDrop removes."""

    kind: Strategy
    share: float
    """Of the time, of the box's sides, or of the events."""
    x: float
    """Start in parts of the time, or centre in parts of the box's width."""
    y: float
    """Centre in parts of the box's height."""


@dataclass(frozen=True)
class EventAugment:
    """What was drawn for one sequence; applied to all of its events together.

    Attributes:
        flip: Left and right exchanged.
        noise: Noise events, in parts of the events there are.
        reverse: Time backwards.
        polarity: Share of events with inverted polarity.
        drop: What is dropped, or None.
        crop: What is shown over the whole box, or None.
        mirror: Half that is mirrored onto the other, or None.
        seed: Of what is drawn for single events.
    """

    flip: bool = False
    noise: float = 0.0
    reverse: bool = False
    polarity: float = 0.0
    drop: Drop | None = None
    crop: Region | None = None
    mirror: Half | None = None
    seed: int = 0

    def apply(self, events: Events, box: Box, start_us: int, stop_us: int) -> Events:
        """The changed events of a sequence, in the published order: zoom and mirror, which move what is left, last.

        Args:
            events: Stream that holds the sequence; not modified.
            box: Face box ``(left, top, width, height)`` in sensor pixels, the square one that pictures are cut to.
            start_us: Start of the sequence.
            stop_us: Its end; time runs backwards between the two.

        Returns:
            Events with ``start_us <= t < stop_us``, in order, on the same sensor.

        Raises:
            ValueError: ``stop <= start``, or a box without area.
        """
        if stop_us <= start_us or box[2] < 1 or box[3] < 1:
            raise ValueError(f"EventAugment: need start < stop and a box with an area, got {start_us}..{stop_us} us "
                             f"and {tuple(box)}")
        generator = np.random.default_rng(self.seed)
        changed = events.between(start_us, stop_us)
        if self.flip:
            changed = edits.flip(changed, box)
        if self.noise:
            changed = edits.add_noise(changed, self.noise, start_us, stop_us, generator)
        if self.reverse:
            changed = edits.reverse_time(changed, start_us, stop_us)
        if self.polarity:
            changed = edits.flip_polarity(changed, self.polarity, generator)
        if self.drop:
            changed = _dropped(changed, self.drop, box, start_us, stop_us, generator)
        if self.crop:
            changed = edits.zoom(changed, box, self.crop)
        if self.mirror:
            changed = edits.mirror_half(changed, box, self.mirror)
        return changed


def draw_event_augment(generator: np.random.Generator, odds: EventOdds) -> EventAugment:
    """What happens to one sequence.

    As many numbers are drawn whatever the odds, so those of one change do not move the draws of another.

    Args:
        generator: Source of the draws.
        odds: How likely each change is.

    Source:
        Barchid et al., "Spiking-FER", CBMI 2023 (arXiv:2304.10211) and its code: list, order and crop (area 0.08 to 1,
        sides 3:4 to 4:3). EventDrop: Gu et al., IJCAI 2021 (arXiv:2106.05836), and its code: equal odds, time and
        random 0.1 to 0.9 in tenths, area 0.05 to 0.25 of each side in twentieths around any point, and nothing is
        dropped where nothing would be left.
    """
    flip, noise, reverse, drop, crop, mirror = generator.random(6) < (odds.flip, odds.noise, odds.reverse, odds.drop,
                                                                     odds.crop, odds.mirror)
    removed, region = _draw_drop(generator), _draw_region(generator, odds.crop_smallest)
    half: Half = "left" if generator.random() < 0.5 else "right"
    seed = int(generator.integers(2**63))
    return EventAugment(bool(flip), odds.noise_share if noise else 0.0, bool(reverse), odds.polarity,
                        removed if drop else None, region if crop else None, half if mirror else None, seed)


def _draw_drop(generator: np.random.Generator) -> Drop | None:
    kind, step, x, y = generator.random(4)
    name = STRATEGIES[int(len(STRATEGIES) * kind)]
    if name is None:
        return None
    shares = DROP_AREA if name == "area" else DROP_PARTS
    return Drop(name, shares[int(len(shares) * step)], float(x), float(y))


def _draw_region(generator: np.random.Generator, smallest: float) -> Region:
    """An area of ``smallest`` to 1 and sides of 3:4 to 4:3, as far as the box has room; any place."""
    area_draw, ratio_draw, x, y = generator.random(4)
    area = smallest + (1 - smallest) * area_draw
    ratio = math.exp((2 * ratio_draw - 1) * math.log(LONGEST_SIDE))
    width, height = min(1.0, math.sqrt(area * ratio)), min(1.0, math.sqrt(area / ratio))
    return Region(float(x * (1 - width)), float(y * (1 - height)), width, height)


def _dropped(events: Events, drop: Drop, box: Box, start_us: int, stop_us: int,
             generator: np.random.Generator) -> Events:
    """The events without what is dropped; all of them where none would be left."""
    if drop.kind == "time":
        low = start_us + round(drop.x * (stop_us - start_us))
        left = edits.drop_time(events, low, low + round(drop.share * (stop_us - start_us)))
    elif drop.kind == "area":
        left = edits.drop_area(events, box, _around(drop))
    else:
        left = edits.drop_random(events, drop.share, generator)
    return left if len(left) else events


def _around(drop: Drop) -> Region:
    """The region around a point, cut at the box's edges."""
    low_x, low_y = max(0.0, drop.x - drop.share / 2), max(0.0, drop.y - drop.share / 2)
    high_x, high_y = min(1.0, drop.x + drop.share / 2), min(1.0, drop.y + drop.share / 2)
    return Region(low_x, low_y, high_x - low_x, high_y - low_y)
