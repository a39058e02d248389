"""Stages of hearing: voice activity, mel, encoder, decoder, whole utterances and whole files.

Timed on the recording of the catalogue, so that the times of two machines are comparable. Quality is judged by the
same answers, or, where the user has a folder of evaluation data, on its clips of such lengths. Word errors are of
texts without case and punctuation (`edge.bench.scoring.normalise`).
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge.bench.answers import Answers
from edge.bench.inputs_speech import (
    LANGUAGE,
    Clip,
    Utterance,
    clips_of,
    demo_utterances,
    read_clips,
    read_samples,
    recordings,
    sample_file,
)
from edge.bench.precisions import FLOAT, INSTALLED, model_folder
from edge.bench.report import Quality
from edge.bench.scoring import word_errors
from edge.bench.stage import Bench, Prepared, Stage
from edge.file_transcriber import FileTranscriber
from edge.inference.decoding import Floats, Past, Rules, Tokens, greedy, mask
from edge.inference.tokenization import Tokenizer
from edge.media import Samples
from edge.perception.mel import FRAMES_PER_S, SAMPLE_RATE, log_mel
from edge.perception.speech_recognition import SpeechRecognizer
from edge.perception.voice_activity import MODEL_ID, WINDOW, VoiceActivityDetector
from edge.perception.whisper_model import Context, Encoder, WhisperModel, append, fit_mel, prompt_tokens
from edge.perception.whisper_silence import SILENCE_GROUP, open_silence

LENGTHS: dict[int, tuple[float, float]] = {2: (0.0, 3.5), 5: (3.5, 7.5), 10: (7.5, 28.0)}
"""Utterances of about so many seconds, and the lengths of the clips on which their quality is measured."""
QUICK_CLIPS = 4
QUICK_UTTERANCES = 3
"""Timed in a quick benchmark, so that there is time for more rounds."""
FULL_CLIPS = 30
DATA_LANGUAGES = ("en", "pt")

_SPEECH_DB = -35.0
_BOOK = "A Tale of Two Cities, read aloud"
_CHOSEN = 65
_WINDOWS = 400
_SEED = 5
_TOKENS_BEFORE = 3


def voice_activity(bench: Bench) -> Prepared:
    """One window of 32 ms, each as the first of a stream; judged in the stream."""
    detector = VoiceActivityDetector.load(bench.store.open(MODEL_ID), bench.sessions)
    sound = read_samples(sample_file(bench.store))
    windows = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW)
    chosen = windows[np.linspace(0, len(windows) - 1, _CHOSEN).astype(int)]

    def quality() -> Sequence[Quality]:
        threshold = bench.settings.voice_activity.threshold
        right = judge_windows(detector, windows[:_WINDOWS], _made_noise(_WINDOWS), threshold)
        return [Quality(metric="accuracy", value=right, data="speech of the sample, made noise", items=2 * _WINDOWS,
                        better="higher")]  # fmt: skip

    samples = [partial(detector.detect, window) for window in chosen]
    return Prepared(samples, quality, detector.reset, unit="window", audio_s=WINDOW / SAMPLE_RATE)


def judge_windows(detector: VoiceActivityDetector, speech: Samples, noise: Samples, threshold: float) -> float:
    """Percent of windows judged right: loud ones of a clean recording as speech, all of made noise as none.

    Each half counts the same.

    Args:
        detector: judges.
        speech: float32 [n, 512], one stream of clean speech; its quiet windows are not counted.
        noise: float32 [m, 512], one stream without speech.
        threshold: of the probability.
    """
    shares = []
    loud = 10 * np.log10(np.square(speech).mean(axis=1) + 1e-12) > _SPEECH_DB
    for windows, counted, spoken in ((speech, loud, True), (noise, np.ones(len(noise), bool), False)):
        detector.reset()
        heard = np.array([detector.detect(window) >= threshold for window in windows])
        shares.append(float(np.mean(heard[counted] == spoken)))
    detector.reset()
    return 50 * sum(shares)


def _made_noise(windows: int) -> Samples:
    """White noise and a hum of 100 Hz by turns of 50 windows, float32 [windows, 512]."""
    drawn = np.random.default_rng(_SEED).normal(0, 0.03, windows * WINDOW)
    hum = 0.05 * np.sin(2 * np.pi * 100 * np.arange(windows * WINDOW) / SAMPLE_RATE)
    hums = (np.arange(windows * WINDOW) // (50 * WINDOW)) % 2 == 1
    return np.where(hums, hum, drawn).astype(np.float32).reshape(windows, WINDOW)


def mel(bench: Bench) -> Prepared:
    """The spectrogram of a window as long as the shortest that is encoded."""
    seconds = bench.settings.recognition.context_s
    sound, length = read_samples(sample_file(bench.store)), int(seconds * SAMPLE_RATE)
    starts = np.linspace(0, len(sound) - length, 5).astype(int)
    windows = [sound[start : start + length] for start in starts]
    return Prepared([partial(log_mel, window) for window in windows], unit="window", audio_s=seconds)


def encoder(bench: Bench) -> Prepared:
    """The encoder on the shortest window that is encoded. Judged with a decoder behind it."""
    folder = model_folder(bench, bench.settings.recognition.model)
    model = Encoder.load(folder, bench.sessions, bench.sessions.threads)
    said = demo_utterances(bench.store, 2)
    seconds = bench.settings.recognition.context_s
    mels = [_mel_of(one, model.configuration.mels) for one in said]

    def encode(spectrum: Floats) -> Context:
        return model.encode(fit_mel(spectrum, int(seconds * FRAMES_PER_S)))

    def quality() -> Sequence[Quality]:
        file = folder / f"decoder_model_{model.configuration.precision}.onnx"
        whole = WhisperModel(model.configuration, model, bench.sessions.open(file))
        return [_heard_by(SpeechRecognizer(whole, _tokenizer(folder), bench.settings.recognition), said)]

    return Prepared([partial(encode, spectrum) for spectrum in mels], quality, unit="window", audio_s=seconds)


def decoder_token(bench: Bench) -> Prepared:
    """One step of the decoder in the middle of an utterance, and the choice of its token.

    Its peak memory includes the encoder, which makes what it listens to.
    """
    folder = model_folder(bench, bench.settings.recognition.model)
    silence = open_silence(folder, bench.sessions)
    model = WhisperModel.load(folder, bench.sessions, bench.sessions.threads)
    said = demo_utterances(bench.store, 2)
    seconds = bench.settings.recognition.context_s
    samples = []
    for utterance in said:
        spectrum = fit_mel(_mel_of(utterance, model.configuration.mels), int(seconds * FRAMES_PER_S))
        samples.append(_one_step(model, append(model.encode(spectrum), silence, SILENCE_GROUP)))

    def quality() -> Sequence[Quality]:
        hears = SpeechRecognizer(model, _tokenizer(folder), bench.settings.recognition, silence)
        return [_heard_by(hears, said)]

    return Prepared(samples, quality, unit="token")


def _one_step(model: WhisperModel, context: Context) -> Callable[[], int]:
    """A call that decodes the next token behind the prompt and the first few words."""
    configuration = model.configuration
    forbidden = mask(configuration.vocabulary, configuration.suppress, configuration.tokens.timestamps)
    rules = Rules(configuration.tokens.end, forbidden, forbidden, 1)

    def never(_tokens: Tokens, _past: Past) -> tuple[Floats, Past]:
        raise AssertionError("one token was asked for")

    prompt = [configuration.tokens.start, *prompt_tokens(configuration, LANGUAGE, "transcribe")]
    logits, past = model.step(np.array([prompt], np.int64), model.empty_past(), context)
    for _ in range(_TOKENS_BEFORE):
        token = int((logits[0] + forbidden).argmax())
        before = past
        logits, past = model.step(np.array([[token]], np.int64), before, context)
    last = np.array([[token]], np.int64)

    def step() -> int:
        answer, after = model.step(last, before, context)
        return next(iter(greedy(never, answer, after, rules).tokens), configuration.tokens.end)

    return step


def utterance(seconds: int, bench: Bench) -> Prepared:
    """The whole recogniser on utterances of about so many seconds."""
    folder = model_folder(bench, bench.settings.recognition.model)
    recognizer = SpeechRecognizer.load(folder, bench.sessions, bench.settings.recognition)
    said = demo_utterances(bench.store, seconds)

    def hear(one: Utterance) -> str:
        return recognizer.transcribe(one.samples, (one.language,)).text

    answers = Answers(hear, said)

    def quality() -> Sequence[Quality]:
        found = []
        for language in DATA_LANGUAGES:
            clips = _clips(bench, language, *LENGTHS[seconds])
            if clips:
                heard = [hear(Utterance(read_samples(clip.path), "", language)) for clip in clips]
                found.append(_errors(heard, [clip.transcript for clip in clips], f"speech-{language}", language))
        return found or [_errors(answers.all(), [one.transcript for one in said], _BOOK)]

    timed = QUICK_UTTERANCES if bench.quick else len(said)
    audio_s = _mean([one.seconds for one in said[:timed]])
    return Prepared(answers.samples[:timed], quality, unit="utterance", audio_s=audio_s)


def file(bench: Bench) -> Prepared:
    """A recording of about 10 s from its file: decoded, resampled, cut into utterances, recognised."""
    detector = VoiceActivityDetector.load(bench.store.open(MODEL_ID), bench.sessions)
    folder = model_folder(bench, bench.settings.recognition.model)
    recognizer = SpeechRecognizer.load(folder, bench.sessions, bench.settings.recognition)
    made = [(unnamed_file(content), seconds, text) for content, seconds, text in recordings(bench.store)]

    def transcriber(language: str) -> FileTranscriber:
        return FileTranscriber(bench.settings, detector, recognizer, (language,), "transcribe")

    def read(path: Path) -> str:
        return str(transcriber(LANGUAGE)(path)["text"])

    answers = Answers(read, [path for path, _, _ in made])

    def quality() -> Sequence[Quality]:
        found = []
        for language in DATA_LANGUAGES:
            clips = _clips(bench, language, 0.0, float("inf"))
            if clips:
                heard = [str(transcriber(language)(clip.path)["text"]) for clip in clips]
                found.append(_errors(heard, [clip.transcript for clip in clips], f"speech-{language}", language))
        return found or [_errors(answers.all(), [text for _, _, text in made], _BOOK)]

    return Prepared(answers.samples, quality, unit="file", audio_s=_mean([seconds for _, seconds, _ in made]))


def unnamed_file(content: bytes) -> Path:
    """A file that is gone when this process is, however that ends: it has no name, only a descriptor."""
    descriptor, name = tempfile.mkstemp()
    Path(name).unlink()
    rest = io.BytesIO(content)
    while part := rest.read(1 << 20):
        while part:
            part = part[os.write(descriptor, part) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return Path(f"/dev/fd/{descriptor}")


def _clips(bench: Bench, language: str, shortest_s: float, longest_s: float) -> tuple[Clip, ...]:
    if bench.data is None:
        return ()
    most = QUICK_CLIPS if bench.quick else FULL_CLIPS
    return clips_of(read_clips(bench.data, language), shortest_s, longest_s, most)


def _heard_by(recognizer: SpeechRecognizer, said: Sequence[Utterance]) -> Quality:
    heard = [recognizer.transcribe(one.samples, (one.language,)).text for one in said]
    return _errors(heard, [one.transcript for one in said], _BOOK)


def _errors(heard: Sequence[str], transcripts: Sequence[str], data: str, language: str = LANGUAGE) -> Quality:
    rate, words = word_errors(heard, transcripts, language)
    return Quality(metric="WER", value=round(rate, 2), data=data, items=words, better="lower")


def _mel_of(one: Utterance, bands: int) -> Floats:
    return log_mel(one.samples, bands)


def _tokenizer(folder: Path) -> Tokenizer:
    return Tokenizer.load(folder / "tokenizer.json")


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 3)


def _whisper(name: str, sample: str, prepare: Callable[[Bench], Prepared], **more: Any) -> Stage:
    models = more.pop("models", ("whisper-base",))
    return Stage(name, sample, prepare, models, (INSTALLED, FLOAT), **more)


STAGES: tuple[Stage, ...] = (
    Stage("speech.voice-activity", "window of 32 ms", voice_activity, (MODEL_ID,), (FLOAT,), threaded=False),
    Stage("speech.mel", "window of 8 s", mel, (), ("-",), threaded=False),
    _whisper("speech.encoder", "window of 8 s", encoder),
    _whisper("speech.decoder-token", "one token", decoder_token, threaded=False),
    *(
        _whisper(f"speech.utterance-{seconds}s", f"utterance of about {seconds} s", partial(utterance, seconds))
        for seconds in LENGTHS
    ),
    _whisper("speech.file", "recording of about 10 s", file, models=(MODEL_ID, "whisper-base")),
)
"""In the order of the table."""
