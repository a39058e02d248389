"""One translation pack: its graph, its vocabularies, one sentence at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from edge.errors import ModelCorruptError
from edge.inference.sessions import Session, SessionFactory
from edge.inference.tokenization import SentencePieces

FORMAT = 1

# One thread: a step of the greedy loop multiplies one row, too little to share. Measured on two cores, FLORES
# sentences: 7.0 ms with one thread, 8.9 ms with two (to measure again: edge bench).
_THREADS = 1


@dataclass(frozen=True)
class Draft:
    """What the model wrote for one sentence.

    Attributes:
        text: decoded text, stripped.
        tokens: number of tokens written, the end not counted.
        complete: the model ended the sentence itself; False: it ran into the length limit.
    """

    text: str
    tokens: int
    complete: bool


class Model(Protocol):
    """What `Translator` needs of a model, so that tests can stand in for it."""

    source_language: str
    target_language: str
    max_tokens: int

    def encode(self, text: str) -> list[int]:
        """Token ids of a sentence, without the end token."""
        ...

    def spells(self, text: str) -> bool:
        """Whether the source vocabulary has every character of `text`."""
        ...

    def generate(self, ids: list[int], max_length: int) -> Draft:
        """Translate one sentence, writing at most `max_length` tokens with the end token."""
        ...


@dataclass(frozen=True)
class _Description:
    """`model.json`, as the recipe wrote it."""

    source: str
    target: str
    model: str
    source_tokenizer: str
    target_tokenizer: str
    end_token: int
    unknown_token: int
    max_positions: int


class TranslationModel:
    """A pack in memory.

    Attributes:
        source_language: code.
        target_language: code.
        max_tokens: longest sentence, in tokens without the end token.
    """

    def __init__(
        self, description: _Description, session: Session, source: SentencePieces, target: SentencePieces
    ) -> None:
        self.source_language = description.source
        self.target_language = description.target
        self.max_tokens = description.max_positions - 1
        self._description = description
        self._session = session
        self._source = source
        self._target = target
        self._last: tuple[str, list[int]] = "", []

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory) -> TranslationModel:
        """Read a pack folder as the marian recipe fills it, and run it once.

        Raises:
            ModelCorruptError: a file is missing, damaged, or of another format version.
            InferenceError: the graph cannot be loaded or run.
        """
        description = _describe(folder)
        source = SentencePieces.load(folder / description.source_tokenizer)
        same = description.source_tokenizer == description.target_tokenizer
        target = source if same else SentencePieces.load(folder / description.target_tokenizer)
        model = cls(description, sessions.open(folder / description.model, threads=_THREADS), source, target)
        model.generate([], 2)
        return model

    def encode(self, text: str) -> list[int]:
        """Token ids of a sentence, without the end token. The last answer is kept: a sentence is asked for twice."""
        if text != self._last[0]:
            self._last = text, self._source.encode(text)
        return self._last[1]

    def spells(self, text: str) -> bool:
        """Whether the source vocabulary has every character of `text` (or what normalisation makes of it)."""
        return self._description.unknown_token not in self.encode(text)

    def generate(self, ids: list[int], max_length: int) -> Draft:
        """Translate one sentence.

        Args:
            ids: token ids without the end token, at most `max_tokens`.
            max_length: most tokens to write, with the end token.

        Raises:
            InferenceError: the session failed.
        """
        end = self._description.end_token
        read = np.array([*ids, end], np.int64)
        limit = np.array(min(max_length, self._description.max_positions), np.int64)
        (written,) = self._session.run(None, {"input_ids": read, "max_length": limit})
        out: list[int] = written.tolist()
        complete = bool(out) and out[-1] == end
        if complete:
            out.pop()
        return Draft(self._target.decode(out).strip(), len(out), complete)


def _describe(folder: Path) -> _Description:
    try:
        tree = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if tree["format"] != FORMAT:
            raise ModelCorruptError(folder.name, "model.json", f"format {tree['format']}, not {FORMAT}")
        return _Description(**{name: tree[name] for name in _Description.__dataclass_fields__})
    except OSError as error:
        raise ModelCorruptError(folder.name, "model.json", "missing") from error
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelCorruptError):
            raise
        raise ModelCorruptError(folder.name, "model.json", f"not understood: {error}") from error
