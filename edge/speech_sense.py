"""The models of the speech sense, loaded and wired: sound to utterances, to text, to the wearer's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.errors import InferenceError, LanguageError
from edge.events import Event
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.media import AudioChunk, Samples
from edge.perception.languages import language_codes, normalise_language
from edge.perception.resample import resample
from edge.perception.segmentation import SAMPLE_RATE, WINDOW, segment
from edge.perception.speech_recognition import SpeechRecognizer
from edge.perception.voice_activity import VoiceActivityDetector
from edge.pipelines.speech import subtitles
from edge.results import Onset, Segment, Transcription, Translation
from edge.scheduling import SpeechFirst
from edge.settings import Settings
from edge.telemetry import StageTimes
from edge.translators import Translators

Task = Literal["transcribe", "translate"]
ENGLISH = "en"


@dataclass(frozen=True)
class SpeechSense:
    """Voice activity detector, recogniser and translators, with their stages timed in `times`.

    Attributes:
        languages: those that may be spoken; None: any that the recogniser knows.
        target: the wearer's language.
    """

    languages: tuple[str, ...] | None
    target: str
    settings: Settings
    detector: VoiceActivityDetector
    recognizer: SpeechRecognizer
    translators: Translators
    times: StageTimes

    @classmethod
    def load(
        cls, store: ModelStore, settings: Settings, source: str, target: str, translators: Translators | None = None
    ) -> SpeechSense:
        """Open the models. Translation packs are opened when first needed.

        Args:
            store: where the models are.
            settings: names the speech model.
            source: `auto` or comma-separated language codes.
            target: language code.
            translators: those of another sense, to share its packs.

        Raises:
            LanguageError: a code that nothing here knows, or no way from one of `source` to `target`.
            ModelNotFoundError, ModelCorruptError: say what to pull.
            InferenceError: a model that this runtime cannot load.
        """
        languages, wanted = language_codes(source), normalise_language(target)
        sessions = SessionFactory(settings.inference)
        detector = VoiceActivityDetector.load(store.open("silero-vad"), sessions)
        recognizer = SpeechRecognizer.load(store.open(settings.recognition.model), sessions, settings.recognition)
        translators = translators or Translators(store, sessions, settings.translation)
        sense = cls(languages, wanted, settings, detector, recognizer, translators, StageTimes())
        for language in languages or ():
            sense._text_route(language)
        return sense

    def warm_up(self) -> None:
        """One inference of every model that the languages need.

        Raises:
            InferenceError: a model failed; the session must not start.
        """
        try:
            self.detector.detect(np.zeros(WINDOW, np.float32))
            self.detector.reset()
            self.recognizer.warm_up()
            for language in self.languages or (ENGLISH,):
                self.translators.warm_up(*self._text_route(language))
        except InferenceError as error:
            raise InferenceError(f"warm-up: {error}") from error

    def captions(self, chunks: Iterable[AudioChunk], first: SpeechFirst | None = None) -> Iterator[Event]:
        """Sound in, events out. The language of an earlier recording is forgotten.

        Args:
            chunks: mono, any sample rate.
            first: told of every pause and utterance, so that others leave the processor to speech.
        """
        self.recognizer.reset()
        heard = self.segments(chunks, first.heard if first else None)
        return subtitles(first.answering(heard) if first else heard, self.transcribe, self.translate)

    def segments(
        self, chunks: Iterable[AudioChunk], on_probability: Callable[[float], None] | None = None
    ) -> Iterator[Onset | Segment]:
        """Cut a stream of any sample rate into utterances at 16 kHz; `on_probability` is told that of every 32 ms."""
        timed = self.times.timed("voice-activity", self.detector.detect)

        def detect(samples: Samples) -> float:
            probability = timed(samples)
            if on_probability is not None:
                on_probability(probability)
            return probability

        return segment(
            resample(chunks, SAMPLE_RATE),
            detect,
            self.detector.reset,
            self.settings.segmentation,
            self.settings.voice_activity,
        )

    def transcribe(self, segment: Segment) -> Transcription:
        """What is said in an utterance."""
        return self._recognize(segment, self.languages, "transcribe")

    def translate(self, segment: Segment, heard: Transcription) -> Translation:
        """The text in the wearer's language: by packs, or through Whisper's own translation into English.

        Raises:
            LanguageError: there is no way; says what to pull.
            InferenceError: Whisper's translation did not pass the guards.
        """
        text, (read, written) = heard.text, self._text_route(heard.language)
        if read != heard.language:
            english = self._recognize(segment, (heard.language,), "translate")
            if english.rejected:
                raise InferenceError(f"the translation into English was withheld ({english.rejected})")
            text = english.text
        said = self.times.timed("translation", self.translators.translate)(text, read, written)
        return Translation(said, heard.language, self.target)

    def _recognize(self, segment: Segment, languages: Sequence[str] | None, task: Task) -> Transcription:
        return self.times.timed("speech-recognition", self.recognizer.transcribe)(segment.samples, languages, task)

    def _text_route(self, language: str) -> tuple[str, str]:
        """The languages that packs must bridge: the spoken one, or English where Whisper must help, to the target."""
        try:
            self.translators.route(language, self.target)
        except LanguageError:
            if not (self.recognizer.can_translate and self.translators.connects(ENGLISH, self.target)):
                raise
            return ENGLISH, self.target
        return language, self.target
