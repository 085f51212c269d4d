"""What viewers of a running stream are given, and what they may ask of it; without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.stream.decisions import Decision

UNDECIDED = "undecided"
"""What viewers are told where all classes are equally probable."""


def label_shown(decision: Decision) -> str:
    """The decided class, or that there is none."""
    return UNDECIDED if decision.tied else decision.label


class Tally(NamedTuple):
    """What has become of a stream so far; nothing is left out without a count here."""

    windows: int = 0
    """Whole windows, decided about or not; those that were dropped, too."""
    decisions: int = 0
    events: int = 0
    """Events in the windows, dropped or not."""
    dropped_windows: int = 0
    """Windows that were passed over because deciding could not keep up."""
    dropped_events: int = 0
    """Events in these."""
    bad_events: int = 0
    """Events outside the sensor, behind a newer one, or more than 20 million in one window."""
    lost_packets: int = 0
    """Packets that a source numbered and that never came."""
    restarts: int = 0
    """Times that the stream began anew by itself: after dropped windows, another sensor, a clock that jumped, another
    connection, or a long silence."""
    rest_events: int = 0
    """Of a live stream: events behind its last window, where its end (or a new beginning) cuts more than half of it."""


class Shown(NamedTuple):
    """One window as viewers see it.

    Attributes:
        number: Counts the windows that are shown, from 0.
        start_us: First microsecond, on the stream's own clock.
        stop_us: One past the last.
        since_us: ``stop_us`` counted from the stream's first event, or a recording's.
        events: Events of the window, over the whole sensor.
        box: Face box in sensor pixels; None until it is known.
        decision: None while there is too little context.
        raster: Spikes of a spiking network in the window, by name of the layer, each ``(steps, neurons)`` uint8, of at
            most 64 neurons a layer; None for other networks, and where nobody asked.
        tally: So far, this window included.
        lag_ms: How far behind the clock the decision came: from the moment at which the window was whole.
    """

    number: int
    start_us: int
    stop_us: int
    since_us: int
    events: Events
    box: Box | None
    decision: Decision | None
    raster: dict[str, NDArray[Any]] | None
    tally: Tally
    lag_ms: float


@dataclass(frozen=True)
class Facts:
    """What does not change while a stream is watched.

    Attributes:
        source: The recording's or the source's name.
        model: Name of what decides.
        backend: ``ann`` or ``snn``.
        classes: Class names, in the order of the probabilities.
        window_us: Length of a window.
        speed: 1.0 is real time; infinity is as fast as it goes, without dropping.
        duration_us: Length of a recording; None where nobody knows, as of a live source.
        seekable: Whether ``seek`` works.
    """

    source: str
    model: str
    backend: str
    classes: tuple[str, ...]
    window_us: float
    speed: float
    duration_us: int | None
    seekable: bool


class Subscription(Protocol):
    """One viewer's place; the newest windows wait in it, older ones make room."""

    @property
    def missed(self) -> int:
        """Windows that made room because the viewer was slow."""

    def get(self, timeout_s: float | None = None) -> Shown | None:
        """The next window; None where none came in time, and at once when the stream has ended."""

    def close(self) -> None:
        """Take no more."""


class Watched(Protocol):
    """A running stream as viewers use it, from any thread."""

    @property
    def facts(self) -> Facts:
        """What does not change."""

    @property
    def paused(self) -> bool:
        """Whether it stands still."""

    @property
    def ended(self) -> bool:
        """Whether no window will come any more (a seek makes a recording run again)."""

    @property
    def failure(self) -> str | None:
        """Why it ended, where that was an error: one sentence."""

    @property
    def tally(self) -> Tally:
        """What has become of the stream so far."""

    def subscribe(self, room: int = 2) -> Subscription:
        """A place for a viewer that holds up to ``room`` windows."""

    def pause(self) -> None:
        """Stand still; a live source's events are dropped meanwhile, and counted."""

    def resume(self) -> None:
        """Go on."""

    def seek(self, since_us: int) -> None:
        """Go on from a moment, counted from the first event; the model starts anew there. Paused, one window is shown.

        Raises:
            UsageError: the source cannot go back.
        """
