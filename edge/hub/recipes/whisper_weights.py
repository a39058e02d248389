"""Reads Whisper weights from a CTranslate2 `model.bin`, whole or cut in parts.

Format (CTranslate2 `python/ctranslate2/specs/model_spec.py`, binary version 6), little-endian: u32 version, string
specification, u32 revision, u32 count; per variable: string name, u8 rank, u32 x rank shape, u8 dtype, u32 byte
length, data; then u32 count of aliases, each two strings. A string is a u16 length that includes a closing NUL, then
the bytes. Nothing may follow.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.errors import RecipeError

Floats = npt.NDArray[np.float32]
Stored = npt.NDArray[np.generic]

_VERSION = 6
_SPECIFICATION = "WhisperSpec"
EXACT_GELU = 3
_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_MAX_RANK = 4
_PARTS = {
    "self_attention/linear_0": 3,
    "self_attention/linear_1": 1,
    "attention/linear_0": 1,
    "attention/linear_1": 2,
    "attention/linear_2": 1,
}
"""Name of an attention's projection in its layer -> how many times the width it gives."""


@dataclass(frozen=True)
class Linear:
    """An affine map. `weight` float32 [out, in], `bias` float32 [out] or None."""

    weight: Floats
    bias: Floats | None

    def rows(self, start: int, stop: int) -> Linear:
        """The map onto outputs `start` to `stop` only."""
        return Linear(self.weight[start:stop], None if self.bias is None else self.bias[start:stop])


class WhisperWeights:
    """The variables of one model, turned to float32 one at a time, as they are asked for.

    Attributes:
        width: size of the residual stream.
        heads: attention heads, the same in encoder and decoder.
        encoder_layers: number of encoder layers.
        decoder_layers: number of decoder layers.
        vocabulary: rows of the token embedding.
        mels: mel bands of the input.
        audio_positions: rows of the encoder's positional table.
        text_positions: rows of the decoder's positional table.
    """

    def __init__(self, variables: dict[str, Stored]) -> None:
        self._variables = variables
        self.vocabulary, self.width = self._shape("decoder/embeddings/weight", 2)
        self.mels = self._shape("encoder/conv1/weight", 3)[1]
        self.audio_positions = self._shape("encoder/position_encodings/encodings", 2)[0]
        self.text_positions = self._shape("decoder/position_encodings/encodings", 2)[0]
        self.encoder_layers = self._count("encoder")
        self.decoder_layers = self._count("decoder")
        self.heads = int(self.stored("encoder/num_heads"))
        self._check()

    def array(self, name: str, shape: tuple[int, ...] | None = None) -> Floats:
        """Variable `name` as float32.

        Raises:
            RecipeError: it is missing, not a floating type, or not of `shape`.
        """
        stored = self.stored(name)
        if stored.dtype.kind != "f":
            raise RecipeError(f"{name} is stored as {stored.dtype}; only float16 and float32 weights are understood")
        if shape is not None and stored.shape != shape:
            raise RecipeError(f"{name} has shape {list(stored.shape)}, expected {list(shape)}")
        return np.asarray(stored, np.float32)

    def linear(self, name: str) -> Linear:
        """The affine map under `name`; all those of Whisper read or write the residual stream."""
        rows, columns = self._shape(f"{name}/weight", 2)
        parts = _PARTS.get(name.split("/", 2)[-1])
        expected = (parts * self.width, self.width) if parts else (rows, columns)
        weight = self.array(f"{name}/weight", expected)
        return Linear(weight, self.array(f"{name}/bias", weight.shape[:1]))

    def norm(self, name: str) -> tuple[Floats, Floats]:
        """Scale and shift of the layer normalisation under `name`, both [width]."""
        return self.array(f"{name}/gamma", (self.width,)), self.array(f"{name}/beta", (self.width,))

    def parameters(self, side: str = "") -> int:
        """Numbers in the tensors of `encoder` or `decoder`; of both without an argument."""
        named = {id(array): array.size for name, array in self._variables.items() if name.startswith(side)}
        return sum(named.values())

    def stored(self, name: str) -> Stored:
        """Variable `name` as the file has it.

        Raises:
            RecipeError: there is none.
        """
        try:
            return self._variables[name]
        except KeyError:
            raise RecipeError(f"the speech model has no variable {name}; this is not a Whisper model we know") from None

    def _shape(self, name: str, rank: int) -> tuple[int, ...]:
        shape = self.stored(name).shape
        if len(shape) != rank:
            raise RecipeError(f"{name} has shape {list(shape)}; the speech model is damaged")
        return shape

    def _count(self, side: str) -> int:
        layers = {name.split("/")[1] for name in self._variables if name.startswith(f"{side}/layer_")}
        return len(layers - {"layer_norm"})

    def _check(self) -> None:
        if self.heads < 1 or self.width % self.heads or self.heads != int(self.stored("decoder/num_heads")):
            raise RecipeError(f"{self.heads} attention heads do not fit a width of {self.width}")
        if self.encoder_layers < 1 or self.decoder_layers < 1:
            raise RecipeError("the speech model has no layers")
        if "decoder/activation" in self._variables and int(self.stored("decoder/activation")) != EXACT_GELU:
            raise RecipeError("the speech model uses an activation other than GELU")


