"""Cameras over a fake of OpenCV's capture, and pictures, folders and films in their place."""

import sys
import threading
import types
from pathlib import Path

import av
import cv2 as real_cv2
import numpy as np
import pytest

from edge.channels import Latest
from edge.errors import SourceError, SourceLostError
from edge.sources import camera as module
from edge.sources.camera import Device, open_camera
from edge.sources.uri import CameraUri


class _Capture:
    """Gives numbered pictures, waits at `hold` for permission, and fails when they run out."""

    def __init__(self, pictures=3, hold=None):
        self.left = list(range(pictures))
        self.hold = hold
        self.released = False
        self.settings = {}

    def set(self, key, value):
        self.settings[key] = value

    def read(self):
        if self.hold is not None:
            self.hold.wait(5)
        if not self.left:
            return False, None
        return True, np.full((2, 2, 3), self.left.pop(0), np.uint8)

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return True  # as a real one does after it was unplugged

    def release(self):
        self.released = True


@pytest.fixture
def captures(monkeypatch):
    """The captures that opening will give, in order; `asked` is what was opened."""
    ready, asked = [], []

    def open_capture(*arguments):
        asked.append(arguments)
        return ready.pop(0)

    fake = types.SimpleNamespace(
        VideoCapture=open_capture,
        CAP_V4L2=200, CAP_ANY=0, CAP_FFMPEG=1900, CAP_PROP_BUFFERSIZE=38,
        CAP_PROP_OPEN_TIMEOUT_MSEC=53, CAP_PROP_READ_TIMEOUT_MSEC=54,
        utils=real_cv2.utils, imread=real_cv2.imread,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "cv2", fake)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(module, "Reopening", module_reopening)
    return types.SimpleNamespace(ready=ready, asked=asked)


def module_reopening(open_source, on_lost, on_restored):
    from edge.sources.reopening import Reopening

    return Reopening(open_source, on_lost, on_restored, wait=lambda _: False)


def test_a_device_gives_frames_until_it_is_unplugged():
    device = Device(CameraUri("number", number=1), _Capture(3))
    frames = []
    with pytest.raises(SourceLostError, match="camera 1 went away; plug it in again"):
        frames.extend(iter_into(device, frames))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 2]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.captured_ns for frame in frames] == sorted(frame.captured_ns for frame in frames)


def iter_into(source, kept):
    for item in source:
        kept.append(item)
    return []


def test_a_device_that_says_it_is_open_but_gives_nothing_is_an_error(captures):
    captures.ready.append(_Capture(0))
    with pytest.raises(SourceError, match=r"camera 0 gives no picture; check that it is plugged in and free"):
        open_camera("0", Latest())


@pytest.mark.parametrize(("uri", "opened"), [("0", (0, 200)), ("/dev/null", ("/dev/null", 200))])
def test_local_devices(captures, uri, opened):
    capture = _Capture(10_000)
    captures.ready.append(capture)
    frames = Latest()
    with open_camera(uri, frames):
        assert frames.take(5) is not None
    assert captures.asked == [opened]
    assert capture.settings == {38: 1}
    assert capture.released
    assert frames.take(0) is None or frames.take(0) is None


def test_network_cameras_time_out(captures):
    captures.ready.append(_Capture(0))
    with pytest.raises(SourceError, match=r"camera rtsp://10\.0\.0\.2/live gives no picture; check the address"):
        open_camera("rtsp://user:secret@10.0.0.2/live", Latest())
    assert captures.asked == [("rtsp://user:secret@10.0.0.2/live", 1900, [53, 5_000, 54, 5_000])]


def test_the_newest_frame_wins(captures):
    hold = threading.Event()
    hold.set()
    captures.ready.append(_Capture(50, hold))
    lost = threading.Event()
    captures.ready.append(_Capture(0))
    frames = Latest()
    source = open_camera("0", frames, lambda _: lost.set())
    assert lost.wait(5)
    newest = frames.take(0)
    assert int(newest.image[0, 0, 0]) == 49
    assert frames.skipped == 49
    captures.ready.extend([_Capture(0)] * 10_000)
    source.close()


