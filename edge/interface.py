"""The Python interface, also used by the commands: captions, transcripts and translations in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from edge.errors import SettingsError, StageError
from edge.events import StageFailed, Subtitle
from edge.file_transcriber import FileTranscriber
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.media import AudioChunk
from edge.perception.languages import language_codes, normalise_language
from edge.settings import Settings, load_settings
from edge.sources.recording import probe, read_audio
from edge.speech_sense import SpeechSense, Task
from edge.translators import Translators, check_direction


class Captioner:
    """Hears speech and says it in another language. Loads its models when made; may be used again and again.

    Args:
        source: `auto`, or comma-separated codes of the languages that may be spoken.
        target: code of the wearer's language.
        settings: None: the settings file named by `EDGE_SETTINGS`, else the defaults.

    Raises:
        EdgeError: models missing or corrupt, languages unknown or out of reach; says what to run.
    """

    def __init__(self, source: str = "auto", target: str = "en", settings: Settings | None = None) -> None:
        self._settings = settings or load_settings()
        self._sense = SpeechSense.load(ModelStore(), self._settings, source, target)
        self._sense.warm_up()

    def listen(self, path: str | Path | None = None) -> Iterator[Subtitle]:
        """Subtitles of a recording, or without one of the default microphone (until the iterator is closed).

        Raises:
            SourceError: the recording or the microphone cannot be read.
            StageError: recognition or translation failed on an utterance.
        """
        if path is not None:
            probe(Path(path))
            yield from self._subtitles(read_audio(Path(path)))
            return
        from edge.sources.microphone import open_microphone

        with open_microphone(None, self._settings.microphone) as microphone:
            yield from self._subtitles(microphone)

    def _subtitles(self, chunks: Iterable[AudioChunk]) -> Iterator[Subtitle]:
        for event in self._sense.captions(chunks):
            if isinstance(event, StageFailed):
                raise StageError(event.stage, event.message)
            if isinstance(event, Subtitle):
                yield event


def line_translator(source: str, target: str, settings: Settings, model: str | None = None) -> Callable[[str], str]:
    """A function that translates one line of text; its models are open and warm.

    Args:
        source: code of the language of the lines.
        target: code of the language wanted.
        settings: limits, glossary, preferred models.
        model: catalogue id of the model to use; it must translate in just this direction. None: as installed.

    Raises:
        LanguageError: unknown codes, no installed packs lead there, or `model` does not; says what to pull.
        ModelNotFoundError, ModelCorruptError, UnknownModelError: says what to pull.
    """
    read, written = normalise_language(source), normalise_language(target)
    store, options = ModelStore(), settings.translation
    if model is not None:
        check_direction(store, model, read, written)
        options = options.model_copy(update={"models": (model, *options.models)})
    translators = Translators(store, SessionFactory(settings.inference), options)
    translators.warm_up(read, written)

    def translate_line(text: str) -> str:
        return translators.translate(text, read, written)

    return translate_line


def translate(text: str, source: str, target: str) -> str:
    """Translate a text. Loads the packs each time: for many texts use `line_translator`.

    Raises:
        EdgeError: as `line_translator`.
    """
    return line_translator(source, target, load_settings())(text)


def file_transcriber(language: str, task: str, settings: Settings) -> Callable[[Path], dict[str, Any]]:
    """A function from an audio or video file to `{"file", "language", "seconds", "text", "segments"}`.

    Args:
        language: `auto`, or comma-separated codes of the languages that may be spoken.
        task: `transcribe`, or `translate` into English.
        settings: names the speech model.

    Raises:
        LanguageError: unknown codes, or a task that the model does not know.
        SettingsError: another task.
        ModelNotFoundError, ModelCorruptError: says what to pull.
    """
    known: tuple[Task, ...] = get_args(Task)
    chosen = next((name for name in known if name == task), None)
    if chosen is None:
        raise SettingsError(f"unknown task {task!r}; use transcribe or translate")
    return FileTranscriber.load(ModelStore(), settings, language_codes(language), chosen)


def transcribe(
    path: str | Path, language: str = "auto", task: Literal["transcribe", "translate"] = "transcribe"
) -> str:
    """What is said in a recording. Loads the models each time: for many files use `file_transcriber`.

    Raises:
        EdgeError: as `file_transcriber`; SourceError for a file that cannot be read.
    """
    return str(file_transcriber(language, task, load_settings())(Path(path))["text"])


def picture_reader(
    source: str,
    target: str,
    settings: Settings,
    folder: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Callable[[Path], dict[str, Any]]:
    """A function from a picture to `{"file", "regions": [{"box", "text", "confidence", "translation"}]}`.

    Args:
        source: `auto`, or comma-separated codes of the languages that signs may be in.
        target: code of the wearer's language.
        settings: names the text models; how overlays are drawn.
        folder: where each picture is written with its translations drawn in; None: nowhere.
        tell: told once for each language that no installed pack translates; says what to pull.

    Raises:
        LanguageError: unknown codes, or no installed packs lead there; says what to pull.
        ModelNotFoundError, ModelCorruptError: says what to pull.
        SinkError: the folder cannot be made.
    """
    from edge.picture_reader import PictureReader

    return PictureReader.load(settings, source, target, folder, tell)


def image_recognizer(language: str, settings: Settings, top: int = 1) -> Callable[[Path], dict[str, Any]]:
    """A function from a picture file to `{"file", "categories": [{"label", "name", "score"}]}`, likeliest first.

    The label is `unknown` where nothing is known, or the name of a taught thing; guesses follow if `top` is above 1.

    Args:
        language: code of the language of the names.
        settings: names the model and the folder of the taught things.
        top: how many categories at most.

    Raises:
        LanguageError: an unknown code.
        ModelNotFoundError, ModelCorruptError: says what to pull.
        StoreError: the taught things cannot be read.
    """
    from edge.scene_sense import SceneSense
    from edge.sources.picture import read_picture

    sense = SceneSense.load(ModelStore(), settings, language)

    def recognize_file(path: Path) -> dict[str, Any]:
        found = sense.categories(read_picture(path), top)
        categories = [{"label": one.label, "name": one.name, "score": round(one.score, 4)} for one in found]
        return {"file": str(path), "categories": categories}

    return recognize_file


def recognize(path: str | Path, language: str = "en", top: int = 1) -> list[dict[str, Any]]:
    """What a picture shows. Loads the model each time: for many pictures use `image_recognizer`.

    Raises:
        EdgeError: as `image_recognizer`; SourceError for a file that is no picture.
    """
    categories: list[dict[str, Any]] = image_recognizer(language, load_settings(), top)(Path(path))["categories"]
    return categories


def object_detector(language: str, settings: Settings, folder: Path | None = None) -> Callable[[Path], dict[str, Any]]:
    """A function from a picture file to `{"file", "objects": [{"label", "name", "score", "box"}]}`, the surest first.

    A box is left, top, right, bottom in pixels of the picture.

    Args:
        language: code of the language of the names.
        settings: name the detector, and the least score.
        folder: where each picture is written with its boxes drawn in; None: nowhere.

    Raises:
        SettingsError: no detector is chosen.
        LanguageError: an unknown code.
        ModelNotFoundError, ModelCorruptError, UnknownModelError: say what to do.
        SinkError: the folder cannot be made.
    """
    from edge.picture_detector import PictureDetector

    return PictureDetector.load(settings, language, folder)


def detect(path: str | Path, model: str, language: str = "en") -> list[dict[str, Any]]:
    """What is where in a picture. Loads the model each time: for many pictures use `object_detector`.

    Raises:
        EdgeError: as `object_detector`; SourceError for a file that is no picture.
    """
    settings = load_settings(overrides={"objects": {"model": model}})
    objects: list[dict[str, Any]] = object_detector(language, settings)(Path(path))["objects"]
    return objects
