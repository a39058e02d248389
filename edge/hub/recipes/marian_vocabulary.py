"""Turns a SentencePiece vocabulary (`.spm`) into a `tokenizer.json` of the tokenizers library.

Format: `src/sentencepiece_model.proto` of google/sentencepiece, read with a few lines of protobuf wire format, so
that neither protobuf classes nor sentencepiece are needed.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from edge.errors import RecipeError

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6
_UNIGRAM = 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_BITS = 64

Field = tuple[int, Any]


@dataclass(frozen=True)
class Vocabulary:
    """What a `.spm` file says.

    Attributes:
        pieces: (text, score, kind) by token id; kinds as in `SentencePiece.Type`.
        charsmap: precompiled normalisation map, as stored.
        byte_fallback: characters without a piece are spelled as bytes.
    """

    pieces: list[tuple[str, float, int]]
    charsmap: bytes
    byte_fallback: bool


def read_vocabulary(data: bytes, file: str) -> Vocabulary:
    """Parse a `.spm` file of Firefox Translations: `</s>` and `<unk>` come first.

    Args:
        data: the whole file.
        file: its name, for messages.

    Raises:
        RecipeError: as `read_pieces`, or other pieces come first.
    """
    vocabulary = read_pieces(data, file)
    kinds = [kind for _, _, kind in vocabulary.pieces[:2]]
    if kinds != [_CONTROL, _UNKNOWN] or vocabulary.pieces[0][0] != "</s>":
        _refuse(file, "its first two pieces are not </s> and <unk>")
    return vocabulary


def read_pieces(data: bytes, file: str) -> Vocabulary:
    """Parse any `.spm` file of a unigram model.

    Args:
        data: the whole file.
        file: its name, for messages.

    Raises:
        RecipeError: truncated, or with rules this program does not follow (not Unigram, suffix whitespace ...).
    """
    try:
        fields = list(_fields(data))
        pieces = [_piece(value) for number, value in fields if number == 1]
        trainer = dict(_fields(_last(fields, 2)))
        normalizer = dict(_fields(_last(fields, 3)))
    except (IndexError, ValueError, TypeError, struct.error) as error:
        _refuse(file, f"it is truncated or no SentencePiece model ({error})")
    if trainer.get(3, _UNIGRAM) != _UNIGRAM or trainer.get(24, 0):
        _refuse(file, "it is not a unigram model with prefix whitespace")
    if not all(normalizer.get(number, 1) for number in (3, 4, 5)):
        _refuse(file, "its whitespace rules are unknown")
    known = {_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE}
    if any(kind not in known for _, _, kind in pieces):
        _refuse(file, "it has pieces of an unknown kind")
    return Vocabulary(pieces, normalizer.get(2, b""), bool(trainer.get(35, 0)))


def tokenizer_json(vocabulary: Vocabulary) -> str:
    """The same tokenizer in the JSON of the tokenizers library."""
    return to_json(tokenizer_tree(vocabulary, spelled_pieces(vocabulary), unknown=1))


def spelled_pieces(vocabulary: Vocabulary) -> list[tuple[str, float]]:
    """Text and score of every piece, by id, as a Unigram model of the tokenizers library has them.

    Control pieces are spelled with a leading space, which escaped text never contains: nobody can type `</s>`.
    """
    return [
        (" " + text, 0.0) if kind in {_CONTROL, _UNKNOWN} else (text, score if kind == _NORMAL else 0.0)
        for text, score, kind in vocabulary.pieces
    ]


def tokenizer_tree(vocabulary: Vocabulary, pieces: list[tuple[str, float]], unknown: int) -> dict[str, Any]:
    """A `tokenizer.json` that normalises as `vocabulary` does and knows these pieces.

    Args:
        vocabulary: its normalisation map and byte fallback are taken.
        pieces: text and score by id.
        unknown: id of the unknown piece.
    """
    normalizers: list[dict[str, Any]] = [
        {"type": "Strip", "strip_left": True, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    ]
    if vocabulary.charsmap:
        charsmap = base64.b64encode(vocabulary.charsmap).decode()
        normalizers.insert(0, {"type": "Precompiled", "precompiled_charsmap": charsmap})
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": metaspace,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, metaspace]},
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": pieces, "byte_fallback": vocabulary.byte_fallback},
    }


def to_json(tree: dict[str, Any]) -> str:
    """The text of a `tokenizer.json`, without needless white space."""
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


def _piece(data: bytes) -> tuple[str, float, int]:
    fields = dict(_fields(data))
    return fields.get(1, b"").decode(), float(fields.get(2, 0.0)), int(fields.get(3, _NORMAL))


def _last(fields: list[Field], wanted: int) -> bytes:
    return next((bytes(value) for number, value in reversed(fields) if number == wanted), b"")


def _fields(data: bytes) -> Iterator[Field]:
    """(field number, value) pairs of one protobuf message; fixed32 values are read as float."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
        elif wire == _BYTES:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("a field is longer than the file")
            yield key >> 3, data[at : at + size]
            at += size
        elif wire == _FIXED32:
            yield key >> 3, struct.unpack_from("<f", data, at)[0]
            at += 4
        elif wire == _FIXED64:
            at += 8
        else:
            raise ValueError(f"wire type {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _VARINT_BITS, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit of the wire format
            return value, at
    raise ValueError("a number of more than 64 bits")


def _refuse(file: str, why: str) -> NoReturn:
    raise RecipeError(f"{file}: {why}; run: edge models pull again, or report it with this line")
