"""Utterances in, subtitles out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from edge.errors import EdgeError
from edge.events import Event, SpeechEnded, SpeechRejected, SpeechStarted, StageFailed, Subtitle
from edge.media import NS_PER_S, AudioChunk
from edge.results import Onset, Segment, Transcription, Translation

Transcribe = Callable[[Segment], Transcription]
Translate = Callable[[Segment, Transcription], Translation]


def subtitles(heard: Iterable[Onset | Segment], transcribe: Transcribe, translate: Translate) -> Iterator[Event]:
    """Events of every utterance in order: SpeechStarted, SpeechEnded, one of Subtitle, SpeechRejected, StageFailed.

    Args:
        heard: what segmentation says; every Onset is followed by its Segment.
        transcribe: the recogniser; a withheld text comes back with `rejected` set.
        translate: the translation of a transcription (the segment lets it go back to the sound).

    A stage that raises EdgeError fails this utterance only; any other exception ends the pipeline.
    """
    for item in heard:
        if isinstance(item, Onset):
            yield SpeechStarted(item.captured_ns, item.utterance)
        else:
            yield SpeechEnded(item.captured_ns, item.utterance, round((item.ended_ns - item.started_ns) / NS_PER_S, 3))
            yield _caption(item, transcribe, translate)


def _caption(segment: Segment, transcribe: Transcribe, translate: Translate) -> Event:
    stage = "speech-recognition"
    try:
        heard = transcribe(segment)
        if heard.rejected:
            return SpeechRejected(segment.captured_ns, segment.utterance, heard.rejected)
        stage = "translation"
        said = translate(segment, heard)
    except EdgeError as error:
        return StageFailed(segment.captured_ns, stage, str(error))
    return Subtitle(
        segment.captured_ns, segment.utterance, heard.text, said.text, said.source_language, said.target_language
    )


def report_lost(chunks: Iterable[AudioChunk], tell: Callable[[int, float], None]) -> Iterator[AudioChunk]:
    """Pass chunks on; before each that follows a gap call `tell(captured_ns, seconds lost)`."""
    for chunk in chunks:
        if chunk.lost:
            tell(chunk.captured_ns, chunk.lost / chunk.sample_rate)
        yield chunk


def mark_gaps(chunks: Iterable[AudioChunk], tolerance_ns: int = NS_PER_S // 100) -> Iterator[AudioChunk]:
    """Set `lost` on chunks that do not begin where the one before ended: a full channel dropped what was between."""
    expected_ns: int | None = None
    for chunk in chunks:
        gap_ns = 0 if expected_ns is None else chunk.captured_ns - expected_ns
        expected_ns = chunk.ended_ns
        missing = gap_ns * chunk.sample_rate // NS_PER_S if gap_ns > tolerance_ns else 0
        yield replace(chunk, lost=max(chunk.lost, missing)) if missing else chunk
