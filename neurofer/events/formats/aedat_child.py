"""The process that runs aedat: ``python -m neurofer.events.formats.aedat_child FILE`` writes what it decodes.

First a line of JSON with the sensor, then for each packet its number of events plus 1 (8 bytes) and the events, at the
end 8 zero bytes. It imports little, so that it starts quickly.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import BinaryIO

import numpy as np

MEMORY_BYTES = 4 << 30
PACKET_DTYPE = np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")])


def hand_over(path: str, out: BinaryIO) -> None:
    """Decode the first event stream of an AEDAT4 file and write its packets to ``out``."""
    import aedat

    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    decoder = aedat.Decoder(path)
    streams = {key: stream for key, stream in decoder.id_to_stream().items() if stream.get("type") == "events"}
    chosen, stream = next(iter(streams.items()))
    out.write(json.dumps({"width": stream["width"], "height": stream["height"]}).encode() + b"\n")
    for packet in decoder:
        if packet["stream_id"] == chosen and "events" in packet:
            events = packet["events"].astype(PACKET_DTYPE)
            out.write((len(events) + 1).to_bytes(8, "little"))
            out.write(events.tobytes())
            out.flush()
    out.write((0).to_bytes(8, "little"))
    out.flush()


if __name__ == "__main__":
    hand_over(sys.argv[1], sys.stdout.buffer)
