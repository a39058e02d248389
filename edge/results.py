"""What models say, before anyone decides what the wearer should know."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge.media import NS_PER_S, Samples


@dataclass(frozen=True)
class Segment:
    """A stretch of speech, cut out of the stream by segmentation.

    Attributes:
        samples: float32 [n] at `sample_rate`, with look-back before and hangover after the speech.
        sample_rate: hertz.
        utterance: running number of the utterance within the session, from 1.
        started_ns: clock time of the first sample in `samples`.
        captured_ns: clock time just after the last spoken sample (not of the hangover).
        spoken_s: seconds of speech as the voice activity detector counted them.
    """

    samples: Samples = field(repr=False)
    sample_rate: int
    utterance: int
    started_ns: int
    captured_ns: int
    spoken_s: float

    @property
    def ended_ns(self) -> int:
        """Clock time just after the last sample, hangover included."""
        return self.started_ns + len(self.samples) * NS_PER_S // self.sample_rate


@dataclass(frozen=True)
class Onset:
    """Speech has begun; the segment will follow when it ends.

    Attributes:
        utterance: the number the segment will have.
        captured_ns: clock time of the first spoken sample.
    """

    utterance: int
    captured_ns: int


@dataclass(frozen=True)
class Transcription:
    """What the speech recogniser heard in one segment.

    Attributes:
        text: final text, stripped; empty exactly when `rejected` says why.
        language: code of the spoken language (`en`).
        language_probability: share of the decision among the allowed languages, 0..1.
        log_probability: mean log-probability per token.
        compression_ratio: bytes of text over bytes of its zlib compression; above 2.4 is a loop.
        tokens: number of text tokens decoded.
        rejected: why a guard withheld the text (`silence`, `log_probability`, `compression_ratio`,
            `repetition`, `token_rate`, `steady_sound`), or None.
    """

    text: str
    language: str
    language_probability: float = 1.0
    log_probability: float = 0.0
    compression_ratio: float = 1.0
    tokens: int = 0
    rejected: str | None = None


@dataclass(frozen=True)
class Translation:
    """A text in another language.

    Attributes:
        text: translated text; the source text where source and target language are the same.
        source_language: code.
        target_language: code.
    """

    text: str
    source_language: str
    target_language: str


Point = tuple[float, float]
"""x, y in pixels of the camera frame."""

Quad = tuple[Point, Point, Point, Point]
"""Four corners in the order top-left, top-right, bottom-right, bottom-left of what is written, as it is read."""

Color = tuple[int, int, int]
"""Blue, green, red, 0..255."""


@dataclass(frozen=True)
class TextLine:
    """One line of text in a frame.

    Attributes:
        box: where it is; the first corner is where the text begins, also on a turned sign.
        text: what it says.
        confidence: mean probability of its characters, 0..1.
        vertical: written from top to bottom, as Chinese and Japanese may be.
    """

    box: Quad
    text: str
    confidence: float
    vertical: bool = False


@dataclass(frozen=True)
class Region:
    """Lines that belong together: a paragraph, a sign, an entry of a menu.

    Attributes:
        lines: in the order in which they are read.
        box: the smallest turned rectangle around them.
        text: the lines joined into running text; hyphens at line ends mended.
        confidence: mean of the lines, weighed by their length, 0..1.
        ink: colour of the letters.
        paper: colour behind them.
    """

    lines: tuple[TextLine, ...]
    box: Quad
    text: str
    confidence: float
    ink: Color = (0, 0, 0)
    paper: Color = (255, 255, 255)

    @property
    def vertical(self) -> bool:
        """Whether its lines run from top to bottom."""
        return bool(self.lines) and all(line.vertical for line in self.lines)


@dataclass(frozen=True)
class SignText:
    """What a region says and means.

    Attributes:
        text: as it stands there.
        language: code of its language; empty where nothing tells it.
        translation: in the wearer's language; equal to `text` where there is no need; None where there is no way.
        missing: why there is no way and what to run, where that can be helped.
    """

    text: str
    language: str
    translation: str | None
    missing: str | None = None


@dataclass(frozen=True)
class Category:
    """What is seen.

    Attributes:
        label: key of the category (`coffee_mug`), `unknown`, or the name that the wearer taught.
        name: its name in the wearer's language.
        score: calibrated probability, 0..1.
    """

    label: str
    name: str
    score: float


Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the camera frame."""


@dataclass(frozen=True)
class DetectedObject:
    """A thing, and where it is in a picture.

    Attributes:
        label: its English name, as the model has it.
        name: its name in the wearer's language.
        score: probability, 0..1.
        box: around it, within the picture.
    """

    label: str
    name: str
    score: float
    box: Box


@dataclass(frozen=True)
class FollowedObject:
    """A thing that was found in more than one picture.

    Attributes:
        number: of the thing within the session, from 1.
        thing: what and where it is now.
        first_ns: clock time of the first frame in which it was found.
    """

    number: int
    thing: DetectedObject
    first_ns: int


UNKNOWN = "unknown"
"""Label of what is none of the known things."""


@dataclass(frozen=True)
class Glance:
    """What one look at a picture told.

    Attributes:
        scores: float32 [categories], probabilities; of a model that judges each category for itself they need not sum
            to 1.
        known: how surely this is one of the categories and not a stranger, 0..1.
        embedding: float32 [d], length 1: alike for alike things, also for things that are no category; None: the model
            has none that things could be taught with.
        saliency: float32 [h, w], 0..1: where in the picture there is something to look at; None: it does not say.
    """

    scores: npt.NDArray[np.float32] = field(repr=False)
    known: float
    embedding: npt.NDArray[np.float32] | None = field(default=None, repr=False)
    saliency: npt.NDArray[np.float32] | None = field(default=None, repr=False)
