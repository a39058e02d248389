"""Fixed translations: terms that must come out as given, and whole phrases that short-sentence models get wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from edge.errors import SettingsError

_PUNCTUATION = " \t.,;:!?…¡¿\"'“”‘’()"  # noqa: RUF001 - punctuation is the point
_COLUMNS = 2


class Glossary:
    """Terms of the user.

    Args:
        terms: source term to target term. Terms match whole words, without regard to case, longest first.
    """

    def __init__(self, terms: Mapping[str, str]) -> None:
        self._terms = {source.casefold(): target for source, target in terms.items()}
        longest_first = sorted(self._terms, key=len, reverse=True)
        alternatives = "|".join(r"\s+".join(map(re.escape, term.split())) for term in longest_first)
        self._pattern = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE) if terms else None

    @classmethod
    def load(cls, file: Path) -> Glossary:
        """Read a tab-separated file: source term, target term. Empty lines and lines with # first are skipped.

        Raises:
            SettingsError: the file cannot be read, or a line has not two columns.
        """
        return cls(_read(file))

    def find(self, sentence: str) -> list[tuple[int, int, str]]:
        """Spans of terms: (start, end, target term)."""
        if self._pattern is None:
            return []
        return [
            (match.start(), match.end(), self._terms[" ".join(match[0].split()).casefold()])
            for match in self._pattern.finditer(sentence)
        ]


class Phrasebook:
    """Whole utterances with a known translation ("com licença" is "excuse me", whatever a small model thinks).

    Args:
        phrases: source phrase to target phrase, without final punctuation.
    """

    def __init__(self, phrases: Mapping[str, str]) -> None:
        self._phrases = {_key(source): target for source, target in phrases.items()}

    @classmethod
    def load(cls, source_language: str, target_language: str) -> Phrasebook:
        """The phrasebook shipped for this direction; an empty one when there is none."""
        folder = resources.files("edge.perception").joinpath("phrasebooks")
        file = folder.joinpath(f"{source_language}-{target_language}.tsv")
        if not file.is_file():
            return cls({})
        with resources.as_file(file) as path:
            return cls(_read(path))

    def find(self, sentence: str) -> str | None:
        """The translation of a whole sentence, in the sentence's own case and with its final punctuation."""
        phrase = self._phrases.get(_key(sentence)) if self._phrases else None
        if phrase is None:
            return None
        text = sentence.strip()
        ending = text[len(text.rstrip(".,;:!?…")) :]
        if text.isupper():
            phrase = phrase.upper()
        elif text.lstrip(_PUNCTUATION)[:1].isupper():
            phrase = phrase[:1].upper() + phrase[1:]
        return phrase + (ending or "")


def _key(text: str) -> str:
    return " ".join(text.replace("\u2019", "'").strip(_PUNCTUATION).replace(",", " ").casefold().split())


def _read(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingsError(f"glossary {file} cannot be read ({reason}); correct translation.glossary") from error
    terms = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) != _COLUMNS or not all(columns):
            raise SettingsError(f"glossary {file} line {number}: write source term, one tab, target term")
        terms[columns[0]] = columns[1]
    return terms
