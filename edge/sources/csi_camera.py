"""Ribbon-cable cameras: picamera2 on a Raspberry Pi, GStreamer with Nvidia's source on a Jetson.

Picamera2 manual (Raspberry Pi Ltd), sections 4.2 and 6.1; Jetson Linux developer guide, "Accelerated GStreamer".
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy.typing as npt

from edge.errors import SourceError
from edge.settings import CameraSettings
from edge.sources.camera_device import Capture, exposed_ns
from edge.sources.opencv_camera import has_gstreamer, open_pipeline

_BUFFERS = 4


def open_csi(number: int, settings: CameraSettings) -> Capture:
    """The ribbon-cable camera with that number.

    Raises:
        SourceError: no library here can open one, or it cannot be opened.
    """
    try:
        library = importlib.import_module("picamera2")
    except (ImportError, ValueError) as error:  # ValueError: the system's simplejpeg was built for another numpy
        if has_gstreamer():
            return open_pipeline(jetson_pipeline(number, settings))
        why = "neither is here" if isinstance(error, ModuleNotFoundError) else f"it cannot be loaded ({error})"
        raise SourceError(
            f"camera csi://{number} needs picamera2, or on a Jetson an OpenCV with GStreamer, and {why}; "
            "run on a Raspberry Pi: scripts/board_setup --csi"
        ) from error
    return PicameraCapture(library, number, settings)


class PicameraCapture:
    """A `Capture` over picamera2.

    Args:
        library: the module picamera2.
        number: of the camera.
        settings: size and rate.

    Raises:
        SourceError: there is no such camera, or another program has it.
    """

    def __init__(self, library: Any, number: int, settings: CameraSettings) -> None:
        try:
            self._camera = library.Picamera2(number)
        except (IndexError, RuntimeError, OSError) as error:
            raise SourceError(
                f"camera csi://{number} cannot be opened ({error}); check its cable and that it is free: "
                "rpicam-hello --list-cameras"
            ) from error
        size = (settings.width, settings.height)
        self._camera.configure(
            self._camera.create_video_configuration(
                main={"size": size, "format": "RGB888"},  # which libcamera names from the last byte on: BGR in memory
                buffer_count=_BUFFERS,
                controls={"FrameRate": settings.fps},
            )
        )
        self._camera.start()
        self._request: Any = None

    def grab(self) -> int | None:
        """See `Capture`."""
        self._let_go()
        self._request = self._camera.capture_request()
        if self._request is None:
            return None
        return exposed_ns(self._request.get_metadata().get("SensorTimestamp", 0))

    def picture(self) -> npt.NDArray[Any] | None:
        """See `Capture`. A copy: the buffer goes back to the camera."""
        pixels: npt.NDArray[Any] = self._request.make_array("main")
        return pixels.copy()

    def release(self) -> None:
        """See `Capture`."""
        self._let_go()
        self._camera.stop()
        self._camera.close()

    def _let_go(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.release()


def jetson_pipeline(number: int, settings: CameraSettings) -> str:
    """The GStreamer pipeline from a Jetson's camera to BGR pictures, the newest only."""
    asked = f"width={settings.width},height={settings.height},framerate={round(settings.fps)}/1"
    return (
        f"nvarguscamerasrc sensor-id={number} ! video/x-raw(memory:NVMM),{asked} ! "
        "nvvidconv ! video/x-raw,format=BGRx ! videoconvert ! video/x-raw,format=BGR ! "
        "appsink drop=true max-buffers=1 sync=false"
    )
