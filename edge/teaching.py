"""Teaching the glasses the wearer's own things: from picture files or from the camera."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.channels import Latest
from edge.errors import (
    ModelCorruptError,
    ModelNotFoundError,
    SourceError,
    StoreError,
    TeachError,
    UnknownModelError,
)
from edge.hub.locks import exclusive
from edge.hub.store import ModelStore
from edge.media import Image, VideoFrame
from edge.perception.category_names import ENGLISH, CategoryNames
from edge.perception.scene_change import is_blank
from edge.perception.taught import TaughtThings, checked_name
from edge.recognizers import is_brought
from edge.scene_sense import SceneSense, cannot_be_taught, fingerprint, taught_folder
from edge.settings import Settings

VIEWS = 5
"""Taken from the camera."""
GAP_S = 2.0
"""Between two of them: time to turn the thing."""

_FIRST_FRAME_S = 5.0
_LOCK = "taught.lock"
_NEVER_MATCHES = 2.0


@dataclass(frozen=True)
class Lesson:
    """What was taught.

    Attributes:
        name: of the thing.
        views: it has now.
        added: views that are new.
    """

    name: str
    views: int
    added: int


class Teacher:
    """Teaches things to the recogniser of the settings.

    Raises:
        ModelNotFoundError, ModelCorruptError: the recogniser is not there; says what to pull.
        TeachError: it is one that cannot be taught.
        StoreError: the taught things cannot be read.
    """

    def __init__(self, store: ModelStore, settings: Settings) -> None:
        self._settings = settings
        if is_brought(store.open(settings.scene.model)):
            raise TeachError(cannot_be_taught(settings.scene.model))
        self._sense = SceneSense.load(store, settings, ENGLISH)
        self._names = CategoryNames.load(ENGLISH)

    def check(self, name: str) -> str:
        """The name as it will be kept.

        Raises:
            TeachError: it is empty, too long, or means something known already.
        """
        clean = checked_name(name)
        labels = {*self._sense.recognizer.labels, *self._names.labels}
        label = CategoryNames(ENGLISH, {label: self._names.name(label) for label in labels}).label(clean)
        if label is not None:
            raise TeachError(
                f"{clean!r} is the name of something that is known without teaching ({label}); "
                f"choose another, for example 'my {clean}'"
            )
        return clean

    def teach(self, name: str, images: Sequence[Image]) -> Lesson:
        """Add views of a thing, new or known, and save.

        Args:
            name: what to call it.
            images: BGR uint8 [h, w, 3], each of the thing from another side or in another place.

        Raises:
            TeachError: the name cannot be used, or there are too few different pictures.
            InferenceError: the model failed.
            StoreError: it cannot be saved; what was taught before is still there.
        """
        clean = self.check(name)
        embeddings = [self._sense.embedding(image) for image in images]
        known = self._sense.taught
        if known is None:
            raise TeachError(cannot_be_taught(self._settings.scene.model))
        with changing(self._settings):
            before = known.views(clean)
            thing = known.teach(clean, embeddings)
        return Lesson(thing.name, len(thing.views), max(0, len(thing.views) - before))


def check_view(image: Image, name: str) -> None:
    """Refuse a picture from which nothing can be learned.

    Raises:
        TeachError: it shows nothing; `name` says which one it is.
    """
    if is_blank(image):
        raise TeachError(f"{name} shows nothing, it is all of one colour; take it again with more light")


def taught_things(store: ModelStore, settings: Settings) -> TaughtThings:
    """What was taught, without loading the recogniser. If it is not installed, everything counts as outdated.

    Raises:
        StoreError: the file cannot be read.
    """
    try:
        folder = store.open(settings.scene.model)
        model = "" if is_brought(folder) else fingerprint(folder)
    except (ModelNotFoundError, ModelCorruptError, UnknownModelError):
        model = ""
    return TaughtThings(taught_folder(settings.scene), model, np.zeros((0, 0), np.float32), _NEVER_MATCHES)


@contextlib.contextmanager
def changing(settings: Settings) -> Iterator[None]:
    """Hold the lock of the taught things, so that two commands at once do not undo each other.

    Raises:
        StoreError: the folder cannot be written.
    """
    folder = taught_folder(settings.scene)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(folder / _LOCK))
        except OSError as error:
            raise StoreError(
                f"taught things in {folder} cannot be written ({error.strerror}); free some space, change the "
                "permissions, or set scene.taught to another folder"
            ) from error
        yield


def camera_views(
    uri: str, tell: Callable[[str], None], pause: Callable[[float], object] = time.sleep
) -> Iterator[Image]:
    """Views of a thing that the wearer holds before the camera and turns.

    Args:
        uri: of the camera, see `edge.sources.uri`.
        tell: says what to do, one line each time.
        pause: waits so many seconds.

    Raises:
        SourceError: the camera cannot be opened, or gives no more pictures.
    """
    from edge.sources.camera import open_camera

    frames: Latest[VideoFrame] = Latest()
    with open_camera(uri, frames) as camera:
        for number in range(1, VIEWS + 1):
            tell("hold the thing before the camera" if number == 1 else f"view {number} of {VIEWS}: turn it a little")
            pause(GAP_S)
            frame = frames.take(_FIRST_FRAME_S)
            if frame is None:
                raise SourceError(str(camera.failure or f"camera {uri} gives no more pictures; nothing was taught"))
            yield frame.image
