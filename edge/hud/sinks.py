"""Where the HUD goes: a window, a video, pictures, the console. One URI syntax, one protocol."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TextIO

import numpy as np
from PIL import Image as Pillow

from edge.errors import SinkError
from edge.events import Event, ObjectsDetected, SceneRecognized, SignTranslated, Subtitle
from edge.hud.state import notice_text
from edge.hud.video import VideoSink
from edge.hud.writable import check_file, check_folder
from edge.media import Image
from edge.results import UNKNOWN
from edge.settings import HudSettings

WINDOW_TITLE = "edge"
QUIT_KEYS = frozenset({ord("q"), ord("Q"), 27})
SYNTAX = "window, console, frames:FOLDER, FILE.mp4 or FILE.png"


class Sink(Protocol):
    """An end of the flow. Used as a context manager; `close` may be called more than once."""

    name: str
    """What messages call it."""

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def show(self, image: Image, now_ns: int) -> None:
        """Show `image` (uint8 [height, width, 3] BGR) from clock time `now_ns` on; SinkError when it cannot."""

    def poll(self, now_ns: int) -> bool:
        """Do what is due between images; False when the wearer asks to stop. Called at least ten times a second."""

    def tell(self, event: Event) -> None:
        """Hear of an event as soon as it arrives; for sinks that show words, not pixels."""

    def close(self) -> None:
        """Let go of the device or finish the file."""


class _Closing:
    """Context manager by `close`."""

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def poll(self, _now_ns: int) -> bool:
        return True

    def tell(self, event: Event) -> None:
        pass

    def close(self) -> None:
        pass


class WindowSink(_Closing):
    """A window on the desktop. Keys q and Esc, and closing it, ask to stop."""

    name = "window"

    def __init__(self, size: tuple[int, int]) -> None:
        self._cv2 = _cv2()
        try:
            self._cv2.namedWindow(WINDOW_TITLE, self._cv2.WINDOW_NORMAL | self._cv2.WINDOW_GUI_NORMAL)
            self._cv2.resizeWindow(WINDOW_TITLE, *size)
        except self._cv2.error as error:
            raise SinkError(
                f"no window can be opened ({_first_line(error)}); use --hud FILE.mp4 or --hud console"
            ) from error
        self._open = True

    def show(self, image: Image, _now_ns: int) -> None:
        """Show `image`."""
        self._cv2.imshow(WINDOW_TITLE, image)

    def poll(self, _now_ns: int) -> bool:
        """Let the window live; False after q, Esc or when it was closed."""
        key = self._cv2.waitKey(1)
        if key >= 0 and key & 0xFF in QUIT_KEYS:
            return False
        return bool(self._cv2.getWindowProperty(WINDOW_TITLE, self._cv2.WND_PROP_VISIBLE) >= 1)

    def close(self) -> None:
        """Close the window."""
        if self._open:
            self._open = False
            self._cv2.destroyWindow(WINDOW_TITLE)
            self._cv2.waitKey(1)


class FramesSink(_Closing):
    """One PNG for each changed picture, and `index.jsonl` with the clock time of each."""

    def __init__(self, folder: Path) -> None:
        self.name = f"frames:{folder}"
        self._folder = folder
        self._count = 0
        self._index: TextIO | None = None
        try:
            check_folder(folder)
        except OSError as error:
            raise self._unwritable(error) from error

    def show(self, image: Image, now_ns: int) -> None:
        """Write `image`."""
        file = f"{self._count:06d}.png"
        try:
            if self._index is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._index = (self._folder / "index.jsonl").open("w", encoding="utf-8")
            _write_png(self._folder / file, image)
            self._index.write(json.dumps({"file": file, "now_ns": now_ns}) + "\n")
            self._index.flush()
        except SinkError:
            raise
        except OSError as error:
            raise self._unwritable(error) from error
        self._count += 1

    def close(self) -> None:
        """Close the index."""
        if self._index is not None:
            with contextlib.suppress(OSError):  # what could not be written was reported by `show`
                self._index.close()

    def _unwritable(self, error: OSError) -> SinkError:
        return SinkError(f"folder {self._folder} cannot be written ({error.strerror}); choose another")


class SnapshotSink(_Closing):
    """One PNG, written at the end: the picture in which the last caption came on show, else the last picture."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._image: Image | None = None
        self._spoken = self._kept = False
        _check_writable(path)

    def tell(self, event: Event) -> None:
        """Note that the next picture has a new caption."""
        self._spoken |= isinstance(event, Subtitle)

    def show(self, image: Image, _now_ns: int) -> None:
        """Keep `image`, unless a better one is kept."""
        if self._spoken or not self._kept:
            self._image = image
        self._kept |= self._spoken
        self._spoken = False

    def close(self) -> None:
        """Write the picture."""
        image, self._image = self._image, None
        if image is not None:
            _write_png(self._path, image)


