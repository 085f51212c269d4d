"""When the key frames of a micro-expression are: onset, apex, offset and eight instants between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

KEY_FRAMES = 11
INNER = KEY_FRAMES - 3
"""Instants beside onset, apex and offset."""


class KeyInstants(NamedTuple):
    """Instants of the key frames, in the unit that onset, apex and offset came in: frames or microseconds.

    Attributes:
        times: ``(11,)`` float64, never falling: onset, ``rise`` inner ones, apex, ``8 - rise`` inner ones, offset.
        rise: How many of the eight inner ones lie between onset and apex.
    """

    times: NDArray[np.float64]
    rise: int

    @property
    def apex_place(self) -> int:
        """Place of the apex among the eleven."""
        return self.rise + 1


def key_instants(onset: float, apex: float, offset: float) -> KeyInstants:
    """Onset, apex and offset, and eight more that are shared by the two halves in proportion to their durations.

    Each half is divided evenly and has at least one inner instant, a half without duration, too. A tie gives the
    instant to the first half.

    Example:
        >>> instants = key_instants(0, 25, 100)
        >>> instants.rise, frame_numbers(instants.times).tolist()
        (2, [0, 8, 17, 25, 36, 46, 57, 68, 79, 89, 100])

    Raises:
        ValueError: not ``onset <= apex <= offset``, or one of them is not finite.

    Source:
        Zhao et al., Neurocomputing 448 (2021): eleven frames, the apex among them; the rule for ties is ours.
    """
    _check_order("key_instants", onset, apex, offset)
    share = 0.0 if offset == onset else (apex - onset) / (offset - onset)
    rise = int(np.clip(np.floor(INNER * share + 0.5), 1, INNER - 1))
    times = np.concatenate((_steps(onset, apex, rise + 1), _steps(apex, offset, INNER - rise + 1), [offset]))
    return KeyInstants(times, rise)


def uniform_instants(onset: float, offset: float) -> KeyInstants:
    """Eleven instants at equal distances, whenever the apex is; the sixth, halfway, stands in its place.

    Example:
        >>> uniform_instants(0, 40).times.tolist()
        [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 32.0, 36.0, 40.0]

    Raises:
        ValueError: not ``onset <= offset``, or one of them is not finite.
    """
    _check_order("uniform_instants", onset, onset, offset)
    return KeyInstants(np.append(_steps(onset, offset, KEY_FRAMES - 1), offset), INNER // 2)


def frame_numbers(times: ArrayLike) -> NDArray[np.int64]:
    """The frame nearest to each time that is counted in frames; the later of two equally near.

    Args:
        times: Any shape; the same shape comes back.
    """
    return np.floor(np.asarray(times, np.float64) + 0.5).astype(np.int64)


def repeats(numbers: ArrayLike) -> int:
    """How many of the frames are the one before them again, as in clips of fewer than eleven frames.

    Args:
        numbers: ``(K,)`` frame numbers, never falling.
    """
    return int(np.count_nonzero(np.diff(np.asarray(numbers)) == 0))


def shifted_apex(onset: float, apex: float, offset: float, by: float) -> float:
    """The apex moved by ``by``, later if that is positive, as far as onset and offset let it.

    Raises:
        ValueError: not ``onset <= apex <= offset``, or one of the four is not finite.
    """
    _check_order("shifted_apex", onset, apex, offset)
    if not np.isfinite(by):
        raise ValueError(f"shifted_apex: need a finite shift, got {by}")
    return min(max(apex + by, onset), offset)


def jittered(instants: KeyInstants, offsets: ArrayLike) -> KeyInstants:
    """The inner instants moved a little, for augmentation; onset, apex and offset stay.

    None leaves its half, and those of one half are put in order again if they have passed each other.

    Args:
        instants: Not modified.
        offsets: ``(8,)``, in the unit of the instants, positive is later.

    Raises:
        ValueError: other than eight offsets, or one that is not finite.
    """
    moves = np.asarray(offsets, np.float64)
    if moves.shape != (INNER,) or not np.isfinite(moves).all():
        raise ValueError(f"jittered: need {INNER} finite offsets, one for each inner instant, got {moves.tolist()}")
    times, apex = instants.times.copy(), instants.apex_place
    halves = (0, apex, moves[:instants.rise]), (apex, KEY_FRAMES - 1, moves[instants.rise:])
    for first, last, half in halves:
        inner = slice(first + 1, last)
        times[inner] = np.sort(np.clip(times[inner] + half, times[first], times[last]))
    return KeyInstants(times, instants.rise)


def _steps(start: float, stop: float, parts: int) -> NDArray[np.float64]:
    """Where the ``parts`` equal parts of an interval start; products before quotients, so that halves are exact."""
    return np.minimum(start + np.arange(parts) * (stop - start) / parts, stop)


def _check_order(who: str, onset: float, apex: float, offset: float) -> None:
    if not (np.isfinite([onset, apex, offset]).all() and onset <= apex <= offset):
        raise ValueError(f"{who}: need finite onset <= apex <= offset, got {onset}, {apex}, {offset}; "
                         "correct the annotation or leave the clip out")
