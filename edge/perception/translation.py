"""Text in one language to text in another."""

from __future__ import annotations

import math
from pathlib import Path

from edge.inference.sessions import SessionFactory
from edge.perception.descriptions import family_of
from edge.perception.translation_form import give_form, take_form
from edge.perception.translation_glossary import Glossary, Phrasebook
from edge.perception.translation_guards import collapse, localise, loops, repair_currency, repair_numbers
from edge.perception.translation_model import Draft, Model, TranslationModel
from edge.perception.translation_protection import ADDRESS, Protected, find_fixed, find_unspelled, protect, respell
from edge.perception.translation_sentences import split_clauses, split_sentences
from edge.perception.translation_seq2seq import Seq2SeqModel
from edge.settings import TranslationSettings

# Short inputs may need more tokens than the factor grants: "bye" is one, its translation three.
_SPARE_TOKENS = 8
_REPAIR_DEPTH = 2
_REPAIR_WORDS = 4
_UNSPACED = frozenset({"zh", "ja", "th"})


class Translator:
    """Translates in one direction: sentence by sentence, and nothing of it is a loop, lost number or lost address.

    Args:
        model: one translation pack.
        settings: limits.
        glossary: terms with a fixed translation.
        phrasebook: whole sentences with a known translation.
    """

    def __init__(
        self,
        model: Model,
        settings: TranslationSettings,
        glossary: Glossary | None = None,
        phrasebook: Phrasebook | None = None,
    ) -> None:
        self._model = model
        self._settings = settings
        self._glossary = glossary or Glossary({})
        self._phrasebook = phrasebook or Phrasebook({})
        self._gap = "" if model.target_language in _UNSPACED else " "

    @classmethod
    def load(
        cls, folder: Path, sessions: SessionFactory, settings: TranslationSettings, model_id: str | None = None
    ) -> Translator:
        """Read a pack folder, the glossary of the settings and the phrasebook of this direction.

        Args:
            folder: of a Firefox pack, or of a model made by scripts/export.py.
            sessions: makes the sessions.
            settings: limits, glossary and beam.
            model_id: for messages; None: the folder's name.

        Raises:
            ModelCorruptError: a file is missing or damaged.
            InferenceError: the graph cannot be loaded or run (it is run once).
            SettingsError: the glossary cannot be read.
        """
        model = _load_model(folder, sessions, settings, model_id or folder.name)
        glossary = Glossary.load(settings.glossary) if settings.glossary is not None else None
        return cls(model, settings, glossary, Phrasebook.load(model.source_language, model.target_language))

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
        known = self._phrasebook.find(line)
        if known is not None:
            return known
        sentences = split_sentences(line)
        if len(sentences) == 1:
            return self._sentence(sentences[0])
        return self._gap.join(self._phrasebook.find(each) or self._sentence(each) for each in sentences)

    def _sentence(self, sentence: str) -> str:
        if not _has_letters(sentence):
            return sentence
        form = give_form(sentence, self.source_language, ADDRESS)
        protected = self._protect(form.text)
        written = take_form(form, self._carried(protected), self.target_language, protected.code)
        return protected.restore(written) or sentence

    def _carried(self, protected: Protected) -> str:
        """The translation with every code in it; a sentence that loses one is translated around it."""
        if not protected.kept:
            return self._checked(protected.text)
        if not _has_letters(protected.code.sub("", protected.text)):
            return protected.text
        written = self._checked(protected.text)
        if protected.restore(written) is not None:
            return written
        return " ".join(
            self._checked(piece) if translated and _has_letters(piece) else piece
            for piece, translated in protected.pieces()
        )

    def _protect(self, sentence: str) -> Protected:
        spells = self._model.spells
        spans = find_fixed(sentence)
        if not spells(sentence):
            if not spans:
                sentence = respell(sentence, spells)
            spans += [(start, end, self._amount(kept)) for start, end, kept in find_unspelled(sentence, spells)]
        return protect(sentence, [*self._glossary.find(sentence), *spans])

    def _amount(self, kept: str) -> str:
        """A price in a currency that the vocabulary lacks, its marks as the target language sets them."""
        return localise(kept, self.source_language, self.target_language) if kept[-1:].isdigit() else kept

    def _checked(self, text: str) -> str:
        written = self._written(text)
        written = repair_numbers(text, written, self.source_language, self.target_language)
        return repair_currency(text, written)

    def _written(self, text: str, depth: int = 0) -> str:
        """The model's translation, over-long texts in clauses, guarded."""
        ids = self._model.encode(text)
        if not ids:
            return ""
        longest = min(self._settings.max_sentence_tokens, self._model.max_tokens)
        if len(ids) > longest:
            clauses = split_clauses(text)
            if len(clauses) > 1:
                return self._gap.join(self._written(clause, depth) for clause in clauses)
            ids = ids[:longest]
        limit = math.ceil(self._settings.max_length_factor * (len(ids) + 1)) + _SPARE_TOKENS
        draft = self._model.generate(ids, limit)
        if draft.complete and not loops(draft.text, text):
            return draft.text or text
        return self._repaired(text, draft, depth)

    def _repaired(self, text: str, draft: Draft, depth: int) -> str:
        """What to show instead of a loop or a runaway: the clauses one by one, or the draft without its rounds."""
        clauses = split_clauses(text) if len(text.split()) >= _REPAIR_WORDS else [text]
        if len(clauses) > 1 and depth < _REPAIR_DEPTH:
            return collapse(self._gap.join(self._written(clause, depth + 1) for clause in clauses))
        return collapse(draft.text) or text


def _load_model(folder: Path, sessions: SessionFactory, settings: TranslationSettings, model_id: str) -> Model:
    if family_of(folder) is None:
        return TranslationModel.load(folder, sessions)
    return Seq2SeqModel.load(folder, sessions, model_id, settings.beam)


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, text))
