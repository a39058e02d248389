"""Cameras: a thread reads frames and keeps the newest one.

Numbers, device files and network addresses go through OpenCV; pictures, folders of pictures and films stand in
for a camera, over and over. `captured_ns` is the monotonic clock when the read returned, one or two frames after
the light.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from edge.channels import Latest
from edge.errors import SourceError, SourceLostError
from edge.media import NS_PER_S, Image, VideoFrame
from edge.sources.recording import probe, read_pictures
from edge.sources.reopening import Reopening, Source
from edge.sources.uri import CameraUri, parse_camera

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})

_STILL_FPS = 5.0  # a still is shown as a camera would show it: again and again
_STILL_S = 2.0  # how long each picture of a folder stays
_TIMEOUT_MS = 5_000  # of network cameras
_JOIN_S = 1.0


def open_camera(
    uri: str,
    frames: Latest[VideoFrame],
    on_lost: Callable[[SourceLostError], None] = lambda _: None,
    on_restored: Callable[[], None] = lambda: None,
) -> Camera:
    """Start a camera that comes back when it is plugged in again.

    Args:
        uri: see `edge.sources.uri`.
        frames: where frames go; closed when the camera is.
        on_lost: called, in the camera's thread, when the device went away.
        on_restored: called there when it is back.

    Raises:
        SourceError: no such camera, file or folder, or nothing comes from it.
    """
    parsed = parse_camera(uri)
    return Camera(Reopening(lambda _: _open(parsed), on_lost, on_restored), frames)


class Camera:
    """The thread that moves frames from a source into a channel; the newest frame wins.

    Attributes:
        failure: what ended the thread, if anything did.
    """

    def __init__(self, source: Source[VideoFrame], frames: Latest[VideoFrame]) -> None:
        self.failure: Exception | None = None
        self._source = source
        self._frames = frames
        self._thread = threading.Thread(target=self._run, name="edge-camera", daemon=True)
        self._thread.start()

    def __enter__(self) -> Camera:  # noqa: PYI034 - typing.Self is Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and end the channel."""
        self._source.close()
        self._thread.join(_JOIN_S)
        self._frames.close()

    def _run(self) -> None:
        try:
            for index, frame in enumerate(self._source):
                self._frames.put(VideoFrame(frame.image, frame.captured_ns, index))
        except Exception as error:  # noqa: BLE001 - kept for whoever asks; the other senses go on
            self.failure = error
        finally:
            self._frames.close()


class Device:
    """An opened camera of OpenCV.

    Judged by what it delivers: an absent one may call itself open, and an unplugged one goes on doing so.

    Raises:
        SourceError: it cannot be opened, or gives no first frame.
    """

    def __init__(self, uri: CameraUri, capture: Any) -> None:
        self._uri = uri
        self._capture = capture
        self._closing = False
        self._using = threading.Lock()
        self._first = self._read()
        if self._first is None:
            capture.release()
            advice = "the address" if uri.kind == "network" else "that it is plugged in and free: edge devices"
            raise SourceError(f"camera {uri} gives no picture; check {advice}")

    def __iter__(self) -> Iterator[VideoFrame]:
        frame, self._first = self._first, None
        for index in count():
            if frame is None or self._closing:
                break
            yield VideoFrame(frame, time.monotonic_ns(), index)
            frame = self._read()
        if not self._closing:
            raise SourceLostError(f"camera {self._uri} went away; plug it in again")

    def close(self) -> None:
        """Let go of the device, once a read in progress has ended."""
        self._closing = True
        if self._using.acquire(timeout=_JOIN_S):
            self._capture.release()
            self._using.release()

    def _read(self) -> Image | None:
        with self._using:
            if self._closing:
                return None
            there, image = self._capture.read()
        return image if there else None


class Still:
    """Pictures in place of a camera.

    Args:
        images: makes the images to show and the seconds for which each is shown.
    """

    def __init__(self, images: Callable[[], Iterator[tuple[Image, float]]]) -> None:
        self._images = images
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[VideoFrame]:
        due_ns = time.monotonic_ns()
        for index, (image, seconds) in enumerate(self._images()):
            if self._closed.is_set():
                return
            yield VideoFrame(image, time.monotonic_ns(), index)
            due_ns = max(due_ns + int(seconds * NS_PER_S), time.monotonic_ns())
            self._closed.wait((due_ns - time.monotonic_ns()) / NS_PER_S)

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()


def _open(uri: CameraUri) -> Source[VideoFrame]:
    if uri.kind == "csi":
        raise SourceError(
            f"camera {uri} needs a driver that this version does not have yet; "
            "start with libcamerify (Raspberry Pi) and use --camera 0"
        )
    if uri.kind == "file":
        return _stand_in(uri.path)
    if uri.kind == "device" and not uri.path.exists():
        raise SourceError(f"camera {uri} does not exist; edge devices lists what there is")
    cv2 = _import_cv2()
    if uri.kind == "network":
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
        return Device(uri, cv2.VideoCapture(uri.address, cv2.CAP_FFMPEG, timeouts))
    backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
    capture = cv2.VideoCapture(uri.number if uri.kind == "number" else str(uri.path), backend)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # newest frame wins in the driver, too
    return Device(uri, capture)


def _stand_in(path: Path) -> Still:
    if not path.exists():
        raise SourceError(f"camera {path} does not exist; give a picture, a folder of pictures, a film or a number")
    if path.is_dir():
        pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES)
        if not pictures:
            raise SourceError(
                f"camera {path} is a folder without pictures; put {', '.join(sorted(PICTURES))} files in it"
            )
        _read_picture(pictures[0])
        return Still(lambda: _show_pictures(pictures))
    if path.suffix.lower() in PICTURES:
        image = _read_picture(path)
        return Still(lambda: ((image, 1 / _STILL_FPS) for _ in count()))
    recording = probe(path, needs_sound=False)
    if not recording.width:
        raise SourceError(f"camera {path} has no pictures in it; use it as sound: --replay {path}")
    return Still(lambda: _show_film(path))


def _show_pictures(pictures: list[Path]) -> Iterator[tuple[Image, float]]:
    while True:
        for path in pictures:
            image = _read_picture(path)
            for _ in range(round(_STILL_S * _STILL_FPS)):
                yield image, 1 / _STILL_FPS


def _show_film(path: Path) -> Iterator[tuple[Image, float]]:
    while True:
        before = None
        for picture in read_pictures(path):
            if before is not None:
                yield before.image(), (picture.captured_ns - before.captured_ns) / NS_PER_S
            before = picture
        if before is not None:
            yield before.image(), 1 / _STILL_FPS


def _read_picture(path: Path) -> Image:
    image: Image | None = _import_cv2().imread(str(path))
    if image is None:
        raise SourceError(f"picture {path} cannot be decoded; open it in a viewer and save it again")
    return image


def _import_cv2() -> Any:
    try:
        import cv2
    except ImportError as error:  # libGL.so.1 and friends are missing, or the package is
        raise SourceError(
            f"cameras need OpenCV, which cannot be loaded ({error}); "
            "run: sudo apt install libgl1 libglib2.0-0, or: pip install opencv-python"
        ) from error
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # an absent camera is told by our own line
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet; else it prints addresses with their passwords
    return cv2
