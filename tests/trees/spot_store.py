"""A store of three long videos of pulses, each a few seconds, with their truth and the events of their frames."""

from __future__ import annotations

from pathlib import Path

from neurofer.data.clip import Box, Clip
from neurofer.data.frames import frames_digest, write_frames
from neurofer.data.long.store import LABELS, label_of, truth_digest, write_truth
from neurofer.data.micro.films import frame_times
from neurofer.data.store import StoredClip, write_store_index
from neurofer.events.columns import write_columns
from neurofer.keyframes.film_events import film_events
from neurofer.spotting.interval import Interval
from trees.spot_runs import SIDE, pulses

FPS, FRAMES = 30.0, 150
TRUTH = {"a_0": (Interval("a_0", "micro", 40, 46, 43, None, "disgust"), Interval("a_0", "macro", 90, 110, 100)),
         "b_0": (Interval("b_0", "micro", 70, 76, 73, None, "happiness"),), "b_1": ()}


def write_long_store(folder: Path) -> Path:
    """Videos a_0 of person a, b_0 and b_1 of person b, of the data set ``made``."""
    sensor, stored, times_us = (SIDE, SIDE), [], frame_times(FRAMES, FPS)
    for name, truth in TRUTH.items():
        pictures = pulses(FRAMES, *((one.onset, one.offset) for one in truth))
        write_frames(folder, name, times_us, pictures)
        info = write_columns(folder / "events" / name, film_events(pictures, times_us), sensor)
        facts = {"fps": f"{FPS:g}", "frames": str(FRAMES), "first_frame": "0", "aligned": "whole picture",
                 "truth": truth_digest(truth), "frames_digest": frames_digest(times_us, pictures)}
        stored.append(StoredClip(Clip(name, folder / "events" / name, 0, int(times_us[-1]) + 1, name[0],
                                      label_of(truth), "made", Box(0, 0, *sensor), sensor, facts=facts),
                                 info.events, info.digest))
    write_store_index(folder, "made", LABELS, sensor, {}, stored, "none")
    write_truth(folder, [one for truth in TRUTH.values() for one in truth])
    return folder
