"""How early each is right: accuracy by the evidence so far, with intervals over the tested people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Clip
from neurofer.evaluate.anytime import AT_MS, Running
from neurofer.evaluate.intervals import bootstrap_subjects
from neurofer.evaluate.metrics import accuracy_of

Moments = NDArray[np.int64]


def early(found: Mapping[str, Sequence[Running]], whole: Mapping[str, NDArray[np.int64]], truth: NDArray[np.int64],
          clips: Sequence[Clip], classes: int) -> dict[str, Any]:
    """Accuracy of each at the reported moments since a recording began, and since the expression began where known.

    A recording about which nothing was said yet counts as wrong; a moment at which that is so for all has no accuracy.

    Args:
        found: What each said while the clips ran, by name.
        whole: ``(N,)`` what each said at their ends.
        truth: ``(N,)`` class numbers.
        clips: The clips.
        classes: Number of classes.

    Returns:
        ``{"at_ms", "since_start": {name: [{"accuracy", "interval"} or None at each moment, the whole clip last]},
        "since_onset": {"recordings", "rows": the same without the whole clip} or None}``.
    """
    subjects = np.array([clip.subject for clip in clips])
    starts = np.zeros(len(clips), np.int64)
    onsets = np.array([clip.truth.get("onset_us", -1) - clip.start_us for clip in clips], np.int64)
    known = (onsets >= 0) & np.array(["onset_us" in clip.truth for clip in clips])
    rows = {name: [*_row(said, starts, truth, subjects, classes), _share(whole[name], truth, subjects, classes)]
            for name, said in found.items()}
    since_onset = None
    if known.any():
        since_onset = {"recordings": int(known.sum()), "rows": {
            name: _row([one for one, there in zip(said, known, strict=True) if there], onsets[known], truth[known],
                       subjects[known], classes) for name, said in found.items()}}
    return {"at_ms": list(AT_MS), "since_start": rows, "since_onset": since_onset}


def _row(said: Sequence[Running], zero_us: Moments, truth: NDArray[np.int64], subjects: NDArray[np.str_],
         classes: int) -> list[dict[str, Any] | None]:
    return [_share(said_at(said, zero_us + 1000 * ms, classes), truth, subjects, classes) for ms in AT_MS]


def said_at(found: Sequence[Running], moments_us: Moments, nothing: int) -> NDArray[np.int64]:
    """Class said last of each recording up to a moment, ``nothing`` where none was.

    Args:
        found: Of each recording.
        moments_us: ``(N,)`` since the start of each.
        nothing: A number that is no class.
    """
    places = [int(np.searchsorted(one.ready_us, moment, side="right")) for one, moment in
              zip(found, moments_us, strict=True)]
    return np.array([one.said[place - 1] if place else nothing for one, place in zip(found, places, strict=True)],
                    np.int64)


def _share(said: NDArray[np.int64], truth: NDArray[np.int64], subjects: NDArray[np.str_],
           classes: int) -> dict[str, Any] | None:
    """Accuracy with its interval; None where nothing was said of any."""
    if (said == classes).all():
        return None
    interval = bootstrap_subjects(truth, said, subjects.tolist(), classes + 1, accuracy_of)
    return {"accuracy": float((said == truth).mean()), "interval": None if interval is None else list(interval)}
