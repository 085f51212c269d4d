"""A stream being watched: one thread reads, one decides, any number of viewers look on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from threading import Lock, Thread
from types import TracebackType

from neurofer.data.clip import Box
from neurofer.errors import UsageError
from neurofer.events.recording import Recording
from neurofer.stream.deciding import DecidingState, Told, WindowDecider
from neurofer.stream.faces import find_face
from neurofer.stream.predictor import Predictor
from neurofer.stream.steps import SnnStep
from neurofer.stream.tables import FAILURES
from neurofer.stream.watch.observed import ObservedSnn
from neurofer.stream.watch.playing import Player
from neurofer.stream.watch.receiving import Lost, Receiver
from neurofer.stream.watch.searching import FaceSearch
from neurofer.stream.watch.shown import Facts, Shown, Tally
from neurofer.stream.watch.source import EventSource
from neurofer.stream.watch.subscriptions import Place, Viewers
from neurofer.stream.watch.transport import Transport
from neurofer.stream.watch.waiting import LAST, MOST_WAITING_EVENTS, Begin, Ready, WaitingWindows

FEWEST_WAITING = 16
"""Windows that may wait at least, before any is dropped."""

_NEVER = 1 << 62


class Session:
    """Watches a recording or a live source (a ``Watched``); use it in a ``with`` block, which starts and ends it.

    Overload: once more than ``most_waiting`` whole windows wait, all but the newest few are dropped and counted, and
    the network starts anew (``WaitingWindows``). With infinite speed nothing is dropped; the source is held back.
    """

    def __init__(self, predictor: Predictor, source: Recording | EventSource, *, speed: float = 1.0,
                 box: Box | None = None, start_us: int = 0, stop_us: int | None = None,
                 most_waiting: int | None = None, raster: bool = False) -> None:
        """Get ready; nothing runs yet.

        Args:
            predictor: Decides.
            source: Open; closed by whoever opened it.
            speed: Of a recording: 1 is real time. Infinity takes all as fast as it goes.
            box: Face box in sensor pixels; by default looked for in all of a recording before it is played, and in the
                first second of a live source, whose windows wait meanwhile.
            start_us: Of a recording: start, counted from its first event.
            stop_us: Of a recording: end, counted likewise.
            most_waiting: Windows that may wait.
            raster: Show which neurons of a spiking network fire.

        Raises:
            UsageError: a speed that is not above 0, an empty stretch, or a network that decides about whole recordings.
            NeuroferError: a recording without events.
        """
        if not speed > 0:
            raise UsageError(f"watch: the speed must be above 0, got {speed}")
        decides = predictor.decides()
        keep = max(predictor.context, math.ceil(decides.evidence_us / decides.window_us))
        most = max(FEWEST_WAITING, 2 * keep) if most_waiting is None else most_waiting
        if most < keep:
            raise UsageError(f"watch: at least {keep} windows must be allowed to wait, which a decision of this "
                             f"network needs, got {most}")
        self._keep_windows = keep
        self._transport, self._viewers = Transport(), Viewers()
        self._queue = WaitingWindows(most, keep, can_wait=math.isinf(speed))
        self._observed = (ObservedSnn(decides.step) if raster and isinstance(decides.step, SnnStep) else None)
        # Windows wait in the decider until the search beside it has found the face.
        self._decider = WindowDecider(self._observed or decides.step, decides.classes, decides.evidence_us, box, _NEVER)
        self._search = FaceSearch()
        self._player: Player | None = None
        self._receiver: Receiver | None = None
        if isinstance(source, Recording):
            self._decider.box = find_face(source, box, start_us, stop_us).box
            self._player = Player(source, decides.window_us, speed, keep, most, start_us, stop_us)
        else:
            self._receiver = Receiver(source, decides.window_us)
        name = source.path.name if isinstance(source, Recording) and source.path else getattr(source, "name", "events")
        self.facts = Facts(name, predictor.name, predictor.backend, decides.classes, decides.window_us, speed,
                           self._player.duration_us if self._player else None, self._player is not None)
        self._origin_us = self._player.first_us if self._player else None
        self._number = self._decided = self._windows = self._events = self._restarts = 0
        self._failure: str | None = None
        self.error: Exception | None = None
        self._ended, self._fresh = False, True
        self._lock = Lock()
        self._threads = [Thread(target=self._guarded, args=(work,), name=f"neurofer-{name}", daemon=True)
                         for name, work in (("read", self._read), ("decide", self._decide))]

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._transport.paused

    @property
    def ended(self) -> bool:
        """Whether no window will come any more."""
        return self._ended

    @property
    def failure(self) -> str | None:
        """Why it ended, where that was an error."""
        return self._failure

    @property
    def tally(self) -> Tally:
        """What has become of the stream so far."""
        dropped, lost = self._queue.dropped, self._receiver.lost if self._receiver else Lost()
        return Tally(self._windows + dropped.windows, self._decided, self._events + dropped.events, dropped.windows,
                     dropped.events, lost.bad_events, lost.packets, self._restarts, lost.rest_events)

    def subscribe(self, room: int = 2) -> Place:
        """A place for a viewer that holds up to ``room`` windows."""
        return self._viewers.add(room)

    def pause(self) -> None:
        """Stand still; a live source's events are dropped meanwhile, and counted."""
        self._transport.pause(True)

    def resume(self) -> None:
        """Go on."""
        self._transport.pause(False)

    def seek(self, since_us: int) -> None:
        """Go on from a moment, counted from the first event; the network starts anew a context before it.

        Raises:
            UsageError: a live source cannot go back.
        """
        if self._player is None:
            raise UsageError(f"{self.facts.source}: is live and cannot go back")
        self._transport.seek(since_us)

    def start(self) -> Session:
        """Begin to read and to decide."""
        for thread in self._threads:
            thread.start()
        return self

    def close(self) -> None:
        """End, and wait until both threads have."""
        self._transport.stop()
        self._queue.close(forget=True)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._search.wait()
        self._viewers.end()

    def __enter__(self) -> Session:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  a thread must not die unnoticed: whoever watches is told
            known = isinstance(error, FAILURES)
            why = " ".join(str(error).split()) or type(error).__name__
            self._failure = self._failure or (why if known else f"unexpected {type(error).__name__}: {why}")
            self.error = self.error or error
            if work == self._read:
                self._queue.close()  # what came before is decided about, then the other thread ends all
                return
            self._transport.stop()
            self._queue.close(forget=True)
            self._end(True)

    def _read(self) -> None:
        if self._receiver is not None:
            self._receiver.receive(self._queue, self._transport)
            self._queue.close()
            return
        if self._player is not None:
            self._player.play(self._queue, self._transport)

    def _decide(self) -> None:
        while (entry := self._queue.get()) is not None:
            if isinstance(entry, Begin):
                self._begin(entry)
            else:
                self._take(entry)
        if not self._transport.stopped.is_set():
            self._finish()
        self._end(True)

    def _finish(self) -> None:
        """Tell what is still due; a search for the face that goes on is waited for."""
        told = self._decider.found(face) if (face := self._search.wait()) and self._decider.state.waiting else []
        self._show([*told, *self._decider.finish()], time.perf_counter())

    def _take(self, ready: Ready) -> None:
        if self._ended:
            self._end(False)
        self._fresh = False
        queue_ms = 1000 * (time.perf_counter() - ready.whole_s)
        told = self._decider(ready.window, queue_ms)
        self._windows += 1
        self._events += len(ready.window.events)
        if self._decider.state.waiting:
            face = self._search.ask(self._decider.state.waiting)
            told = self._decider.found(face, queue_ms) if face is not None else []
            self._limit_waiting()
        self._show(told, ready.whole_s)

    def _limit_waiting(self) -> None:
        """Drop all windows that wait for the face but the newest few, where they are too many events to keep."""
        waiting = self._decider.state.waiting
        if sum(len(window.events) for window in waiting) <= MOST_WAITING_EVENTS or len(waiting) <= self._keep_windows:
            return
        dropped, kept = waiting[: -self._keep_windows], waiting[-self._keep_windows :]
        self._decider.state = self._decider.state._replace(waiting=kept)
        self._queue.count_dropped(dropped)
        self._windows -= len(dropped)
        self._events -= sum(len(window.events) for window in dropped)

    def _begin(self, mark: Begin) -> None:
        """What waits for a face is decided about as it is; what comes then starts anew."""
        state = self._decider.state
        if mark.ended or state.waiting:
            self._finish()
        self._decider.state = DecidingState(face=(state.face or self._search.wait()) if mark.same_view else None)
        if not mark.same_view:
            self._origin_us, self._search = None, FaceSearch()
        if mark is LAST:
            self._end(True)
        elif not self._fresh:
            self._restarts, self._fresh = self._restarts + (not mark.wished), True

    def _show(self, told: list[Told], whole_s: float) -> None:
        now = time.perf_counter()
        for place, (window, decision, box) in enumerate(told):
            self._decided += decision is not None
            if self._origin_us is None:
                self._origin_us = window.start_us
            raster = self._observed.raster if self._observed is not None and place == len(told) - 1 else None
            self._viewers.show(Shown(self._number, window.start_us, window.stop_us, window.stop_us - self._origin_us,
                                     window.events, box, decision, raster, self.tally,
                                     1000 * (now - whole_s)))
            self._number += 1

    def _end(self, ended: bool) -> None:
        with self._lock:
            self._ended = ended
            self._viewers.end(ended)
