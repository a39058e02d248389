"""Text in one language to text in another."""

from __future__ import annotations

from pathlib import Path

from edge.inference.sessions import SessionFactory
from edge.perception.translation_model import Model, TranslationModel
from edge.perception.translation_sentences import split_clauses, split_sentences
from edge.settings import TranslationSettings


class Translator:
    """Translates in one direction.

    Args:
        model: one translation pack.
        settings: limits.
    """

    def __init__(self, model: Model, settings: TranslationSettings) -> None:
        self._model = model
        self._settings = settings

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, settings: TranslationSettings) -> Translator:
        """Read a pack folder.

        Raises:
            ModelCorruptError: a file is missing or damaged.
            InferenceError: the graph cannot be loaded.
        """
        return cls(TranslationModel.load(folder, sessions), settings)

    @property
    def source_language(self) -> str:
        """Code of the language read."""
        return self._model.source_language

    @property
    def target_language(self) -> str:
        """Code of the language written."""
        return self._model.target_language

    def translate(self, text: str) -> str:
        """Translate a text of any length; its line breaks are kept, an empty line stays empty.

        Raises:
            InferenceError: the session failed.
        """
        return "\n".join(self._line(line) for line in text.split("\n"))

    def _line(self, line: str) -> str:
        return " ".join(self._sentence(sentence) for sentence in split_sentences(line))

    def _sentence(self, sentence: str) -> str:
        ids = self._model.encode(sentence)
        if not ids:
            return ""
        if len(ids) > self._settings.max_sentence_tokens:
            clauses = split_clauses(sentence)
            if len(clauses) > 1:
                return " ".join(self._sentence(clause) for clause in clauses)
            ids = ids[: self._settings.max_sentence_tokens]
        return self._model.generate(ids, self._settings.max_length_factor).text
