"""Encoded silence: the rest of Whisper's window behind an utterance, made once and kept in the model store.

It is the same at every start, and takes half a second of work and the memory of a whole window. What is kept,
`<store>/kept/<id>/<fingerprint>/silence`, is one line (what it was made of, and the SHA-256 of the rest) and the arrays
of the context one behind another. Where anything is not as it would be made now, it is made again; so losing the file,
damaging it or moving it to another machine costs time only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

import numpy as np

from edge.inference.decoding import Floats
from edge.inference.provider_choices import key_of
from edge.inference.sessions import SessionFactory
from edge.perception.whisper_model import (
    Context,
    Encoder,
    WhisperConfiguration,
    WhisperModel,
    condense,
    encoder_file,
    fit_mel,
    read_configuration,
)

SILENCE_GROUP = 10
"""Positions of encoded silence that are condensed into one."""

KEPT = "kept"
"""Folder in the store for what a start would otherwise make again; it may go at any time."""

_MANIFEST = "manifest.json"
_FORMAT = 1
_HEX = 64
_HEAD = 2 * _HEX + 2


def open_silence(folder: Path, sessions: SessionFactory) -> Context:
    """Encoded silence for the model in `folder`: the kept one where that is right, else a new one, which is kept.

    Raises:
        ModelNotFoundError, ModelCorruptError, InferenceError: as `Encoder.load`.
    """
    configuration = read_configuration(folder)
    place = _place(folder, configuration)
    if place is None:
        return _made(folder, sessions)
    origin = _origin(folder, configuration, sessions)
    kept = _read(place, origin, configuration)
    if kept is None:
        kept = _made(folder, sessions)
        _write(place, origin, kept)
    return kept


def encode_silence(model: WhisperModel | Encoder) -> Context:
    """A whole window of silence, condensed: what `append` puts behind the context of an utterance."""
    return condense(model.encode(_window(model.configuration)), SILENCE_GROUP)


def _made(folder: Path, sessions: SessionFactory) -> Context:
    """Made in a session of its own, which gives the memory of a whole window back when it ends."""
    return encode_silence(Encoder.load(folder, sessions, sessions.threads))


def _window(configuration: WhisperConfiguration) -> Floats:
    return fit_mel(np.zeros((configuration.mels, 0), np.float32), 2 * configuration.audio_positions)


def _place(folder: Path, configuration: WhisperConfiguration) -> Path | None:
    """Where it is kept; None: the model is in no store, so nobody vouches for its bytes."""
    found = key_of(encoder_file(folder, configuration))
    if found is None or not (folder / _MANIFEST).is_file():
        return None
    root, key = found
    return (root / KEPT / key).with_name("silence")


def _origin(folder: Path, configuration: WhisperConfiguration, sessions: SessionFactory) -> str:
    """SHA-256 of everything the numbers depend on; the manifest, which the store has checked, names all bytes."""
    made_of = [
        _FORMAT,
        hashlib.sha256((folder / _MANIFEST).read_bytes()).hexdigest(),
        hashlib.sha256(_window(configuration).tobytes()).hexdigest(),
        SILENCE_GROUP,
        sessions.computed_by(encoder_file(folder, configuration)),
    ]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()


def _read(place: Path, origin: str, configuration: WhisperConfiguration) -> Context | None:
    """What is kept, if it was made of `origin` and is whole."""
    try:
        content = place.read_bytes()
    except OSError:
        return None
    numbers = memoryview(content)[_HEAD:]
    if content[:_HEAD] != _head(origin, numbers):
        return None
    shapes = _shapes(configuration)
    if len(numbers) != sum(4 * int(np.prod(shape)) for shape in shapes):
        return None
    parts, start = [], 0
    for shape in shapes:
        count = int(np.prod(shape))
        parts.append(np.frombuffer(numbers, np.float32, count, start).reshape(shape).copy())
        start += 4 * count
    return Context(tuple(parts), _bias(configuration))


def _write(place: Path, origin: str, silence: Context) -> None:
    """Keep it; the file is whole at any moment. A store that cannot be written makes every start a little longer."""
    numbers = b"".join(part.tobytes() for part in silence.parts)
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(_head(origin, numbers) + numbers)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)


def _head(origin: str, numbers: bytes | memoryview) -> bytes:
    return f"{origin} {hashlib.sha256(numbers).hexdigest()}\n".encode()


def _shapes(configuration: WhisperConfiguration) -> list[tuple[int, ...]]:
    heads, count = configuration.heads, configuration.audio_positions // SILENCE_GROUP
    size = configuration.width // heads
    return [(1, heads, size, count), (1, heads, count, size)] * configuration.layers


def _bias(configuration: WhisperConfiguration) -> Floats:
    return np.full(configuration.audio_positions // SILENCE_GROUP, np.log(SILENCE_GROUP), np.float32)
