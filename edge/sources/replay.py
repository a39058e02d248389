"""Replay: a recording as a source like any other, paced like life or flat out."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, get_args

import numpy as np

from edge.errors import SourceError
from edge.media import NS_PER_S, AudioChunk, VideoFrame
from edge.sources.recording import Picture, Recording, probe, read_audio, read_pictures

Pace = Literal["live", "max"]

_LATE_NS = NS_PER_S // 5  # a picture this late is skipped when paced live: a camera would have dropped it too


def open_replay(path: Path, pace: str = "live", *, needs_sound: bool = True, times: int = 1) -> Replay:
    """A recording as a source, checked from end to end before the first chunk.

    Args:
        path: audio or video file.
        pace: `live` hands things out when they would have been captured, stamped on the monotonic clock; `max`
            hands them out at once, stamped in media time from 0, the same every time.
        needs_sound: whether a recording without sound is an error.
        times: how often it is played, without a pause.

    Raises:
        SourceError: unknown pace, or a file that `probe` refuses.
    """
    known: tuple[Pace, ...] = get_args(Pace)
    chosen = next((name for name in known if name == pace), None)
    if chosen is None:
        raise SourceError(f"unknown pace {pace!r}; use live or max")
    return Replay(probe(path, needs_sound=needs_sound), chosen, times=times)


class Replay:
    """Iterates over the chunks and frames of a recording in the order in which a device would deliver them.

    A chunk is delivered when its last sample has been heard, a frame when it was seen. Iterate once. `close` may
    be called from another thread; the iterator then ends.

    Args:
        recording: what `probe` says about the file.
        pace: see `open_replay`.
        clock_ns: monotonic clock.
        wait: waits so many seconds; returns True when the replay was closed meanwhile.
        times: how often the recording is played, as if it stood in the file so often.

    Attributes:
        recording: what is in the file.
        skipped: pictures left out because they were late, paced live only.
    """

    def __init__(
        self,
        recording: Recording,
        pace: Pace = "live",
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wait: Callable[[float], bool] | None = None,
        times: int = 1,
    ) -> None:
        self.recording = recording
        self._times = times
        self._live = pace == "live"
        self._clock_ns = clock_ns
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self.skipped = 0

    def __enter__(self) -> Replay:  # noqa: PYI034 - typing.Self is Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_live(self) -> bool:
        """Whether it is paced like life."""
        return self._live

    def close(self) -> None:
        """End the iteration, at the latest with the next item."""
        self._closed.set()

    def __iter__(self) -> Iterator[AudioChunk | VideoFrame]:
        start_ns = self._clock_ns() if self._live else 0
        index = 0
        for due_ns, item in _over_and_over(self.recording, self._times):
            late_ns = self._reach(start_ns + due_ns)
            if self._closed.is_set():
                return
            if isinstance(item, AudioChunk):
                yield AudioChunk(item.samples, item.sample_rate, start_ns + item.captured_ns, item.lost)
            elif late_ns > _LATE_NS:
                self.skipped += 1
            else:
                yield VideoFrame(item.image(), start_ns + item.captured_ns, index)
            index += isinstance(item, Picture)

    def _reach(self, due_ns: int) -> int:
        """Wait until `due_ns` on the clock; nanoseconds by which it is already past. Nothing is late flat out."""
        if not self._live:
            return 0
        late_ns = self._clock_ns() - due_ns
        if late_ns < 0:
            self._wait(-late_ns / NS_PER_S)
        return late_ns


def _over_and_over(recording: Recording, times: int) -> Iterator[tuple[int, AudioChunk | Picture]]:
    """Everything in the file so many times; where the pictures end after the sound, silence fills the rest."""
    begin_ns = 0
    for last in reversed(range(times)):
        heard_ns = seen_ns = begin_ns
        for due_ns, item in _in_time(recording):
            moved = replace(item, captured_ns=begin_ns + item.captured_ns) if begin_ns else item
            if isinstance(moved, AudioChunk):
                heard_ns = moved.ended_ns
            else:
                seen_ns = moved.captured_ns + round(NS_PER_S / recording.fps) if recording.fps else moved.captured_ns
            yield begin_ns + due_ns, moved
        if last and recording.sample_rate and seen_ns > heard_ns:
            rest = np.zeros((seen_ns - heard_ns) * recording.sample_rate // NS_PER_S, np.float32)
            yield seen_ns, AudioChunk(rest, recording.sample_rate, heard_ns)
        begin_ns = max(heard_ns, seen_ns)


def _in_time(recording: Recording) -> Iterator[tuple[int, AudioChunk | Picture]]:
    """Everything in the file with the time when it is due; sound and pictures are read side by side."""
    tracks: list[Iterator[tuple[int, AudioChunk | Picture]]] = []
    if recording.sample_rate:
        tracks.append((chunk.ended_ns, chunk) for chunk in read_audio(recording.path))
    if recording.width:
        tracks.append((picture.captured_ns, picture) for picture in read_pictures(recording.path))
    return heapq.merge(*tracks, key=lambda due: due[0])
