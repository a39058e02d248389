"""One thread that turns an iterator of events into puts on a channel, and a failure into an event."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from edge.channels import Fifo
from edge.errors import EdgeError
from edge.events import Event, StageFailed

log = logging.getLogger(__name__)


class Worker:
    """Runs one pipeline in a daemon thread until its input ends.

    An exception ends this pipeline only: it is logged, told as `StageFailed`, and kept in `failure`.

    Args:
        name: stage name, for the log, the thread and the event.
        events: makes the iterator; called inside the thread.
        channel: where events go. Not closed by the worker: other senses may share it.
        clock_ns: stamps the `StageFailed` event.
        on_end: called last, in the thread, whether the pipeline ended or failed.
    """

    def __init__(
        self,
        name: str,
        events: Callable[[], Iterable[Event]],
        channel: Fifo[Event],
        clock_ns: Callable[[], int],
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.failure: Exception | None = None
        self._events = events
        self._channel = channel
        self._clock_ns = clock_ns
        self._on_end = on_end
        self._thread = threading.Thread(target=self._run, name=f"edge-{name}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def join(self, timeout_s: float = 1.0) -> bool:
        """Wait for the end; whether the thread has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            for event in self._events():
                self._channel.put(event)
        except Exception as error:  # the boundary: a sense may fail, the program goes on
            self.failure = error
            log.log(
                logging.WARNING if isinstance(error, EdgeError) else logging.ERROR,
                "%s failed: %s",
                self.name,
                error,
                exc_info=not isinstance(error, EdgeError),
            )
            self._channel.put(StageFailed(self._clock_ns(), self.name, str(error) or type(error).__name__))
        finally:
            self._on_end()
