"""The HUD as an H.264 video file, with PyAV: constant frame rate, video time is clock time.

PyAV is imported with the first picture, after all sinks are open: see `sinks.prepare`.
"""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from edge.errors import SinkError
from edge.events import Event
from edge.media import NS_PER_S, Image

BURST = 60
"""Most repeated frames written at once by `poll`, so that a pause never blocks the HUD for long."""


class VideoSink:
    """Writes an MP4 file. Frames are repeated so that the video runs as the clock did.

    The file has a temporary name until `close`; a crash leaves `NAME.part`, never half a video under `NAME`.
    """

    name: str

    def __init__(self, path: Path, fps: float) -> None:
        self.name = path.name
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._rate = Fraction(fps).limit_denominator(1000)
        self._errors: tuple[type[Exception], ...] = (OSError,)
        self._stream: Any = None
        self._file: Any = None
        self._av: Any = None
        self._image: Image | None = None
        self._fresh = self._failed = self._closed = False
        self._started_ns = self._written = self._until = 0
        try:
            if path.is_dir():
                raise IsADirectoryError(21, "is a folder")
            self._out = self._part.open("wb")
        except OSError as error:
            raise SinkError(f"video {path} cannot be written ({_reason(error)}); choose another file") from error

    def __enter__(self) -> VideoSink:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def show(self, image: Image, now_ns: int) -> None:
        """Show `image` (uint8 [height, width, 3] BGR) from clock time `now_ns` on.

        Raises:
            SinkError: the file cannot be written any more (disk full).
        """
        if self._stream is None:
            self._start(image, now_ns)
        self._repeat(self._due(now_ns))
        self._image, self._fresh = image, True

    def poll(self, now_ns: int) -> bool:
        """Write the frames that have become due, a few at a time; always True."""
        self._until = max(self._until, self._due(now_ns))
        self._repeat(min(self._until, self._written + BURST))
        return True

    def tell(self, event: Event) -> None:
        """Nothing: a video shows pixels only."""

    def close(self) -> None:
        """Finish the video and give it its name. A video in which nothing was shown, or that failed, leaves no file.

        Raises:
            SinkError: the end of the file cannot be written.
        """
        if self._closed:
            return
        self._closed = True
        whole = self._stream is not None and not self._failed
        try:
            if whole and self._stream is not None:
                self._repeat(max(self._until, self._written + self._fresh))
                self._file.mux(self._stream.encode())
            if self._file is not None:
                self._file.close()
            self._out.close()
            if whole:
                self._part.replace(self._path)
        except self._errors as error:
            raise SinkError(f"video {self._path} could not be finished ({_reason(error)})") from error
        finally:
            with contextlib.suppress(OSError):
                self._out.close()
            self._part.unlink(missing_ok=True)

    def _start(self, image: Image, now_ns: int) -> None:
        import av

        self._av, self._errors = av, (OSError, av.error.FFmpegError)
        self._file = av.open(self._out, "w", format="mp4")  # our own file: FFmpeg's hides that a disk was full
        height, width = (side - side % 2 for side in image.shape[:2])
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        options = {"preset": "veryfast", "crf": "20", "tune": "animation"} if codec == "libx264" else {"qscale": "3"}
        stream = self._file.add_stream(codec, rate=self._rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        self._stream, self._started_ns = stream, now_ns

    def _due(self, now_ns: int) -> int:
        """How many frames there are before clock time `now_ns`."""
        return int((now_ns - self._started_ns) * self._rate / NS_PER_S)

    def _repeat(self, until: int) -> None:
        """Write the present image until the video has `until` frames."""
        if self._image is None or self._stream is None or self._written >= until:
            return
        height, width = self._stream.height, self._stream.width
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(self._image[:height, :width]), format="bgr24")
        try:
            while self._written < until:
                frame.pts = self._written
                frame.time_base = 1 / self._rate
                self._file.mux(self._stream.encode(frame))
                self._written += 1
                self._fresh = False
        except self._errors as error:
            self._failed = True
            raise SinkError(f"video {self._path} cannot be written any more ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)
