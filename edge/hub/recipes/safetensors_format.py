"""Reads and writes safetensors files with numpy alone.

Format (huggingface/safetensors, README, "Format"), little-endian: u64 length of the header; the header, a JSON object
of tensor name -> `dtype`, `shape`, `data_offsets` [begin, end) counted from the end of the header, and optionally
`__metadata__`; then the bytes of the tensors without gap or overlap, to the end of the file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.errors import RecipeError

Stored = npt.NDArray[np.generic]

_DTYPES: Mapping[str, type[np.generic]] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": np.uint16,  # numpy has none: widened below
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_NAMES = {np.dtype(kind): name for name, kind in _DTYPES.items() if name != "BF16"}
_METADATA = "__metadata__"
_LENGTH = 8
_LONGEST_HEADER = 100_000_000
_ALIGNMENT = 8


class _Entry(NamedTuple):
    """One tensor by the header: type, shape, and its bytes in the file."""

    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int


def describe_safetensors(file: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type (as the format names it: `F16`) and shape of the tensors in `file`, by name. Reads the header only.

    Raises:
        RecipeError: as `read_safetensors`.
    """
    return {name: (entry.kind, entry.shape) for name, entry in _layout(file.name, _bytes(file)).items()}


def read_safetensors(file: Path) -> dict[str, Stored]:
    """The tensors in `file`, by name. They are read from the disk when they are used; bfloat16 becomes float32.

    Raises:
        RecipeError: truncated, longer than it says, or not a safetensors file.
    """
    data = _bytes(file)
    return {name: _tensor(data, entry) for name, entry in _layout(file.name, data).items()}


def write_safetensors(file: Path, tensors: Mapping[str, Stored]) -> None:
    """Write `tensors` in the order of their names; the same tensors give the same bytes."""
    header: dict[str, Any] = {_METADATA: {"format": "pt"}}
    end = 0
    for name, array in sorted(tensors.items()):
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [end, end + array.nbytes],
        }
        end += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for _, array in sorted(tensors.items()):
            out.write(np.ascontiguousarray(array).tobytes())


def _bytes(file: Path) -> npt.NDArray[np.uint8]:
    try:
        return np.memmap(file, np.uint8, mode="r") if file.stat().st_size else np.empty(0, np.uint8)
    except OSError as error:
        raise RecipeError(f"{file.name} cannot be read: {error}") from error


def _layout(file: str, data: npt.NDArray[np.uint8]) -> dict[str, _Entry]:
    """Where every tensor lies, in the order of the file; checked to fill it without gap or overlap."""
    header, end = _header(file, data)
    entries = {name: _entry(file, name, said, end) for name, said in header.items()}
    ordered = dict(sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)))
    for name, entry in ordered.items():
        if entry.begin != end:
            raise RecipeError(f"{file}: {name} begins at byte {entry.begin}, not {end}; the file is damaged")
        if entry.end > len(data):
            raise RecipeError(f"{file} is truncated: {name} ends at byte {entry.end} of {len(data)}; fetch it again")
        end = entry.end
    if end != len(data):
        raise RecipeError(f"{file} has {len(data) - end} bytes after its end; fetch it again")
    return ordered


def _header(file: str, data: npt.NDArray[np.uint8]) -> tuple[dict[str, Any], int]:
    """The entries of the tensors, and where their bytes begin."""
    length = int(data[:_LENGTH].view("<u8")[0]) if len(data) >= _LENGTH else _LONGEST_HEADER + 1
    if length > min(_LONGEST_HEADER, len(data) - _LENGTH):
        raise RecipeError(f"{file} is truncated or no safetensors file: {len(data)} bytes do not hold its header")
    try:
        header = json.loads(data[_LENGTH : _LENGTH + length].tobytes())
    except ValueError as error:
        raise RecipeError(f"{file} is no safetensors file: its header is not JSON") from error
    if not isinstance(header, dict):
        raise RecipeError(f"{file} is no safetensors file: its header is no JSON object")
    header.pop(_METADATA, None)
    return header, _LENGTH + length


def _entry(file: str, name: str, said: Any, start: int) -> _Entry:
    """What the header says of a tensor, whose parts must agree; `start` is where the data begins in the file."""
    try:
        begin, end = (int(number) for number in said["data_offsets"])
        kind, shape = str(said["dtype"]), tuple(int(size) for size in said["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecipeError(f"{file}: the header of {name} is damaged ({error})") from error
    if kind not in _DTYPES:
        raise RecipeError(f"{file}: {name} is stored as {kind}, which is not understood")
    count = 1
    for size in shape:
        count *= size
    if min(shape, default=1) < 0 or begin < 0 or end - begin != count * np.dtype(_DTYPES[kind]).itemsize:
        raise RecipeError(f"{file}: {name} says bytes {begin} to {end} for {kind} {list(shape)}; the file is damaged")
    return _Entry(kind, shape, start + begin, start + end)


def _tensor(data: npt.NDArray[np.uint8], entry: _Entry) -> Stored:
    dtype = np.dtype(_DTYPES[entry.kind]).newbyteorder("<")
    stored = np.frombuffer(data[entry.begin : entry.end], dtype).reshape(entry.shape)
    if entry.kind == "BF16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored
