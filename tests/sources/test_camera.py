"""From a URI to frames in a channel: cameras over a fake of OpenCV's capture, and pictures in their place."""

import itertools
import sys
import threading
import types

import cv2 as real_cv2
import numpy as np
import pytest
from PIL import Image

from edge.channels import Latest
from edge.errors import SourceError
from edge.media import NS_PER_S, VideoFrame
from edge.settings import CameraSettings
from edge.sources import camera as module
from edge.sources.camera import open_camera
from edge.sources.reopening import Reopening
from edge.sources.uri import parse_camera

QUICK = CameraSettings(open_s=10, stall_s=10, kept_fps=240, black_s=0.2, frozen_s=0.2)


def _scene(number):
    """Never the same twice, as a sensor sees it."""
    return np.random.default_rng(number).integers(60, 180, (16, 24, 3)).astype(np.uint8)


class _Capture:
    """Gives pictures until they run out; an event among them is waited for first."""

    def __init__(self, *pictures):
        self.left = iter(pictures)
        self.image = None
        self.released = threading.Event()

    def set(self, key, value):
        return True

    def get(self, key):
        return 0.0

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return True  # as a real one does after it was unplugged

    def grab(self):
        self.image = next(self.left, None)
        if isinstance(self.image, threading.Event):
            self.image.wait(10)
            self.image = next(self.left, None)
        if self.image is not None:
            threading.Event().wait(0.005)  # no camera is faster
        return self.image is not None

    def retrieve(self):
        return True, self.image

    def release(self):
        self.released.set()


class _Looping(_Capture):
    """Never ends; `make` makes a picture from its number."""

    def __init__(self, start, make):
        super().__init__()
        self.left = (make(number) for number in itertools.count(start))


@pytest.fixture
def captures(monkeypatch):
    """The captures that opening will give, in order, and none after them; `asked` is what was opened."""
    ready, asked = [], []

    def open_capture(*arguments):
        asked.append(arguments)
        return ready.pop(0) if ready else _Capture()

    names = {name: getattr(real_cv2, name) for name in dir(real_cv2) if name.startswith("CAP_")}
    fake = types.SimpleNamespace(
        **names, VideoCapture=open_capture, utils=real_cv2.utils, VideoWriter=real_cv2.VideoWriter
    )
    monkeypatch.setitem(sys.modules, "cv2", fake)
    monkeypatch.setattr(module, "Reopening", _impatient)
    return types.SimpleNamespace(ready=ready, asked=asked)


def _impatient(open_source, on_lost, on_restored):
    return Reopening(open_source, on_lost, on_restored, wait=lambda _: False)


class _Story:
    """What the wearer is told, and whether it has come so far."""

    def __init__(self):
        self.told = []
        self.changed = threading.Condition()

    def lost(self, error):
        self._tell(str(error))

    def restored(self):
        self._tell("restored")

    def _tell(self, what):
        with self.changed:
            self.told.append(what)
            self.changed.notify_all()

    def reaches(self, number):
        with self.changed:
            return self.changed.wait_for(lambda: len(self.told) >= number, 10)


@pytest.fixture
def story():
    return _Story()


def _open(uri, frames, story, settings=QUICK):
    return open_camera(uri, frames, story.lost, story.restored, settings)


def test_a_device_that_says_it_is_open_but_gives_nothing_is_an_error(captures):
    captures.ready.append(_Capture())
    with pytest.raises(SourceError, match=r"camera 0 gives no picture; check that it is plugged in and free"):
        open_camera("0", Latest(), settings=QUICK)


def test_a_network_camera_that_gives_nothing_keeps_its_password_to_itself(captures):
    with pytest.raises(SourceError, match=r"camera rtsp://10\.0\.0\.2/live gives no picture; check the address"):
        open_camera("rtsp://user:secret@10.0.0.2/live", Latest(), settings=QUICK)


def test_frames_come_and_the_device_is_let_go(captures):
    capture = _Looping(0, _scene)
    captures.ready.append(capture)
    frames = Latest()
    with open_camera("0", frames, settings=QUICK):
        first, second = frames.take(5), frames.take(5)
    assert first.captured_ns < second.captured_ns
    assert first.index < second.index
    assert first.image.shape == (16, 24, 3)
    assert capture.released.wait(5)
    frames.take(0)
    assert frames.take(0) is None


def test_the_newest_frame_wins(captures, story):
    captures.ready.append(_Capture(*[_scene(number) for number in range(20)]))
    frames = Latest()
    camera = _open("0", frames, story)
    assert story.reaches(1)
    assert np.array_equal(frames.take(0).image, _scene(19))
    assert frames.take(0) is None
    camera.close()


def test_unplugged_and_plugged_in_again(captures, story):
    captures.ready.extend([_Capture(_scene(0), _scene(1)), _Capture(), _Looping(2, _scene)])
    frames = Latest()
    with _open("0", frames, story):
        assert story.reaches(2)
        assert frames.take(5) is not None
    assert story.told == ["camera 0 went away; plug it in again", "restored"]


