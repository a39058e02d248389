"""Text to token ids and back, over a `tokenizer.json` (the tokenizers library, imported only here)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.errors import InferenceError


class Tokenizer:
    """A vocabulary with its normalisation.

    Args:
        backend: a `tokenizers.Tokenizer`.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        # Control pieces are spelled with a leading space (edge/hub/recipes/marian_vocabulary.py): no text has them.
        self._control = frozenset(id_ for piece, id_ in backend.get_vocab().items() if piece.startswith(" "))

    @classmethod
    def load(cls, file: Path) -> Tokenizer:
        """Read a `tokenizer.json`.

        Raises:
            InferenceError: the file is missing or damaged.
        """
        from tokenizers import Tokenizer as Backend

        try:
            return cls(Backend.from_str(file.read_text(encoding="utf-8")))
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InferenceError(f"{file} cannot be read ({reason}); run: edge models verify") from error

    @property
    def size(self) -> int:
        """Number of tokens."""
        return int(self._backend.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without any begin or end marker."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids; control tokens and the unknown token are left out."""
        text: str = self._backend.decode([token for token in ids if token not in self._control])
        return text
