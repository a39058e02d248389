"""Reading live cameras in a thread: pacing, damage, unplugging, and reads that never return."""

import threading

import numpy as np
import pytest

from edge.errors import SourceError, SourceLostError
from edge.media import NS_PER_S
from edge.settings import CameraSettings
from edge.sources.camera_device import Advice, Device, DeviceOpener, FrameReader, exposed_ns

HINT = Advice("check the cable")
PATIENT = CameraSettings(open_s=10, stall_s=10, kept_fps=240)
SHORT = CameraSettings(open_s=10, stall_s=0.2, kept_fps=240)
QUICK = CameraSettings(open_s=0.3, stall_s=10, kept_fps=240)


class _Capture:
    """Gives the scripted pictures at the scripted times, then nothing; a `threading.Event` is a read that hangs."""

    def __init__(self, *script, times_ns=None):
        self.script = list(script)
        self.times_ns = list(times_ns) if times_ns else None
        self.decoded = 0
        self.now_ns = 0
        self.released = threading.Event()
        self.threads = set()

    def grab(self):
        self.threads.add(threading.get_ident())
        if self.script and isinstance(self.script[0], threading.Event):
            self.script.pop(0).wait(10)
        if self.script and isinstance(self.script[0], Exception):
            raise self.script.pop(0)
        if not self.script:
            return None
        self.now_ns = self.times_ns.pop(0) if self.times_ns else self.now_ns + NS_PER_S
        return self.now_ns

    def picture(self):
        self.threads.add(threading.get_ident())
        self.decoded += 1
        return self.script[0]

    def release(self):
        self.threads.add(threading.get_ident())
        self.released.set()

    def __iter__(self):
        return iter(())


class _Scripted(_Capture):
    """Moves on with every grab, so that frames that are not decoded are gone."""

    def grab(self):
        if self.decoded or self.now_ns:
            self.script = self.script[1:]
        return super().grab()


def _picture(value=0, shape=(2, 2, 3)):
    return np.full(shape, value, np.uint8)


def _read(capture, settings=PATIENT):
    """All frames that a reader would hand on, in its own thread's order."""
    reader = FrameReader.__new__(FrameReader)
    reader.damaged = 0
    reader._period_ns = int(NS_PER_S / settings.kept_fps)
    reader._closing = threading.Event()
    return list(reader._read(capture)), reader


def test_frames_in_order_then_gone():
    frames, _ = _read(_Scripted(*[_picture(value) for value in range(3)]))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 2]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.captured_ns for frame in frames] == [NS_PER_S, 2 * NS_PER_S, 3 * NS_PER_S]


def test_damaged_frames_are_skipped_and_counted():
    frames, reader = _read(_Scripted(_picture(1), None, _picture(0, (0, 0, 3)), _picture(0, (4,)), _picture(2)))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 2]
    assert reader.damaged == 3


@pytest.mark.parametrize("frame", [_picture(9, (2, 2)), _picture(9, (2, 2, 4)), np.full((2, 2), 9 << 8, np.uint16)])
def test_odd_frames_become_bgr(frame):
    (only,), _ = _read(_Scripted(frame))
    assert only.image.tolist() == [[[9] * 3] * 2] * 2


@pytest.mark.parametrize(
    ("given", "kept", "expected"), [(30, 15, 15), (30, 30, 30), (20, 15, 15), (10, 15, 10), (60, 15, 15)]
)
def test_no_more_frames_than_wanted_are_decoded(given, kept, expected):
    rng = np.random.default_rng(0)
    times = [int((index / given + rng.normal(0, 0.001)) * NS_PER_S) + NS_PER_S for index in range(given * 10)]
    capture = _Scripted(*[_picture()] * len(times), times_ns=times)
    frames, _ = _read(capture, CameraSettings(kept_fps=kept))
    assert abs(len(frames) - expected * 10) <= 2
    assert capture.decoded == len(frames)


def test_time_that_stands_still_or_jumps_does_not_stop_frames():
    times = [s * NS_PER_S for s in (1, 100, 101, 3600, 3601)]
    frames, _ = _read(_Scripted(*[_picture()] * 5, times_ns=times), CameraSettings(kept_fps=15))
    assert len(frames) == 5