def test_frames_are_numbered_through(captures):
    captures.ready.extend([_Capture(_scene(0)), _Capture(_scene(1)), _Looping(2, _scene)])
    seen = []
    done = threading.Event()

    class _Kept(Latest):
        def put(self, item):
            seen.append(item.index)
            if len(seen) == 4:
                done.set()

    source = open_camera("0", _Kept(), settings=QUICK)
    assert done.wait(5)
    source.close()
    assert seen[:4] == [0, 1, 2, 3]


def test_a_camera_that_freezes_is_noticed_and_opened_again(captures, story):
    hold = threading.Event()
    captures.ready.extend([_Capture(_scene(0), hold, _scene(1)), _Looping(2, _scene)])
    frames = Latest()
    with _open("0", frames, story, QUICK.model_copy(update={"stall_s": 0.3})):
        assert story.reaches(1)
        assert len(captures.asked) == 1  # not opened twice while the driver is stuck
        hold.set()
        assert story.reaches(2)
        assert frames.take(5) is not None
    assert story.told[:2] == ["camera 0 has frozen: no picture for 0.3 s; unplug it and plug it in again", "restored"]


def test_black_pictures_are_told_once_and_flow_on(captures, story):
    light = threading.Event()

    def make(number):
        return _scene(number) if light.is_set() or number == 0 else np.zeros((16, 24, 3), np.uint8)

    captures.ready.append(_Looping(0, make))
    frames = Latest()
    with _open("0", frames, story):
        assert story.reaches(1)
        assert (frames.take(5).image == 0).all()
        assert (frames.take(5).image == 0).all()
        light.set()
        assert story.reaches(2)
    assert story.told == ["camera 0 delivers black pictures; check the lens cover", "restored"]


def test_a_frozen_picture_is_told_once(captures, story):
    captures.ready.append(_Looping(0, lambda _: _scene(7)))
    with _open("0", Latest(), story):
        assert story.reaches(1)
    assert story.told == ["camera 0 delivers the same picture over and over; unplug it and plug it in again"]


@pytest.mark.parametrize(("uri", "frozen_s"), [("0", 5), ("http://10.0.0.2/live", 5), ("rtsp://10.0.0.2/live", 30)])
def test_an_rtsp_camera_may_repeat_a_quiet_scene(story, uri, frozen_s):
    watch = module._Watch(parse_camera(uri), CameraSettings(), story.lost, story.restored)
    for second in range(frozen_s):
        assert watch.usable(VideoFrame(_scene(7), second * NS_PER_S))
    assert story.told == []
    watch.usable(VideoFrame(_scene(7), frozen_s * NS_PER_S))
    assert story.told == [f"camera {uri} delivers the same picture over and over; unplug it and plug it in again"]


def test_unplugged_while_black(captures, story):
    black = [np.zeros((16, 24, 3), np.uint8)] * 80
    captures.ready.extend([_Capture(*black), _Looping(0, _scene)])
    with _open("0", Latest(), story):
        assert story.reaches(3)
    assert story.told == [
        "camera 0 delivers black pictures; check the lens cover",
        "camera 0 went away; plug it in again",
        "restored",
    ]


def test_torn_frames_reach_nobody(captures, story):
    torn = _scene(0)
    torn[6:] = 128
    captures.ready.append(_Capture(*[_scene(1), _scene(2), torn, np.zeros((0, 0, 3), np.uint8), _scene(3)] * 2))
    seen = []

    class _Kept(Latest):
        def put(self, item):
            seen.append(item.image)

    camera = _open("0", _Kept(), story)
    assert story.reaches(1)
    camera.close()
    assert len(seen) == 6
    assert not any(np.array_equal(image, torn) for image in seen)


@pytest.mark.parametrize(
    ("uri", "match"),
    [
        ("/dev/video99", "does not exist; edge devices"),
        ("nowhere.jpg", "does not exist; give a picture"),
        ("gopher://x", "is no camera; use"),
    ],
)
def test_refused(uri, match):
    with pytest.raises(SourceError, match=match):
        open_camera(uri, Latest())


def test_without_opencv(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SourceError, match=r"sudo apt install libgl1 libglib2\.0-0"):
        open_camera("0", Latest())


def test_a_picture_in_place_of_a_camera_is_never_frozen(tmp_path, story):
    Image.fromarray(_scene(0)).save(tmp_path / "a.png")
    frames = Latest()
    with _open(str(tmp_path / "a.png"), frames, story):
        first, second = frames.take(5), frames.take(5)
    assert (first.index, second.index) == (0, 1)
    assert np.array_equal(first.image, second.image)
    assert story.told == []


def test_a_stand_in_that_fails_later_is_told(tmp_path, monkeypatch, story):
    def fail(path):
        raise SourceError(f"{path} is damaged")
        yield

    Image.fromarray(_scene(0)).save(tmp_path / "a.png")
    monkeypatch.setattr("edge.sources.stand_in._readable", lambda paths: iter([_scene(0)]))
    monkeypatch.setattr("edge.sources.stand_in._show_pictures", fail)
    frames = Latest()
    with _open(str(tmp_path), frames, story) as camera:
        assert story.reaches(1)
        camera._thread.join(5)
        assert isinstance(camera.failure, SourceError)
    assert story.told[0].startswith("the camera stopped: ")
    assert frames.take(5) is None
