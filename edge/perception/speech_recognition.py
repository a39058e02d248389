"""Speech to text: one utterance at a time, with Whisper.

Whisper was trained on windows of 30 s. Encoding all of them for a word of one second would cost ten times what the
word needs, and a shorter window alone makes the decoder loop, because it waits for the silence it knows. So only the
utterance and a short tail are encoded, and the encoded silence of the rest of the window, made once, is appended for
the decoder to see. docs/adr/0003-whisper-context.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from edge.errors import LanguageError
from edge.inference.decoding import Decoded, Floats, Past, Rules, Tokens, beam, greedy, mask, probabilities
from edge.inference.sessions import SessionFactory
from edge.inference.tokenization import Tokenizer
from edge.media import Samples
from edge.perception.hallucination import Evidence, compression_ratio, objection, token_limit
from edge.perception.mel import FRAMES_PER_S, SAMPLE_RATE, WINDOW, log_mel, loudness_range
from edge.perception.spoken_language import LanguageTracker, allowed_languages
from edge.perception.whisper_model import Context, WhisperModel, append, fit_mel, prompt_tokens
from edge.perception.whisper_silence import SILENCE_GROUP, encode_silence, open_silence
from edge.results import Transcription
from edge.settings import RecognitionSettings

Task = Literal["transcribe", "translate"]

_ENGLISH = "en"
_PROMPT_ROOM = 8


@dataclass(frozen=True)
class _Heard:
    """What the decoder knows of one utterance before it says a word."""

    context: Context
    past: Past
    logits: Floats
    no_speech: float
    range_db: float
    seconds: float
    said: dict[str, Transcription] = field(default_factory=dict)


class SpeechRecognizer:
    """Transcribes utterances, or translates them into English.

    Keeps the language of the last utterance as hysteresis (`reset` forgets it); everything else is stateless.

    Attributes:
        sample_rate: hertz of the samples it wants.
    """

    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        model: WhisperModel,
        tokenizer: Tokenizer,
        settings: RecognitionSettings,
        silence: Context | None = None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._settings = settings
        self._tracker = LanguageTracker(settings.language_margin)
        self._silence = silence
        self._recent: tuple[Samples, _Heard] | None = None
        configuration = model.configuration
        self._forbidden = mask(configuration.vocabulary, configuration.suppress, configuration.tokens.timestamps)
        self._forbidden_first = self._forbidden + mask(configuration.vocabulary, configuration.suppress_first)

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, settings: RecognitionSettings) -> SpeechRecognizer:
        """Open the model in `folder`, written by the recipe `whisper`.

        Raises:
            ModelNotFoundError: there is none.
            ModelCorruptError: its configuration is damaged.
            InferenceError: a graph or the tokenizer cannot be read.
        """
        silence = open_silence(folder, sessions)
        model = WhisperModel.load(folder, sessions, sessions.threads)
        return cls(model, Tokenizer.load(folder / "tokenizer.json"), settings, silence)

    @property
    def languages(self) -> list[str]:
        """Codes of the languages that can be spoken."""
        return list(self._model.configuration.languages) or [_ENGLISH]

    @property
    def can_translate(self) -> bool:
        """Whether the task `translate` (into English) is known."""
        return self._model.configuration.multilingual

    @property
    def longest_s(self) -> float:
        """Longest utterance in seconds."""
        return 2 * self._model.configuration.audio_positions / FRAMES_PER_S

    def warm_up(self) -> None:
        """Do once what every utterance needs, so that the first one is not slow."""
        self._transcribe(np.zeros(SAMPLE_RATE, np.float32), self.languages[:1], "transcribe")
        self.reset()

    def reset(self) -> None:
        """Forget the language of earlier utterances."""
        self._tracker.reset()

    def check(self, languages: Sequence[str] | None, task: Task) -> list[str]:
        """The languages that may be spoken, after a check of what is asked against what the model knows.

        Raises:
            LanguageError: a language or a task the model does not know.
        """
        if task == "translate" and not self.can_translate:
            raise LanguageError("this speech model knows English only and cannot translate; run: edge models list")
        return allowed_languages(languages, self.languages, "the speech model")

    def transcribe(
        self, samples: Samples, languages: Sequence[str] | None = None, task: Task = "transcribe"
    ) -> Transcription:
        """What is said in one utterance.

        Args:
            samples: float32 [n] at 16 kHz, -1..1; one utterance, at most `longest_s`.
            languages: codes among which the spoken language is decided; None: all the model knows.
            task: `translate` gives English whatever is spoken.

        Raises:
            LanguageError: a language or a task the model does not know.
            ValueError: the utterance is too long.
        """
        allowed = self.check(languages, task)
        if len(samples) > self.longest_s * SAMPLE_RATE:
            raise ValueError(f"an utterance has at most {self.longest_s:g} s, not {len(samples) / SAMPLE_RATE:.1f} s")
        return self._transcribe(samples, allowed, task)

    def _transcribe(self, samples: Samples, allowed: Sequence[str], task: Task) -> Transcription:
        heard = self._recall(samples) if task == "translate" else self._listen(samples)
        shares = {allowed[0]: 1.0}
        if len(allowed) > 1:
            languages = self._model.configuration.languages
            values = probabilities(heard.logits[0, [languages[code] for code in allowed]])
            shares = dict(zip(allowed, map(float, values), strict=True))
        language = self._tracker.decide(shares, heard.seconds)
        if language not in heard.said:
            heard.said[language] = self._say(heard, language, "transcribe", shares[language])
        said = heard.said[language]
        # A translation is less sure of its words than a transcription, so whether somebody speaks is judged by that.
        return said if said.rejected or task == "transcribe" else self._say(heard, language, task, shares[language])

    def _say(self, heard: _Heard, language: str, task: Task, share: float) -> Transcription:
        decoded = self._decode(heard, language, task)
        text = self._tokenizer.decode(decoded.tokens).strip()
        evidence = Evidence(
            text,
            tokens=len(decoded.tokens),
            seconds=heard.seconds,
            log_probability=decoded.mean_log_probability,
            no_speech=heard.no_speech if task == "transcribe" else 0.0,
            looped=decoded.stop == "repetition",
            range_db=heard.range_db,
        )
        lowest = self._settings.min_log_probability
        if task == "translate":
            lowest = self._settings.min_log_probability_translated
        rejected = objection(evidence, self._settings, lowest)
        return Transcription(
            text="" if rejected else text,
            language=language,
            language_probability=share,
            log_probability=evidence.log_probability,
            compression_ratio=compression_ratio(text),
            tokens=evidence.tokens,
            rejected=rejected,
        )

    def _recall(self, samples: Samples) -> _Heard:
        """The utterance just transcribed, when it is to be translated next; else it is encoded."""
        if self._recent is not None and self._recent[0] is samples:
            return self._recent[1]
        return self._listen(samples)

    def _listen(self, samples: Samples) -> _Heard:
        tokens = self._model.configuration.tokens
        mel, spoken = self._mel(samples)
        context = self._context(mel)
        logits, past = self._model.step(np.array([[tokens.start]], np.int64), self._model.empty_past(), context)
        no_speech = float(probabilities(logits)[0, tokens.no_speech])
        range_db = loudness_range(mel[:, :spoken])
        heard = _Heard(context, past, logits, no_speech, range_db, len(samples) / SAMPLE_RATE)
        self._recent = (samples, heard)
        return heard

    def _mel(self, samples: Samples) -> tuple[Floats, int]:
        """Log-mel of the utterance with a tail of silence, and how many frames are the utterance."""
        tail = np.zeros(max(WINDOW, int(self._settings.tail_s * SAMPLE_RATE)), np.float32)
        sound = np.concatenate([samples, tail])
        return log_mel(sound, self._model.configuration.mels), len(samples) * FRAMES_PER_S // SAMPLE_RATE

    def _context(self, mel: Floats) -> Context:
        """What the encoder makes of the sound, and encoded silence behind it to the end of the window."""
        window = 2 * self._model.configuration.audio_positions
        frames = max(mel.shape[1], int(self._settings.context_s * FRAMES_PER_S))
        context = self._model.encode(fit_mel(mel, min(frames, window)))
        return append(context, self._encoded_silence(), SILENCE_GROUP)

    def _encoded_silence(self) -> Context:
        if self._silence is None:
            self._silence = encode_silence(self._model)
        return self._silence

    def _decode(self, heard: _Heard, language: str, task: Task) -> Decoded:
        configuration = self._model.configuration

        def step(tokens: Tokens, past: Past) -> tuple[Floats, Past]:
            return self._model.step(tokens, past, heard.context)

        prompt = np.array([prompt_tokens(configuration, language, task)], np.int64)
        logits, past = step(prompt, heard.past)
        longest = min(
            token_limit(heard.seconds, self._settings.max_tokens_per_s) + 1,
            configuration.text_positions // 2 - _PROMPT_ROOM,
        )
        rules = Rules(configuration.tokens.end, self._forbidden, self._forbidden_first, longest)
        settings = self._settings
        if settings.beam > 1 and heard.seconds >= settings.beam_from_s:
            return beam(step, logits, past, rules, settings.beam, settings.beam_lag)
        decoded = greedy(step, logits, past, rules)
        sure = decoded.stop == "end" and decoded.mean_log_probability >= settings.beam_below
        if sure or settings.beam == 1 or decoded.mean_log_probability < settings.hopeless_below:
            return decoded
        return beam(step, logits, past, rules, settings.beam, settings.beam_lag)
