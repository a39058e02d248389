"""One Whisper model: its configuration, its encoder session and its decoder session."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from edge.errors import ModelCorruptError, ModelNotFoundError
from edge.inference.decoding import Floats, Past, Tokens
from edge.inference.sessions import Session, SessionFactory
from edge.perception.languages import ALIASES

CONFIGURATION_FILE = "model.json"
_LOUDEST = 1.4
_RANGE = 2.0


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

    @field_validator("languages")
    @classmethod
    def _our_codes(cls, languages: dict[str, int]) -> dict[str, int]:
        """Whisper says `no` and `jw` where everybody else here says `nb` and `jv`."""
        return {ALIASES.get(code, code): token for code, token in languages.items()}


@dataclass(frozen=True)
class Context:
    """What the decoder listens to.

    Attributes:
        parts: per decoder layer keys float32 [1, heads, size, positions] and values
            float32 [1, heads, positions, size].
        bias: float32 [positions], the logarithm of how many encoder positions each one stands for.
    """

    parts: Past = field(repr=False)
    bias: Floats = field(repr=False)


class Encoder:
    """The encoder session of a model."""

    def __init__(self, configuration: WhisperConfiguration, session: Session) -> None:
        self.configuration = configuration
        self._session = session
        self._outputs = cross_names(configuration)

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, threads: int) -> Encoder:
        """Open the encoder in `folder`; raises as `WhisperModel.load`."""
        configuration = read_configuration(folder)
        return cls(configuration, sessions.open(encoder_file(folder, configuration), threads=threads))

    def encode(self, mel: Floats) -> Context:
        """Encode a sound.

        Args:
            mel: float32 [mels, frames], frames even and at most twice `audio_positions`.

        Returns:
            A context of frames / 2 positions.
        """
        parts = tuple(self._session.run(self._outputs, {"mel": mel[None]}))
        return Context(parts, np.zeros(mel.shape[1] // 2, np.float32))


class WhisperModel:
    """Encoder and decoder over numpy arrays; no policy."""

    def __init__(self, configuration: WhisperConfiguration, encoder: Encoder, decoder: Session) -> None:
        self.configuration = configuration
        self._encoder = encoder
        self._decoder = decoder
        layers = range(configuration.layers)
        self._cross_names = cross_names(configuration)
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
        encoder = Encoder.load(folder, sessions, threads)
        configuration = encoder.configuration
        decoder = sessions.open(folder / f"decoder_model_{configuration.precision}.onnx", threads=1)
        return cls(configuration, encoder, decoder)

    def encode(self, mel: Floats) -> Context:
        """As `Encoder.encode`."""
        return self._encoder.encode(mel)

    def empty_past(self) -> Past:
        """The state of a decoder that has seen nothing."""
        heads, size = self.configuration.heads, self.configuration.width // self.configuration.heads
        return (np.zeros((1, heads, 0, size), np.float32),) * (2 * self.configuration.layers)

    def step(self, tokens: Tokens, past: Past, context: Context) -> tuple[Floats, Past]:
        """Logits float32 [batch, vocabulary] behind the last of `tokens` int64 [batch, n], and the new past."""
        feed: dict[str, Any] = {"tokens": tokens, "cross_bias": context.bias}
        feed.update(zip(self._cross_names, context.parts, strict=True))
        feed.update(zip(self._past_names, past, strict=True))
        logits, *new = self._decoder.run(self._output_names, feed)
        return logits, tuple(new)


def encoder_file(folder: Path, configuration: WhisperConfiguration) -> Path:
    """The graph of the encoder of the model in `folder`."""
    return folder / f"encoder_model_{configuration.precision}.onnx"


def cross_names(configuration: WhisperConfiguration) -> list[str]:
    """Names of the tensors of a context, in their order."""
    return [name for layer in range(configuration.layers) for name in (f"cross_key_{layer}", f"cross_value_{layer}")]


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


def condense(context: Context, group: int) -> Context:
    """`context` with every `group` neighbouring positions replaced by their mean, which counts `group` times.

    Right where neighbours are alike, as in silence. The number of positions must divide by `group`.
    """
    count = len(context.bias) // group
    parts = [
        part.reshape(*part.shape[:-1], count, group).mean(axis=-1)
        if number % 2 == 0
        else part.reshape(*part.shape[:2], count, group, part.shape[-1]).mean(axis=3)
        for number, part in enumerate(context.parts)
    ]
    return Context(tuple(parts), np.full(count, np.log(group), np.float32))


def append(front: Context, back: Context, group: int) -> Context:
    """`front`, and behind it those positions of `back` (condensed by `group`) that lie wholly after it."""
    start = -(-len(front.bias) // group)
    joined = [
        np.concatenate([part, rest[..., start:] if number % 2 == 0 else rest[:, :, start:]], axis=3 - number % 2)
        for number, (part, rest) in enumerate(zip(front.parts, back.parts, strict=True))
    ]
    return Context(tuple(joined), np.concatenate([front.bias, back.bias[start:]]))


def fit_mel(mel: Floats, frames: int) -> Floats:
    """`mel` at one level, padded with silence or cut to `frames`, which is made even.

    The loudest point is moved to 1.4, which puts the floor of the mel at the -0.6 of the padding (it lies 8 decades,
    2 units, below the loudest): so padding is what the model would make of silence behind this very sound.
    """
    frames += frames % 2
    padded = np.full((mel.shape[0], frames), _LOUDEST - _RANGE, np.float32)
    if mel.size:
        padded[:, : min(frames, mel.shape[1])] = mel[:, :frames] + np.float32(_LOUDEST - mel.max())
    return padded


def prompt_tokens(configuration: WhisperConfiguration, language: str, task: str) -> Sequence[int]:
    """What follows the start token: language and task where the model has them, then no timestamps."""
    tokens = configuration.tokens
    if not configuration.multilingual:
        return [tokens.no_timestamps]
    doing = tokens.translate if task == "translate" else tokens.transcribe
    return [configuration.languages[language], doing, tokens.no_timestamps]
