"""Cameras: a thread moves frames from a camera into a channel, tells when they stop or show nothing, and goes on.

Numbers, device files and network addresses go through OpenCV, ribbon-cable cameras through picamera2 or GStreamer;
pictures, folders of pictures and films stand in for a camera, over and over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from edge.channels import Inlet
from edge.errors import SourceError, SourceLostError
from edge.media import VideoFrame
from edge.settings import CameraSettings
from edge.sources.camera_device import Advice, Capture, DeviceOpener
from edge.sources.camera_health import CameraHealth
from edge.sources.csi_camera import open_csi
from edge.sources.opencv_camera import import_cv2, open_local, open_network
from edge.sources.reopening import Reopening, Source
from edge.sources.stand_in import open_stand_in
from edge.sources.uri import CameraUri, parse_camera

_JOIN_S = 1.0
_KEY_FRAMES = 6  # times longer until an RTSP camera counts as frozen: see CameraHealth


def open_camera(
    uri: str,
    frames: Inlet[VideoFrame],
    on_lost: Callable[[SourceLostError], None] = lambda _: None,
    on_restored: Callable[[], None] = lambda: None,
    settings: CameraSettings | None = None,
) -> Camera:
    """Start a camera that comes back when it is plugged in again.

    Args:
        uri: see `edge.sources.uri`.
        frames: where frames go, the newest wins; closed when the camera is.
        on_lost: called, in the camera's thread, when there is nothing to see any more and why: the device went away
            or no longer answers, or its pictures are black, frozen or torn (these still flow, but for torn ones).
        on_restored: called there when all is well again.
        settings: size, rate and patience; None: the defaults.

    Raises:
        SourceError: no such camera, file or folder, or nothing comes from it.
    """
    settings = settings or CameraSettings()
    parsed = parse_camera(uri)
    if parsed.kind == "file":
        return Camera(open_stand_in(parsed.path), frames, on_lost=on_lost)
    watch = _Watch(parsed, settings, on_lost, on_restored)
    open_again = _opener(parsed, settings)
    return Camera(Reopening(lambda _: open_again(), watch.went, watch.came), frames, watch.usable, on_lost)


class Camera:
    """The thread that moves frames from a source into a channel, numbered through.

    Args:
        source: gives frames.
        frames: where they go; closed at the end.
        usable: whether a frame is to be seen.
        on_lost: told, too, when the source fails for good.

    Attributes:
        failure: what ended the thread, if anything did.
    """

    def __init__(
        self,
        source: Source[VideoFrame],
        frames: Inlet[VideoFrame],
        usable: Callable[[VideoFrame], bool] = lambda _: True,
        on_lost: Callable[[SourceLostError], None] = lambda _: None,
    ) -> None:
        self.failure: Exception | None = None
        self._source = source
        self._frames = frames
        self._usable = usable
        self._on_lost = on_lost
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
            index = 0
            for frame in self._source:
                if self._usable(frame):
                    self._frames.put(VideoFrame(frame.image, frame.captured_ns, index))
                    index += 1
        except Exception as error:  # noqa: BLE001 - kept for whoever asks; the other senses go on
            self.failure = error
            self._on_lost(SourceLostError(f"the camera stopped: {error}"))
        finally:
            self._frames.close()


class _Watch:
    """Joins what opening again and looking at the frames find out into one story: lost, restored, lost, ..."""

    def __init__(
        self,
        uri: CameraUri,
        settings: CameraSettings,
        on_lost: Callable[[SourceLostError], None],
        on_restored: Callable[[], None],
    ) -> None:
        self._name = str(uri)
        predicted = uri.kind == "network" and uri.address.lower().startswith("rtsp")
        self._health = CameraHealth(settings, settings.frozen_s * _KEY_FRAMES if predicted else None)
        self._on_lost = on_lost
        self._on_restored = on_restored
        self._told: str | None = None

    def went(self, error: SourceLostError) -> None:
        """The device is gone."""
        self._told = None
        self._on_lost(error)

    def came(self) -> None:
        """It is back."""
        self._health.reset()
        self._on_restored()

    def usable(self, frame: VideoFrame) -> bool:
        """Judge a frame; tell when that changes what is known."""
        verdict = self._health.examine(frame)
        if verdict.trouble != self._told:
            self._told = verdict.trouble
            if verdict.trouble is None:
                self._on_restored()
            else:
                self._on_lost(SourceLostError(f"camera {self._name} {verdict.trouble}"))
        return verdict.usable


def _opener(uri: CameraUri, settings: CameraSettings) -> Callable[[], Source[VideoFrame]]:
    advice = (
        Advice("check the address", *["check the camera and the network"] * 2) if uri.kind == "network" else Advice()
    )
    device = DeviceOpener(str(uri), lambda: _open_capture(uri, settings), settings, advice)

    def open_device() -> Source[VideoFrame]:
        if uri.kind == "device" and not uri.path.exists():
            raise SourceError(f"camera {uri} does not exist; edge devices lists what there is")
        if uri.kind != "csi":
            import_cv2()  # here, where its absence can be told at once
        return device()

    return open_device


def _open_capture(uri: CameraUri, settings: CameraSettings) -> Capture:
    if uri.kind == "csi":
        return open_csi(uri.number, settings)
    return open_network(uri, settings) if uri.kind == "network" else open_local(uri, settings)
