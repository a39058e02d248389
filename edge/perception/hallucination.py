"""Guards against text that nobody said: pure functions over what the decoder reports.

Whisper invents text for noise and music, and loops when it does not find the end of the speech. The measures are
those of Radford et al. 2022 section 4.5 (compression ratio, mean log-probability, no-speech probability), plus the
rate of tokens, which no speaker exceeds.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from edge.settings import RecognitionSettings

_GRACE_TOKENS = 8


@dataclass(frozen=True)
class Evidence:
    """What is known of a decoded text.

    Attributes:
        text: the text.
        tokens: number of text tokens.
        seconds: length of the sound that was decoded.
        log_probability: mean log-probability per token.
        no_speech: probability of the no-speech token at the start, 0..1.
        looped: decoding was stopped by the repetition guard.
        range_db: how far loud and quiet moments of the sound lie apart (`mel.loudness_range`).
    """

    text: str
    tokens: int
    seconds: float
    log_probability: float
    no_speech: float
    looped: bool = False
    range_db: float = 60.0


def objection(
    evidence: Evidence, settings: RecognitionSettings, min_log_probability: float | None = None
) -> str | None:
    """The first guard that objects to the text, by the names of `Transcription.rejected`, or None.

    `min_log_probability` stands in for that of the settings.

    Order: from no text at all to weak doubts, so that the reason given is the most telling one.
    """
    silent = not any(character.isalnum() for character in evidence.text)
    unsure = evidence.log_probability < settings.sure_log_probability
    steady = evidence.range_db < settings.min_loudness_range_db
    lowest = settings.min_log_probability if min_log_probability is None else min_log_probability
    objections = {
        "silence": silent or (unsure and evidence.no_speech > settings.max_no_speech_probability),
        "repetition": evidence.looped and unsure,
        "compression_ratio": compression_ratio(evidence.text) > settings.max_compression_ratio,
        "token_rate": evidence.tokens > token_limit(evidence.seconds, settings.max_tokens_per_s),
        "log_probability": evidence.log_probability < lowest,
        "steady_sound": steady and evidence.no_speech > settings.max_no_speech_probability_steady,
    }
    return next((reason for reason, holds in objections.items() if holds), None)


def compression_ratio(text: str) -> float:
    """Bytes of `text` over bytes of its zlib compression; above about 2.4 it repeats itself. 0 for no text."""
    data = text.encode("utf-8")
    return len(data) / len(zlib.compress(data)) if data else 0.0


def token_limit(seconds: float, per_second: float) -> int:
    """Most tokens that `seconds` of speech can hold; a few more for punctuation in very short speech."""
    return int(_GRACE_TOKENS + per_second * seconds)
