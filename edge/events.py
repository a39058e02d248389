"""What leaves: everything the wearer (or a log) may be told. `docs/events.md` is the contract of each.

Every event carries the `captured_ns` of the media that caused it. `as_record` gives the JSON object of the
events file; its `event` field is the class name.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """Parent of all events.

    Attributes:
        captured_ns: clock time of the media that caused the event; for speech, of the last spoken sample.
    """

    captured_ns: int


@dataclass(frozen=True)
class SessionStarted(Event):
    """Capture has begun. `source_languages` is empty for automatic detection; `recording`: something is saved."""

    source_languages: tuple[str, ...]
    target_language: str
    recording: bool = False


@dataclass(frozen=True)
class SpeechStarted(Event):
    """Somebody began to speak; the subtitle of this utterance may follow."""

    utterance: int


@dataclass(frozen=True)
class SpeechEnded(Event):
    """The utterance ended and waits for its transcription. `seconds` is the length of its audio."""

    utterance: int
    seconds: float


@dataclass(frozen=True)
class Subtitle(Event):
    """A caption.

    Attributes:
        utterance: number of the utterance; all subtitles of one utterance share it.
        source: what was said, in `language`.
        text: the translation into `target`; equal to `source` when the languages are the same.
        language: code of the spoken language.
        target: code of the wearer's language.
        is_final: finals never change. A partial may only grow.
        latency_ms: from the last spoken sample to this subtitle being shown; None until a sink has shown it.
    """

    utterance: int
    source: str
    text: str
    language: str
    target: str
    is_final: bool = True
    latency_ms: float | None = None


@dataclass(frozen=True)
class SpeechRejected(Event):
    """An utterance was heard but is not shown; `reason` names the guard (see Transcription.rejected)."""

    utterance: int
    reason: str


@dataclass(frozen=True)
class AudioLost(Event):
    """Recognition fell behind (or the device dropped blocks) and `seconds` of audio were skipped."""

    seconds: float


@dataclass(frozen=True)
class SourceLost(Event):
    """A device went away; the program keeps trying. `message` is for the wearer."""

    source: str
    message: str


@dataclass(frozen=True)
class SourceRestored(Event):
    """The device is back."""

    source: str


@dataclass(frozen=True)
class StageFailed(Event):
    """A model or stage raised; the other senses go on."""

    stage: str
    message: str


@dataclass(frozen=True)
class SessionEnded(Event):
    """Capture has ended; totals of the session. Percentiles are None when there was no subtitle."""

    utterances: int
    subtitles: int
    latency_p50_ms: float | None = None
    latency_p90_ms: float | None = None
    audio_lost_s: float = 0.0
    peak_rss_mb: float | None = None


def as_record(event: Event) -> dict[str, Any]:
    """The JSON object of one event: `event` is the class name, the rest its fields."""
    return {"event": type(event).__name__, **asdict(event)}
