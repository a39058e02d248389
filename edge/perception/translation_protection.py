"""Carries through what a model must not touch: addresses, telephone numbers, fixed terms, foreign signs.

Each is replaced by a short code such as X1, which the models copy (150 of 150 in a trial each way), and put back
afterwards. Characters that the vocabulary lacks are respelled, or carried through the same way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_ADDRESS = (
    r"(?i:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]}'\u2019]"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w@.])(?:[A-Za-z0-9-]+\.)+(?:com|org|net|edu|gov|info|app|dev|io|pt|br|es|fr|de|it|uk|eu)"
    r"(?:\.[a-z]{2})?\b(?:/[^\s<>\"]*[^\s<>\".,;:!?)\]}'\u2019])?"
    r"|(?<![\w&])[@#][^\W\d_]\w*"
)
_TELEPHONE = r"(?<![\w.,])(?:\+\d+[ -]?)?(?:\(\d+\)[ -]?)?\d+(?:[ -]\d+)+(?![\w])"
ADDRESS = re.compile(_ADDRESS)
_PATTERN = re.compile(f"{_ADDRESS}|(?P<telephone>{_TELEPHONE})")
_AMOUNT = re.compile(r"(?:[\d.,]*\d)?")
_NO_CODE = re.compile(r"(?!)")
_GAP = re.compile(r"\d[ -]")
_MIN_TELEPHONE_DIGITS = 9
_LETTERS = "XQZKWJ"

# Marks that 2021 vocabularies lack, and what is written for them.
_PLAIN = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"',
        "\u00ab": '"', "\u00bb": '"', "\u2013": "-", "\u2014": "-", "\u2012": "-", "\u2010": "-", "\u2011": "-",
        "\u2212": "-", "\u2026": "...", "\u2022": "-",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Protected:
    """A sentence with codes.

    Attributes:
        text: the sentence to translate.
        code: matches the codes, their number in group 1.
        kept: what belongs at code 1, 2 ...
    """

    text: str
    code: re.Pattern[str]
    kept: tuple[str, ...]

    def restore(self, translation: str) -> str | None:
        """The translation with everything back in place; None if a code was lost or doubled."""
        if not self.kept:
            return translation
        found = sorted(int(number) for number in self.code.findall(translation))
        if found != list(range(1, len(self.kept) + 1)):
            return None
        return self.code.sub(lambda match: self.kept[int(match.group(1)) - 1], translation)

    def pieces(self) -> list[tuple[str, bool]]:
        """The sentence in order: text to translate (True) and codes, which go through as they are (False)."""
        pieces, at = [], 0
        for match in self.code.finditer(self.text):
            pieces += [(self.text[at : match.start()].strip(), True), (match[0], False)]
            at = match.end()
        pieces.append((self.text[at:].strip(), True))
        return [(text, translated) for text, translated in pieces if text]


def find_fixed(sentence: str) -> list[tuple[int, int, str]]:
    """Spans of addresses and telephone numbers: (start, end, what to write for it)."""
    found: list[tuple[int, int, str]] = []
    if not any(sign in sentence for sign in "@#/") and "." not in sentence[:-1] and _GAP.search(sentence) is None:
        return found
    for match in _PATTERN.finditer(sentence):
        if match["telephone"] and sum(map(str.isdigit, match[0])) < _MIN_TELEPHONE_DIGITS:
            continue
        found.append((match.start(), match.end(), match[0]))
    return found


def protect(sentence: str, spans: Iterable[tuple[int, int, str]]) -> Protected:
    """Put a code in the place of each span; a span that overlaps an earlier one is left out."""
    spans = sorted(spans, key=lambda span: (span[0], -span[1]))
    if not spans:
        return Protected(sentence, _NO_CODE, ())
    letter = next((sign for sign in _LETTERS if not re.search(rf"{sign}\d", sentence)), _LETTERS[0])
    code = re.compile(rf"(?<![^\W_]){letter}(\d+)(?!\w)")
    text, kept, at = "", [], 0
    for start, end, replacement in spans:
        if start < at:
            continue
        kept.append(replacement)
        text += sentence[at:start]
        before = " " if text[-1:].isalnum() else ""
        after = " " if sentence[end : end + 1].isalnum() else ""
        text += f"{before}{letter}{len(kept)}{after}"
        at = end
    return Protected(text + sentence[at:], code, tuple(kept))


def respell(sentence: str, spells: Callable[[str], bool]) -> str:
    """Write words that the vocabulary cannot spell in a way it can: plain quotes, small letters, no accents.

    Args:
        sentence: any text.
        spells: whether the vocabulary has every character of a word.
    """
    return "".join(
        part if not part or part.isspace() or spells(part) else _spelling(part, spells)
        for part in re.split(r"(\s+)", sentence)
    )


def find_unspelled(sentence: str, spells: Callable[[str], bool]) -> list[tuple[int, int, str]]:
    """Spans of characters that the vocabulary lacks, with the letters around them: (start, end, text)."""
    found = []
    for match in re.finditer(r"\S+", sentence):
        if spells(match[0]):
            continue
        strange = [index for index, character in enumerate(match[0]) if not spells(character)]
        if not strange:
            continue
        start, end = strange[0], strange[-1] + 1
        if any(match[0][index].isalpha() for index in strange):
            start, end = _word_around(match[0], start, end)
        elif unicodedata.category(match[0][end - 1]) == "Sc":
            amount = _AMOUNT.match(match[0], end)
            end = amount.end() if amount else end
        found.append((match.start() + start, match.start() + end, match[0][start:end]))
    return _joined(found, sentence)


def _spelling(word: str, spells: Callable[[str], bool]) -> str:
    """Another spelling of `word`, or `word` itself.

    A capital that is missing belongs to a word of the language (Índia): it is made small. An accent that is
    missing is foreign: it is dropped, but not from names, which are carried through.
    """
    plain = word.translate(_PLAIN)
    candidates = [plain, plain.lower()]
    if not plain.strip("\"'([{")[:1].isupper():
        letters = unicodedata.normalize("NFKD", plain)
        candidates.append("".join(letter for letter in letters if not unicodedata.combining(letter)))
    return next((candidate for candidate in candidates if candidate and spells(candidate)), plain)


def _word_around(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and (text[end].isalnum() or unicodedata.combining(text[end])):
        end += 1
    return start, end


def _joined(spans: list[tuple[int, int, str]], sentence: str) -> list[tuple[int, int, str]]:
    """Neighbours with only white space between them become one span."""
    joined: list[tuple[int, int, str]] = []
    for start, end, _ in spans:
        if joined and not sentence[joined[-1][1] : start].strip():
            start = joined.pop()[0]  # noqa: PLW2901 - the span grows to the left
        joined.append((start, end, sentence[start:end]))
    return joined
