"""How many events a second a live stream may bring before a network sees them: reading, cutting, representing.

    python benchmarks/stream_speed.py [--seconds 3] [--rounds 5] [--json FILE]

On one core. Ten million events in every second, moving edges on a 128x128 sensor that is the face box, in pieces of
1 ms (and packets of that), cut into windows of 33 ms. Beside it: one copy of the same columns, which cutting cannot
beat, and tonic's slicer and transforms, which need the whole recording in memory. Rounds are interleaved; medians.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from _made_up_stream import BOX, SIDE, WINDOW_US, lap, stream

from neurofer.cli.options import text_table
from neurofer.data.crop import crop_resize
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.events.recording import Window
from neurofer.events.writing import write_recording
from neurofer.files import write_text
from neurofer.represent import build_representation
from neurofer.spiking.bins import spike_tensor
from neurofer.stream.cutting import Cutter, Restart
from neurofer.stream.watch.incoming import Incoming
from neurofer.stream.wire import PacketReader, pack

RATE = 10e6
DT_US = 11_000
TIE = build_representation("tie")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="of events")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(asked.seconds, asked.rounds, Path(folder) / "stream.raw")
    print(text_table(("work", "Mev/s", "beside", "Mev/s", "times"),
                     [(row["work"], f"{row['mev_s']:.1f}", row["peer"] or "-",
                       f"{row['peer_mev_s']:.1f}" if row["peer"] else "-",
                       f"{row['mev_s'] / row['peer_mev_s']:.2f}" if row["peer"] else "-") for row in rows]))
    if asked.json is not None:
        write_text(asked.json, json.dumps(rows, indent=1) + "\n")


def measure(seconds: int, rounds: int, file: Path) -> list[dict[str, Any]]:
    """Ours and theirs, in Mev/s."""
    pieces = list(stream(lap(RATE), seconds))
    whole = Events.concatenate(pieces)
    packets = [pack(piece, number) for number, piece in enumerate(pieces)]
    write_recording(file, whole)
    runs = ours(pieces, packets, file) | theirs(whole, pieces)
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()  # compilers and caches
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            spent[name].append(time.perf_counter() - began)
    speed = {name: len(whole) / float(np.median(times)) / 1e6 for name, times in spent.items()}
    return [{"work": name, "mev_s": speed[name], "peer": peer, "peer_mev_s": speed[peer] if peer else None}
            for name, peer in PEERS.items()]


PEERS = {
    "cut": "one copy", "cut, TIE, crop": "tonic: slices, voxel grid of 3 bins", "cut, spikes": "tonic: slices, frames",
    "packets, gate, cut": "", "EVT3 file, cut": "", "packets, gate, cut, TIE, crop": "",
    "EVT3 file, cut, TIE, crop": "", "tonic: slices": "one copy",
}


def ours(pieces: list[Events], packets: list[bytes], file: Path) -> dict[str, Callable[[], None]]:
    """Work by name."""

    def picture(window: Window) -> None:
        if len(window.events):
            crop_resize(TIE(window.events, window[:2]), BOX, SIDE, TIE.empty_value)

    def spikes(window: Window) -> None:
        spike_tensor(window.events, window.start_us, window.stop_us, DT_US, BOX, SIDE)

    def nothing(window: Window) -> None:
        """Cutting alone."""

    def received() -> Iterator[Events]:
        reader, incoming = PacketReader(), Incoming("benchmark", None)
        for packet in packets:
            for piece in incoming.packets(reader.feed(packet)):
                yield piece.events

    def cut(parts: Callable[[], Iterable[Events]], work: Callable[[Window], None]) -> Callable[[], None]:
        def run() -> None:
            cutter = Cutter((SIDE, SIDE), WINDOW_US)
            for part in parts():
                for entry in cutter.push(part):
                    if not isinstance(entry, Restart):
                        work(entry)

        return run

    def read(work: Callable[[Window], None]) -> Callable[[], None]:
        def run() -> None:
            with open_recording(file) as recording:
                for window in recording.windows(WINDOW_US):
                    work(window)

        return run

    return {"cut": cut(lambda: pieces, nothing), "cut, TIE, crop": cut(lambda: pieces, picture),
            "cut, spikes": cut(lambda: pieces, spikes), "packets, gate, cut": cut(received, nothing),
            "packets, gate, cut, TIE, crop": cut(received, picture), "EVT3 file, cut": read(nothing),
            "EVT3 file, cut, TIE, crop": read(picture)}


def theirs(whole: Events, pieces: list[Events]) -> dict[str, Callable[[], None]]:
    """One copy of all columns, and tonic's slicer with the nearest transforms."""
    from tonic import functional, slicers

    array = whole.to_array()
    array = array.astype([("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.int8)])

    def copy() -> None:
        for piece in pieces:
            for column in (piece.t, piece.x, piece.y, piece.p):
                column.copy()

    def slices() -> None:
        slicers.slice_events_by_time(array, WINDOW_US)

    def grids() -> None:
        for part in slicers.slice_events_by_time(array, WINDOW_US):
            functional.to_voxel_grid_numpy(part.copy(), (SIDE, SIDE, 2), 3)

    def frames() -> None:
        for part in slicers.slice_events_by_time(array, WINDOW_US):
            functional.to_frame_numpy(part, (SIDE, SIDE, 2), n_time_bins=WINDOW_US // DT_US)

    return {"one copy": copy, "tonic: slices": slices, "tonic: slices, voxel grid of 3 bins": grids,
            "tonic: slices, frames": frames}


if __name__ == "__main__":
    main()
