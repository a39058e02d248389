"""Live cameras: a thread that reads for as long as the device gives, and notices when it no longer does.

A read may block for ever, in the driver or the network, and nothing can interrupt it. So reading has a thread of its
own; whoever waits for a frame waits for so long and no longer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import numpy.typing as npt

from edge.channels import Latest
from edge.errors import SourceError, SourceLostError
from edge.media import NS_PER_S, Image, VideoFrame
from edge.settings import CameraSettings
from edge.sources.pixels import to_bgr

_JOIN_S = 1.0
_EARLY = 0.25  # of the time between two frames: so much before its time one is kept, because clocks jitter


class Capture(Protocol):
    """An opened camera of some library; used by one thread only."""

    def grab(self) -> int | None:
        """Wait for the next frame: when it was exposed, monotonic clock, nanoseconds; None when nothing comes."""
        ...

    def picture(self) -> npt.NDArray[Any] | None:
        """The frame just grabbed, decoded, in a shape that `to_bgr` takes; None when it is damaged."""
        ...

    def release(self) -> None:
        """Let go of the device."""
        ...


@dataclass(frozen=True)
class Advice:
    """What the wearer can do about a camera.

    Attributes:
        absent: when it gives nothing at all.
        gone: when it went away.
        stuck: when it no longer answers.
    """

    absent: str = "check that it is plugged in and free: edge devices"
    gone: str = "plug it in again"
    stuck: str = "unplug it and plug it in again"


class FrameReader:
    """A thread that opens a camera, keeps its newest frame and lets go of it, all in that one thread.

    Args:
        open_capture: opens the camera; may block.
        settings: how many frames to keep.

    Attributes:
        frames: the newest frame; closed when no more will come.
        damaged: frames that were no picture.
        ended: whether no more frames will come.
        failure: what ended the thread, if an exception did.
    """

    def __init__(self, open_capture: Callable[[], Capture], settings: CameraSettings) -> None:
        self.frames: Latest[VideoFrame] = Latest()
        self.damaged = 0
        self.ended = False
        self.failure: Exception | None = None
        self._open = open_capture
        self._period_ns = int(NS_PER_S / settings.kept_fps)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edge-camera-read", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still holds the device."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Ask the thread to end and wait a second for it; one that is stuck lets go when its read returns."""
        self._closing.set()
        self.frames.close()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            capture = self._open()
            try:
                for frame in self._read(capture):
                    self.frames.put(frame)
            finally:
                capture.release()
        except Exception as error:  # noqa: BLE001 - a driver raises what it likes; told by whoever waits for frames
            self.failure = error
        finally:
            self.ended = True
            self.frames.close()

    def _read(self, capture: Capture) -> Iterator[VideoFrame]:
        due_ns = 0
        indices = count()
        while not self._closing.is_set():
            captured_ns = capture.grab()
            if captured_ns is None:
                return
            if captured_ns < due_ns - self._period_ns * _EARLY:
                continue
            due_ns = max(due_ns, captured_ns - self._period_ns) + self._period_ns
            image = _picture(capture)
            if image is None:
                self.damaged += 1
            else:
                yield VideoFrame(image, captured_ns, next(indices))


def _picture(capture: Capture) -> Image | None:
    pixels = capture.picture()
    try:
        return to_bgr(pixels) if pixels is not None else None
    except SourceError:
        return None


class Device:
    """A live camera; iterating gives its frames and raises SourceLostError when they stop.

    Judged by what it delivers: an absent one may call itself open, and an unplugged one goes on doing so.

    Args:
        name: what the wearer calls it.
        reader: reads it.
        settings: how long to wait for frames.
        advice: what to do about it.

    Raises:
        SourceError: it cannot be opened, or gives no first frame.
    """

    def __init__(self, name: str, reader: FrameReader, settings: CameraSettings, advice: Advice) -> None:
        self._name = name
        self._reader = reader
        self._stall_s = settings.stall_s
        self._advice = advice
        self._closed = threading.Event()
        self._first = reader.frames.take(settings.open_s)
        if self._first is not None:
            return
        reader.close()
        if isinstance(reader.failure, SourceError):
            raise reader.failure
        why = f" ({reader.failure})" if reader.failure else ""
        raise SourceError(f"camera {name} gives no picture{why}; {advice.absent}")

    def __iter__(self) -> Iterator[VideoFrame]:
        frame, self._first = self._first, None
        while frame is not None and not self._closed.is_set():
            yield frame
            frame = self._reader.frames.take(self._stall_s)
        if not self._closed.is_set():
            raise SourceLostError(f"camera {self._name} {self._what_happened()}")

    def close(self) -> None:
        """Let go of the device, once a read in progress has ended."""
        self._closed.set()
        self._reader.close()

    def _what_happened(self) -> str:
        if self._reader.ended:
            why = f" ({self._reader.failure})" if self._reader.failure else ""
            return f"went away{why}; {self._advice.gone}"
        return f"has frozen: no picture for {self._stall_s:g} s; {self._advice.stuck}"


class DeviceOpener:
    """Opens one camera as often as it takes, but never while a read of it is stuck: threads would pile up.

    Args:
        name: what the wearer calls it.
        open_capture: opens the camera; called in the thread that reads.
        settings: see `CameraSettings`.
        advice: what to do about it.
    """

    def __init__(
        self, name: str, open_capture: Callable[[], Capture], settings: CameraSettings, advice: Advice
    ) -> None:
        self._name = name
        self._open = open_capture
        self._settings = settings
        self._advice = advice
        self._reader: FrameReader | None = None

    def __call__(self) -> Device:
        """Open it.

        Raises:
            SourceError: see `Device`; or the last read is stuck still.
        """
        if self._reader is not None and self._reader.alive:
            raise SourceError(f"camera {self._name} is stuck; {self._advice.stuck}")
        self._reader = FrameReader(self._open, self._settings)
        return Device(self._name, self._reader, self._settings, self._advice)


def exposed_ns(told_ns: float, now_ns: int | None = None) -> int:
    """When a frame was exposed: what the driver tells, where that is on our clock, else now.

    Args:
        told_ns: the driver's time stamp, nanoseconds; any clock, or nonsense.
        now_ns: monotonic clock.
    """
    now_ns = time.monotonic_ns() if now_ns is None else now_ns
    return int(told_ns) if now_ns - NS_PER_S < told_ns <= now_ns else now_ns
