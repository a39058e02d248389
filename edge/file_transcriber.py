"""Recordings to transcripts: the composition of reading, segmentation and recognition for `edge transcribe`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.media import AudioChunk, Samples
from edge.perception.resample import resample
from edge.perception.segmentation import SAMPLE_RATE, segment
from edge.perception.speech_recognition import SpeechRecognizer, Task
from edge.perception.voice_activity import MODEL_ID, VoiceActivityDetector
from edge.pipelines.file_transcription import transcribe_chunks
from edge.results import Onset, Segment, Transcription
from edge.settings import Settings
from edge.sources.recording import read_audio


class FileTranscriber:
    """Writes down what is said in recordings, one after another.

    Args:
        settings: how to cut and recognise.
        detector: hears where speech is.
        recognizer: writes it down.
        languages: codes that may be spoken; None: all that the recogniser knows.
        task: `translate` gives English.
    """

    def __init__(
        self,
        settings: Settings,
        detector: VoiceActivityDetector,
        recognizer: SpeechRecognizer,
        languages: tuple[str, ...] | None,
        task: Task,
    ) -> None:
        self._settings = settings
        self._detector = detector
        self._recognizer = recognizer
        self._languages = languages
        self._task = task

    @classmethod
    def load(
        cls, store: ModelStore, settings: Settings, languages: tuple[str, ...] | None, task: Task
    ) -> FileTranscriber:
        """Open the models.

        Raises:
            LanguageError: a language or a task that the speech model does not know.
            ModelNotFoundError, ModelCorruptError: says what to pull.
            InferenceError: a model that this runtime cannot load.
        """
        sessions = SessionFactory(settings.inference)
        detector = VoiceActivityDetector.load(store.open(MODEL_ID), sessions)
        recognizer = SpeechRecognizer.load(store.open(settings.recognition.model), sessions, settings.recognition)
        recognizer.check(languages, task)
        return cls(settings, detector, recognizer, languages, task)

    def __call__(self, path: Path) -> dict[str, Any]:
        """`{"file", "language", "seconds", "text", "segments": [{"start_s", "end_s", "text"}]}`.

        Raises:
            SourceError: the file cannot be read to its end.
        """
        self._recognizer.reset()
        transcript = transcribe_chunks(read_audio(path), self._cut, self._recognize)
        return {"file": str(path), **asdict(transcript), "segments": [asdict(part) for part in transcript.segments]}

    def _cut(self, chunks: Iterable[AudioChunk]) -> Iterator[Onset | Segment]:
        return segment(
            resample(chunks, SAMPLE_RATE),
            self._detector.detect,
            self._detector.reset,
            self._settings.segmentation,
            self._settings.voice_activity,
        )

    def _recognize(self, samples: Samples) -> Transcription:
        return self._recognizer.transcribe(samples, self._languages, self._task)
