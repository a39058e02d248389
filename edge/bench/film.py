"""A film to measure the whole program with, of which everything is known: what is said, written and in sight when.

Composed of the samples of the catalogue: somebody reads clauses of a book, and the camera looks at places with signs
and things, standing still at first and then drifting. The same samples give the same film.
"""

from __future__ import annotations

import math
import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.bench.film_places import (
    CUP,
    EMBLEM,
    EXIT,
    MENU,
    PAN_S,
    PLACE,
    SIZE,
    STILL_SHARE,
    STOP,
    TEMPLE,
    Board,
    Picture,
    Place,
    Quad,
    build,
    corners_seen,
    drift,
    look,
)
from edge.bench.inputs_speech import CLAUSES, Utterance, clips_of, read_clips, read_samples, sample_file, words
from edge.hub.store import ModelStore
from edge.media import AudioChunk, Samples
from edge.perception.segmentation import SAMPLE_RATE
from edge.results import UNKNOWN

FPS = 15
FONT = ("font-noto-sans", "NotoSans.ttf")
LEAD_S = 0.6
"""Before the first word."""
PAUSE_S = 1.2
"""After every utterance."""
LONGEST_CLIP_S = 10.0
_ROOM = 1e-4  # -80 dB: a room in which nobody speaks, not digital silence

