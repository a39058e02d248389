"""What is asked of OpenCV, over a fake of it."""

import os
import sys
import time
import types
from pathlib import Path

import cv2 as real_cv2
import numpy as np
import pytest

from edge.errors import SourceError
from edge.settings import CameraSettings
from edge.sources.opencv_camera import OpenCvCapture, has_gstreamer, import_cv2, open_local, open_network, open_pipeline
from edge.sources.uri import CameraUri, parse_camera

SETTINGS = CameraSettings(width=1280, height=720, fps=30, open_s=7, stall_s=3)


class _Capture:
    def __init__(self, *arguments):
        self.arguments = arguments
        self.asked = []
        self.there = True
        self.position_ms = 0.0
        self.released = False

    def set(self, key, value):
        self.asked.append((key, value))
        return False  # a camera may know nothing of it

    def get(self, key):
        assert key == real_cv2.CAP_PROP_POS_MSEC
        return self.position_ms

    def grab(self):
        return self.there

    def retrieve(self):
        return (True, np.zeros((2, 2, 3), np.uint8)) if self.there else (False, None)

    def release(self):
        self.released = True


@pytest.fixture
def fake(monkeypatch):
    """OpenCV with a capture that remembers what it was asked."""
    names = {name: getattr(real_cv2, name) for name in dir(real_cv2) if name.startswith("CAP_")}
    module = types.SimpleNamespace(
        **names,
        utils=real_cv2.utils,
        VideoWriter=real_cv2.VideoWriter,
        videoio_registry=types.SimpleNamespace(getCameraBackends=lambda: [real_cv2.CAP_V4L2]),
        VideoCapture=_Capture,
    )
    monkeypatch.setitem(sys.modules, "cv2", module)
    return module


@pytest.mark.parametrize(
    ("platform", "backend"),
    [("linux", "CAP_V4L2"), ("darwin", "CAP_AVFOUNDATION"), ("win32", "CAP_DSHOW"), ("freebsd14", "CAP_ANY")],
)
def test_each_system_has_its_own_backend(fake, monkeypatch, platform, backend):
    monkeypatch.setattr("sys.platform", platform)
    capture = open_local(CameraUri("number", number=2), SETTINGS)
    assert capture._capture.arguments == (2, getattr(real_cv2, backend))


def test_size_and_rate_are_asked_for_after_the_format(fake, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    capture = open_local(CameraUri("device", path=Path("/dev/video3")), SETTINGS)
    assert capture._capture.arguments == ("/dev/video3", real_cv2.CAP_V4L2)
    assert capture._capture.asked == [
        (real_cv2.CAP_PROP_FOURCC, real_cv2.VideoWriter.fourcc(*"MJPG")),
        (real_cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (real_cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (real_cv2.CAP_PROP_FPS, 30),
    ]


@pytest.mark.parametrize(
    ("platform", "other"),
    [("linux", {"fourcc": ""}), ("darwin", {}), ("linux", {"width": 640, "height": 480}), ("linux", {"fps": 10})],
)
def test_the_format_may_be_left_alone(fake, monkeypatch, platform, other):
    monkeypatch.setattr("sys.platform", platform)
    capture = open_local(CameraUri("number"), SETTINGS.model_copy(update=other))
    assert real_cv2.CAP_PROP_FOURCC not in dict(capture._capture.asked)


def test_network_cameras_time_out(fake):
    capture = open_network(parse_camera("rtsp://user:secret@10.0.0.2/live"), SETTINGS)
    assert capture._capture.arguments == (
        "rtsp://user:secret@10.0.0.2/live",
        real_cv2.CAP_FFMPEG,
        [real_cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 7_000, real_cv2.CAP_PROP_READ_TIMEOUT_MSEC, 3_000],
    )


def test_pipelines(fake):
    assert open_pipeline("a ! b")._capture.arguments == ("a ! b", real_cv2.CAP_GSTREAMER)
    assert not has_gstreamer()
    fake.videoio_registry.getCameraBackends = lambda: [real_cv2.CAP_GSTREAMER]
    assert has_gstreamer()


def test_the_driver_tells_when_a_frame_was_exposed():
    inner = _Capture()
    capture = OpenCvCapture(inner, real_cv2.CAP_PROP_POS_MSEC)
    exposed_ms = time.monotonic_ns() // 1_000_000 - 40
    inner.position_ms = float(exposed_ms)
    assert capture.grab() == exposed_ms * 1_000_000


@pytest.mark.parametrize("stamped_by", [None, real_cv2.CAP_PROP_POS_MSEC])
def test_else_a_frame_is_as_old_as_its_grab(stamped_by):
    before_ns = time.monotonic_ns()
    assert before_ns <= OpenCvCapture(_Capture(), stamped_by).grab() <= time.monotonic_ns()


def test_nothing_comes():
    inner = _Capture()
    capture = OpenCvCapture(inner)
    assert capture.picture().shape == (2, 2, 3)
    inner.there = False
    assert capture.grab() is None
    assert capture.picture() is None
    capture.release()
    assert inner.released


def test_without_opencv(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SourceError, match=r"sudo apt install libgl1 libglib2\.0-0"):
        import_cv2()


def test_opencv_keeps_quiet(fake, monkeypatch):
    monkeypatch.delenv("OPENCV_FFMPEG_LOGLEVEL", raising=False)
    import_cv2()
    assert os.environ["OPENCV_FFMPEG_LOGLEVEL"] == "-8"
    assert real_cv2.utils.logging.getLogLevel() <= real_cv2.utils.logging.LOG_LEVEL_ERROR