def test_everything_happens_in_one_thread_and_the_device_is_let_go():
    capture = _Capture(_picture())
    reader = FrameReader(lambda: capture, PATIENT)
    assert reader.frames.take(5) is not None
    reader.close()
    assert capture.released.wait(5)
    assert capture.threads == {reader._thread.ident}
    assert not reader.alive


def _device(capture, settings=PATIENT, advice=HINT):
    return Device("0", FrameReader(lambda: capture, settings), settings, advice)


def test_a_device_that_gives_nothing_is_an_error():
    capture = _Capture()
    with pytest.raises(SourceError, match=r"^camera 0 gives no picture; check the cable$"):
        _device(capture)
    assert capture.released.wait(5)


def test_what_the_driver_said_is_told():
    with pytest.raises(SourceError, match=r"camera 0 gives no picture \(driver\); check"):
        _device(_Capture(RuntimeError("driver")))


def test_an_error_while_opening_is_passed_on():
    def fail():
        raise SourceError("needs picamera2; run: x")

    with pytest.raises(SourceError, match=r"^needs picamera2; run: x$"):
        Device("csi://0", FrameReader(fail, PATIENT), PATIENT, HINT)


def test_unplugged():
    hold = threading.Event()
    device = _device(_Scripted(_picture(1), hold, _picture(2)))
    frames = iter(device)
    assert next(frames).image[0, 0, 0] == 1
    hold.set()
    with pytest.raises(SourceLostError, match=r"^camera 0 went away; plug it in again$"):
        list(frames)
    device.close()


def test_a_driver_that_raises_is_a_lost_camera():
    hold = threading.Event()
    frames = iter(_device(_Scripted(_picture(), hold, RuntimeError("bad ioctl"), _picture())))
    next(frames)
    hold.set()
    with pytest.raises(SourceLostError, match=r"camera 0 went away \(bad ioctl\); plug it in again"):
        list(frames)


def test_a_read_that_never_returns_is_a_lost_camera():
    hold = threading.Event()
    capture = _Scripted(_picture(), hold, _picture())
    device = _device(capture, SHORT)
    frames = iter(device)
    next(frames)
    with pytest.raises(
        SourceLostError, match=r"camera 0 has frozen: no picture for 0\.2 s; unplug it and plug it in again"
    ):
        next(frames)
    assert not capture.released.is_set()
    hold.set()
    device.close()
    assert capture.released.wait(5)  # as soon as the read returned


def test_an_opening_that_never_returns_is_an_error():
    hold = threading.Event()

    def open_capture():
        hold.wait(10)
        return _Capture()

    with pytest.raises(SourceError, match="camera 0 gives no picture; check the cable"):
        Device("0", FrameReader(open_capture, QUICK), QUICK, HINT)
    hold.set()


def test_closing_from_another_thread_ends_the_iteration():
    endless = _Capture(_picture())
    device = _device(endless)
    closer = threading.Timer(0.05, device.close)
    closer.start()
    assert all(frame.image is not None for frame in device)
    closer.join()
    assert endless.released.wait(5)


def test_a_stuck_camera_is_not_opened_a_second_time():
    hold = threading.Event()
    opened = []

    def open_capture():
        opened.append(1)
        return _Scripted(_picture(), hold, _picture())

    opener = DeviceOpener("0", open_capture, SHORT, HINT)
    first = opener()
    frames = iter(first)
    next(frames)
    with pytest.raises(SourceLostError):
        next(frames)
    first._reader._closing.set()
    for _ in range(3):
        with pytest.raises(SourceError, match="camera 0 is stuck; unplug it and plug it in again"):
            opener()
    assert len(opened) == 1
    hold.set()
    first.close()
    opener().close()
    assert len(opened) == 2


@pytest.mark.parametrize(
    ("told_ns", "expected"),
    [
        (9_990_000_000, 9_990_000_000),  # the driver's stamp, 10 ms ago
        (10_000_000_000, 10_000_000_000),
        (10_000_000_001, 10_000_000_000),  # in the future: another clock
        (9_000_000_000, 10_000_000_000),  # too long ago: another clock
        (0, 10_000_000_000),
        (-1, 10_000_000_000),
        (float("nan"), 10_000_000_000),
        (1.7e18, 10_000_000_000),  # time of day
    ],
)
def test_stamps_of_drivers_are_judged(told_ns, expected):
    assert exposed_ns(told_ns, 10_000_000_000) == expected
