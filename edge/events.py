"""What leaves: everything the wearer (or a log) may be told. `docs/events.md` is the contract of each.

Every event carries the `captured_ns` of the media that caused it. `as_record` gives the JSON object of the
events file; its `event` field is the class name.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

Corners = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""Four points (x, y) in pixels of the camera frame (`results.Quad`)."""


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
class SignTranslated(Event):
    """A text in the picture has settled and is translated; once for each region.

    Attributes:
        region: number of the region within the session; SignsMoved says where it goes.
        box: its corners in pixels of the frame in which the text settled: top-left, top-right, bottom-right,
            bottom-left of what is written.
        text: what is written, in `language`.
        translation: in `target`; None when there is no way to translate it, equal to `text` when there is no need.
        language: code of the language of the text.
        target: code of the wearer's language.
        lines: corners of every line, to be erased.
        ink: colour of the letters: blue, green, red.
        paper: colour behind them.
        vertical: written from top to bottom.
        latency_ms: from the first frame in which the text was seen to the overlay being shown; None until then.
    """

    region: int
    box: Corners
    text: str
    translation: str | None
    language: str
    target: str
    lines: tuple[Corners, ...] = ()
    ink: tuple[int, int, int] = (0, 0, 0)
    paper: tuple[int, int, int] = (255, 255, 255)
    vertical: bool = False
    latency_ms: float | None = None


@dataclass(frozen=True)
class SignsMoved(Event):
    """Where the translated regions are in the frame at `captured_ns`. One that is not listed has gone.

    Told only when something moved by more than the still-scene tolerance, came back or went.
    """

    boxes: tuple[tuple[int, Corners], ...]


@dataclass(frozen=True)
class SceneRecognized(Event):
    """What the wearer looks at has changed and settled.

    Attributes:
        label: key of the category, `unknown`, or the name of a taught thing.
        name: its name in `target`.
        score: calibrated probability, 0..1.
        target: code of the wearer's language.
        latency_ms: from the first frame that showed it to the name being shown; None until then.
    """

    label: str
    name: str
    score: float
    target: str
    latency_ms: float | None = None


@dataclass(frozen=True)
class SeenObject:
    """A thing in sight.

    Attributes:
        number: of the thing within the session.
        label: its English name.
        name: its name in the wearer's language.
        score: probability, 0..1.
        box: left, top, right, bottom in pixels of the camera frame.
    """

    number: int
    label: str
    name: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class ObjectsDetected(Event):
    """What is where in the frame at `captured_ns`. A thing that is not listed has gone.

    Told only when something came, went, moved or has another name.

    Attributes:
        objects: all things in sight, by number.
        target: code of the wearer's language.
        latency_ms: from the frame to the boxes being shown; None until then.
    """

    objects: tuple[SeenObject, ...]
    target: str
    latency_ms: float | None = None


@dataclass(frozen=True)
class SenseChanged(Event):
    """A sense of the camera works less hard, or harder again, so that speech keeps up.

    Attributes:
        sense: `signs`, `scene` or `objects`.
        level: `full`, `slow`, `small` (slow, and smaller pictures) or `off`.
        reason: `lag`, `temperature`; `recovered` on the way up.
    """

    sense: str
    level: str
    reason: str


@dataclass(frozen=True)
class SessionEnded(Event):
    """Capture has ended; totals of the session.

    Percentiles are None when there was no subtitle; `fps`, the pictures drawn a second, when fewer than two were;
    `frames` of the camera and `frames_dropped`, those of them that the HUD never looked at, without a camera; these two
    and `cpu_s`, processor time since SessionStarted, flat out.
    """

    utterances: int
    subtitles: int
    latency_p50_ms: float | None = None
    latency_p90_ms: float | None = None
    audio_lost_s: float = 0.0
    peak_rss_mb: float | None = None
    signs: int = 0
    scenes: int = 0
    objects: int = 0
    fps: float | None = None
    frames: int | None = None
    frames_dropped: int | None = None
    cpu_s: float | None = None


def as_record(event: Event) -> dict[str, Any]:
    """The JSON object of one event: `event` is the class name, the rest its fields."""
    return {"event": type(event).__name__, **asdict(event)}
