"""A recording played as fast as it can be read, by its own clock, in lock step: the same events every time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

from edge.channels import Fifo
from edge.events import AudioLost, Event
from edge.hud.loop import Hud
from edge.media import NS_PER_S, AudioChunk, VideoFrame
from edge.pipelines.speech import report_lost
from edge.session import EVENTS_KEPT, LINGER_LONGEST_S, LINGER_S, Senses, Watch
from edge.sources.replay import Replay
from edge.worker import Worker


class LockStep:
    """Drives a pipeline that pulls its frames by pushing them: one at a time, each finished before the next.

    Args:
        name: of the sense.
        watch: the pipeline; runs in a thread of its own, but never at the same time as who pushes.
    """

    def __init__(self, name: str, watch: Watch) -> None:
        self._frame: VideoFrame | None = None
        self._given = threading.Semaphore(0)
        self._asked = threading.Semaphore(0)
        self._ended = False
        self._now_ns = 0
        self._events: Fifo[Event] = Fifo(EVENTS_KEPT)
        self._worker = Worker(name, lambda: watch(self._pull()), self._events, lambda: self._now_ns, on_end=self._end)
        self._worker.start()
        self._asked.acquire()

    def push(self, frame: VideoFrame) -> list[Event]:
        """Everything the pipeline says of this frame; nothing once it has failed."""
        self._now_ns = frame.captured_ns
        self._step(frame)
        return self._said()

    def close(self) -> None:
        """End the pipeline."""
        self._step(None)
        self._worker.join()

    def _said(self) -> list[Event]:
        return [event for event in iter(lambda: self._events.get(0), None) if event is not None]

    def _step(self, frame: VideoFrame | None) -> None:
        if self._ended:
            return
        self._frame = frame
        self._given.release()
        self._asked.acquire()

    def _pull(self) -> Iterator[VideoFrame]:
        while True:
            self._asked.release()
            self._given.acquire()
            if self._frame is None:
                return
            yield self._frame

    def _end(self) -> None:
        self._ended = True
        self._asked.release()


def run_flat_out(replay: Replay, senses: Senses, hud: Hud, fps: float, stop: Callable[[], bool] = lambda: False) -> int:
    """Show what the senses make of a recording, as fast as they can.

    When `stop` says so, the recording ends there.

    Returns:
        Media time at the end, nanoseconds.
    """
    with ExitStack() as stack:
        watchers = [stack.enter_context(closing(LockStep(name, watch))) for name, watch in senses.camera.items()]
        playing = _Playing(hud, watchers, fps)
        sound = playing.sound(replay, stop)
        if senses.speech is None:
            for _ in sound:
                pass
        else:
            lost: list[Event] = []
            for event in senses.speech(report_lost(sound, lambda at, seconds: lost.append(AudioLost(at, seconds)))):
                playing.tell(*lost, event)
                lost.clear()
    end_ns = playing.now_ns + int(LINGER_S * NS_PER_S)
    hud.advance(end_ns)
    while hud.state.waiting and end_ns < playing.now_ns + LINGER_LONGEST_S * NS_PER_S:
        end_ns += NS_PER_S
        hud.advance(end_ns)
    return end_ns


class _Playing:
    """Where a recording is, and who is told of it."""

    def __init__(self, hud: Hud, watchers: list[LockStep], fps: float) -> None:
        self.now_ns = 0
        self._hud = hud
        self._watchers = watchers
        self._period_ns = int(NS_PER_S / fps)
        self._drawn_ns = 0

    def sound(self, replay: Replay, stop: Callable[[], bool]) -> Iterator[AudioChunk]:
        """The sound of the recording; its pictures go to the watchers and the HUD on the way."""
        for item in replay:
            if stop():
                return
            if isinstance(item, VideoFrame):
                self._see(item)
            else:
                self._reach(item.ended_ns)
                yield item

    def tell(self, *events: Event) -> None:
        """Show events at this moment."""
        for event in events:
            self._hud.handle(event, self.now_ns)
        self._hud.advance(self.now_ns)

    def _see(self, frame: VideoFrame) -> None:
        self._reach(frame.captured_ns)
        self._hud.look(frame)
        for watcher in self._watchers:
            if said := watcher.push(frame):
                self.tell(*said)

    def _reach(self, now_ns: int) -> None:
        self.now_ns = max(self.now_ns, now_ns)
        if self.now_ns - self._drawn_ns >= self._period_ns:
            self._drawn_ns = self.now_ns
            self._hud.advance(self.now_ns)
