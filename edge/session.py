"""One live session: sources and senses in threads, the HUD on this one, until somebody says stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from edge.channels import Fan, Fifo
from edge.events import AudioLost, Event
from edge.hud.loop import Hud
from edge.media import NS_PER_S, AudioChunk, VideoFrame
from edge.pipelines.speech import mark_gaps, report_lost
from edge.run_options import SPEECH
from edge.sources.recording import BLOCK_S
from edge.sources.replay import Replay
from edge.worker import Worker

EVENTS_KEPT = 10_000
JOIN_S = 2.0
LINGER_S = 2.5
"""How long the last caption of a recording stays on show."""
LINGER_LONGEST_S = 20.0
"""And how long parts of it that did not fit the display are waited for."""

Captions = Callable[[Iterable[AudioChunk]], Iterator[Event]]
"""Sound in, events out: the whole speech sense."""

Watch = Callable[[Iterable[VideoFrame]], Iterator[Event]]
"""Pictures in, events out: a whole sense of the camera."""


@dataclass(frozen=True)
class Senses:
    """What a session does with its media.

    Attributes:
        speech: what is heard; None: nothing listens.
        camera: senses of the camera by name.
    """

    speech: Captions | None = None
    camera: Mapping[str, Watch] = field(default_factory=dict)


@dataclass
class LiveMedia:
    """Sources that run by the clock.

    Attributes:
        audio: chunks; iterated by the speech worker; ends when the source is closed.
        frames: camera frames, if there is a camera.
        start: called once the workers stand ready.
        close: ends both.
        linger_s: how long to go on showing after the end.
    """

    audio: Iterable[AudioChunk]
    frames: Fan[VideoFrame] | None
    start: Callable[[], None]
    close: Callable[[], None]
    linger_s: float = 0.0


def replay_live(
    replay: Replay, frames: Fan[VideoFrame] | None, queue_s: float, events: Fifo[Event], *, hears: bool = True
) -> LiveMedia:
    """A recording as live sources: a thread delivers its sound and pictures when they are due.

    Args:
        replay: the recording, paced live.
        frames: where its pictures go; None: nowhere.
        queue_s: seconds of sound kept for a reader that falls behind.
        events: where a failure is told.
        hears: whether anybody reads the sound.
    """
    chunks: Fifo[AudioChunk] = Fifo(max(1, round(queue_s / BLOCK_S)))

    def deliver() -> Iterator[Event]:
        for item in replay:
            if isinstance(item, VideoFrame):
                if frames is not None:
                    frames.put(item)
            elif hears:
                chunks.put(item)
        return iter(())

    def close() -> None:
        replay.close()
        chunks.close()
        if frames is not None:
            frames.close()

    def ended() -> None:
        chunks.close()
        if frames is not None:
            frames.close()

    feeder = Worker("replay", deliver, events, time.monotonic_ns, on_end=ended)
    return LiveMedia(mark_gaps(chunks), frames, feeder.start, close, LINGER_S)


class _UntilStopped:
    """Events that have ended, for the HUD, as soon as the wearer wants to stop."""

    def __init__(self, events: Fifo[Event], stop: Callable[[], bool]) -> None:
        self._events = events
        self._stop = stop

    @property
    def closed(self) -> bool:
        return self._events.closed or self._stop()

    def get(self, timeout_s: float | None = None) -> Event | None:
        return None if self._stop() else self._events.get(timeout_s)

    def __len__(self) -> int:
        return 0 if self._stop() else len(self._events)


def _never() -> bool:
    return False


def run_live(
    media: LiveMedia,
    senses: Senses,
    hud: Hud,
    events: Fifo[Event],
    seconds: float | None,
    stop: Callable[[], bool] = _never,
) -> bool:
    """Show what the senses say until the sound ends, `seconds` have passed or the wearer asks to stop.

    Without the speech sense, or when it failed, the end of all other senses is the end.

    Args:
        media: what is heard and seen; closed at the end.
        senses: what is made of it.
        hud: shows their events.
        events: the channel between them, to which others may write too.
        seconds: stop after so long; None: never.
        stop: asked at least ten times a second whether to stop now.

    Returns:
        Whether all senses ended without failing.
    """
    backdrop = media.frames.reader() if media.frames is not None else None
    crew = _Crew(media, senses, events)
    crew.start()
    media.start()
    if seconds is not None:
        _later(seconds, media.close)
    try:
        hud.run(_UntilStopped(events, stop), backdrop)
    except KeyboardInterrupt:
        pass  # where nobody catches the signal
    finally:
        media.close()
        crew.join()
    while (event := events.get(0)) is not None:
        hud.handle(event, time.monotonic_ns())
    _linger(media, hud, stop)
    return crew.healthy


class _Crew:
    """The workers of a session, one for each sense."""

    def __init__(self, media: LiveMedia, senses: Senses, events: Fifo[Event]) -> None:
        self._media = media
        self._events = events
        self._ending = threading.Lock()
        self._workers: dict[str, Worker] = {}
        if senses.speech is not None:
            self._add(SPEECH, self._speech(senses.speech))
        for name, watch in senses.camera.items():
            if media.frames is not None:
                self._add(name, self._watching(watch, media.frames.reader()))
        self._running = set(self._workers)

    @property
    def healthy(self) -> bool:
        return all(worker.failure is None for worker in self._workers.values())

    def start(self) -> None:
        for worker in self._workers.values():
            worker.start()

    def join(self) -> None:
        until_s = time.monotonic() + JOIN_S
        for worker in self._workers.values():
            worker.join(max(0.0, until_s - time.monotonic()))

    def _speech(self, captions: Captions) -> Callable[[], Iterator[Event]]:
        def tell_lost(at_ns: int, lost_s: float) -> None:
            self._events.put(AudioLost(at_ns, lost_s))

        return lambda: captions(report_lost(self._media.audio, tell_lost))

    @staticmethod
    def _watching(watch: Watch, frames: Iterable[VideoFrame]) -> Callable[[], Iterator[Event]]:
        return lambda: watch(frames)

    def _add(self, name: str, work: Callable[[], Iterator[Event]]) -> None:
        def ended() -> None:
            self._ended(name)

        self._workers[name] = Worker(name, work, self._events, time.monotonic_ns, on_end=ended)

    def _ended(self, name: str) -> None:
        with self._ending:
            self._running.discard(name)
            heard_all = name == SPEECH and self._workers[name].failure is None
            over = heard_all or not self._running
        if over:
            self._media.close()
            _later(self._media.linger_s, self._events.close)


def _linger(media: LiveMedia, hud: Hud, stop: Callable[[], bool]) -> None:
    """Show what still waits for its place on the display, if anybody wants to read it."""
    now_ns = time.monotonic_ns()
    hud.advance(now_ns, time.monotonic_ns)
    last_ns = now_ns + LINGER_LONGEST_S * NS_PER_S
    while media.linger_s and hud.state.waiting and not stop() and time.monotonic_ns() < last_ns:
        time.sleep(0.1)
        hud.advance(time.monotonic_ns(), time.monotonic_ns)


def _later(seconds: float, action: Callable[[], None]) -> None:
    if seconds <= 0:
        action()
        return
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
