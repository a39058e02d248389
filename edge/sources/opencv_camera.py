"""Cameras that OpenCV opens: by number, by device file, by network address, by GStreamer pipeline."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy.typing as npt

from edge.errors import SourceError
from edge.settings import CameraSettings
from edge.sources.camera_device import exposed_ns
from edge.sources.uri import CameraUri

_NS_PER_MS = 1_000_000
_USB_2 = 3 * 1024 * 8000  # bytes a second of a camera, at most (USB 2.0 specification, section 5.6.3)
_PLAIN = 2  # bytes a pixel of YUYV


class OpenCvCapture:
    """A `Capture` over an object of cv2.VideoCapture.

    Args:
        capture: the object.
        stamped_by: property that tells when a frame was exposed, in milliseconds of the monotonic clock; None where
            the backend cannot tell.
    """

    def __init__(self, capture: Any, stamped_by: int | None = None) -> None:
        self._capture = capture
        self._stamped_by = stamped_by

    def grab(self) -> int | None:
        """See `Capture`. The time stamp is judged before decoding, which takes milliseconds."""
        if not self._capture.grab():
            return None
        told_ms = self._capture.get(self._stamped_by) if self._stamped_by is not None else 0.0
        return exposed_ns(told_ms * _NS_PER_MS)

    def picture(self) -> npt.NDArray[Any] | None:
        """See `Capture`."""
        there, image = self._capture.retrieve()
        return image if there else None

    def release(self) -> None:
        """See `Capture`."""
        self._capture.release()


def open_local(uri: CameraUri, settings: CameraSettings) -> OpenCvCapture:
    """A camera of this machine through V4L2, AVFoundation or DirectShow, asked for the size and rate of the settings.

    V4L2 stamps its buffers with the monotonic clock at exposure (kernel documentation, `V4L2_BUF_FLAG_TIMESTAMP_*`).
    """
    cv2 = import_cv2()
    linux = sys.platform.startswith("linux")
    backends = {"darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_DSHOW}
    backend = cv2.CAP_V4L2 if linux else backends.get(sys.platform, cv2.CAP_ANY)
    capture = cv2.VideoCapture(uri.number if uri.kind == "number" else str(uri.path), backend)
    too_much = settings.width * settings.height * settings.fps * _PLAIN > _USB_2
    if linux and settings.fourcc and too_much:  # before the size: what sizes there are depends on the format
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.fourcc))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    capture.set(cv2.CAP_PROP_FPS, settings.fps)
    return OpenCvCapture(capture, cv2.CAP_PROP_POS_MSEC if linux else None)


def open_network(uri: CameraUri, settings: CameraSettings) -> OpenCvCapture:
    """A camera at an address (HTTP MJPEG, RTSP), through OpenCV's own FFmpeg."""
    cv2 = import_cv2()
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(settings.open_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(settings.stall_s * 1000),
    ]  # fmt: skip
    return OpenCvCapture(cv2.VideoCapture(uri.address, cv2.CAP_FFMPEG, limits))


def open_pipeline(pipeline: str) -> OpenCvCapture:
    """The end of a GStreamer pipeline, for an OpenCV that was built with GStreamer."""
    cv2 = import_cv2()
    return OpenCvCapture(cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER))


def has_gstreamer() -> bool:
    """Whether this OpenCV was built with GStreamer; that of the package index is not."""
    cv2 = import_cv2()
    return cv2.CAP_GSTREAMER in cv2.videoio_registry.getCameraBackends()


def import_cv2() -> Any:
    """OpenCV, made quiet.

    Raises:
        SourceError: it cannot be loaded.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet; else it prints addresses with their passwords
    try:
        import cv2
    except ImportError as error:  # libGL.so.1 and friends are missing, or the package is
        raise SourceError(
            f"cameras need OpenCV, which cannot be loaded ({error}); "
            "run: sudo apt install libgl1 libglib2.0-0, or: pip install opencv-python-headless"
        ) from error
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # an absent camera is told by our own line
    return cv2
