"""Ribbon-cable cameras over fakes of picamera2 and of an OpenCV with GStreamer."""

import sys
import time
import types

import numpy as np
import pytest

from edge.channels import Latest
from edge.errors import SourceError
from edge.settings import CameraSettings
from edge.sources import csi_camera as module
from edge.sources.camera import open_camera
from edge.sources.csi_camera import jetson_pipeline, open_csi

SETTINGS = CameraSettings(width=640, height=480, fps=25)


class _Request:
    def __init__(self, pixels, metadata):
        self.pixels = pixels
        self.metadata = metadata
        self.released = 0

    def get_metadata(self):
        return self.metadata

    def make_array(self, name):
        assert name == "main"
        return self.pixels

    def release(self):
        self.released += 1


class _Picamera2:
    """Answers as picamera2 does; `made` are all that were made."""

    made: list = []  # noqa: RUF012 - emptied by the fixture
    cameras = 1

    def __init__(self, number):
        if number >= self.cameras:
            raise IndexError("list index out of range")
        self.made.append(self)
        self.calls = []
        self.requests = []
        self.buffer = np.zeros((480, 640, 3), np.uint8)

    def create_video_configuration(self, **options):
        return options

    def configure(self, options):
        self.calls.append(options)

    def start(self):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")

    def close(self):
        self.calls.append("close")

    def capture_request(self):
        self.buffer[:] = len(self.requests)  # the camera writes into the same memory again
        self.requests.append(_Request(self.buffer, {"SensorTimestamp": time.monotonic_ns() - 20_000_000}))
        return self.requests[-1]


@pytest.fixture
def picamera2(monkeypatch):
    _Picamera2.made = []
    monkeypatch.setitem(sys.modules, "picamera2", types.SimpleNamespace(Picamera2=_Picamera2))
    return _Picamera2


def test_a_raspberry_pi_is_asked_for_bgr_of_the_right_size(picamera2):
    open_csi(0, SETTINGS)
    configuration, started = picamera2.made[0].calls
    assert configuration["main"] == {"size": (640, 480), "format": "RGB888"}
    assert configuration["controls"] == {"FrameRate": 25}
    assert started == "start"


def test_frames_are_copies_and_buffers_go_back(picamera2):
    capture = open_csi(0, SETTINGS)
    before_ns = time.monotonic_ns()
    exposed_ns = capture.grab()
    assert before_ns - 21_000_000 < exposed_ns < before_ns
    first = capture.picture()
    capture.grab()
    assert (first == 0).all()
    assert (capture.picture() == 1).all()
    capture.release()
    camera = picamera2.made[0]
    assert [request.released for request in camera.requests] == [1, 1]
    assert camera.calls[-2:] == ["stop", "close"]


def test_a_camera_without_time_stamps(picamera2):
    capture = open_csi(0, SETTINGS)
    picamera2.made[0].capture_request = lambda: _Request(np.zeros((2, 2, 3), np.uint8), {})
    before_ns = time.monotonic_ns()
    assert capture.grab() >= before_ns


def test_nothing_comes(picamera2):
    capture = open_csi(0, SETTINGS)
    picamera2.made[0].capture_request = lambda: None
    assert capture.grab() is None


def test_no_such_camera(picamera2):
    with pytest.raises(SourceError, match=r"camera csi://3 cannot be opened .*rpicam-hello --list-cameras"):
        open_camera("csi://3", Latest())


def test_the_whole_way_into_the_channel(picamera2):
    frames = Latest()
    with open_camera("csi://0", frames, settings=SETTINGS):
        assert frames.take(5).image.shape == (480, 640, 3)


@pytest.fixture
def no_picamera2(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)


def test_a_jetson_uses_its_pipeline(no_picamera2, monkeypatch):
    monkeypatch.setattr(module, "has_gstreamer", lambda: True)
    monkeypatch.setattr(module, "open_pipeline", lambda text: text)
    assert open_csi(1, SETTINGS) == jetson_pipeline(1, SETTINGS)


def test_the_pipeline_keeps_the_newest_picture_only():
    elements = jetson_pipeline(1, SETTINGS).split(" ! ")
    assert elements[0] == "nvarguscamerasrc sensor-id=1"
    assert elements[1] == "video/x-raw(memory:NVMM),width=640,height=480,framerate=25/1"
    assert elements[-2:] == ["video/x-raw,format=BGR", "appsink drop=true max-buffers=1 sync=false"]


def test_neither_library_is_here(no_picamera2, monkeypatch):
    monkeypatch.setattr(module, "has_gstreamer", lambda: False)
    with pytest.raises(SourceError, match=r"and neither is here; run on a Raspberry Pi: scripts/board_setup --csi$"):
        open_camera("csi://0", Latest())


def test_a_picamera2_that_was_built_for_another_numpy(monkeypatch):
    def fail(name):
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setattr(module, "has_gstreamer", lambda: False)
    monkeypatch.setattr(module.importlib, "import_module", fail)
    with pytest.raises(
        SourceError, match=r"cannot be loaded \(numpy.dtype size changed.*; run on a Raspberry Pi: scripts/b"
    ):
        open_csi(0, SETTINGS)
