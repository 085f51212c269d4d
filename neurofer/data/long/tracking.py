"""The face of a long video aligned in constant memory: one similarity for all its frames, or one that follows the head.

The first is the default, for a transform of each frame's own would turn the jitter of its landmarks into motion. The
second is for people who move: the face is looked for again at times, the places found are smoothed, and between two
looks the crop glides from one to the other.
"""

from __future__ import annotations

import cmath
import itertools
import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.data.micro.align import Landmarks, aligned
from neurofer.data.micro.faces import AlignedBy, found_alignment, given_alignment
from neurofer.data.similarity import Similarity
from neurofer.errors import NeuroferError, UsageError

Grey = NDArray[np.uint8]
Hint = tuple[Landmarks | None, Box | None, bool]
"""What the user says: eyes, a box around the face, or that the pictures are cropped faces; the first one counts."""

NO_HINT: Hint = (None, None, False)
FIRST_LOOKS = 5
FIRST_LOOK_S = 0.25
"""The face is looked for in the first frame, then in one every quarter of a second, five in all."""

SMOOTHING_S = 2.0
"""Time constant of the exponential smoothing. A head changes its pose over seconds, a detector errs anew at each look:
with a look a second, errors that do not depend on each other are halved, and a micro-expression (half a second at most)
sees less than a quarter of one."""

LONGEST_REALIGN_S = 600.0
MOST_HELD_BYTES = 1 << 30
"""Most frames that may wait for the next look."""


class NoFaceError(NeuroferError):
    """The detector finds no face in the first frames.

    Attributes:
        frames: Which of them were searched.
    """

    def __init__(self, name: str, frames: tuple[int, ...]) -> None:
        self.frames = frames
        super().__init__(f"{name}: shows no face that the detector finds in {frames_named(frames)}; give --eyes or "
                         "--box, or --whole if the pictures are cropped to the face")


def frames_named(numbers: tuple[int, ...]) -> str:
    """``frame 0``, or ``frames 0, 6, 12``."""
    return f"frame{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


@dataclass
class FaceTracker:
    """Aligns the frames of one video, and counts what it met.

    Attributes:
        size_px: Side of the crop.
        hint: The user's word; it holds for all frames. Without one the face is looked for.
        realign_s: Look again so often; 0 lets the first similarity hold for all frames. A look that finds no face
            leaves the crop where it is.
        name: Of the video, for messages.
        by: What the face was found by, first; None before.
        looks: Frames that were searched.
        without_face: How many of them showed no face.
        found: What the others showed.

    Raises:
        UsageError: ``realign_s`` outside 0 to 600.
    """

    size_px: int
    hint: Hint = NO_HINT
    realign_s: float = 0.0
    name: str = "video"
    by: AlignedBy | None = field(default=None, init=False)
    looks: int = field(default=0, init=False)
    without_face: int = field(default=0, init=False)
    found: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        if not 0 <= self.realign_s <= LONGEST_REALIGN_S:
            raise UsageError(f"--realign-s: need 0 to {LONGEST_REALIGN_S:g} seconds, got {self.realign_s:g}")

    def __call__(self, frames: Iterable[Grey], fps: float) -> Iterator[Grey]:
        """The aligned frames, as many as are given and in their order.

        As few frames are held as the looks need: none after the face was found, with ``realign_s`` those of that time.

        Args:
            frames: ``(H, W)`` uint8 of one size.
            fps: Frames per second.

        Yields:
            ``(size_px, size_px)`` uint8.

        Raises:
            NoFaceError: no face in the first second.
            UsageError: the hint lies outside of the picture, or a gibibyte does not hold the frames of ``realign_s``.
        """
        stream = iter(frames)
        first = next(stream, None)
        if first is None:
            return
        stream = itertools.chain([first], stream)
        given = given_alignment((first.shape[1], first.shape[0]), self.size_px, *self.hint)
        if given is not None:
            self.by, start = given.by, given.similarity
        else:
            every = self._frames_between_looks(first, fps)
            start, read = self._first_look(stream, fps)
            stream = itertools.chain(_emptied(read), stream)
            if every:
                yield from self._followed(stream, start, every, smoothing_share(self.realign_s))
                return
        for frame in stream:
            yield aligned(frame, start, self.size_px)

    def _first_look(self, frames: Iterable[Grey], fps: float) -> tuple[Similarity, deque[Grey]]:
        """The first similarity, and the frames that were read for it."""
        step = max(1, round(FIRST_LOOK_S * fps))
        read = deque[Grey]()
        for number, frame in enumerate(itertools.islice(frames, (FIRST_LOOKS - 1) * step + 1)):
            read.append(frame)
            found = self._look(frame) if number % step == 0 else None
            if found is not None:
                return found, read
        raise NoFaceError(self.name, tuple(range(0, len(read), step)))

    def _followed(self, frames: Iterable[Grey], now: Similarity, every: int, share: float) -> Iterator[Grey]:
        """Frames aligned along the smoothed looks, the first of which is ``now``."""
        held = deque[Grey]()
        for number, frame in enumerate(frames):
            if number and number % every == 0:
                found = self._look(frame)
                later = now if found is None else blended(now, found, share)
                for place, before in enumerate(_emptied(held)):
                    yield aligned(before, blended(now, later, place / every), self.size_px)
                now = later
            held.append(frame)
        for before in _emptied(held):
            yield aligned(before, now, self.size_px)

    def _look(self, frame: Grey) -> Similarity | None:
        self.looks += 1
        found = found_alignment([frame], self.size_px)
        if found is None:
            self.without_face += 1
            return None
        self.found[found.by] += 1
        self.by = self.by or found.by
        return found.similarity

    def _frames_between_looks(self, frame: Grey, fps: float) -> int:
        """How many frames ``realign_s`` is; 0 for none."""
        every = max(1, round(self.realign_s * fps)) if self.realign_s else 0
        if every * frame.nbytes > MOST_HELD_BYTES:
            most_s = MOST_HELD_BYTES / frame.nbytes / fps
            raise UsageError(f"{self.name}: --realign-s {self.realign_s:g} holds {every} frames of {frame.shape[1]}x"
                             f"{frame.shape[0]} pixels, more than {MOST_HELD_BYTES >> 20} MB; give "
                             f"{math.floor(10 * most_s) / 10:g} or less")
        return every


