"""Pictures of a decision: the strip of its key frames, and where its apex is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.boxes import event_counts, event_picture
from neurofer.keyframes.apex import midpoint_apex, motion_curve
from neurofer.keyframes.detect import Detection
from neurofer.keyframes.instants import frame_numbers
from neurofer.stream.micro.clips import FaceClip
from neurofer.stream.micro.predictor import MicroDecision, MicroPredictor
from neurofer.train.micro.inputs import key_frames
from neurofer.train.micro.instants import found_in

_CURVE_POINTS = 200
_BIN_US = 10_000
_MOMENTS = {"given": "moments given", "found": "moments found in its events",
            "whole": "no expression found, so all of it"}


class Pictures:
    """Writes two PNG files for each decision, and no name twice.

    Args:
        folder: Where to.
        predictor: What decided.
    """

    def __init__(self, folder: Path, predictor: MicroPredictor) -> None:
        self._folder, self._predictor = folder, predictor
        self._taken: set[str] = set()

    def draw(self, path: Path, decision: MicroDecision) -> None:
        """Write ``NAME-keyframes.png`` and ``NAME-apex.png``.

        Raises:
            BadFileError: the folder cannot be written.
        """
        from neurofer.plot.apex import apex_figure
        from neurofer.plot.keyframes import keyframes_figure
        from neurofer.train.run_folder import save_figure

        name, clip, instants = self._name(path), decision.clip, decision.placed.instants
        sure = f"{decision.label} {100 * decision.probabilities.max():.0f} %"
        title = f"{path.name}: {sure}, {_MOMENTS[decision.placed.how]}"
        flow = decision.maps.astype(np.float32) if self._predictor.run.config.input.kind == "flow" else None
        save_figure(keyframes_figure(self._strip(decision), flow, [clip.ms(at) for at in instants.times],
                                     instants.apex_place, title), self._folder / f"{name}-keyframes.png")
        times_ms, curve, found_ms = self._apexes(decision)
        counted = clip.pictures is None and not np.isfinite(found_ms["event"])
        truth = tuple(clip.ms(at) for at in decision.placed.moments) if decision.placed.how == "given" else None
        figure = apex_figure(times_ms, curve, truth, found_ms, title,  # type: ignore[arg-type]
                             "events in 10 ms" if counted else "motion from the onset")
        save_figure(figure, self._folder / f"{name}-apex.png")

    def _name(self, path: Path) -> str:
        stem = path.name if path.is_dir() else path.stem
        name = next(name for number in range(1, len(self._taken) + 2)
                    if (name := stem if number == 1 else f"{stem}-{number}") not in self._taken)
        self._taken.add(name)
        return name

    def _strip(self, decision: MicroDecision) -> NDArray[np.uint8]:
        clip, times = decision.clip, decision.placed.instants.times
        if clip.pictures is not None:
            return key_frames(self._predictor.run.config.key.kind, clip.pictures, decision.placed.moments, times,
                              self._predictor.midpoint)
        return _event_strip(clip, times)

    def _apexes(self, decision: MicroDecision) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, float]]:
        """A curve of motion, and the apex by each way of finding it, in milliseconds.

        Of a recording without an expression, the curve is how many events there are.
        """
        clip, (onset, apex, offset) = decision.clip, decision.placed.moments
        found = self._detected(clip)
        by_event = float("nan") if found is None else (found.apex_us - clip.origin_us) / 1e3
        if decision.placed.how == "found":
            by_event = clip.ms(apex)  # a face that was aligned anew may give another one by a little
        if clip.pictures is None:
            apexes = {"event": by_event, "midpoint": clip.ms((onset + offset) / 2)}
            if found is None:
                return (*_event_counts(clip), apexes)
            kept = np.unique(np.linspace(0, len(found.course) - 1, _CURVE_POINTS).astype(np.int64))
            return (found.course_us[kept] - clip.origin_us) / 1e3, found.course[kept], apexes
        first, last = (int(number) for number in frame_numbers((onset, offset)))
        numbers, motion_px = motion_curve(clip.pictures, first, clip.last, max(1, (clip.last - first) // _CURVE_POINTS))
        within = numbers <= last
        return np.array([clip.ms(number) for number in numbers]), motion_px, {
            "event": by_event, "flow maximum": clip.ms(float(numbers[within][np.argmax(motion_px[within])])),
            "midpoint": clip.ms(midpoint_apex(first, last))}

    def _detected(self, clip: FaceClip) -> Detection | None:
        if not len(clip.events):
            return None
        found = found_in(clip.events, self._predictor.run.config.event, *clip.span_us)
        return found if isinstance(found, Detection) else None


def _event_counts(clip: FaceClip) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles of bins in milliseconds, and how many events lie in each."""
    start_us, stop_us = clip.span_us
    edges_us = start_us + _BIN_US * np.arange(max(1, -(-(stop_us - start_us) // _BIN_US)) + 1)
    counts, _ = np.histogram(clip.events.t, edges_us)
    middles_ms = np.asarray((edges_us[:-1] + _BIN_US / 2 - clip.origin_us) / 1e3, np.float64)
    return middles_ms, counts.astype(np.float64)


def _event_strip(clip: FaceClip, times: NDArray[np.float64]) -> NDArray[np.uint8]:
    """``(11, S, S)`` drawings of the events around each key instant, halfway to its neighbours."""
    places = np.arange(len(clip.times_us), dtype=np.float64)
    middles = np.concatenate((times[:1], (times[:-1] + times[1:]) / 2, times[-1:]))
    edges_us = np.rint(np.interp(middles, places, clip.times_us)).astype(np.int64)
    return np.stack([event_picture(event_counts(clip.events.between(int(low), int(high))))
                     for low, high in zip(edges_us[:-1], edges_us[1:], strict=True)])
