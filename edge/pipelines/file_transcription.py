"""A whole recording to text: cut into utterances, short ones put together, each window recognised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.media import NS_PER_S, AudioChunk, Samples
from edge.results import Onset, Segment, Transcription

Recognize = Callable[[Samples], Transcription]
Cut = Callable[[Iterable[AudioChunk]], Iterable[Onset | Segment]]

WINDOW_S = 27.0
PAUSE_S = 2.0
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "km", "yue"})


@dataclass(frozen=True)
class SpokenPart:
    """Text with its place in the recording, seconds from the start."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class FileTranscript:
    """What is said in a recording.

    Attributes:
        language: code of the language in which most is said; None when nothing is said.
        seconds: length of the recording.
        text: all of it.
        segments: the same with times, in order.
    """

    language: str | None
    seconds: float
    text: str
    segments: tuple[SpokenPart, ...]


def transcribe_chunks(
    chunks: Iterable[AudioChunk],
    cut: Cut,
    recognize: Recognize,
    *,
    window_s: float = WINDOW_S,
    pause_s: float = PAUSE_S,
) -> FileTranscript:
    """The text of a recording.

    Args:
        chunks: its sound from start to end, on a clock that starts at 0.
        cut: segmentation.
        recognize: the recogniser; gets one window, float32 [n].
        window_s: neighbouring utterances are recognised together up to this length, because context helps;
            0: one by one.
        pause_s: utterances further apart are not put together.
    """
    ended_ns = 0

    def watched() -> Iterator[AudioChunk]:
        nonlocal ended_ns
        for chunk in chunks:
            ended_ns = chunk.ended_ns
            yield chunk

    utterances = (item for item in cut(watched()) if isinstance(item, Segment))
    parts: list[SpokenPart] = []
    spoken: Counter[str] = Counter()
    for window in windows(utterances, window_s, pause_s):
        for group, heard in _recognized(window, recognize):
            if not heard.rejected:
                parts.append(_part(group, heard.text))
                spoken[heard.language] += sum(len(segment.samples) for segment in group)
    language = spoken.most_common(1)[0][0] if spoken else None
    text = ("" if language in _UNSPACED else " ").join(part.text for part in parts)
    return FileTranscript(language, round(ended_ns / NS_PER_S, 3), text, tuple(parts))


def windows(utterances: Iterable[Segment], window_s: float, pause_s: float) -> Iterator[list[Segment]]:
    """Neighbouring utterances in groups of at most `window_s` seconds of sound, with pauses of at most `pause_s`."""
    group: list[Segment] = []
    for utterance in utterances:
        if group:
            length = sum(_seconds(segment) for segment in [*group, utterance])
            pause = (utterance.started_ns - group[-1].ended_ns) / NS_PER_S
            if length > window_s or pause > pause_s:
                yield group
                group = []
        group.append(utterance)
    if group:
        yield group


def _recognized(window: Sequence[Segment], recognize: Recognize) -> Iterator[tuple[Sequence[Segment], Transcription]]:
    """The text of a window; if a guard withholds it, that of each utterance alone: one bad one spoils only itself."""
    heard = recognize(np.concatenate([segment.samples for segment in window]))
    if heard.rejected and len(window) > 1:
        for segment in window:
            yield [segment], recognize(segment.samples)
    else:
        yield window, heard


def _part(group: Sequence[Segment], text: str) -> SpokenPart:
    return SpokenPart(round(group[0].started_ns / NS_PER_S, 3), round(group[-1].captured_ns / NS_PER_S, 3), text)


def _seconds(segment: Segment) -> float:
    return len(segment.samples) / segment.sample_rate
