"""The senses of a session, loaded and warm, and the turns they take at the processor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from edge.channels import Fifo
from edge.events import Event
from edge.hardware.sensors import processor_temperature_c
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.perception.languages import language_codes, normalise_language
from edge.run_options import OBJECTS, SCENE, SIGNS, SPEECH
from edge.scheduling import LoadControl, SpeechFirst
from edge.session import Senses, Watch
from edge.settings import Settings
from edge.speech_sense import SpeechSense
from edge.translators import Translators
from edge.worker import Worker

if TYPE_CHECKING:
    from edge.object_sense import ObjectSense
    from edge.scene_sense import SceneSense
    from edge.sign_sense import SignSense

_HOLD_MARGIN_S = 0.15


class Turns:
    """Who may use the processor while a session runs: the light of speech, and how hard the camera senses may work.

    Args:
        settings: limits, and how speech is cut.
        senses: those of the camera.
        events: where changes of their level are told.
    """

    def __init__(self, settings: Settings, senses: Sequence[str], events: Fifo[Event]) -> None:
        hold_s = settings.segmentation.hangover_ms / 1000 + _HOLD_MARGIN_S
        self.speech = SpeechFirst(settings.voice_activity.exit_threshold, hold_s)
        self._control = LoadControl(settings.scheduling, senses, self.speech.take_lag_s, processor_temperature_c)
        self._stopped = threading.Event()
        watch = partial(self._control.watch, self._stopped.wait, time.monotonic_ns)
        self._worker = Worker("scheduling", watch, events, time.monotonic_ns) if senses else None

    def __enter__(self) -> Turns:  # noqa: PYI034 - typing.Self is Python 3.11
        if self._worker is not None:
            self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self.speech.close()

    def level(self) -> str:
        """How hard a sense of the camera may work now."""
        return self._control.level


@dataclass(frozen=True)
class LoadedSenses:
    """What `--senses` names.

    Attributes:
        languages: those that may be heard or read; empty: any.
        target: the wearer's language.
    """

    languages: tuple[str, ...]
    target: str
    speech: SpeechSense | None = None
    signs: SignSense | None = None
    scene: SceneSense | None = None
    objects: ObjectSense | None = None

    @classmethod
    def load(
        cls, store: ModelStore, settings: Settings, names: Sequence[str], source: str, target: str
    ) -> LoadedSenses:
        """Open the models of the senses `names`; only what they need is imported.

        Raises:
            LanguageError: a code that nothing here knows, or no way from one of `source` to `target`.
            SettingsError: a sense whose model must be chosen, and is not.
            ModelNotFoundError, ModelCorruptError: say what to pull.
            InferenceError: a model that this runtime cannot load.
        """
        translators = Translators(store, SessionFactory(settings.inference), settings.translation)
        speech = signs = scene = objects = None
        if SPEECH in names:
            speech = SpeechSense.load(store, settings, source, target, translators)
        if SIGNS in names:
            from edge.sign_sense import SignSense

            signs = SignSense.load(store, settings, source, target, translators)
        if SCENE in names:
            from edge.scene_sense import SceneSense

            scene = SceneSense.load(store, settings, target, translators)
        if OBJECTS in names:
            from edge.object_sense import ObjectSense

            objects = ObjectSense.load(store, settings, target, translators)
        return cls(language_codes(source) or (), normalise_language(target), speech, signs, scene, objects)

    def warm_up(self) -> None:
        """One inference of every model.

        Raises:
            InferenceError: a model failed; the session must not start.
        """
        for sense in (self.speech, self.signs, self.scene, self.objects):
            if sense is not None:
                sense.warm_up()

    def taking_turns(self, turns: Turns) -> Senses:
        """The senses for a live session: speech first."""
        hears = None
        if self.speech is not None:
            hears = partial(self.speech.captions, first=turns.speech)
        return Senses(hears, self._watching(turns.speech.wait, turns.level))

    def unhurried(self) -> Senses:
        """The senses for a recording that waits for them."""
        return Senses(self.speech.captions if self.speech else None, self._watching(lambda: None, lambda: "full"))

    def _watching(self, checkpoint: Callable[[], None], level: Callable[[], str]) -> dict[str, Watch]:
        watching: dict[str, Watch] = {}
        if self.signs is not None:
            watching[SIGNS] = partial(self.signs.events, checkpoint=checkpoint, level=level)
        if self.scene is not None:
            watching[SCENE] = partial(self.scene.events, checkpoint=checkpoint, level=level)
        if self.objects is not None:
            watching[OBJECTS] = partial(self.objects.events, checkpoint=checkpoint, level=level)
        return watching
