"""Models of every family behind one function: a sentence, clip or picture in, the product's answer out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from quality_data import synthetic_sentences
from quality_metrics import Detection
from tokenizers import Tokenizer

from edge.errors import ExportError
from edge.inference.sessions import SessionFactory
from edge.media import Image, Samples
from edge.perception.descriptions import family_of
from edge.settings import InferenceSettings, RecognitionSettings, SceneSettings, TranslationSettings

Kind = Literal["translation", "speech", "recognition", "detection"]
_PROBED, _PROMPT = 3, 8
OPEN_LABELS = ("mug", "keys", "door", "dog", "car", "tree", "book", "person", "bottle", "chair", "phone", "bicycle")
"""What an open vocabulary is asked for where the data names no labels."""


@dataclass(frozen=True)
class Subject:
    """A loaded model.

    Attributes:
        kind: what it does.
        answer: translation: sentence -> sentence; speech: (samples, language) -> text; recognition: BGR picture ->
            labels, the best first; detection: BGR picture -> detections.
        languages: translation: source and target; speech: those it knows.
        probe: what is compared on synthetic items instead of `answer`, where that would say nothing about noise.
    """

    kind: Kind
    answer: Callable[[Any], Any]
    languages: tuple[str, ...] = ()
    probe: Callable[[Any], Any] | None = None


def load(folder: Path, labels: Sequence[str] = (), threads: int = 2) -> Subject:
    """The model in `folder`, made by the chain or installed by `edge models pull`.

    Args:
        folder: with `model.json`, or `config.json` for the default recogniser.
        labels: what an open vocabulary is asked for.
        threads: most intra-op threads of a session.

    Raises:
        ExportError: a family that is not known here.
        ModelCorruptError, InferenceError: as its perception class says.
    """
    sessions = SessionFactory(InferenceSettings(threads=threads))
    family = family_of(folder)
    if family in _LOADERS:
        return _LOADERS[family](folder, sessions, labels)
    if family is None and (folder / "model.json").is_file():
        return _translator(folder, sessions, labels)
    if (folder / "config.json").is_file() and (folder / "model_int8.onnx").is_file():
        return _recognizer(folder, sessions, labels)
    raise ExportError(f"{folder} holds no model whose quality can be measured (its family is {family})")


def _translator(folder: Path, sessions: SessionFactory, _labels: Sequence[str]) -> Subject:
    from edge.perception.translation import Translator

    translator = Translator.load(folder, sessions, TranslationSettings())
    return Subject("translation", translator.translate, (translator.source_language, translator.target_language))


def _speech(folder: Path, sessions: SessionFactory, _labels: Sequence[str]) -> Subject:
    from edge.perception.speech_recognition import SpeechRecognizer

    recognizer = SpeechRecognizer.load(folder, sessions, RecognitionSettings())
    longest = int(recognizer.longest_s * recognizer.sample_rate)

    def answer(item: tuple[Samples, str]) -> str:
        samples, language = item
        recognizer.reset()
        parts = [samples[start : start + longest] for start in range(0, len(samples), longest)]
        return " ".join(recognizer.transcribe(part, (language,)).text for part in parts)

    return Subject("speech", answer, tuple(recognizer.languages), _next_tokens(folder, sessions))


def _next_tokens(folder: Path, sessions: SessionFactory) -> Callable[[tuple[Samples, str]], str]:
    """The likeliest next token in fixed sentences: an answer also to a sound in which nobody speaks."""
    from edge.perception.mel import log_mel
    from edge.perception.whisper_model import WhisperModel, fit_mel, prompt_tokens

    model = WhisperModel.load(folder, sessions, sessions.threads)
    configuration = model.configuration
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    said = tokenizer.encode(" " + " ".join(synthetic_sentences()[:_PROBED]), add_special_tokens=False).ids
    said = said[: configuration.text_positions - _PROMPT]

    def probe(item: tuple[Samples, str]) -> str:
        samples, language = item
        mel = log_mel(samples, configuration.mels)
        context = model.encode(fit_mel(mel, min(mel.shape[1], 2 * configuration.audio_positions) // 2 * 2))
        past, found = model.empty_past(), []
        for token in [configuration.tokens.start, *prompt_tokens(configuration, language, "transcribe"), *said]:
            logits, past = model.step(np.array([[token]], np.int64), past, context)
            found.append(str(logits[0].argmax()))
        return " ".join(found)

    return probe


def _classifier(folder: Path, sessions: SessionFactory, _labels: Sequence[str]) -> Subject:
    from edge.perception.image_classification import ImageClassifier

    return _recognition(ImageClassifier.load(folder, sessions, folder.name))


def _dual_encoder(folder: Path, sessions: SessionFactory, labels: Sequence[str]) -> Subject:
    from edge.perception.open_vocabulary import OpenVocabularyRecognizer

    wanted = tuple(dict.fromkeys(labels)) or OPEN_LABELS
    return _recognition(OpenVocabularyRecognizer.load(folder, sessions, folder.name, wanted))


def _recognizer(folder: Path, sessions: SessionFactory, _labels: Sequence[str]) -> Subject:
    from edge.perception.image_recognition import ImageRecognizer

    return _recognition(ImageRecognizer.load(folder, sessions, SceneSettings()))


def _recognition(recognizer: Any) -> Subject:
    def answer(image: Image) -> list[str]:
        scores = recognizer.look(image).scores
        return [str(recognizer.labels[place]) for place in (-scores).argsort(kind="stable")]

    return Subject("recognition", answer)


def _detector(folder: Path, sessions: SessionFactory, _labels: Sequence[str]) -> Subject:
    from edge.perception.object_detection import ObjectDetector

    detector = ObjectDetector.load(folder, sessions, folder.name)

    def answer(image: Image) -> list[Detection]:
        found = detector.detect(image, threshold=0.0)
        return [Detection(one.label, one.box, one.score) for one in found]

    return Subject("detection", answer)


_LOADERS: dict[str | None, Callable[[Path, SessionFactory, Sequence[str]], Subject]] = {
    "marian": _translator,
    "whisper": _speech,
    "classifier": _classifier,
    "dual-encoder": _dual_encoder,
    "detector": _detector,
}