SHORT: tuple[tuple[int, int], ...] = ((6, 7), (9, 9), (12, 12))
"""Utterances of the quick film: first and last clause of each."""
LONG: tuple[tuple[int, int], ...] = (
    (0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (12, 13), (14, 14), (15, 16)
)  # fmt: skip
SHORT_WALK = (TEMPLE, STOP, EMBLEM)
LONG_WALK = (TEMPLE, STOP, MENU, CUP, EXIT, EMBLEM)


@dataclass(frozen=True)
class Spoken:
    """Words, and from when to when they are said; seconds of the film."""

    text: str
    from_s: float
    to_s: float


@dataclass(frozen=True)
class Sign:
    """A text, and from when to when it is in sight.

    Attributes:
        corners: of the board while the camera stands still: pixels of the picture.
        still_s: the camera stands still from `from_s` until then.
        to_s: the camera turns away.
    """

    text: str
    corners: Quad
    from_s: float
    still_s: float
    to_s: float


@dataclass(frozen=True)
class Sight:
    """What the recogniser should name, `unknown` for nothing it knows, and from when to when it is looked at.

    Attributes:
        still_s: the camera stands still from `from_s` until then.
    """

    label: str
    from_s: float
    still_s: float
    to_s: float


@dataclass(frozen=True)
class Film:
    """A recording and what is in it.

    Attributes:
        path: the file.
        seconds: its length; sound and pictures are equally long.
        data: what it was made of, for reports.
    """

    path: Path
    seconds: float
    spoken: tuple[Spoken, ...] = ()
    signs: tuple[Sign, ...] = ()
    sights: tuple[Sight, ...] = ()
    language: str = "en"
    data: str = ""


def compose_film(path: Path, store: ModelStore, *, quick: bool = False, data: Path | None = None) -> Film:
    """Write the film of the benchmark.

    Args:
        path: where to; `.mkv`.
        store: has the samples.
        quick: the short one, about 12 s, else about 50 s.
        data: folder of evaluation data: clips of `speech-en` are said instead of the sample, as many as fit.

    Raises:
        ModelNotFoundError: says which sample to pull.
        SourceError: a clip cannot be read.
    """
    utterances = _clips(data, quick=quick) if data is not None else ()
    said = utterances or _sample(store, SHORT if quick else LONG)
    places = SHORT_WALK if quick else LONG_WALK
    samples, spoken = speak(said)
    stay = math.ceil(len(samples) / SAMPLE_RATE * FPS / len(places))
    frames = stay * len(places)
    samples = np.concatenate([samples, room(frames * SAMPLE_RATE // FPS - len(samples))])
    font_file = store.open(FONT[0]) / FONT[1]
    pictures = [build(place, store, font_file) for place in places]
    write_film(path, (look(pictures, index / FPS, stay / FPS, drift) for index in range(frames)), [_chunk(samples)])
    source = "evaluation clips" if utterances else "sample speech"
    signs, sights = truth(places, stay / FPS)
    return Film(path, frames / FPS, spoken, signs, sights, data=f"{source}, drawn signs and things")


def speak(utterances: Sequence[Utterance]) -> tuple[Samples, tuple[Spoken, ...]]:
    """One after the other with pauses between them: samples at 16 kHz, and what is said when."""
    parts, spoken = [room(round(LEAD_S * SAMPLE_RATE))], []
    length = len(parts[0])
    for utterance in utterances:
        spoken.append(Spoken(utterance.transcript, length / SAMPLE_RATE, length / SAMPLE_RATE + utterance.seconds))
        parts += [utterance.samples, room(round(PAUSE_S * SAMPLE_RATE))]
        length += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts), tuple(spoken)


def truth(places: Sequence[Place], stay_s: float) -> tuple[tuple[Sign, ...], tuple[Sight, ...]]:
    """Signs and sights of a walk with `drift` through places."""
    signs, sights = [], []
    for number, place in enumerate(places):
        from_s = number * stay_s
        still_s = from_s + STILL_SHARE * stay_s
        to_s = from_s + stay_s - (PAN_S if number + 1 < len(places) else 0.0)
        for board in (*place.boards, *_written(place)):
            corners = corners_seen(board.corners, *drift(0.0, stay_s))
            signs.append(Sign(board.text, corners, from_s, still_s, to_s))
        sights.append(Sight(place.thing.label if place.thing else UNKNOWN, from_s, still_s, to_s))
    return tuple(signs), tuple(sights)


def _written(place: Place) -> Iterator[Board]:
    """What is written on the thing of a place."""
    if place.thing is not None and place.thing.label == "stop_sign":
        (x, y), reach = place.thing.centre, place.thing.radius
        w, h = reach / PLACE[0], reach / PLACE[1]
        quad = ((x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h))
        yield Board("STOP", quad, (255, 255, 255), (190, 20, 30))


def room(length: int) -> Samples:
    """Faint noise: so many samples."""
    return (np.random.default_rng(1).standard_normal(length) * _ROOM).astype(np.float32)


def _sample(store: ModelStore, cuts: Iterable[tuple[int, int]]) -> tuple[Utterance, ...]:
    whole = read_samples(sample_file(store))
    ends = [(first, last, CLAUSES[first][0], CLAUSES[last][1]) for first, last in cuts]
    return tuple(
        Utterance(whole[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)], words(first, last))
        for first, last, start, end in ends
    )


def _clips(data: Path, *, quick: bool) -> tuple[Utterance, ...]:
    """Clips of evaluation data, spread over the manifest, for about as long as the film of the sample."""
    clips = clips_of(read_clips(data, "en"), 1.0, LONGEST_CLIP_S)
    wanted_s = 9.0 if quick else 40.0
    mean_s = sum(clip.seconds for clip in clips) / max(1, len(clips))
    chosen = clips_of(clips, 0.0, LONGEST_CLIP_S, max(1, round(wanted_s / mean_s))) if clips else ()
    return tuple(Utterance(read_samples(clip.path), clip.transcript) for clip in chosen)


def write_film(
    path: Path, pictures: Iterable[Picture], sound: Sequence[AudioChunk], preset: str = "ultrafast", crf: int = 20
) -> None:
    """A film with lossless sound; pictures are BGR uint8 of `SIZE`, `FPS` a second."""
    import av  # after cv2

    with av.open(str(path), "w") as film:
        video: Any = film.add_stream("libx264", rate=FPS, options={"preset": preset, "crf": str(crf)})
        video.width, video.height = SIZE
        video.pix_fmt = "yuv420p"
        audio: Any = film.add_stream("pcm_s16le", rate=sound[0].sample_rate)
        audio.layout = "mono"
        for picture in pictures:
            film.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        film.mux(video.encode())
        for chunk in sound:
            frame = av.AudioFrame.from_ndarray(_pcm(chunk.samples)[None], format="s16", layout="mono")
            frame.sample_rate = chunk.sample_rate
            film.mux(audio.encode(frame))
        film.mux(audio.encode())


def write_sound(path: Path, samples: Samples) -> None:
    """A WAV file at 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(_pcm(samples).astype("<i2").tobytes())


def _chunk(samples: Samples) -> AudioChunk:
    return AudioChunk(samples, SAMPLE_RATE, 0)


def _pcm(samples: Samples) -> Any:
    return np.clip(samples * 32768, -32768, 32767).astype(np.int16)
