"""Text to token ids and back, over a `tokenizer.json` (the tokenizers library, imported only here)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from edge.errors import InferenceError

# Text in which no character can join with one beyond a space: printable ASCII and Latin letters, no combining marks.
_PLAIN = re.compile("[ -~\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]*")
_BYTE = re.compile("<0x[0-9A-F]{2}>")
_MOST_WORDS = 20_000


class Tokenizer:
    """Any vocabulary with its normalisation.

    Args:
        backend: a `tokenizers.Tokenizer`.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    @classmethod
    def load(cls, file: Path) -> Tokenizer:
        """Read a `tokenizer.json`.

        Raises:
            InferenceError: the file is missing or damaged.
        """
        return cls(_read(file))

    @property
    def size(self) -> int:
        """Number of tokens."""
        return int(self._backend.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without any begin or end marker."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids; special tokens are left out."""
        text: str = self._backend.decode(list(ids), skip_special_tokens=True)
        return text


class SentencePieces:
    """A SentencePiece vocabulary as the marian recipe writes it: words are tokenised apart from each other.

    Control pieces are spelled with a leading space there, which no text has: nobody can type `</s>`.

    Args:
        backend: a `tokenizers.Tokenizer`.
    """

    def __init__(self, backend: Any) -> None:
        self._whole = Tokenizer(backend)
        vocabulary: dict[str, int] = backend.get_vocab()
        pieces = sorted(vocabulary, key=vocabulary.__getitem__)
        self._pieces = ["" if piece.startswith(" ") else piece.replace("\u2581", " ") for piece in pieces]
        self._bytes = frozenset(vocabulary[piece] for piece in pieces if _BYTE.fullmatch(piece))
        self._words: dict[str, list[int]] = {}

    @classmethod
    def load(cls, file: Path) -> SentencePieces:
        """Read a `tokenizer.json`.

        Raises:
            InferenceError: the file is missing or damaged.
        """
        return cls(_read(file))

    @property
    def size(self) -> int:
        """Number of tokens."""
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without an end token. The words of plain Latin text are remembered."""
        if _PLAIN.fullmatch(text) is None:
            return self._whole.encode(text)
        ids: list[int] = []
        for word in text.split(" "):
            known = self._words.get(word)
            ids += self._learn(word) if known is None else known
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids; control tokens and the unknown token are left out."""
        if not self._bytes.isdisjoint(ids):
            return self._whole.decode([token for token in ids if self._pieces[token]])
        return "".join([self._pieces[token] for token in ids]).removeprefix(" ")

    def _learn(self, word: str) -> list[int]:
        if len(self._words) >= _MOST_WORDS:
            self._words.clear()
        ids = self._words[word] = self._whole.encode(word)
        return ids


class JointPieces:
    """One vocabulary for two languages, as scripts/export.py writes it for Marian: read in one, written in the other.

    Pieces of the language written and control pieces are spelled with a leading space there, so that no text is cut
    into them. Pieces from `vocabulary` on have no number in the model: they are unknown.

    Args:
        backend: a `tokenizers.Tokenizer`.
        vocabulary: number of tokens of the model.
        unknown: the unknown token.
        control: tokens that stand for no text.
    """

    def __init__(self, backend: Any, vocabulary: int, unknown: int, control: Collection[int]) -> None:
        self._backend = backend
        self._vocabulary = vocabulary
        self._unknown = unknown
        self._control = frozenset(control) | {unknown}

    @classmethod
    def load(cls, file: Path, vocabulary: int, unknown: int, control: Collection[int]) -> JointPieces:
        """Read a `tokenizer.json`.

        Raises:
            InferenceError: the file is missing or damaged, or has fewer tokens than the model.
        """
        backend = _read(file)
        if backend.get_vocab_size() < vocabulary:
            raise InferenceError(f"{file} has fewer tokens than the model's {vocabulary}; run: edge models verify")
        return cls(backend, vocabulary, unknown, control)

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without an end token.

        A stretch of unknown characters that is a piece of the other language has that piece's number, as in Marian.
        """
        encoding = self._backend.encode(text, add_special_tokens=False)
        ids: list[int] = encoding.ids
        if self._unknown not in ids and max(ids, default=0) < self._vocabulary:
            return ids
        return [self._numbered(token, piece) for token, piece in zip(ids, encoding.tokens, strict=True)]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, stripped; control tokens and the unknown token are left out."""
        shown = [token for token in ids if token not in self._control]
        text: str = self._backend.decode(shown, skip_special_tokens=True)
        return text.strip()

    def _numbered(self, token: int, piece: str) -> int:
        if token == self._unknown and not piece.startswith(">>"):
            other = self._backend.token_to_id(" " + piece)
            if other is not None and other not in self._control:
                return int(other)
        return token if token < self._vocabulary else self._unknown


def _read(file: Path) -> Any:
    from tokenizers import Tokenizer as Backend

    try:
        return Backend.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InferenceError(f"{file} cannot be read ({reason}); run: edge models verify") from error
