"""Speech to measure with: the sample of the catalogue, cut at pauses, and clips of a folder of evaluation data.

The sample is the opening of Dickens's "A Tale of Two Cities" (1859, public domain) as somebody reads it; the words are
those of the book, so word errors are true ones.
"""

from __future__ import annotations

import csv
import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from edge.hub.store import ModelStore
from edge.media import Samples
from edge.perception.resample import resample
from edge.perception.segmentation import SAMPLE_RATE
from edge.sources.recording import read_audio

SAMPLE_ID = "demo-speech"
SAMPLE_FILE = "two_cities.wav"
LANGUAGE = "en"

CLAUSES: tuple[tuple[float, float, str], ...] = (
    (0.9, 2.85, "It was the best of times,"),
    (2.8, 4.75, "it was the worst of times,"),
    (4.8, 6.5, "it was the age of wisdom,"),
    (6.45, 8.3, "it was the age of foolishness,"),
    (8.5, 10.45, "it was the epoch of belief,"),
    (10.4, 13.1, "it was the epoch of incredulity,"),
    (13.1, 14.95, "it was the season of Light,"),
    (14.9, 17.0, "it was the season of Darkness,"),
    (17.2, 18.85, "it was the spring of hope,"),
    (18.8, 20.9, "it was the winter of despair,"),
    (20.9, 22.65, "we had everything before us,"),
    (22.65, 24.3, "we had nothing before us,"),
    (24.3, 26.35, "we were all going direct to Heaven,"),
    (26.3, 28.6, "we were all going direct the other way;"),
    (28.8, 32.5, "in short, the period was so far like the present period,"),
    (32.5, 36.75, "that some of its noisiest authorities insisted on its being received,"),
    (36.7, 41.9, "for good or for evil, in the superlative degree of comparison only."),
)
"""Start and end in the sample, seconds, both in pauses; the words of the book."""

CUTS: dict[int, tuple[tuple[int, int], ...]] = {
    2: ((0, 0), (1, 1), (4, 4), (7, 7), (9, 9)),
    5: ((0, 2), (4, 5), (6, 7), (12, 13), (16, 16)),
    10: ((0, 4), (4, 7), (5, 9), (8, 12), (15, 16)),
}
"""Utterances of about so many seconds: first and last clause."""

RECORDINGS = ((0, 4), (5, 9), (15, 16))
"""First and last clause of the recordings that are transcribed from files."""

Item = TypeVar("Item")

_LEFT_OUT = "not independent"


@dataclass(frozen=True)
class Utterance:
    """Something said, and the words.

    Attributes:
        samples: float32 [n] at 16 kHz.
        transcript: what is said.
        language: code.
    """

    samples: Samples = field(repr=False)
    transcript: str
    language: str = LANGUAGE

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True)
class Clip:
    """A recorded utterance of a folder of evaluation data."""

    path: Path
    language: str
    seconds: float
    transcript: str


def sample_file(store: ModelStore) -> Path:
    """The recording of the catalogue.

    Raises:
        ModelNotFoundError: says to pull it.
        ModelCorruptError: its bytes changed.
    """
    return store.open(SAMPLE_ID) / SAMPLE_FILE


def demo_utterances(store: ModelStore, seconds: int) -> tuple[Utterance, ...]:
    """Five utterances of about 2, 5 or 10 seconds; raises as `sample_file`."""
    whole = read_samples(sample_file(store))
    return tuple(
        Utterance(whole[_at(CLAUSES[first][0]) : _at(CLAUSES[last][1])], words(first, last))
        for first, last in CUTS[seconds]
    )


def recordings(store: ModelStore) -> tuple[tuple[bytes, float, str], ...]:
    """Recordings of about 10 s, cut out of the sample at its own rate: a WAV file's bytes, seconds, words.

    Raises:
        ModelNotFoundError, ModelCorruptError: as `sample_file`.
    """
    made = []
    with wave.open(str(sample_file(store))) as whole:
        rate = whole.getframerate()
        for first, last in RECORDINGS:
            start, end = CLAUSES[first][0], CLAUSES[last][1]
            whole.setpos(round(start * rate))
            content = io.BytesIO()
            with wave.open(content, "wb") as part:
                part.setparams(whole.getparams())
                part.writeframes(whole.readframes(round((end - start) * rate)))
            made.append((content.getvalue(), end - start, words(first, last)))
    return tuple(made)


def words(first: int, last: int) -> str:
    """What the book says from one clause to another."""
    return " ".join(text for _, _, text in CLAUSES[first : last + 1])


def read_clips(data: Path, language: str) -> tuple[Clip, ...]:
    """Clips of `data`/speech-CODE/manifest.tsv (file, seconds, transcript, notes); none where there is no manifest.

    Clips whose transcript was made with a model that is measured here are left out.
    """
    folder = data / f"speech-{language}"
    if not (folder / "manifest.tsv").is_file():
        return ()
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return tuple(
        Clip(folder / row["file"], language, float(row["seconds"]), row["transcript"])
        for row in rows
        if _LEFT_OUT not in (row.get("notes") or "").casefold()
    )


def clips_of(clips: Sequence[Clip], shortest_s: float, longest_s: float, most: int | None = None) -> tuple[Clip, ...]:
    """Clips with a length in this range, in the manifest's order; at most `most`, spread evenly over them."""
    return evenly([clip for clip in clips if shortest_s <= clip.seconds < longest_s], most)


def evenly(items: Sequence[Item], most: int | None) -> tuple[Item, ...]:
    """`items`, or `most` of them at even distances."""
    if most is None or len(items) <= most:
        return tuple(items)
    return tuple(items[number * len(items) // most] for number in range(most))


def read_samples(path: Path) -> Samples:
    """A whole file as float32 [n] at 16 kHz.

    Raises:
        SourceError: it cannot be read.
    """
    return np.concatenate([chunk.samples for chunk in resample(read_audio(path), SAMPLE_RATE)])


def _at(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