def test_unplugged_and_plugged_in_again(captures):
    captures.ready.extend([_Capture(2), _Capture(0), _Capture(100_000)])
    told = []
    back = threading.Event()

    def restored():
        told.append("restored")
        back.set()

    frames = Latest()
    with open_camera("0", frames, lambda error: told.append(str(error)), restored):
        assert back.wait(5)
        assert frames.take(5) is not None
    assert told == ["camera 0 went away; plug it in again", "restored"]


def test_frames_are_numbered_through(captures):
    captures.ready.extend([_Capture(2), _Capture(2), *[_Capture(0)] * 10_000])
    seen = []

    class _Kept(Latest):
        def put(self, item):
            seen.append(item.index)
            if len(seen) == 4:
                done.set()

    done = threading.Event()
    source = open_camera("0", _Kept())
    assert done.wait(5)
    source.close()
    assert seen[:4] == [0, 1, 2, 3]


def test_a_broken_driver_ends_the_camera_and_is_kept(captures):
    capture = _Capture(1)
    captures.ready.append(capture)
    hold = capture.hold = threading.Event()
    hold.set()

    def read():
        if capture.left:
            return True, np.zeros((2, 2, 3), np.uint8) if capture.left.pop() is not None else None
        raise RuntimeError("driver")

    capture.read = read
    frames = Latest()
    source = open_camera("0", frames)
    source._thread.join(5)
    assert isinstance(source.failure, RuntimeError)
    source.close()


def test_without_opencv(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SourceError, match=r"sudo apt install libgl1 libglib2\.0-0"):
        open_camera("0", Latest())


@pytest.mark.parametrize(
    ("uri", "match"),
    [
        ("/dev/video99", "does not exist; edge devices"),
        ("csi://0", "libcamerify"),
        ("nowhere.jpg", "does not exist; give a picture"),
    ],
)
def test_refused(uri, match):
    with pytest.raises(SourceError, match=match):
        open_camera(uri, Latest())


# --- stand-ins


def _picture(path, value):
    real_cv2.imwrite(str(path), np.full((8, 12, 3), value, np.uint8))
    return path


def test_a_picture_is_shown_again_and_again(tmp_path):
    frames = Latest()
    with open_camera(str(_picture(tmp_path / "a.png", 77)), frames):
        first, second = frames.take(5), frames.take(5)
    assert (first.index, second.index) == (0, 1)
    assert first.captured_ns < second.captured_ns
    assert first.image.shape == (8, 12, 3)
    assert int(first.image[0, 0, 0]) == 77


def test_a_folder_in_order_of_names(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_STILL_FPS", 200.0)
    monkeypatch.setattr(module, "_STILL_S", 0.02)
    for name, value in (("b.png", 20), ("a.PNG", 10), ("notes.txt", 0)):
        _picture(tmp_path / name, value) if value else (tmp_path / name).write_text("no picture")
    pictures = iter(module._open(CameraUri("file", path=tmp_path)))
    values = [int(next(pictures).image[0, 0, 0]) for _ in range(12)]
    assert values == [10, 10, 10, 10, 20, 20, 20, 20, 10, 10, 10, 10]


def test_a_film_over_and_over(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=100)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(5):
            image = np.full((48, 64, 3), 50 * index, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    pictures = iter(module._open(CameraUri("file", path=path)))
    values = [round(float(next(pictures).image.mean()) / 50) for _ in range(7)]
    assert values == [0, 1, 2, 3, 4, 0, 1]


def test_stand_ins_that_are_none(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.jpg").write_text("no picture")
    for name, match in (("empty", "a folder without pictures"), ("bad.jpg", "cannot be decoded")):
        with pytest.raises(SourceError, match=match):
            module._open(CameraUri("file", path=tmp_path / name))


def test_closing_ends_a_still(tmp_path):
    still = module._open(CameraUri("file", path=_picture(tmp_path / "a.png", 1)))
    pictures = iter(still)
    next(pictures)
    still.close()
    assert list(pictures) == []


def test_a_sound_file_is_no_camera(tmp_path):
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    with pytest.raises(SourceError, match="has no pictures in it; use it as sound: --replay"):
        module._open(CameraUri("file", path=Path(tmp_path / "a.wav")))
