"""One Whisper model: its configuration, its encoder session and its decoder session."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from edge.errors import ModelCorruptError, ModelNotFoundError
from edge.inference.decoding import Floats, Past, Tokens
from edge.inference.sessions import Session, SessionFactory

CONFIGURATION_FILE = "model.json"
_MEL_FLOOR = -0.6


class SpecialTokens(BaseModel):
    """Ids of tokens that are no text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int
    end: int
    transcribe: int
    translate: int
    no_timestamps: int
    previous: int
    no_speech: int
    timestamps: int


class WhisperConfiguration(BaseModel):
    """What `model.json` says; written by the recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    precision: str
    layers: int
    heads: int
    width: int
    vocabulary: int
    mels: int
    audio_positions: int
    text_positions: int
    multilingual: bool
    languages: dict[str, int]
    tokens: SpecialTokens
    suppress: tuple[int, ...]
    suppress_first: tuple[int, ...]


class WhisperModel:
    """Encoder and decoder over numpy arrays; no policy."""

    def __init__(self, configuration: WhisperConfiguration, encoder: Session, decoder: Session) -> None:
        self.configuration = configuration
        self._encoder = encoder
        self._decoder = decoder
        layers = range(configuration.layers)
        self._cross_names = [name for layer in layers for name in (f"cross_key_{layer}", f"cross_value_{layer}")]
        self._past_names = [name for layer in layers for name in (f"past_key_{layer}", f"past_value_{layer}")]
        self._output_names = ["logits", *(f"{part}_{layer}" for layer in layers for part in ("key", "value"))]

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, threads: int) -> WhisperModel:
        """Open the model that the recipe wrote into `folder`.

        Raises:
            ModelNotFoundError: there is none.
            ModelCorruptError: its configuration is damaged.
            InferenceError: a graph cannot be loaded.
        """
        configuration = read_configuration(folder)
        encoder, decoder = (
            sessions.open(folder / f"{part}_model_{configuration.precision}.onnx", threads=threads)
            for part in ("encoder", "decoder")
        )
        return cls(configuration, encoder, decoder)

    def encode(self, mel: Floats) -> Past:
        """Keys and values of cross attention.

        Args:
            mel: float32 [mels, frames], frames even and at most twice `audio_positions`.

        Returns:
            Per decoder layer keys float32 [1, heads, size, frames/2] and values float32 [1, heads, frames/2, size].
        """
        return tuple(self._encoder.run(self._cross_names, {"mel": mel[None]}))

    def empty_past(self) -> Past:
        """The state of a decoder that has seen nothing."""
        heads, size = self.configuration.heads, self.configuration.width // self.configuration.heads
        key, value = np.zeros((1, heads, size, 0), np.float32), np.zeros((1, heads, 0, size), np.float32)
        return (key, value) * self.configuration.layers

    def step(self, tokens: Tokens, past: Past, cross: Past) -> tuple[Floats, Past]:
        """Logits float32 [batch, vocabulary] behind the last of `tokens` int64 [batch, n], and the new past."""
        feed: dict[str, Any] = {"tokens": tokens}
        feed.update(zip(self._cross_names, cross, strict=True))
        feed.update(zip(self._past_names, past, strict=True))
        logits, *new = self._decoder.run(self._output_names, feed)
        return logits, tuple(new)


def read_configuration(folder: Path) -> WhisperConfiguration:
    """The configuration in `folder`.

    Raises:
        ModelNotFoundError: `folder` has none.
        ModelCorruptError: it does not validate.
    """
    try:
        content: Mapping[str, Any] = json.loads((folder / CONFIGURATION_FILE).read_text("utf-8"))
        return WhisperConfiguration.model_validate(content)
    except FileNotFoundError:
        raise ModelNotFoundError(folder.name) from None
    except (ValueError, ValidationError) as error:
        raise ModelCorruptError(folder.name, CONFIGURATION_FILE, str(error).splitlines()[0]) from error


def append_context(front: Past, back: Past) -> Past:
    """Keys and values `front` with those of `back` at the positions behind them."""
    positions = front[0].shape[3]
    joined = []
    for key, value, key_back, value_back in zip(front[::2], front[1::2], back[::2], back[1::2], strict=True):
        joined.append(np.concatenate([key, key_back[..., positions:]], axis=3))
        joined.append(np.concatenate([value, value_back[:, :, positions:]], axis=2))
    return tuple(joined)


def fit_mel(mel: Floats, frames: int) -> Floats:
    """`mel` padded with silence or cut to `frames`, which is made even."""
    frames += frames % 2
    padded = np.full((mel.shape[0], frames), _MEL_FLOOR, np.float32)
    padded[:, : min(frames, mel.shape[1])] = mel[:, :frames]
    return padded


def prompt_tokens(configuration: WhisperConfiguration, language: str, task: str) -> Sequence[int]:
    """What follows the start token: language and task where the model has them, then no timestamps."""
    tokens = configuration.tokens
    if not configuration.multilingual:
        return [tokens.no_timestamps]
    doing = tokens.translate if task == "translate" else tokens.transcribe
    return [configuration.languages[language], doing, tokens.no_timestamps]