def aligned_frames(frames: Iterable[Grey], fps: float, size_px: int, hint: Hint = NO_HINT,
                   realign_s: float = 0.0) -> Iterator[Grey]:
    """The aligned frames of a video, for callers to whom the counts of ``FaceTracker`` do not matter.

    Args:
        frames: ``(H, W)`` uint8 of one size.
        fps: Frames per second.
        size_px: Side of the crop.
        hint: The user's word.
        realign_s: Look for the face again so often; 0 for never.

    Yields:
        ``(size_px, size_px)`` uint8, one for each frame.

    Raises:
        NoFaceError: no face in the first second.
        UsageError: see ``FaceTracker``.
    """
    return FaceTracker(size_px, hint, realign_s)(frames, fps)


def smoothing_share(realign_s: float) -> float:
    """How far a look moves the crop towards the face found, 0 to 1: what the time constant leaves after so long."""
    return 1 - math.exp(-realign_s / SMOOTHING_S)


def blended(one: Similarity, other: Similarity, share: float) -> Similarity:
    """The similarity on the way from one to another: every point of the crop moves over the picture on a straight line.

    Scale, angle and shift cannot be blended on their own, for both others change what a shift does.

    Args:
        one: At a share of 0.
        other: At a share of 1.
        share: Of the way.
    """
    if share == 0 or one == other:
        return one
    (turn, shift), (other_turn, other_shift) = _into_picture(one), _into_picture(other)
    turn, shift = turn + share * (other_turn - turn), shift + share * (other_shift - shift)
    place = -shift / turn
    return Similarity(1 / abs(turn), -math.degrees(cmath.phase(turn)), place.real, place.imag)


def _into_picture(similarity: Similarity) -> tuple[complex, complex]:
    """The way back: pixel ``p`` of the crop, as a complex number, lies at ``turn * p + shift`` of the picture."""
    turn = 1 / cmath.rect(similarity.scale, math.radians(similarity.degrees))
    return turn, -complex(similarity.x_px, similarity.y_px) * turn


def _emptied(held: deque[Grey]) -> Iterator[Grey]:
    """What is held, given away one by one."""
    while held:
        yield held.popleft()
