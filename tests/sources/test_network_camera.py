"""Network cameras for real: OpenCV's FFmpeg against a camera on this machine that behaves badly on demand."""

import contextlib
import http.server
import threading
import time

import cv2
import numpy as np
import pytest

from edge.channels import Latest
from edge.errors import SourceError
from edge.settings import CameraSettings
from edge.sources import camera as module
from edge.sources.camera import open_camera
from edge.sources.reopening import Reopening

SETTINGS = CameraSettings(open_s=10, stall_s=10, kept_fps=60, black_s=0.3)
PERIOD_S = 0.02


def _scene(number, size=(120, 160)):
    noise = np.random.default_rng(number).normal(0, 3, (*size, 1))
    ramp = np.linspace(60, 200, size[1])[None, :, None]
    return np.clip(ramp + noise, 0, 255).astype(np.uint8).repeat(3, axis=2)


class _Server:
    """An HTTP MJPEG camera. Each connection follows the next script; the last one is repeated.

    A script has pictures, bytes to be sent as they are, and the words `stall` and `end`; its last step is repeated.
    """

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.connections = 0
        self.closing = threading.Event()
        outer = self

        class _Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.connections += 1
                script = outer.scripts.pop(0) if len(outer.scripts) > 1 else outer.scripts[0]
                if self.path != "/camera":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                with contextlib.suppress(OSError):  # the viewer has gone
                    outer.follow(script, self.wfile)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/camera"

    def follow(self, script, out):
        step = 0
        while not self.closing.is_set():
            now = script[min(step, len(script) - 1)]
            if isinstance(now, str):
                if now == "stall":
                    self.closing.wait(20)
                return
            data = now if isinstance(now, bytes) else cv2.imencode(".jpg", now(step))[1].tobytes()
            out.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data) + data + b"\r\n")
            step += 1
            time.sleep(PERIOD_S)

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve(monkeypatch):
    servers = []

    def start(*scripts):
        servers.append(_Server(*scripts))
        return servers[-1]

    monkeypatch.setattr(
        module, "Reopening", lambda *arguments: Reopening(*arguments, wait=lambda _: bool(time.sleep(0.05)))
    )
    yield start
    for server in servers:
        server.close()


class _Told:
    def __init__(self):
        self.told = []
        self.changed = threading.Condition()

    def tell(self, what):
        with self.changed:
            self.told.append(what)
            self.changed.notify_all()

    def reaches(self, number):
        with self.changed:
            return self.changed.wait_for(lambda: len(self.told) >= number, 15)


def _watch(server, told, frames, settings=SETTINGS):
    return open_camera(
        server.address, frames, lambda error: told.tell(str(error)), lambda: told.tell("restored"), settings
    )


def test_frames_arrive_fresh_and_in_order(serve):
    server = serve([_scene])
    frames, told = Latest(), _Told()
    with _watch(server, told, frames):
        seen = [frames.take(5) for _ in range(5)]
    assert [frame.index for frame in seen] == sorted({frame.index for frame in seen})
    assert [frame.captured_ns for frame in seen] == sorted(frame.captured_ns for frame in seen)
    assert seen[0].image.shape == (120, 160, 3)
    assert np.abs(seen[0].image.astype(int) - _scene(0)).mean() < 8
    assert told.told == []


def test_a_connection_that_ends_is_made_again(serve):
    server = serve([_scene, _scene, _scene, "end"], [_scene])
    frames, told = Latest(), _Told()
    with _watch(server, told, frames):
        assert told.reaches(2)
        assert frames.take(5) is not None
    assert told.told == [f"camera {server.address} went away; check the camera and the network", "restored"]
    assert server.connections >= 2


def test_a_camera_that_falls_silent_is_noticed(serve):
    server = serve([_scene, _scene, _scene, "stall"], [_scene])
    frames, told = Latest(), _Told()
    with _watch(server, told, frames, SETTINGS.model_copy(update={"stall_s": 0.7})):
        assert told.reaches(2)
    assert told.told[1] == "restored"
    assert told.told[0].startswith(f"camera {server.address} ")


def test_garbage_does_not_end_the_camera(serve):
    rubbish = bytes(np.random.default_rng(0).integers(0, 256, 4_000, dtype=np.uint8))
    server = serve([_scene, _scene, rubbish, b"hello", _scene], [_scene])
    frames, told = Latest(), _Told()
    with _watch(server, told, frames):
        newest = 0
        deadline = time.monotonic() + 15
        while newest < 20 and time.monotonic() < deadline:
            frame = frames.take(5)
            newest = frame.index if frame else newest
    assert newest >= 20


def test_black_pictures_over_the_network(serve):
    server = serve([lambda _: np.zeros((120, 160, 3), np.uint8)])
    told = _Told()
    with _watch(server, told, Latest()):
        assert told.reaches(1)
    assert told.told == [f"camera {server.address} delivers black pictures; check the lens cover"]


def test_nobody_is_there(serve):
    server = serve([_scene])
    address = server.address
    with pytest.raises(SourceError, match="gives no picture; check the address"):
        open_camera(address.replace("/camera", "/nothing"), Latest(), settings=SETTINGS)
    server.close()
    with pytest.raises(SourceError, match="gives no picture; check the address"):
        open_camera(address, Latest(), settings=SETTINGS)


def test_nobody_answers_rtsp(serve):
    server = serve(["stall"])
    address = server.address.replace("http", "rtsp")
    with pytest.raises(SourceError, match=r"camera rtsp://127\.0\.0\.1.* gives no picture; check the address"):
        open_camera(address, Latest(), settings=SETTINGS)
