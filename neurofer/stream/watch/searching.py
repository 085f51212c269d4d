"""The face of a live stream, looked for beside it: a second of search must not hold up what comes in meanwhile."""

from __future__ import annotations

from threading import Thread

from neurofer.data.boxes import FaceBox, locate_face
from neurofer.events.recording import MemoryRecording, Window
from neurofer.stream.cutting import joined
from neurofer.stream.deciding import enough_to_look


class FaceSearch:
    """Looks for a face in the first windows of a stream, in a thread of its own."""

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._face: FaceBox | None = None
        self._failure: Exception | None = None

    def ask(self, waiting: tuple[Window, ...]) -> FaceBox | None:
        """The face, once it is found; the search begins as soon as the windows are enough.

        Args:
            waiting: Windows so far, at least one.

        Raises:
            NeuroferError: the search failed.
        """
        if self._thread is None and enough_to_look(waiting):
            seen = [window.events for window in waiting if len(window.events)]
            if not seen:
                return None
            recording = MemoryRecording(joined(seen, seen[0].sensor))
            self._thread = Thread(target=self._search, args=(recording,), name="neurofer-face", daemon=True)
            self._thread.start()
        if self._thread is None or self._thread.is_alive():
            return None
        if self._failure is not None:
            raise self._failure
        return self._face

    def wait(self) -> FaceBox | None:
        """The face, when a search that began has ended; None if none has begun, or it failed."""
        if self._thread is not None:
            self._thread.join()
        return self._face

    def _search(self, recording: MemoryRecording) -> None:
        try:
            self._face = locate_face(recording)
        except Exception as error:  # noqa: BLE001  told by ``ask``, in the thread that decides
            self._failure = error
