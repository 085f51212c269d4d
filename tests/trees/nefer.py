"""A tree with NEFER's layout, names and quirks, made of procedural faces."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurofer.data.nefer_tables import CLASSES, PARTS
from neurofer.events.writing import write_recording
from trees.faces import face_events, face_frames, save_picture

SENSOR = (1280, 720)
FACE_PX, LEFT, TOP = 64, 600, 300
FRAMES = 14
"""Frames of a face that is filmed: 0.23 s."""

TRAIN_USERS = ("user_01", "user_02", "user_04")
TEST_USERS = ("user_03", "user_07")
PREFIXES = {("train", "event"): "../event_frame_NEW/", ("validation", "event"): "../event_frame_NEW/",
            ("train", "gopro"): "rgb_frames/", ("validation", "gopro"): "../gopro_frame/"}


@dataclass(frozen=True)
class NeferClip:
    """One clip of the tree."""

    user: str
    number: int
    part: str
    label: str
    reported: str

    @property
    def name(self) -> str:
        return f"{self.user.replace('_', '')}_2022-06-08_12-{self.number:02}-03"

    @property
    def video(self) -> str:
        return f"GOPR{700 + 30 * int(self.user[-2:]) + self.number:04}"


def nefer_clips(rounds: int = 1) -> list[NeferClip]:
    """``rounds`` clips of each class and user; user_03 lacks the last, and every fifth viewer reports nothing."""
    clips = []
    for part, users in (("train", TRAIN_USERS), ("validation", TEST_USERS)):
        for user in users:
            for number in range(len(CLASSES) * rounds - (user == "user_03")):
                label = CLASSES[number % len(CLASSES)]
                reported = "None" if (number + int(user[-2:])) % 5 == 4 else label.capitalize()
                clips.append(NeferClip(user, number, part, label.capitalize(), reported))
    return clips


def write_tables(root: Path, clips: list[NeferClip], frames: int = 3) -> None:
    """The eight tables; ``frames`` rows a clip."""
    for part in PARTS:
        for emotion, suffix in (("expected", ""), ("reported", "_subjective")):
            for camera in ("event", "gopro"):
                path = root / "annotations" / f"{emotion}_emotions" / f"{part}_{camera}{suffix}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "w", newline="", encoding="utf-8") as file:
                    rows = csv.writer(file, lineterminator="\n")
                    for clip in clips:
                        recording = f"{clip.name}_cd" if camera == "event" else clip.video
                        label = clip.label if emotion == "expected" else clip.reported
                        rows.writerows((clip.user, recording, f"{PREFIXES[part, camera]}{clip.user}/{recording}/"
                                        f"frame_{number:02}.png", label)
                                       for number in range(frames) if clip.part == part)


def raw_path(root: Path, clip: NeferClip) -> Path:
    """Where the events of a clip lie."""
    return root / "event_raw" / "recordings" / clip.user / f"{clip.name}.raw"


def write_tree(root: Path, clips: list[NeferClip], frames: int = 3, rgb: bool = True) -> None:
    """Tables, EVT3 recordings of 1280 x 720 pixels, and RGB pictures at a quarter of that size."""
    write_tables(root, clips, frames)
    for clip in clips:
        path = raw_path(root, clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_raw(int(clip.user[-2:]), clip.label.lower(), clip.number))
        film = face_frames(int(clip.user[-2:]), clip.label.lower(), clip.number // len(CLASSES), FRAMES, FACE_PX)
        for number in range(frames if rgb else 0):
            picture = np.full((180, 320, 3), 40, np.uint8)
            small = film[number * (FRAMES - 1) // max(frames - 1, 1), ::4, ::4]
            picture[TOP // 4 : TOP // 4 + 16, LEFT // 4 : LEFT // 4 + 16] = small[..., None]
            save_picture(root / "rgb_frames" / clip.user / clip.video / f"frame_{number:02}.png", picture)


@functools.cache
def _raw(user: int, label: str, number: int) -> bytes:
    import tempfile

    film = face_frames(user, label, number // len(CLASSES), FRAMES, FACE_PX)
    events = face_events(film, SENSOR, LEFT, TOP, 5_000 + 1_000 * number)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.raw"
        write_recording(path, events, check=False)
        return path.read_bytes()
