"""Reads Marian's binary model container and its lexical shortlist.

Formats: `src/common/binary.cpp`, `src/common/types.h` and `src/data/shortlist.h` of browsermt/marian-dev; every
number is little-endian. Weights of type `intgemm8` are int8 with one float32 multiplier per matrix; they are
stored transposed, embeddings are not.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from edge.errors import RecipeError

_FLOAT32 = 0x0404
_INTGEMM8 = 0x4101
_INT8 = 0x0101
_VERSION = 1
_SHORTLIST_MAGIC = 0xF11A48D5013417F5
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_ITEMS = 100_000
_SPECIAL = 2  # the end token and the unknown token are candidates of every sentence

Config = Mapping[str, Any]
_Item = tuple[str, int, tuple[int, ...], bytes]


@dataclass(frozen=True)
class Matrix:
    """An int8 matrix.

    Attributes:
        values: int8 [inputs, outputs]; for embeddings [tokens, dimension].
        scale: the real weight is `values * scale`.
    """

    values: npt.NDArray[np.int8]
    scale: float


@dataclass(frozen=True)
class MarianModel:
    """The named tensors of one model file.

    Attributes:
        file: name of the file, for messages.
        config: `special:model.yml`, the architecture.
        vectors: float32 tensors, flattened.
        matrices: int8 matrices.
    """

    file: str
    config: Config
    vectors: Mapping[str, npt.NDArray[np.float32]]
    matrices: Mapping[str, Matrix]

    def vector(self, name: str, size: int) -> npt.NDArray[np.float32]:
        """The float32 vector `name`, float32 [size].

        Raises:
            RecipeError: it is not there or has another size.
        """
        found = self.vectors.get(name)
        if found is None or found.size != size:
            _refuse(self.file, f"{name} is missing or is not of size {size}")
        return found

    def matrix(self, name: str, shape: tuple[int, int]) -> Matrix:
        """The int8 matrix `name` of `shape` (inputs, outputs).

        Raises:
            RecipeError: it is not there or has another shape.
        """
        found = self.matrices.get(name)
        if found is None or found.values.shape != shape:
            _refuse(self.file, f"{name} is missing or is not of shape {shape}")
        return found


@dataclass(frozen=True)
class Shortlist:
    """Which target tokens each source token may become.

    Attributes:
        first: the tokens 0..first-1 are always candidates.
        table: uint16 [source vocabulary, width]; short rows are padded with 0, which is always a candidate.
    """

    first: int
    table: npt.NDArray[np.uint16]


def read_bytes(path: Path, name: str) -> bytes:
    """The contents of `path`, unpacked when it is a gzip file.

    Raises:
        RecipeError: unreadable, or a truncated or damaged gzip file.
    """
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == _GZIP_MAGIC else data
    except (OSError, EOFError, zlib.error) as error:
        _refuse(name, f"cannot be unpacked ({error})")


def read_model(data: bytes, file: str) -> MarianModel:
    """Parse a model container.

    Args:
        data: the whole file.
        file: its name, for messages.

    Raises:
        RecipeError: truncated, damaged, or with tensors of an unknown type.
    """
    try:
        items, end = _items(data, file)
        if end != len(data):
            _refuse(file, f"it has {len(data)} bytes where its header says {end}")
        return _model(items, file)
    except RecipeError:
        raise
    except (struct.error, UnicodeDecodeError, ValueError, OverflowError) as error:
        _refuse(file, f"it is damaged or no Marian model ({error})")


def read_shortlist(data: bytes, source_size: int, target_size: int, file: str) -> Shortlist:
    """Parse a binary lexical shortlist.

    Args:
        data: the whole file.
        source_size: tokens in the source vocabulary.
        target_size: tokens in the target vocabulary.
        file: name of the file, for messages.

    Raises:
        RecipeError: truncated, or made for other vocabularies.
    """
    head = struct.Struct("<6Q")
    if len(data) < head.size:
        _refuse(file, "it is truncated")
    magic, _checksum, first, _best, offset_count, id_count = head.unpack_from(data)
    if magic != _SHORTLIST_MAGIC:
        _refuse(file, "it is no binary shortlist")
    if len(data) != head.size + 8 * offset_count + 4 * id_count:
        _refuse(file, "its size is not what its header says")
    offsets = np.frombuffer(data, "<u8", count=offset_count, offset=head.size).astype(np.int64)
    ids = np.frombuffer(data, "<u4", offset=head.size + 8 * offset_count)
    lengths = np.diff(offsets)
    bad = offset_count != source_size + 1 or offsets[0] != 0 or offsets[-1] != id_count or (lengths < 0).any()
    if bad or (id_count and ids.max() >= target_size) or target_size > np.iinfo(np.uint16).max + 1:
        _refuse(file, "it does not fit the vocabularies")
    table = np.zeros((source_size, int(lengths.max(initial=1))), np.uint16)
    table[np.arange(table.shape[1]) < lengths[:, None]] = ids
    return Shortlist(min(max(int(first), _SPECIAL), target_size), table)


def parse_yaml(text: str) -> dict[str, Any]:
    """The flat YAML that Marian writes: `key: value` lines and lists of scalars, nothing nested."""
    config: dict[str, Any] = {}
    key = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("- ") and isinstance(config.get(key), list):
            config[key].append(_scalar(stripped[2:]))
        elif ":" in stripped and not stripped.startswith("#"):
            key, _, value = stripped.partition(":")
            config[key] = _scalar(value.strip()) if value.strip() not in {"", "[]"} else []
    return config


def _items(data: bytes, file: str) -> tuple[list[_Item], int]:
    version, count = struct.unpack_from("<2Q", data)
    if version != _VERSION or count > _MAX_ITEMS:
        _refuse(file, f"it is no Marian model of version {_VERSION}")
    heads = [struct.unpack_from("<4Q", data, 16 + 32 * index) for index in range(count)]
    at = 16 + 32 * count
    names, shapes = [], []
    for name_length, *_ in heads:
        names.append(data[at : at + name_length].rstrip(b"\0").decode())
        at += name_length
    for _, _, rank, _ in heads:
        shapes.append(struct.unpack_from(f"<{rank}i", data, at))
        at += 4 * rank
    (padding,) = struct.unpack_from("<Q", data, at)
    at += 8 + padding
    items = []
    for name, (_, kind, _, length), shape in zip(names, heads, shapes, strict=True):
        items.append((name, kind, shape, data[at : at + length]))
        at += length
    return items, at


def _model(items: list[_Item], file: str) -> MarianModel:
    vectors: dict[str, npt.NDArray[np.float32]] = {}
    matrices: dict[str, Matrix] = {}
    config: Config | None = None
    for name, kind, shape, blob in items:
        if name == "special:model.yml" and kind == _INT8:
            config = parse_yaml(blob.rstrip(b"\0").decode())
        elif kind == _FLOAT32:
            vectors[name] = np.frombuffer(blob, "<f4", count=_size(shape))
        elif kind == _INTGEMM8:
            matrices[name] = _matrix(name, shape, blob, file)
        else:
            _refuse(file, f"{name} has the unknown type {kind:#x}")
    if config is None:
        _refuse(file, "it has no special:model.yml")
    return MarianModel(file, config, vectors, matrices)


def _matrix(name: str, shape: tuple[int, ...], blob: bytes, file: str) -> Matrix:
    size = _size(shape)
    (multiplier,) = struct.unpack_from("<f", blob, size)
    if not multiplier > 0:
        _refuse(file, f"{name} has the multiplier {multiplier}")
    values = np.frombuffer(blob, np.int8, count=size)
    if name.endswith("Wemb"):
        return Matrix(values.reshape(shape), 1.0 / multiplier)
    return Matrix(np.ascontiguousarray(values.reshape(shape[::-1]).T), 1.0 / multiplier)


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _scalar(text: str) -> Any:
    text = text.strip("\"'")
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if text.lstrip("-").isdecimal() else text


def _refuse(file: str, why: str) -> NoReturn:
    raise RecipeError(f"{file}: {why}; run: edge models pull again, or report it with this line")
