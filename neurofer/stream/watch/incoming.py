"""What comes in by whatever way, as pieces: cleaned, counted, and begun anew where the stream does."""

from __future__ import annotations

import time

from neurofer.errors import NeuroferError, UsageError
from neurofer.events.clean import Columns
from neurofer.events.events import Events
from neurofer.stream.watch.gate import GateState, pass_gate, release
from neurofer.stream.watch.sequence import PacketNumbers
from neurofer.stream.watch.source import BEAT_S, Piece
from neurofer.stream.wire import MOST_PIXELS, Packet, unpack


class Incoming:
    """Packets or columns in, pieces out; the stream's memory between them.

    Args:
        name: The source, for errors.
        sensor: What the user says the sensor is; None takes what the packets say.

    Raises:
        UsageError: that sensor has more pixels than a packet may say.
    """

    def __init__(self, name: str, sensor: tuple[int, int] | None) -> None:
        if sensor is not None and sensor[0] * sensor[1] > MOST_PIXELS:
            raise UsageError(f"{name}: --sensor says {_size(sensor)}; a live sensor has at most {MOST_PIXELS} pixels")
        self._name = name
        self._wanted = sensor
        self._shown: tuple[int, int] | None = None  # the sensor of the pieces so far
        self._now = sensor  # the sensor of the events that come in
        self._gate = GateState()
        self._sequence = PacketNumbers()
        self._restart: str | None = None
        self._lost = 0
        self._begun = False
        self._beat_due = time.monotonic() + BEAT_S
        pass_gate(unpack([b""]), (1, 1), GateState())  # loads the compiled functions, while nothing waits yet

    def packets(self, packets: list[Packet]) -> list[Piece]:
        """What packets bring, in the order of their arrival.

        Raises:
            NeuroferError: a packet's sensor is not the one that the user named.
        """
        pieces: list[Piece] = []
        run: list[bytes | memoryview] = []
        for packet in packets:
            if self._wanted not in (None, packet.sensor):
                raise NeuroferError(f"{self._name}: the packets are of a {_size(packet.sensor)} sensor, but --sensor "
                                    f"says {_size(self._wanted)}; leave --sensor away")
            verdict = self._sequence.see(packet.sequence)
            if verdict == "copy":
                continue
            if verdict == "anew" or packet.sensor != self._now:
                if run:
                    pieces += self.columns(unpack(run))
                    run = []
                if packet.sensor != self._now:
                    pieces += self.begin_anew(f"the sensor is {_size(packet.sensor)} now")
                else:
                    pieces += self.begin_anew("the sender counts its packets anew")
                self._now = packet.sensor
            run.append(packet.records)
        if run:
            pieces += self.columns(unpack(run))
        return pieces

    def columns(self, columns: Columns) -> list[Piece]:
        """What raw columns of the present sensor bring.

        Raises:
            ValueError: nobody has said the sensor yet.
        """
        if self._now is None:
            raise ValueError("Incoming: columns do not say their sensor; name it when this is made")
        parts, self._gate = pass_gate(columns, self._now, self._gate)
        pieces: list[Piece] = []
        for part in parts:
            if part.back_us:
                self._say_restart(f"the sender's clock went back by {part.back_us / 1e6:.1f} s")
            pieces += self._piece(part.events, part.bad_events)
        return pieces

    def begin_anew(self, why: str, counted_on: bool = True) -> list[Piece]:
        """End what there was; the next events begin the stream anew. Gives the event that was still held, if any.

        Args:
            why: For viewers.
            counted_on: Whether the sender goes on counting its packets; False where it is another connection.
        """
        held = self._piece(release(self._now, self._gate), 0) if self._now and self._gate.holding else []
        self._gate = GateState()
        if not counted_on:
            self._sequence.restart()
        self._say_restart(why)
        return held

    def lose(self, packets: int = 1, sequence: int | None = None) -> None:
        """Count packets that came broken; with its number where that could be read, so that it is not counted twice."""
        if sequence is None or self._sequence.see(sequence) != "copy":
            self._lost += packets

    def beat(self, silent: bool = True) -> list[Piece]:
        """An empty piece if none was given for a while and the sensor is known.

        Args:
            silent: Whether nothing waits to be read, so that packets that are missing have had their time.
        """
        if time.monotonic() < self._beat_due:
            return []
        if silent:
            self._sequence.settle()
        return self._piece(None, 0)

    def end(self) -> list[Piece]:
        """What is still held when the source ends."""
        if self._now is None:
            return []
        self._sequence.settle()
        pieces = self._piece(release(self._now, self._gate), 0)
        self._gate = GateState()
        return pieces

    def _say_restart(self, why: str) -> None:
        if self._begun:
            self._restart = why

    def _piece(self, events: Events | None, bad: int) -> list[Piece]:
        """A piece of these events; one without events keeps the sensor of the piece before it."""
        if self._shown is None:
            self._shown = self._now
        if self._shown is None:
            return []
        restart = None
        if events is not None and len(events):
            restart, self._restart = self._restart, None
            self._begun, self._shown = True, events.sensor
        else:
            events = Events.empty(self._shown)
        lost, self._lost = self._lost + self._sequence.take_lost(), 0
        self._beat_due = time.monotonic() + BEAT_S
        return [Piece(events, bad, lost, restart)]


def _size(sensor: tuple[int, int] | None) -> str:
    return f"{sensor[0]}x{sensor[1]}" if sensor else "unknown"
