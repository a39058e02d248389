"""One session, driven in one of two ways: live by threads and the clock, or flat out in one thread by media time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from edge.channels import Fifo, Latest
from edge.events import AudioLost, Event, SessionEnded, SpeechStarted, Subtitle
from edge.hud.loop import Hud
from edge.media import NS_PER_S, AudioChunk, VideoFrame
from edge.pipelines.speech import mark_gaps, report_lost
from edge.sources.recording import BLOCK_S
from edge.sources.replay import Replay
from edge.telemetry import percentile
from edge.worker import Worker

EVENTS_KEPT = 10_000
JOIN_S = 2.0
LINGER_S = 2.5
"""How long the last caption of a recording stays on show."""
LINGER_LONGEST_S = 20.0
"""And how long parts of it that did not fit the display are waited for."""

Captions = Callable[[Iterable[AudioChunk]], Iterator[Event]]
"""Sound in, events out: the whole speech sense."""


@dataclass
class LiveMedia:
    """Sources that run by the clock.

    Attributes:
        audio: chunks; iterated by the speech worker; ends when the source is closed.
        frames: newest camera frame, if there is a camera.
        start: called once the workers stand ready.
        close: ends `audio`.
        linger_s: how long to go on showing after the end.
    """

    audio: Iterable[AudioChunk]
    frames: Latest[VideoFrame] | None
    start: Callable[[], None]
    close: Callable[[], None]
    linger_s: float = 0.0


@dataclass
class Tally:
    """Counts what was shown, for SessionEnded."""

    utterances: int = 0
    subtitles: int = 0
    lost_s: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    def count(self, event: Event) -> None:
        """Take one shown event into account."""
        if isinstance(event, SpeechStarted):
            self.utterances += 1
        elif isinstance(event, AudioLost):
            self.lost_s += event.seconds
        elif isinstance(event, Subtitle):
            self.subtitles += 1
            if event.latency_ms is not None:
                self.latencies_ms.append(event.latency_ms)

    def totals(self, *, timed: bool = True) -> str:
        """One line for the console; flat out there is no waiting to tell of."""
        line = f"captions: {self.subtitles} of {self.utterances} utterances"
        if timed and self.latencies_ms:
            p50, p90 = (percentile(self.latencies_ms, share) for share in (0.5, 0.9))
            line += f"; last spoken sample to caption: p50 {p50:.0f} ms, p90 {p90:.0f} ms"
        return line + (f"; {self.lost_s:.1f} s of sound lost" if self.lost_s else "")

    def ended(self, now_ns: int, rss_mb: float | None) -> SessionEnded:
        """The totals."""
        p50, p90 = (percentile(self.latencies_ms, share) for share in (0.5, 0.9))
        return SessionEnded(now_ns, self.utterances, self.subtitles, p50, p90, round(self.lost_s, 3), rss_mb)


def replay_live(replay: Replay, frames: Latest[VideoFrame], queue_s: float, events: Fifo[Event]) -> LiveMedia:
    """A recording as live sources: a thread delivers its sound and pictures when they are due.

    Args:
        replay: the recording, paced live.
        frames: where its pictures go.
        queue_s: seconds of sound kept for a reader that falls behind.
        events: where a failure is told.
    """
    chunks: Fifo[AudioChunk] = Fifo(max(1, round(queue_s / BLOCK_S)))

    def deliver() -> Iterator[Event]:
        for item in replay:
            if isinstance(item, AudioChunk):
                chunks.put(item)
            else:
                frames.put(item)
        return iter(())

    def close() -> None:
        replay.close()
        chunks.close()

    feeder = Worker("replay", deliver, events, time.monotonic_ns, on_end=chunks.close)
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
    captions: Captions,
    hud: Hud,
    events: Fifo[Event],
    seconds: float | None,
    stop: Callable[[], bool] = _never,
) -> bool:
    """Show captions until the sound ends, `seconds` have passed or the wearer asks to stop.

    Args:
        media: what is heard and seen; closed at the end.
        captions: the speech sense.
        hud: shows its events.
        events: the channel between them, to which others may write too.
        seconds: stop after so long; None: never.
        stop: asked at least ten times a second whether to stop now.

    Returns:
        Whether the speech sense ended without failing.
    """

    def tell_lost(at_ns: int, lost_s: float) -> None:
        events.put(AudioLost(at_ns, lost_s))

    def speech() -> Iterator[Event]:
        return captions(report_lost(media.audio, tell_lost))

    def ended() -> None:
        _later(media.linger_s, events.close)

    worker = Worker("speech", speech, events, time.monotonic_ns, on_end=ended)
    worker.start()
    media.start()
    if seconds is not None:
        _later(seconds, media.close)
    try:
        hud.run(_UntilStopped(events, stop), media.frames)
    except KeyboardInterrupt:
        pass  # where nobody catches the signal
    finally:
        media.close()
        worker.join(JOIN_S)
    while (event := events.get(0)) is not None:
        hud.handle(event, time.monotonic_ns())
    now_ns = time.monotonic_ns()
    hud.advance(now_ns, time.monotonic_ns)
    last_ns = now_ns + LINGER_LONGEST_S * NS_PER_S
    while media.linger_s and hud.state.waiting and not stop() and time.monotonic_ns() < last_ns:
        time.sleep(0.1)
        hud.advance(time.monotonic_ns(), time.monotonic_ns)
    return worker.failure is None


def run_flat_out(replay: Replay, captions: Captions, hud: Hud, fps: float, stop: Callable[[], bool] = _never) -> int:
    """Show the captions of a recording as fast as they can be made, by its own clock: the same every time.

    When `stop` says so, the recording ends there.

    Returns:
        Media time at the end, nanoseconds.
    """
    period_ns = int(NS_PER_S / fps)
    now_ns = drawn_ns = 0

    def sound() -> Iterator[AudioChunk]:
        nonlocal now_ns, drawn_ns
        for item in replay:
            if stop():
                return
            if isinstance(item, VideoFrame):
                hud.look(item)
                continue
            now_ns = item.ended_ns
            if now_ns - drawn_ns >= period_ns:
                drawn_ns = now_ns
                hud.advance(now_ns)
            yield item

    lost: list[Event] = []
    for event in captions(report_lost(sound(), lambda at, seconds: lost.append(AudioLost(at, seconds)))):
        for told in (*lost, event):
            hud.handle(told, now_ns)
        lost.clear()
        hud.advance(now_ns)
    end_ns = now_ns + int(LINGER_S * NS_PER_S)
    hud.advance(end_ns)
    while hud.state.waiting and end_ns < now_ns + LINGER_LONGEST_S * NS_PER_S:
        end_ns += NS_PER_S
        hud.advance(end_ns)
    return end_ns


def _later(seconds: float, action: Callable[[], None]) -> None:
    if seconds <= 0:
        action()
        return
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
