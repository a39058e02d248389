"""The sense of objects, loaded and wired: pictures to things in the wearer's language, and where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from edge.errors import InferenceError, SettingsError
from edge.events import Event
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.label_names import LabelNames, Translates
from edge.media import Image, VideoFrame
from edge.perception.motion import MotionEstimator
from edge.perception.object_detection import ObjectDetector
from edge.perception.object_tracking import ObjectTracker
from edge.pipelines.objects import STAGE, ObjectWatch
from edge.results import DetectedObject
from edge.scheduling import LEVELS, interval_at
from edge.settings import ObjectSettings, Settings
from edge.telemetry import StageTimes
from edge.translators import Translators

FULL, SLOW, SMALL, _ = LEVELS


@dataclass(frozen=True)
class ObjectSense:
    """Detector and names, with the detections timed in `times`.

    Attributes:
        target: code of the language that the names are in.
        settings: of this sense.
    """

    target: str
    settings: ObjectSettings
    detector: ObjectDetector
    names: LabelNames
    times: StageTimes

    @classmethod
    def load(
        cls, store: ModelStore, settings: Settings, target: str, translators: Translates | None = None
    ) -> ObjectSense:
        """Open the detector that the settings name.

        Args:
            store: where it is.
            settings: name it.
            target: code of the wearer's language.
            translators: the packs of another sense, to be shared.

        Raises:
            SettingsError: they name none.
            LanguageError: `target` is no language.
            ModelNotFoundError, ModelCorruptError, UnknownModelError: say what to do.
            InferenceError: a model that this runtime cannot load.
        """
        chosen = settings.objects.model
        if not chosen:
            raise SettingsError(
                "no object detector is chosen: set objects.model in the settings file (edge detect takes --model); "
                "none is installed by default, docs/bring-your-own-model.md tells how to make one"
            )
        sessions = SessionFactory(settings.inference)
        names = LabelNames(target, translators or Translators(store, sessions, settings.translation))
        detector = ObjectDetector.load(store.open(chosen), sessions, chosen)
        return cls(names.language, settings.objects, detector, names, StageTimes())

    def warm_up(self) -> None:
        """One detection.

        Raises:
            InferenceError: the model failed; the session must not start.
        """
        try:
            self.detector.warm_up()
        except InferenceError as error:
            raise InferenceError(f"warm-up: {error}") from error

    def events(
        self,
        frames: Iterable[VideoFrame],
        checkpoint: Callable[[], None] = lambda: None,
        level: Callable[[], str] = lambda: FULL,
    ) -> Iterator[Event]:
        """Frames in, events out.

        Args:
            frames: of the camera.
            checkpoint: called before every detection; may block while others need the processor.
            level: how hard to work: `full`, `slow` (a third of the detections), `small` (and on smaller pictures where
                the model takes any size), `off`.
        """

        def detect(image: Image) -> list[DetectedObject]:
            checkpoint()
            return self._detect(image, small=level() == SMALL)

        def interval_s() -> float | None:
            return interval_at(level(), self.settings.interval_s)

        estimate = self.times.timed("object-motion", MotionEstimator().update)
        return ObjectWatch(detect, estimate, ObjectTracker(self.settings), interval_s, self.target).events(frames)

    def objects(self, image: Image) -> list[DetectedObject]:
        """Things in a picture, the surest first.

        Args:
            image: BGR uint8 [h, w, 3] of any size.

        Raises:
            InferenceError: the model failed.
        """
        return self._detect(image)

    def _detect(self, image: Image, *, small: bool = False) -> list[DetectedObject]:
        found = self.times.timed(STAGE, self.detector.detect)(image, self.settings.min_score, small=small)
        return [replace(one, name=self.names.name(one.label)) for one in found]