def read_weights(parts: Sequence[Path]) -> WhisperWeights:
    """The weights in the files `parts`, which are concatenated in the given order.

    Raises:
        RecipeError: truncated, longer than it says, or not a CTranslate2 Whisper model.
    """
    reader = _Reader(b"".join(part.read_bytes() for part in parts))
    version, specification, revision = reader.u32(), reader.string(), reader.u32()
    if version != _VERSION or specification != _SPECIFICATION:
        raise RecipeError(
            f"the speech model says {specification!r} version {version} revision {revision}; "
            f"expected {_SPECIFICATION!r} version {_VERSION}"
        )
    variables = dict(reader.variable() for _ in range(reader.u32()))
    for _ in range(reader.u32()):
        alias, target = reader.string(), reader.string()
        if target in variables:
            variables[alias] = variables[target]
    reader.finish()
    return WhisperWeights(variables)


class _Reader:
    """A cursor over the bytes of the file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def u32(self) -> int:
        return int(struct.unpack_from("<I", self._data, self._take(4))[0])

    def u8(self) -> int:
        return self._data[self._take(1)]

    def string(self) -> str:
        length = int(struct.unpack_from("<H", self._data, self._take(2))[0])
        start = self._take(length)
        return self._data[start : start + length].rstrip(b"\0").decode("utf-8", errors="replace")

    def variable(self) -> tuple[str, Stored]:
        name, rank = self.string(), self.u8()
        if rank > _MAX_RANK:
            raise RecipeError(f"the speech model has a variable of rank {rank} at byte {self._at}; it is damaged")
        shape = tuple(self.u32() for _ in range(rank))
        code, size = self.u8(), self.u32()
        dtype = _DTYPES.get(code)
        if dtype is None:
            raise RecipeError(f"{name} is stored as CTranslate2 type {code}, which is not understood")
        count = int(np.prod(shape, dtype=np.int64))
        if size != count * np.dtype(dtype).itemsize:
            raise RecipeError(f"{name} says {size} bytes for shape {list(shape)}; the speech model is damaged")
        return name, np.frombuffer(self._data, dtype, count, self._take(size)).reshape(shape)

    def finish(self) -> None:
        if self._at != len(self._data):
            raise RecipeError(f"the speech model has {len(self._data) - self._at} bytes after its end")

    def _take(self, count: int) -> int:
        start = self._at
        if start + count > len(self._data):
            raise RecipeError(f"the speech model is truncated at byte {len(self._data)}")
        self._at = start + count
        return start
