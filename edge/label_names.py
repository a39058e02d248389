"""Names of things for the wearer, whatever model named them: English labels in, names in the wearer's language out.

A label that our reviewed tables know has the name that stands there; any other is translated by an installed pack, if
one leads there from English, and stays English otherwise.
"""

from __future__ import annotations

import logging
from typing import Protocol

from edge.errors import EdgeError
from edge.perception.category_names import ENGLISH, CategoryNames, languages
from edge.perception.languages import LANGUAGES, normalise_language

log = logging.getLogger(__name__)


class Translates(Protocol):
    """The part of `edge.translators.Translators` that is needed."""

    def connects(self, source: str, target: str) -> bool:
        """Whether there is a way from one language to the other."""
        ...

    def translate(self, text: str, source: str, target: str) -> str:
        """`text` in the language `target`; raises EdgeError."""
        ...


class LabelNames:
    """Names in one language; each is made once.

    Args:
        target: code of the wearer's language, as the user writes it.
        translators: the installed packs; None: there are none.

    Attributes:
        language: code of the language that most names are in.

    Raises:
        LanguageError: `target` is no language.
        StoreError: a table cannot be read.
    """

    def __init__(self, target: str, translators: Translates | None = None) -> None:
        code = normalise_language(target)
        has_table = code in languages()
        self._english = CategoryNames.load(ENGLISH)
        self._table = CategoryNames.load(code) if has_table else None
        self._translators = translators if translators is not None and translators.connects(ENGLISH, code) else None
        self._names: dict[str, str] = {}
        self.language = code if has_table or self._translators is not None else ENGLISH
        if code != ENGLISH and self._translators is None:
            log.warning(
                "things without a name in our tables are named in English; for %s run: edge models pull mt-%s-%s",
                LANGUAGES[code], ENGLISH, code,
            )  # fmt: skip

    def name(self, label: str) -> str:
        """The name of an English label; of several names (`coffee mug, mug`) the first, or the one that is known."""
        if label not in self._names:
            self._names[label] = self._make(label)
        return self._names[label]

    def _make(self, label: str) -> str:
        names = [name for name in (" ".join(part.split()) for part in label.replace("_", " ").split(",")) if name]
        if not names:
            return label
        known = next((found for found in map(self._english.label, [label, *names]) if found is not None), None)
        if known is not None and self._table is not None:
            return self._table.name(known)
        if self._translators is None or self.language == ENGLISH:
            return names[0]
        try:
            return self._translators.translate(names[0], ENGLISH, self.language).strip().rstrip(".") or names[0]
        except EdgeError as error:
            log.warning("%r is named in English: %s", names[0], error)
            return names[0]