class ConsoleSink(_Closing):
    """Captions and notices as lines of text. It needs no pixels."""

    name = "console"

    def __init__(self, stream: TextIO, show: str = "both") -> None:
        self._stream = stream
        self._show = show
        self._things: list[tuple[int, str]] = []

    def show(self, image: Image, now_ns: int) -> None:
        """Nothing: the console shows words."""

    def tell(self, event: Event) -> None:
        """Print the event if it is for the wearer; things that only moved are not told again."""
        if isinstance(event, ObjectsDetected):
            before, self._things = self._things, [(one.number, one.name) for one in event.objects]
            if self._things == before:
                return
        lines = console_lines(event, self._show)
        try:
            self._stream.writelines(line + "\n" for line in lines)
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise SinkError(f"the console is gone ({error})") from error


def console_lines(event: Event, show: str = "both") -> list[str]:
    """What the console prints for an event; [] for those that are not for the wearer."""
    if isinstance(event, Subtitle):
        return _caption_lines(event, show) if event.is_final else []
    if isinstance(event, SignTranslated):
        return [_sign_line(event)]
    if isinstance(event, ObjectsDetected):
        return [f"[objects] {', '.join(f'{one.name} ({one.score:.2f})' for one in event.objects) or 'none'}"]
    if isinstance(event, SceneRecognized):
        return [f"[scene] {event.name} ({event.score:.2f})"] if event.label != UNKNOWN else []
    message = notice_text(event)
    return [f"!   {message}"] if message else []


def _caption_lines(event: Subtitle, show: str) -> list[str]:
    """Source and translation as `show` wants them; same-language speech once."""
    same = event.language == event.target or event.source == event.text or not event.text
    source, text = f"{event.language}  {event.source}", f"{event.target}  {event.text}"
    if show == "source" or same:
        return [source]
    return [text] if show == "translation" else [source, text]


def _sign_line(event: SignTranslated) -> str:
    """A sign and what it says; what needs or has no translation as it is written."""
    text, translation = (" ".join((words or "").split()) for words in (event.text, event.translation))
    return f"[sign] {translation} <- {text}" if translation not in {"", text} else f"[sign] {text}"


def open_sink(uri: str, settings: HudSettings) -> Sink:
    """The sink that `uri` names: `window`, `console`, `frames:FOLDER`, `FILE.mp4` or `FILE.png`.

    Raises:
        SinkError: unknown, or it cannot be opened or written.
    """
    kind, _, rest = uri.partition(":")
    openers: dict[str, Callable[[], Sink]] = {
        "window": lambda: WindowSink((settings.width, settings.height)),
        "console": lambda: ConsoleSink(sys.stdout, settings.show),
        "frames": lambda: FramesSink(Path(rest)),
    }
    if kind in openers and bool(rest) == (kind == "frames"):
        return openers[kind]()
    path = Path(uri)
    if path.suffix.lower() == ".mp4":
        return VideoSink(path, settings.fps)
    if path.suffix.lower() == ".png":
        return SnapshotSink(path)
    raise SinkError(f"unknown HUD sink {uri!r}; use {SYNTAX}")


def prepare(uris: Iterable[str]) -> None:
    """Load what the sinks `uris` need that must come before PyAV; call it before any source is opened.

    The Linux wheels of OpenCV and PyAV each carry a libxcb. Where PyAV's is loaded first, OpenCV's first window
    spins for ever (PyAV issue 1050; seen with PyAV 18.1 and OpenCV 5.0). Never raises: `open_sink` says what is
    wrong.
    """
    uris = tuple(uris)
    if not uris or "window" in uris:
        with contextlib.suppress(SinkError):
            _cv2()


def loaded_in_wrong_order(modules: Iterable[str]) -> bool:
    """Whether, of the names of modules in the order of their import, `av` comes before `cv2`."""
    return next((name for name in modules if name in {"av", "cv2"}), "") == "av"


def _cv2() -> Any:
    """OpenCV, if there is a display: without one its window toolkit aborts the process."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise SinkError("there is no display (DISPLAY is not set); use --hud FILE.mp4 or --hud console")
    if sys.platform.startswith("linux") and loaded_in_wrong_order(tuple(sys.modules)):
        raise SinkError("no window can be opened after PyAV was loaded; import cv2 first, or use --hud FILE.mp4")
    try:
        import cv2
    except ImportError as error:
        raise SinkError(
            f"no window can be opened ({_first_line(error)}); use --hud FILE.mp4 or --hud console"
        ) from error
    return cv2


def _check_writable(path: Path) -> None:
    """Fail now rather than at the end; leaves nothing behind."""
    try:
        check_file(path)
    except OSError as error:
        raise SinkError(f"{path} cannot be written ({error.strerror}); choose another file") from error


def _write_png(path: Path, image: Image) -> None:
    part = path.with_name(path.name + ".part")
    try:
        Pillow.fromarray(np.ascontiguousarray(image[..., ::-1])).save(part, format="png", compress_level=3)
        part.replace(path)
    except OSError as error:
        raise SinkError(f"{path} cannot be written ({error.strerror or error})") from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
