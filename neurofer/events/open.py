"""The one door through which recordings come in."""

from __future__ import annotations

import os
from pathlib import Path

from neurofer.errors import BadFileError, UsageError
from neurofer.events.clean import MODES, Mode
from neurofer.events.columns import ColumnsRecording, is_columns_folder
from neurofer.events.recording import Recording
from neurofer.events.sniff import sniff
from neurofer.events.source import MAX_SIDE, Source
from neurofer.events.stream import StreamRecording


def open_recording(
    path: Path | str | os.PathLike[str], *, sensor: tuple[int, int] | None = None, mode: Mode = "strict"
) -> Recording:
    """The recording in a file of any readable format, or in a folder of columns.

    The format is told by the content, the name only helps where the content cannot. Nothing is read but the header;
    reading takes constant memory, whatever the length (a ROS bag is the exception: eventcv holds it whole).

    Args:
        path: The file or folder.
        sensor: ``(width, height)`` for a file that does not say its geometry. A file that names a known camera needs
            none; the report's notes tell which size was taken.
        mode: What to do with events out of time order or outside the sensor: ``strict`` raises at the first one,
            ``repair`` leaves them out and counts them, ``trust`` checks nothing (for files checked before).

    Raises:
        BadFileError: missing, empty, broken, or of no format that can be read. Damage behind the header raises when
            it is reached.
        UsageError: the file does not say its geometry and ``sensor`` is None, or ``sensor`` contradicts the file.
        MissingExtraError: the format needs an optional package.
        ValueError: ``mode`` or ``sensor`` is not one that exists.
    """
    path = Path(path)
    if mode not in MODES:
        raise ValueError(f"open_recording: mode must be one of {', '.join(MODES)}, got {mode!r}")
    if sensor is not None:
        width, height = (int(side) for side in sensor)
        if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
            raise ValueError(f"open_recording: sensor must be (width, height) of 1..{MAX_SIDE} pixels, got {sensor}")
        sensor = (width, height)
    if is_columns_folder(path):
        columns = ColumnsRecording(path, verify=mode != "trust")
        _check_agrees(path, columns.sensor, sensor)
        return columns
    source = _open_source(path, mode)
    try:
        chosen = _choose_sensor(source, sensor)
        if mode == "strict" and source.tail_bytes:
            raise BadFileError(f"{path}: ends inside a word, {source.tail_bytes} bytes behind the last whole one; "
                               "the file is cut, open it with mode='repair' (--mode repair) to leave the rest out")
    except BaseException:
        source.close()
        raise
    source.lenient = mode != "strict"
    return StreamRecording(source, chosen, mode)


def _open_source(path: Path, mode: Mode) -> Source:
    kind = sniff(path)
    if kind == "raw":
        from neurofer.events.formats.prophesee import open_raw

        return open_raw(path)
    if kind == "dat":
        from neurofer.events.formats.prophesee import open_dat

        return open_dat(path)
    if kind == "hdf5":
        from neurofer.events.formats.hdf5 import open_hdf5

        return open_hdf5(path)
    if kind == "npy":
        from neurofer.events.formats.numpy_files import NpySource

        return NpySource(path)
    if kind == "npz":
        from neurofer.events.formats.numpy_files import NpzSource

        return NpzSource(path)
    if kind == "bin":
        from neurofer.events.formats.atis import AtisSource

        return AtisSource(path)
    if kind == "text":
        from neurofer.events.formats.text import TextSource

        return TextSource(path)
    if kind == "es":
        from neurofer.events.formats.packets import open_event_stream

        return open_event_stream(path)
    return _open_with_eventcv(path, kind, mode)


def _open_with_eventcv(path: Path, kind: str, mode: Mode) -> Source:
    from neurofer.events.formats.aedat_files import cut_bytes, open_aedat_packets
    from neurofer.events.formats.eventcv_files import EventcvSource, bag_topic

    if kind == "bag":
        return EventcvSource(path, "bag", ".bag", topic=bag_topic(path))
    if kind == "aedat2":
        return EventcvSource(path, "aedat2", ".aedat")
    try:
        source = EventcvSource(path, "aedat4", ".aedat4")
    except BadFileError:
        if mode == "strict":
            raise
        return open_aedat_packets(path)
    source.tail_bytes = cut_bytes(path)
    if source.events:
        return source
    # eventcv gives no events, and no error, for some files that aedat reads.
    try:
        packets = open_aedat_packets(path)
    except (BadFileError, ImportError):
        return source
    source.close()
    return packets


def _choose_sensor(source: Source, sensor: tuple[int, int] | None) -> tuple[int, int]:
    if source.sensor is not None:
        _check_agrees(source.path, source.sensor, sensor)
        return source.sensor
    if sensor is not None:
        if source.likely_sensor not in (None, sensor):
            source.notes.append(f"the given sensor size is used, though the camera, {source.hint}, has another")
        return sensor
    if source.likely_sensor is not None:
        width, height = source.likely_sensor
        source.notes.append(f"the header names no geometry; {width}x{height} is taken from its camera, {source.hint}")
        return source.likely_sensor
    hint = f" ({source.hint})" if source.hint else ""
    raise UsageError(f"{source.path}: does not say its sensor size{hint}; give sensor=(width, height), on the command "
                     "line --sensor WIDTHxHEIGHT")


def _check_agrees(path: Path, declared: tuple[int, int], sensor: tuple[int, int] | None) -> None:
    if sensor is not None and sensor != declared:
        raise UsageError(f"{path}: declares a sensor of {declared[0]}x{declared[1]} pixels, which contradicts the "
                         f"given {sensor[0]}x{sensor[1]}; leave sensor= (--sensor) out")
