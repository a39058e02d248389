"""Pictures, folders of pictures and films in place of a camera, over and over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from edge.errors import SourceError
from edge.media import NS_PER_S, Image, VideoFrame
from edge.sources.picture import PICTURES, read_picture
from edge.sources.recording import probe, read_pictures

_STILL_FPS = 5.0  # a still is shown as a camera would show it: again and again
_REFUSED = frozenset({".heic", ".heif", ".svg"})  # pictures that `read_picture` knows to say something about
_STILL_S = 2.0  # how long each picture of a folder stays


class Still:
    """Pictures in place of a camera.

    Args:
        images: makes the images to show and the seconds for which each is shown.
    """

    def __init__(self, images: Callable[[], Iterator[tuple[Image, float]]]) -> None:
        self._images = images
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[VideoFrame]:
        due_ns = time.monotonic_ns()
        for index, (image, seconds) in enumerate(self._images()):
            if self._closed.is_set():
                return
            yield VideoFrame(image, time.monotonic_ns(), index)
            due_ns = max(due_ns + int(seconds * NS_PER_S), time.monotonic_ns())
            self._closed.wait((due_ns - time.monotonic_ns()) / NS_PER_S)

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()


def open_stand_in(path: Path) -> Still:
    """A picture (5 frames a second), a folder of them (2 s each, in order of names) or a film, endlessly.

    Of a folder, pictures that cannot be read are left out.

    Raises:
        SourceError: nothing there, nothing in it, or nothing of it can be read.
    """
    if not path.exists():
        raise SourceError(f"camera {path} does not exist; give a picture, a folder of pictures, a film or a number")
    if path.is_dir():
        pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES)
        return _show_folder(path, pictures)
    if path.suffix.lower() in PICTURES | _REFUSED:
        image = read_picture(path)
        return Still(lambda: ((image, 1 / _STILL_FPS) for _ in count()))
    recording = probe(path, needs_sound=False)
    if not recording.width:
        raise SourceError(f"camera {path} has no pictures in it; use it as sound: --replay {path}")
    return Still(lambda: _show_film(path))


def _show_folder(folder: Path, pictures: list[Path]) -> Still:
    if not pictures:
        endings = ", ".join(sorted(PICTURES))
        raise SourceError(f"camera {folder} is a folder without pictures; put {endings} files in it")
    if next(_readable(pictures), None) is None:
        read_picture(pictures[0])  # raises what is wrong with it
    return Still(lambda: _show_pictures(pictures))


def _readable(pictures: list[Path]) -> Iterator[Image]:
    for path in pictures:
        try:
            image = read_picture(path)
        except SourceError:
            continue
        yield image


def _show_pictures(pictures: list[Path]) -> Iterator[tuple[Image, float]]:
    while True:
        shown = 0
        for image in _readable(pictures):
            shown += 1
            for _ in range(round(_STILL_S * _STILL_FPS)):
                yield image, 1 / _STILL_FPS
        if not shown:  # all of them were deleted meanwhile
            read_picture(pictures[0])


def _show_film(path: Path) -> Iterator[tuple[Image, float]]:
    while True:
        before = None
        for picture in read_pictures(path):
            if before is not None:
                yield before.image(), (picture.captured_ns - before.captured_ns) / NS_PER_S
            before = picture
        if before is not None:
            yield before.image(), 1 / _STILL_FPS
